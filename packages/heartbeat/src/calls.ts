/** The calls about heartbeats, in a master. */
import { createHash } from 'node:crypto';
import type { CallContext, Handler } from '@csm/api';
import { once } from '@csm/feature';
import { code, fail, type Json, toProblem, type Wall } from '@csm/model';
import type { Store } from '@csm/store';
import { FORGET_MAX } from './api.ts';
import {
  type ComponentDetails,
  type ComponentRecord,
  FLAG_OF,
  type Flag,
  type HistoryRecord,
  type IncidentRecord,
  type ParamsRecord,
  type StatusRecord,
  type ThresholdsRecord,
} from './api-records.ts';
import { concernedBy } from './folded.ts';
import { momentOf } from './moment.ts';
import { limitsOf, outlookOf } from './outlook.ts';
import { changeParams } from './params/patch.ts';
import type { ParamName } from './params/rules.ts';
import { changedSpecial, type ThresholdsChange } from './special.ts';
import { readHistory, readHsmComponent, readIncidents, readWaiting } from './store/queries.ts';
import type { ChangeKind, HistoryRow, Incident, Life, ListFilter, ServicePort, Thresholds, Tracked } from './types.ts';
import { watchHandler } from './watch.ts';
import { componentSet, foldComponents, type NameSet, typeOf, xnameOf } from './xname/index.ts';

/** Components read of the tracker at a time, and emitted together. */
const PAGE = 5_000;
const TOGETHER = 500;
/** A set of more names than this is no filter for history. */
const HISTORY_NAMES_MAX = 20_000;
/** Components forgotten at the same time. */
const FORGET_AT_ONCE = 256;

export interface CallPorts {
  readonly store: Store;
  /** Undefined where the service is off. */
  readonly service: ServicePort | undefined;
}

interface ListInput {
  readonly nodes?: string;
  readonly states?: readonly Life[];
  readonly flags?: readonly Flag[];
  readonly seen_since?: string;
  readonly seen_before?: string;
  readonly after?: string;
  readonly limit?: number;
}

interface HistoryInput {
  readonly nodes?: string;
  readonly kinds?: readonly ChangeKind[];
  readonly since?: string;
  readonly before?: number;
  readonly limit?: number;
}

