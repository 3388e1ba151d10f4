/** How the tree is, as the master sees it. */
import type { MasterPorts } from '@csm/feature';
import type { Json } from '@csm/model';
import { compareNames, NodeSet } from '@csm/nodeset';
import type { StoreStats } from '@csm/store';
import type { CoreShell, DaemonView, HubLink, HubView } from '@csm/tree';
import { computeVersions, type Judged, judge, readSelf, type SelfRow, type Standing, selfOf } from './daemons.ts';

/** A master that has been away for longer is not missed any more, ms. */
const MISSED_MS = 7 * 86_400_000;
/**
 * How long a commit that failed is told of, ms. Whoever writes reports tries again within 5 s: what goes on failing is
 * told all the time, and a disk that has room again is not called full any more.
 */
const FAILURE_MS = 6_000;

const iso = (ms: number): string => new Date(ms).toISOString();

interface Serving {
  active: number;
  unresponsive: number;
}

const NOTHING: Judged = { problems: [], warnings: [], certificates: [], clocks: [], drops: [] };

/** One row an aggregator, with how many nodes call it their primary or secondary. */
export function aggregators(tree: CoreShell, self: string) {
  const roster = tree.core.roster;
  const counts = new Map<string, { primary: Serving; secondary: Serving }>();
  const of = (hub: string) => {
    const known = counts.get(hub) ?? {
      primary: { active: 0, unresponsive: 0 },
      secondary: { active: 0, unresponsive: 0 },
    };
    counts.set(hub, known);
    return known;
  };
  for (const d of roster.daemons()) {
    if (d.role !== 'compute') continue;
    for (const hub of d.links.keys()) of(hub)[d.primary === hub ? 'primary' : 'secondary'].active++;
    for (const hub of d.lost) of(hub)[d.primary === hub ? 'primary' : 'secondary'].unresponsive++;
  }
  return [...roster.hubs()]
    .filter(({ hub }) => hub !== self)
    .sort((a, b) => compareNames(a.hub, b.hub))
    .map((view) => ({ ...hubRow(view), ...of(view.hub) }));
}

function hubRow(view: HubView) {
  const { hub, link, since, lostAt, reason, address, version, bounced } = view;
  const connected = link !== undefined;
  return {
    node: hub,
    connected,
    since: iso(connected ? since : (lostAt ?? since)),
    reason: connected ? null : (reason ?? null),
    address,
    version,
    bounced,
  };
}

/** Those daemons, and whether they are linked. */
function linked(
  roster: CoreShell['core']['roster'],
  self: (daemon: string) => SelfRow | undefined,
  wanted: (daemon: DaemonView) => boolean,
) {
  return [...roster.daemons()]
    .filter(wanted)
    .sort((a, b) => compareNames(a.node, b.node))
    .map((d) => {
      const link = [...d.links.values()][0];
      return {
        node: d.node,
        connected: link !== undefined,
        last_seen: iso(d.lastSeen),
        address: link?.address ?? null,
        since: link === undefined ? null : iso(link.since),
        version: link?.version ?? null,
        bounced: link?.bounced ?? null,
        self: selfOf(self(d.daemon)),
      };
    });
}

/** How many compute daemons there are, and how they are linked. */
function computeCounts(roster: CoreShell['core']['roster']) {
  const counts = { known: 0, redundant: 0, single: 0, lost: 0 };
  for (const { role, links } of roster.daemons()) {
    if (role !== 'compute') continue;
    counts.known++;
    if (links.size > 1) counts.redundant++;
    else if (links.size === 1) counts.single++;
    else counts.lost++;
  }
  return counts;
}

interface Alike {
  readonly nodes: string;
  readonly bounced: number;
  readonly version: string;
}

/** The compute nodes of each aggregator by name, those that are alike folded. */
function nodesOf(roster: CoreShell['core']['roster']) {
  const lists = new Map<string, { active: Map<string, [HubLink, string[]]>; lost: string[] }[]>();
  const listOf = (hub: string, isPrimary: boolean) => {
    const both = lists.get(hub) ?? [0, 1].map(() => ({ active: new Map<string, [HubLink, string[]]>(), lost: [] }));
    lists.set(hub, both);
    return both[isPrimary ? 0 : 1];
  };
  for (const d of roster.daemons()) {
    if (d.role !== 'compute') continue;
    for (const hub of d.lost) listOf(hub, d.primary === hub)?.lost.push(d.node);
    for (const [hub, link] of d.links) {
      const active = listOf(hub, d.primary === hub)?.active;
      const key = `${link.bounced} ${link.version}`;
      const alike = active?.get(key);
      if (alike === undefined) active?.set(key, [link, [d.node]]);
      else alike[1].push(d.node);
    }
  }
  const folded = (names: readonly string[]) => (names.length === 0 ? '' : NodeSet.of(names).toString());
  return (hub: string) => {
    const [primary, secondary] = [0, 1].map((i) => {
      const list = lists.get(hub)?.[i];
      const active = [...(list?.active.values() ?? [])].map(
        ([{ bounced, version }, names]): Alike => ({ nodes: folded(names), bounced, version }),
      );
      return { active, unresponsive: folded(list?.lost ?? []) };
    });
    return { primary, secondary };
  };
}

const standingIn =
  (roster: CoreShell['core']['roster'], self: string): Standing =>
  (daemon) => {
    if (daemon === `master/${self}`) return 'linked';
    const view = roster.daemon(daemon as DaemonView['daemon']);
    if (view === undefined) return undefined;
    return view.links.size > 0 ? 'linked' : 'lost';
  };

