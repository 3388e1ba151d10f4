/**
 * Aggregators that are drained. The database says which; each is told when the order comes, and whenever it has linked
 * anew, until it has answered: then it keeps its nodes away by itself, also when it is started again.
 */
import { randomUUID } from 'node:crypto';
import type { MasterPorts } from '@csm/feature';
import { code, fail, toProblem } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { ResultPart } from '@csm/protocol';

/** After a commit it is looked whether an aggregator is to be told, within this, ms. */
const SOON_MS = 500;
/** One that could not be told is told again after this, ms. */
const AGAIN_MS = 5000;
/** How long it may take to answer, ms. */
const ANSWER_MS = 10_000;

export interface DrainRow {
  readonly hub: string;
  /** Nodes a second; null: it is to hear that it is drained no longer. */
  readonly per_second: number | null;
  readonly reason: string | null;
  readonly who: string;
  readonly since: number;
}

export class Drains {
  readonly #ports: Pick<MasterPorts, 'store' | 'tree' | 'log'>;
  readonly #unsubscribe: () => void;
  /** The order each aggregator has answered: its session, and what it was told. */
  readonly #heard = new Map<string, string>();
  /** What has not worked, by aggregator. */
  readonly #failed = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(ports: Pick<MasterPorts, 'store' | 'tree' | 'log'>) {
    this.#ports = ports;
    this.#unsubscribe = ports.store.changes.subscribe(() => this.#wakeIn(SOON_MS));
    this.#wakeIn(SOON_MS);
  }

  rows(): Promise<DrainRow[]> {
    return this.#ports.store.query<DrainRow>(
      'SELECT hub, per_second, reason, who, since FROM drained_hub ORDER BY hub',
    );
  }

  /** Why this aggregator has not taken its last order; undefined when it has, or has yet to be asked. */
  failure(hub: string): string | undefined {
    return this.#failed.get(hub);
  }

  /** Code 46 for a name that no aggregator bears. */
  async checkKnown(hub: string): Promise<void> {
    const roster = this.#ports.tree().core.roster;
    if (roster.daemon(`aggregator/${hub}`) !== undefined) return;
    const known = [...roster.daemons()].filter(({ role }) => role === 'aggregator').map(({ node }) => node);
    fail(code.UNKNOWN_NODES, `no aggregator is named '${hub}'`, {
      field: 'name',
      allowed: known.length === 0 ? 'none has linked yet' : NodeSet.of(known).toString(),
    });
  }

  /** Code 44 when no other aggregator could serve the nodes. */
  async checkOther(hub: string, self: string): Promise<void> {
    const drained = new Set((await this.rows()).filter((row) => row.per_second !== null).map((row) => row.hub));
    if (drained.has(hub)) return;
    const others = [...this.#ports.tree().core.roster.hubs()].filter(
      (view) => view.hub !== hub && view.hub !== self && view.link !== undefined && !drained.has(view.hub),
    );
    if (others.length === 0)
      fail(code.BAD_STATE, `its nodes have nowhere to go: no other aggregator is linked and not drained`, {
        field: 'name',
        allowed: 'an aggregator beside another one that is linked',
      });
  }

  /** Tells those that have not heard yet, now. Resolves when each has answered or failed to. */
  async tell(): Promise<void> {
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#tellAll().finally(() => {
      this.#running = undefined;
      if (this.#again) this.#wakeIn(0);
      this.#again = false;
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    clearTimeout(this.#timer);
    await this.#running;
  }

  #wakeIn(ms: number): void {
    if (this.#stopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.tell().catch((error: unknown) => {
        if (this.#stopped) return;
        this.#ports.log.warn('drained aggregators could not be told', { error: toProblem(error).detail });
        this.#wakeIn(AGAIN_MS);
      });
    }, ms).unref();
  }

  async #tellAll(): Promise<void> {
    const rows = await this.rows();
    await Promise.all(rows.map((row) => this.#tellOne(row)));
  }

  async #tellOne(row: DrainRow): Promise<void> {
    const { store } = this.#ports;
    const { hub, per_second } = row;
    const session = this.#sessionOf(hub);
    // One that is not linked is told when it is: that makes a change, and so wakes us.
    if (session === undefined || this.#stopped) return;
    const order = `${session} ${per_second ?? 'open'} ${row.since}`;
    if (this.#heard.get(hub) === order) return;
    const part = await this.#order(hub, per_second);
    if (part?.code === 0) {
      this.#heard.set(hub, order);
      this.#failed.delete(hub);
      if (per_second === null) await store.call('cluster.undrained', { hub });
      return;
    }
    this.#failed.set(hub, part?.text ?? 'it gave no answer');
    this.#wakeIn(AGAIN_MS);
  }

  #sessionOf(hub: string): string | undefined {
    const view = this.#ports.tree().core.roster.hub(hub);
    return view?.link === undefined ? undefined : view.session;
  }

  async #order(hub: string, perSecond: number | null): Promise<ResultPart | undefined> {
    const parts: ResultPart[] = [];
    const order = {
      id: randomUUID(),
      command: 'drain',
      input: perSecond === null ? {} : { per_second: perSecond },
      nodes: NodeSet.of([hub]),
      role: 'aggregator' as const,
      within: ANSWER_MS,
    };
    await this.#ports.tree().order(order, (more) => parts.push(...more), new AbortController().signal);
    return parts[0];
  }
}