export function heartbeatCalls({ store, service: given }: CallPorts): Readonly<Record<string, Handler<never>>> {
  const service = (): ServicePort =>
    given ??
    fail(code.BAD_STATE, 'the heartbeat service is off here', {
      allowed: 'with csm.heartbeat.enabled in the configuration of the master',
    });
  // What is read, changed and written again, is so by one at a time.
  let changing: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = changing.then(work, work);
    changing = done;
    return done;
  };

  const status: Handler<object> = async () => statusOf(service());

  const list: Handler<ListInput> = async (input, ctx) => {
    const { tracker, time } = service();
    const { nodes, states, flags, seen_since: since, seen_before: before } = input;
    const wanted = nodes === undefined ? undefined : componentSet(nodes, 'nodes');
    const filter: ListFilter = {
      ...(wanted === undefined ? {} : { wants: (name) => wanted.has(name) }),
      ...(states === undefined ? {} : { lives: states }),
      ...(flags === undefined ? {} : { flags }),
      ...(since === undefined ? {} : { seenSince: momentOf(since, 'seen_since') }),
      ...(before === undefined ? {} : { seenBefore: momentOf(before, 'seen_before') }),
    };
    const limit = input.limit ?? Number.POSITIVE_INFINITY;
    let after = input.after === undefined ? undefined : nameOf(input.after);
    let told = 0;
    while (told < limit && !ctx.signal.aborted) {
      const page = tracker.list(filter, after, Math.min(PAGE, limit - told), time.now());
      // Taken before they are sent: the tracker's own objects change under way.
      const records = page.map(recordOf);
      for (let i = 0; i < records.length; i += TOGETHER)
        await Promise.all(records.slice(i, i + TOGETHER).map((record) => ctx.emit(record as unknown as Json)));
      told += page.length;
      after = page.at(-1)?.name;
      if (page.length < PAGE) break;
    }
    if (told === 0) {
      const none = tracker.size === 0 ? 'no component has sent a heartbeat yet' : 'no component matches';
      fail(code.NO_RESULTS, nodes === undefined ? none : `no component of '${nodes}' matches`);
    }
    return undefined;
  };

  const show: Handler<{ name: string }> = async (input) => {
    const it = service();
    const found =
      it.tracker.find(nameOf(input.name)) ??
      fail(code.UNKNOWN_NODES, `no component '${input.name}' is known`, {
        field: 'name',
        allowed: 'a component that has sent a heartbeat, or a node of this cluster',
      });
    const { manager, incidents: open } = it.health();
    const next = outlookOf(found, it.time.now().wall);
    // Taken at once: the tracker's own object changes under way.
    const record = recordOf(found);
    const details: ComponentDetails = {
      ...record,
      type: typeOf(record.name) ?? null,
      limits: limitsOf(found, it.thresholds()),
      next: { text: next.text, at: isoOrNull(next.at) },
      incident: incidentOf(open, record.name),
      manager: await managerOf(store, manager, record.name),
    };
    return details as unknown as Json;
  };

  const history: Handler<HistoryInput> = async ({ nodes, since, ...more }) => {
    const names = nodes === undefined ? undefined : historyNames(componentSet(nodes, 'nodes'));
    const rows = await readHistory(store, {
      ...more,
      names,
      since: since === undefined ? undefined : momentOf(since, 'since'),
    });
    if (rows.length === 0) {
      const isAny = [nodes, since, more.kinds, more.before].some((given) => given !== undefined);
      fail(
        code.NO_RESULTS,
        isAny ? 'nothing has become of such components' : 'nothing has become of any component yet',
      );
    }
    return rows.reverse().map(historyRecord) as unknown as Json;
  };

  const incidents: Handler<{ open?: boolean; since?: string; limit?: number }> = async ({ since, ...more }) => {
    const filter = { ...more, since: since === undefined ? undefined : momentOf(since, 'since') };
    const rows = await readIncidents(store, filter);
    if (rows.length === 0) fail(code.NO_RESULTS, noIncident(more.open === true, since));
    return rows.reverse().map(incidentRecord) as unknown as Json;
  };

  const params: Handler<object> = async () => ({ ...service().params() }) satisfies ParamsRecord;

  const updateParams: Handler<Partial<Record<ParamName, string>>> = (input, ctx) =>
    inTurn(async () => {
      const it = service();
      if (!Object.values(input).some((value) => value !== ''))
        fail(code.MISSING_PARAMETER, 'no parameter is to be changed', { allowed: 'at least one of them' });
      const changed = changeParams(it.params(), input);
      if (!changed.ok) {
        const [first] = changed.faults;
        const wrong = changed.faults.map(({ name, value }) => `${name} is '${value.slice(0, 80)}'`);
        const where = first === undefined ? {} : { field: first.name, allowed: first.allowed };
        fail(code.INVALID_PARAMETER, wrong.join('; '), where);
      }
      await it.setParams(changed.params, once(ctx, { call: 'heartbeat.update-params', ...input }));
      return { ...it.params() } satisfies ParamsRecord;
    });

  const thresholds: Handler<object> = async () => thresholdsOf(service().thresholds());

  const updateThresholds: Handler<ThresholdsChange> = (input, ctx) =>
    inTurn(async () => {
      const it = service();
      const key = once(ctx, { call: 'heartbeat.update-thresholds', ...input });
      await it.setThresholds(changedSpecial(it.thresholds().special, input), key);
      return thresholdsOf(it.thresholds());
    });

  const forget: Handler<{ nodes: string }> = async ({ nodes }, ctx) => forgetAll(service(), nodes, ctx);

  return {
    'heartbeat.status': status,
    'heartbeat.list': list,
    'heartbeat.show': show,
    'heartbeat.history': history,
    'heartbeat.incidents': incidents,
    'heartbeat.watch': watchHandler(store),
    'heartbeat.params': params,
    'heartbeat.update-params': updateParams,
    'heartbeat.thresholds': thresholds,
    'heartbeat.update-thresholds': updateThresholds,
    'heartbeat.forget': forget,
  };
}

/** As it is kept: xnames are normalised, names of nodes of this cluster stay as they are. */
const nameOf = (text: string): string => xnameOf(text) ?? text;

const iso = (at: Wall): string => new Date(at).toISOString();
const isoOrNull = (at: Wall | null): string | null => (at === null ? null : iso(at));

function recordOf(component: Tracked): ComponentRecord {
  const { name, source, life, since, lastBeat, interval, status, timestamp, gap, warnMs, errMs } = component;
  return {
    name,
    source,
    state: life,
    flag: FLAG_OF[life],
    since: iso(since),
    last_seen: isoOrNull(lastBeat),
    interval_ms: interval,
    status,
    timestamp,
    gap,
    warntime: warnMs / 1000,
    errtime: errMs / 1000,
  };
}

function historyRecord({
  seq,
  at,
  name,
  kind,
  source,
  lastBeat,
  status,
  timestamp,
  gap,
  incident,
}: HistoryRow): HistoryRecord {
  return { seq, time: iso(at), name, kind, source, last_seen: isoOrNull(lastBeat), status, timestamp, gap, incident };
}