/** The answer of `health` but for its local part, which the entry daemon adds. `nodes`: with the nodes by name. */
export async function health(ports: MasterPorts, nodes = false): Promise<Json> {
  const tree = ports.tree();
  const { roster, intake, counters } = tree.core;
  const now = ports.clock.now().wall;
  const [{ rejected, state: database, stats }, said, refused, more] = await Promise.all([
    databaseState(ports),
    saidOf(ports, standingIn(roster, ports.self.node), now),
    refusedPeers(ports),
    ports.problems(),
  ]);
  const selfRow = (daemon: string) => said.rows.get(daemon);
  const listed = nodes ? nodesOf(roster) : undefined;
  const rows = aggregators(tree, ports.self.node).map((row) => ({
    ...row,
    credit: tree.core.creditOf(row.node) ?? null,
    self: selfOf(selfRow(`aggregator/${row.node}`)),
    ...(listed === undefined ? {} : { nodes: listed(row.node) }),
  }));
  const { engine } = (ports.config as { readonly db: { readonly engine: string } }).db;
  // A SQLite file has one master, whatever it was called before.
  const masters = linked(
    roster,
    selfRow,
    ({ role, node, lastSeen }) =>
      role === 'master' && node !== ports.self.node && engine !== 'sqlite' && lastSeen > now - MISSED_MS,
  );
  const utilities = linked(roster, selfRow, ({ role }) => role === 'utility');
  const problems = [
    ...rows.filter((a) => !a.connected).map((a) => `aggregator ${a.node} is not linked: ${a.reason ?? 'lost'}`),
    ...rows
      .filter((a) => a.primary.unresponsive + a.secondary.unresponsive > 0 && a.connected)
      .map(
        (a) => `aggregator ${a.node}: ${a.primary.unresponsive + a.secondary.unresponsive} nodes are not linked to it`,
      ),
    ...masters.filter((m) => !m.connected).map((m) => `master ${m.node} is not linked, and does not stand by`),
    ...utilities.filter((u) => !u.connected).map((u) => `utility ${u.node} is not linked`),
    ...(database === 'ok' ? [] : [`database: ${database}`]),
    ...(rejected > 0 ? [`${rejected} reports were rejected for their content`] : []),
    ...said.judged.problems,
    ...more,
  ];
  return {
    degraded: problems.length > 0,
    problems,
    warnings: said.judged.warnings,
    master: {
      node: ports.self.node,
      reachable: true,
      version: ports.self.version,
      since: iso(ports.startedAt),
      term: ports.store.term,
      engine,
      settling: roster.settling,
      database,
      store: stats === undefined ? null : storeFigures(stats),
      reports: { queued: intake.depth, committed: intake.counters.committed, stale: counters.staleReports, rejected },
      self: selfOf(selfRow(`master/${ports.self.node}`)),
    },
    aggregators: rows,
    masters,
    utilities,
    computes: { ...computeCounts(roster), versions: said.versions },
    certificates: said.judged.certificates,
    clocks: said.judged.clocks,
    drops: said.judged.drops,
    refused,
  } as unknown as Json;
}

const storeFigures = ({ queue, lastCommitMs, fileBytes, walBytes }: StoreStats) => ({
  queued: queue.calls,
  queue_limit: queue.limitCalls,
  queued_bytes: queue.bytes,
  refused: queue.refused,
  last_commit_ms: Math.round(lastCommitMs * 1000) / 1000,
  file_bytes: fileBytes,
  wal_bytes: walBytes,
});

/** What daemons say of themselves; nothing while the database is away, whose own state says why. */
async function saidOf({ store }: MasterPorts, standing: Standing, now: number) {
  try {
    const [rows, versions] = await Promise.all([readSelf(store, now), computeVersions(store)]);
    return { rows: new Map(rows.map((row) => [row.daemon, row])), versions, judged: judge(rows, standing, now) };
  } catch {
    return { rows: new Map<string, SelfRow>(), versions: [], judged: NOTHING };
  }
}

/** How many reports were rejected, `ok` or what is wrong, and its figures. */
export async function databaseState({
  store,
  clock,
}: MasterPorts): Promise<{ rejected: number; state: string; stats?: StoreStats }> {
  try {
    if (store.away !== undefined) return { rejected: 0, state: store.away.detail };
    const [row] = await store.query<{ n: number }>('SELECT COUNT(*) AS n FROM rejected_report');
    const stats = await store.stats();
    const { failure } = stats;
    const isRecent = failure !== undefined && failure.time > clock.now().wall - FAILURE_MS;
    const state = isRecent ? `a commit failed at ${iso(failure.time)}: ${failure.problem.detail}` : 'ok';
    return { rejected: Number(row?.n ?? 0), state, stats };
  } catch (error) {
    return { rejected: 0, state: error instanceof Error ? error.message : String(error) };
  }
}

interface RefusedRow {
  readonly hub: string;
  readonly daemon: string;
  readonly code: string;
  readonly address: string;
  readonly reason: string;
  readonly last: number;
  readonly times: number;
}

/** Newest last. */
const REFUSED_SHOWN = 100;

async function refusedPeers({ store }: MasterPorts) {
  try {
    const rows = await store.query<RefusedRow>('SELECT * FROM refused_peer ORDER BY last DESC LIMIT $1', [
      REFUSED_SHOWN,
    ]);
    return rows.reverse().map(({ hub, daemon, address, code, reason, last, times }) => ({
      by: hub,
      daemon,
      address,
      code,
      reason,
      last: iso(last),
      count: times,
    }));
  } catch {
    return []; // the database's own state says why
  }
}
