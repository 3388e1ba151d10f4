/** What daemons say of themselves, read from the database and judged: certificates, clocks, drops, problems of their own. */
import { type JsonObject, parseDaemonId } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Store } from '@csm/store';

/** A certificate that ends within this is told, ms; within the shorter span that is a problem. */
export const EXPIRES_SOON_MS = 30 * 86_400_000;
export const EXPIRES_NOW_MS = 7 * 86_400_000;
/** One that is made for a short life is told in the last part of it: it is renewed often, and nobody need hear of that. */
const SOON_SHARE = 3;
const NOW_SHARE = 10;
/** A clock that is off by more is told, ms. */
export const CLOCK_OFF_MS = 1000;
/** Daemons of which something is told, at most; the first to expire come first. */
const TOLD_MAX = 5000;
/** Groups of them in an answer. */
const GROUPS_MAX = 100;
const HOUR_MS = 3_600_000;

export interface SelfRow {
  readonly daemon: string;
  readonly version: string;
  readonly started: number;
  readonly issued: number;
  readonly expires: number;
  readonly clock_ahead: number | null;
  readonly clock_of: string | null;
  readonly dropped: number;
  readonly refused: number;
  /** JSON */
  readonly problems: string;
  readonly features: string;
}

const COLUMNS =
  'daemon, version, started, issued, expires, clock_ahead, clock_of, dropped, refused, problems, features';

/** All daemons but computes, and of those the ones of which there is something to tell. */
export async function readSelf(store: Store, now: number): Promise<SelfRow[]> {
  const [few, told] = await Promise.all([
    store.query<SelfRow>(`SELECT ${COLUMNS} FROM daemon_self WHERE daemon NOT LIKE 'compute/%' LIMIT ${TOLD_MAX}`),
    store.query<SelfRow>(
      `SELECT ${COLUMNS} FROM daemon_self WHERE daemon LIKE 'compute/%' AND
         (expires < $1 OR clock_ahead > $2 OR clock_ahead < $3 OR dropped > 0 OR refused > 0 OR problems <> '[]')
       ORDER BY expires, daemon LIMIT ${TOLD_MAX}`,
      [now + EXPIRES_SOON_MS, CLOCK_OFF_MS, -CLOCK_OFF_MS],
    ),
  ]);
  return [...few, ...told];
}

/** How many computes run which version of CSM. */
export async function computeVersions(store: Store): Promise<{ version: string; count: number }[]> {
  const rows = await store.query<{ version: string; n: number }>(
    `SELECT version, COUNT(*) AS n FROM daemon_self WHERE daemon LIKE 'compute/%' GROUP BY version ORDER BY version LIMIT ${GROUPS_MAX}`,
  );
  return rows.map(({ version, n }) => ({ version, count: Number(n) }));
}

/** Where a daemon is: linked now, known and lost, or known to nobody any more. */
export type Standing = (daemon: string) => 'linked' | 'lost' | undefined;

export interface Judged {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly certificates: readonly { role: string; nodes: string; expires: string }[];
  readonly clocks: readonly { role: string; nodes: string; of: string | null; ahead_ms: number }[];
  readonly drops: readonly { role: string; nodes: string; dropped: number; refused: number }[];
}

/**
 * Certificates count for all daemons that are known; the rest only for those that are linked, of which the word is
 * fresh. Daemons that say the same are one, folded.
 */