function noIncident(open: boolean, since: string | undefined): string {
  const what = open ? 'no incident lasts' : 'there is no incident';
  return since === undefined ? what : `${what} that began at ${since} or later`;
}

const incidentRecord = ({ began, ended, ...more }: Incident): IncidentRecord => ({
  ...more,
  began: iso(began),
  ended: isoOrNull(ended),
});

function statusOf(service: ServicePort): Json {
  const { databaseWords: _, lastCheck, lastDelivery, lostHistory, incidents, waiting, ...more } = service.health();
  const status: StatusRecord = {
    ...more,
    counts: { ...more.counts },
    problems: [...more.problems],
    waiting: { ...waiting },
    components: service.tracker.size,
    last_check: isoOrNull(lastCheck),
    last_delivery: isoOrNull(lastDelivery),
    lost_history: lostHistory,
    incidents: incidents.map(incidentRecord),
  };
  return status as unknown as Json;
}

function thresholdsOf({ global, special }: Thresholds): Json {
  const seconds = ({ warnMs, errMs }: Thresholds['global']) => ({ warntime: warnMs / 1000, errtime: errMs / 1000 });
  const record: ThresholdsRecord = {
    global: seconds(global),
    special: special.map((one) => ({
      type: 'type' in one ? one.type : null,
      group: 'group' in one ? one.group : null,
      components: 'group' in one ? one.components : null,
      ...seconds(one),
    })),
  };
  return record as unknown as Json;
}

async function managerOf(
  store: Store,
  state: ReturnType<ServicePort['health']>['manager'],
  name: string,
): Promise<ComponentDetails['manager']> {
  if (state === 'none') return { mode: 'none', state: null, flag: null, waiting: null };
  if (state === 'builtin') {
    const there = await readHsmComponent(store, name);
    return { mode: 'builtin', state: there?.State ?? null, flag: there?.Flag ?? null, waiting: null };
  }
  const row = await readWaiting(store, name);
  return { mode: 'external', state: null, flag: null, waiting: row === undefined ? null : `${row.state}/${row.flag}` };
}

function incidentOf(open: readonly Incident[], name: string): IncidentRecord | null {
  const found = open.find((one) => one.kind !== 'blind' && one.ended === null && concernedBy(one)(name));
  return found === undefined ? null : incidentRecord(found);
}

function historyNames(set: NameSet): string[] {
  if (set.size > HISTORY_NAMES_MAX)
    fail(code.INVALID_PARAMETER, `the set names ${set.size} components`, {
      field: 'nodes',
      allowed: `at most ${HISTORY_NAMES_MAX}; all when left out`,
    });
  return [...set.names()];
}

/** Each by itself, some at a time: what the one lacks says nothing of the others. */
async function forgetAll(service: ServicePort, nodes: string, ctx: CallContext): Promise<Json> {
  const names = [...componentSet(nodes, 'nodes').names()];
  if (names.length === 0 || names.length > FORGET_MAX)
    fail(code.INVALID_PARAMETER, `the set names ${names.length} components`, {
      field: 'nodes',
      allowed: `1 to ${FORGET_MAX} at a time`,
    });
  let forgotten = 0;
  const failed = new Map<string, { readonly code: number; readonly text: string; readonly names: string[] }>();
  const one = async (name: string): Promise<void> => {
    const why = await service.forget(name, keyOf(ctx, nodes, name)).then(
      (known) => (known ? undefined : { code: code.UNKNOWN_NODES, detail: 'not known' }),
      (error: unknown) => toProblem(error),
    );
    if (why === undefined) {
      forgotten++;
      return;
    }
    const key = `${why.code} ${why.detail}`;
    const alike = failed.get(key);
    if (alike === undefined) failed.set(key, { code: why.code, text: why.detail, names: [name] });
    else alike.names.push(name);
  };
  for (let i = 0; i < names.length && !ctx.signal.aborted; i += FORGET_AT_ONCE)
    await Promise.all(names.slice(i, i + FORGET_AT_ONCE).map(one));
  return {
    nodes: foldComponents(names),
    forgotten,
    failed: [...failed.values()].map(({ names: all, ...why }) => ({ nodes: foldComponents(all), ...why })),
  } as unknown as Json;
}

/** The key of one component of a call that names many; under it another set is refused. */
function keyOf({ caller, idempotencyKey }: CallContext, nodes: string, name: string) {
  if (idempotencyKey === undefined) return undefined;
  const own = createHash('sha256')
    .update(JSON.stringify([idempotencyKey, name]))
    .digest('base64url');
  return once({ caller, idempotencyKey: own }, { call: 'heartbeat.forget', nodes, name });
}
