/** How the tree is, as the master sees it. */
import type { MasterPorts } from '@csm/feature';
import type { Json } from '@csm/model';
import { compareNames } from '@csm/nodeset';
import type { CoreShell, DaemonView, HubView } from '@csm/tree';

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
function linked(roster: CoreShell['core']['roster'], wanted: (daemon: DaemonView) => boolean) {
  return [...roster.daemons()]
    .filter(wanted)
    .sort((a, b) => compareNames(a.node, b.node))
    .map((d) => ({
      node: d.node,
      connected: d.links.size > 0,
      last_seen: iso(d.lastSeen),
      address: [...d.links.values()][0]?.address ?? null,
    }));
}

/** The answer of `health` but for its local part, which the entry daemon adds. */
export async function health(ports: MasterPorts): Promise<Json> {
  const tree = ports.tree();
  const { roster, intake, counters } = tree.core;
  const [rejected, database] = await databaseState(ports);
  const rows = aggregators(tree, ports.self.node);
  const { engine } = (ports.config as { readonly db: { readonly engine: string } }).db;
  const now = ports.clock.now().wall;
  // A SQLite file has one master, whatever it was called before.
  const masters = linked(
    roster,
    ({ role, node, lastSeen }) =>
      role === 'master' && node !== ports.self.node && engine !== 'sqlite' && lastSeen > now - MISSED_MS,
  );
  const utilities = linked(roster, ({ role }) => role === 'utility');
  const refused = await refusedPeers(ports);
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
    ...(await ports.problems()),
  ];
  return {
    degraded: problems.length > 0,
    problems,
    master: {
      node: ports.self.node,
      reachable: true,
      version: ports.self.version,
      since: iso(ports.startedAt),
      term: ports.store.term,
      engine,
      settling: roster.settling,
      database,
      reports: { queued: intake.depth, committed: intake.counters.committed, stale: counters.staleReports, rejected },
    },
    aggregators: rows,
    masters,
    utilities,
    refused,
  } as unknown as Json;
}

/** How many reports were rejected, and `ok` or what is wrong. */
export async function databaseState({ store, clock }: MasterPorts): Promise<[number, string]> {
  try {
    if (store.away !== undefined) return [0, store.away.detail];
    const [row] = await store.query<{ n: number }>('SELECT COUNT(*) AS n FROM rejected_report');
    const { failure } = await store.stats();
    const isRecent = failure !== undefined && failure.time > clock.now().wall - FAILURE_MS;
    const state = isRecent ? `a commit failed at ${iso(failure.time)}: ${failure.problem.detail}` : 'ok';
    return [Number(row?.n ?? 0), state];
  } catch (error) {
    return [0, error instanceof Error ? error.message : String(error)];
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