export function judge(rows: readonly SelfRow[], standing: Standing, now: number): Judged {
  const known = rows.filter(({ daemon }) => standing(daemon) !== undefined);
  const linked = known.filter(({ daemon }) => standing(daemon) === 'linked');
  const expiring = known.filter((row) => row.expires < now + spanOf(row, EXPIRES_SOON_MS, SOON_SHARE));
  const certificates = grouped(expiring, ({ expires }) => new Date(expires).toISOString().slice(0, 10)).map(
    ({ role, nodes, members }) => ({
      role,
      nodes,
      at: members.reduce((first, { expires }) => Math.min(first, expires), Number.POSITIVE_INFINITY),
      isNow: members.some((row) => row.expires < now + spanOf(row, EXPIRES_NOW_MS, NOW_SHARE)),
    }),
  );
  certificates.sort((a, b) => a.at - b.at);
  const off = linked.filter(({ clock_ahead: ahead }) => ahead !== null && Math.abs(ahead) > CLOCK_OFF_MS);
  // Those of one hub that are off by the same seconds: most often it is the hub's clock.
  const clocks = grouped(off, (row) => `${row.clock_of} ${Math.round((row.clock_ahead ?? 0) / 1000)}`).map(
    ({ role, nodes, members: [first] }) => ({ role, nodes, of: first.clock_of, ahead_ms: first.clock_ahead ?? 0 }),
  );
  const lossy = linked.filter(({ dropped, refused }) => dropped + refused > 0);
  const drops = grouped(lossy, ({ dropped, refused }) => `${dropped} ${refused}`).map(
    ({ role, nodes, members: [{ dropped, refused }] }) => ({ role, nodes, dropped, refused }),
  );
  return {
    problems: [...certificates.filter(({ isNow }) => isNow).map((c) => expiryWords(c, now)), ...ownProblems(linked)],
    warnings: [
      ...certificates.filter(({ isNow }) => !isNow).map((c) => expiryWords(c, now)),
      ...clocks.map(clockWords),
      ...drops.map(dropWords),
    ],
    certificates: certificates.slice(0, GROUPS_MAX).map(({ role, nodes, at }) => {
      return { role, nodes, expires: new Date(at).toISOString() };
    }),
    clocks: clocks.slice(0, GROUPS_MAX),
    drops: drops.slice(0, GROUPS_MAX),
  };
}

/** How long before its end a certificate is told, ms. */
const spanOf = ({ issued, expires }: SelfRow, span: number, share: number): number =>
  Math.min(span, Math.max(0, expires - issued) / share);

interface Group {
  readonly role: string;
  readonly nodes: string;
  readonly members: readonly [SelfRow, ...SelfRow[]];
}

/** Rows of one role and one key together. */
function grouped(rows: readonly SelfRow[], keyOf: (row: SelfRow) => string): Group[] {
  const groups = new Map<string, { role: string; names: string[]; members: [SelfRow, ...SelfRow[]] }>();
  for (const row of rows) {
    const who = parseDaemonId(row.daemon);
    if (who === undefined) continue;
    const key = `${who.role} ${keyOf(row)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { role: who.role, names: [who.node], members: [row] });
    else {
      group.names.push(who.node);
      group.members.push(row);
    }
  }
  return [...groups.values()].map(({ role, names, members }) => ({
    role,
    nodes: NodeSet.of(names).toString(),
    members,
  }));
}

function expiryWords({ role, nodes, at }: { role: string; nodes: string; at: number }, now: number): string {
  const hours = Math.floor((at - now) / HOUR_MS);
  const left = hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`;
  const when = at < now ? 'has expired' : `expires in ${left}`;
  return `the certificate of ${role}/${nodes} ${when}, at ${new Date(at).toISOString()}`;
}

function clockWords({ role, nodes, of, ahead_ms: ms }: Judged['clocks'][number]): string {
  const how = `${(Math.abs(ms) / 1000).toFixed(1)} s ${ms > 0 ? 'ahead of' : 'behind'}`;
  return `the clock of ${role}/${nodes} is ${how} that of ${of ?? 'whom it is linked to'}`;
}

function dropWords({ role, nodes, dropped, refused }: Judged['drops'][number]): string {
  const parts = [dropped > 0 ? `dropped ${dropped} samples` : '', refused > 0 ? `refused ${refused} reports` : ''];
  return `the outbox of ${role}/${nodes} has ${parts.filter((part) => part !== '').join(' and ')} since its start`;
}

/** `aggregator/agg-A: the receiver …`; many daemons that say the same are one sentence. */
function ownProblems(rows: readonly SelfRow[]): string[] {
  const sentences = new Map<string, SelfRow[]>();
  for (const row of rows) {
    for (const sentence of JSON.parse(row.problems) as string[]) {
      const said = sentences.get(sentence) ?? [];
      sentences.set(sentence, said);
      said.push(row);
    }
  }
  return [...sentences]
    .flatMap(([sentence, said]) => grouped(said, () => '').map(({ role, nodes }) => `${role}/${nodes}: ${sentence}`))
    .slice(0, GROUPS_MAX);
}

/** What one daemon says of itself, for its line. */
export function selfOf(row: SelfRow | undefined) {
  if (row === undefined) return null;
  const { version, started, expires, clock_ahead, clock_of, dropped, refused, features } = row;
  return {
    version,
    started: new Date(started).toISOString(),
    certificate_expires: new Date(expires).toISOString(),
    clock_ahead_ms: clock_ahead,
    clock_of,
    dropped,
    refused,
    features: JSON.parse(features) as JsonObject,
  };
}
