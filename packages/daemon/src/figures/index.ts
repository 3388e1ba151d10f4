/**
 * The figures of a daemon: those that are read at a scrape, and those that are measured as things happen. Loaded only by
 * a daemon that serves them, so that a compute daemon that does not stays small.
 */
import type { ApiTable, Dispatch } from '@csm/api';
import { createMetrics, type Metrics } from '@csm/kit';
import { type Code, codeName, type Role, toProblem } from '@csm/model';
import type { CoreDatabase, Serve } from '@csm/tree';
import { addCommonFigures, type Sides } from './common.ts';
import { addHubFigures } from './hub.ts';
import { addMasterFigures } from './master.ts';
import type { DatabaseLook, Sources } from './sources.ts';

/** Seconds; from what a local answer takes to what nobody waits for. */
const CALL_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const ACK_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const COMMIT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A database that does not answer must not hold up the scrape: its figures are left out then, ms. */
const LOOK_MS = 2_000;

export class Figures {
  readonly metrics: Metrics;
  readonly #sources: Sources;
  readonly #calls;
  readonly #acks;
  readonly #served;
  readonly #commits;
  #look: DatabaseLook | undefined;

  constructor(sources: Sources) {
    this.#sources = sources;
    const { role, node } = sources.self;
    const metrics = createMetrics({ role, node });
    this.metrics = metrics;
    addCommonFigures(metrics, sources, sidesOf(sources));
    this.#calls = metrics.histogram(
      'api_call_seconds',
      'What calls of clients took, streams without end left out; `code` is the name of the CSM code',
      CALL_BUCKETS,
      ['call', 'code'],
    );
    this.#acks = metrics.histogram(
      'acknowledgement_seconds',
      'From when a frame of reports first left until it was acknowledged',
      ACK_BUCKETS,
    );
    if (role === 'aggregator') addHubFigures(metrics, sources);
    if (role !== 'master') return;
    addMasterFigures(metrics, sources, () => this.#look);
    this.#served = metrics.histogram(
      'served_call_seconds',
      'What calls from all over the cluster took at the leading master, streams without end left out',
      CALL_BUCKETS,
      ['call', 'code'],
    );
    this.#commits = metrics.histogram('report_commit_seconds', 'What a commit of reports took', COMMIT_BUCKETS);
  }

  /** A frame of reports is acknowledged. */
  acknowledged(ms: number): void {
    this.#acks.observe(ms / 1e3);
  }

  /** A call of a client, timed. */
  readonly timed = (dispatch: Dispatch): Dispatch => {
    return (row, input, ctx) =>
      // One that follows changes lasts as long as its client likes.
      row.timeoutSeconds === 0
        ? dispatch(row, input, ctx)
        : timing(this.#calls, row.name, () => dispatch(row, input, ctx));
  };

  /** Calls at the leading master, timed. The table bounds the labels: no stranger makes one up. */
  timedServe(serve: Serve, table: ApiTable): Serve {
    const served = this.#served;
    if (served === undefined) return serve;
    return (call, context) => {
      const row = table.row(call.call);
      if (row?.timeoutSeconds === 0) return serve(call, context);
      return timing(served, row?.name ?? 'unknown', () => serve(call, context));
    };
  }

  timedDatabase(database: CoreDatabase): CoreDatabase {
    const commits = this.#commits;
    if (commits === undefined) return database;
    return {
      load: () => database.load(),
      record: (record) => database.record(record),
      touch: (seen) => database.touch(seen),
      async commit(batches) {
        const began = performance.now();
        const results = await database.commit(batches);
        commits.observe((performance.now() - began) / 1e3);
        return results;
      },
    };
  }

  /** All figures, in the text form of Prometheus. */
  async text(): Promise<string> {
    this.#look = await this.#lookAtDatabase();
    return this.metrics.text();
  }

  async #lookAtDatabase(): Promise<DatabaseLook | undefined> {
    const store = this.#sources.store();
    if (store === undefined || store.away !== undefined) return undefined;
    const asked = (async () => {
      const [[row], stats] = await Promise.all([
        store.query<{ n: number }>('SELECT COUNT(*) AS n FROM rejected_report'),
        store.stats(),
      ]);
      return { rejected: Number(row?.n ?? 0), stats };
    })().catch(() => undefined);
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<undefined>((resolve) => {
      late = setTimeout(() => resolve(undefined), LOOK_MS);
    });
    return Promise.race([asked, tooLate]).finally(() => clearTimeout(late));
  }
}

/** Which ends of links a role has: a hub serves others, and only its own daemon is linked to it from within. */
function sidesOf({ self, leaf, hub, core, standby }: Sources): Sides {
  return () => {
    const own = leaf()?.links;
    const h = hub();
    if (self.role === 'aggregator')
      return h === undefined
        ? []
        : [
            ['up', h.up],
            ['down', h.down],
          ];
    const down = (core() ?? standby())?.links;
    return [
      ...(own === undefined ? [] : [['up', own] as const]),
      ...(down === undefined ? [] : [['down', down] as const]),
    ];
  };
}

async function timing<T>(
  histogram: { observe(value: number, labels: { call: string; code: string }): void },
  call: string,
  work: () => T | Promise<T>,
): Promise<T> {
  const began = performance.now();
  let code: Code = 0;
  try {
    return await work();
  } catch (error) {
    code = toProblem(error).code;
    throw error;
  } finally {
    histogram.observe((performance.now() - began) / 1e3, { call, code: codeName(code) });
  }
}

const nobody = (): undefined => undefined;

/** All figures of a role, for its page and for whoever checks rules and dashboards; nothing is measured. */
export function figuresOf(role: Role): ReturnType<Metrics['rows']> {
  const { metrics } = new Figures({
    self: { role, node: 'none', version: 'none' },
    certificateExpires: nobody,
    clockAhead: nobody,
    now: () => 0,
    leaf: nobody,
    outboxMax: () => 0,
    servers: () => [],
    hub: nobody,
    status: () => ({}),
    core: nobody,
    standby: nobody,
    store: nobody,
  });
  metrics.close();
  return metrics.rows();
}
