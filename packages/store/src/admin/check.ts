/**
 * Whether a database is sound: first what its engine can say of pages, indexes and keys, then what must hold among the
 * rows whatever the features do. A check only reads, at one moment, also beside a master at work.
 */
import { CsmError, toProblem } from '@csm/model';
import { registry } from '../core.ts';
import { loadModules } from '../load.ts';
import { ALL_APPLIED, type Applied, pendingSteps } from '../migrations.ts';
import type { StoreModule } from '../module.ts';
import { logsBeside } from './logs.ts';
import { proofOf } from './manifest.ts';
import { countRows, openReading, type Place, quoted, type Reading, type Table } from './reading.ts';
import { otherCounts } from './restore.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  /** What is wrong, a sentence each; none when it is sound. */
  readonly faults: readonly string[];
  /** What was seen, in a few words. */
  readonly seen: string;
}

/** Faults of one kind that are told; the rest is counted. */
const TOLD = 10;

/** What stands in a database of this build. */
interface Schema {
  readonly applied: number;
  /** Steps that come with the next start of a master. */
  readonly pending: number;
  readonly modules: readonly StoreModule[];
}

/**
 * Checks everything. Rejects with code 24 when the database cannot be opened, and for one of another build, which cannot
 * be judged by what this one knows.
 */
export async function check(
  place: Place,
  modules: readonly string[],
  /** It is held against the manifest beside it, where there is one. */
  { isBackup = false }: { readonly isBackup?: boolean } = {},
): Promise<Finding[]> {
  const known = registry(await loadModules(modules)).modules;
  const findings: Finding[] = [];
  const look = async (what: string, work: () => Promise<Seen>): Promise<void> => {
    findings.push(await finding(what, work));
  };
  const reading = await openReading(place);
  try {
    if (isBackup && place.engine === 'sqlite') {
      const { file } = place;
      await look('manifest', () => manifest(file, reading));
    }
    await reading.hold();
    const applied = await migrationsOf(reading);
    // Throws for another build.
    const rows = applied instanceof CsmError ? [] : applied;
    const pending = pendingSteps(rows, known, reading.dialect).length;
    const schema: Schema = { applied: rows.length, pending, modules: known };
    for (const [what, work] of await engineLooks(place, reading, schema)) await look(what, work);
    await look('migrations', () => migrations(applied, schema));
    if (applied instanceof CsmError) return findings;
    const tables = await reading.tables();
    for (const [what, work] of LOOKS) await look(what, () => work(reading, tables));
    return findings;
  } finally {
    await reading.close();
  }
}

export type EngineLook = readonly [what: string, look: () => Promise<Seen>];

async function engineLooks(place: Place, reading: Reading, schema: Schema): Promise<readonly EngineLook[]> {
  // The tables of an older build, or of one that cannot be read, cannot be made here.
  const made = schema.applied > 0 && schema.pending === 0 ? schema.modules : undefined;
  if (place.engine === 'sqlite') return (await import('../sqlite/soundness.ts')).sqliteLooks(reading, made);
  return (await import('../postgresql/soundness.ts')).postgresLooks(place.server, reading, made);
}

export interface Seen {
  readonly faults: readonly string[];
  readonly seen: string;
}

/** A look that fails has found something. */
async function finding(what: string, look: () => Promise<Seen>): Promise<Finding> {
  try {
    const { faults, seen } = await look();
    const more = faults.length > TOLD ? [`and ${faults.length - TOLD} more`] : [];
    return { what, faults: [...faults.slice(0, TOLD), ...more], seen };
  } catch (thrown) {
    if (!(thrown instanceof CsmError)) throw thrown;
    return { what, faults: [toProblem(thrown).detail], seen: 'could not be read to its end' };
  }
}

/** The steps that were made; the fault where they cannot be read. */
async function migrationsOf(reading: Reading): Promise<readonly Applied[] | CsmError> {
  try {
    return await reading.all<Applied>(ALL_APPLIED);
  } catch (thrown) {
    if (thrown instanceof CsmError) return thrown;
    throw thrown;
  }
}

async function migrations(applied: readonly Applied[] | CsmError, { pending }: Schema): Promise<Seen> {
  if (applied instanceof CsmError) throw applied;
  const coming = pending === 0 ? '' : `; ${pending} more come with the next start of a master`;
  return { faults: [], seen: `${applied.length} are known${coming}` };
}

/** What a restore looks at first. */
async function manifest(file: string, reading: Reading): Promise<Seen> {
  const { manifest, fault } = await proofOf(file);
  if (manifest === undefined) return { faults: [], seen: 'none beside it' };
  const faults = (await logsBeside(file)).map((log) => `${log} stands beside it: a restore refuses it`);
  if (fault !== undefined) faults.push(fault);
  faults.push(...otherCounts(manifest, await countRows(reading)));
  return { faults, seen: `size, SHA-256 and rows are those of ${manifest.taken}` };
}

type Look = (reading: Reading, tables: readonly Table[]) => Promise<Seen>;

const LOOKS: readonly (readonly [string, Look])[] = [
  ['changes', changes],
  ['followers', followers],
  ['streams', streams],
  ['leader', leader],
];

/** Numbers of changes rise by one from the oldest kept to the newest. */
async function changes(reading: Reading): Promise<Seen> {
  const [row] = await reading.all<{ n: number; first: number | null; last: number | null }>(
    'SELECT count(*) AS n, min(seq) AS first, max(seq) AS last FROM change',
  );
  const { n = 0, first, last } = row ?? {};
  if (first == null || last == null) return { faults: [], seen: 'none' };
  const missing = last - first + 1 - n;
  const seen = `${n}, from ${first} to ${last}`;
  if (missing === 0) return { faults: [], seen };
  const gaps = await reading.all<{ seq: number }>(
    `SELECT seq FROM (SELECT seq, lag(seq) OVER (ORDER BY seq) AS before FROM change) c
     WHERE before <> seq - 1 ORDER BY seq LIMIT ${TOLD}`,
  );
  const where = gaps.map(({ seq }) => seq).join(', ');
  return { faults: [`${missing} changes are missing between ${first} and ${last}, before ${where}`], seen };
}

async function followers(reading: Reading): Promise<Seen> {
  const rows = await reading.all<{ name: string; cursor: number }>('SELECT name, cursor FROM follower ORDER BY name');
  const [row] = await reading.all<{ head: number }>('SELECT coalesce(max(seq), 0) AS head FROM change');
  const head = row?.head ?? 0;
  const faults = rows
    .filter(({ cursor }) => cursor < 0 || cursor > head)
    .map(({ name, cursor }) => `follower ${name} has got change ${cursor}, the newest is ${head}`);
  return { faults, seen: String(rows.length) };
}

/**
 * A stream's cursor is never below a report of it that is stored. Reports are known by their columns; a stream that was
 * forgotten may have left some.
 */
async function streams(reading: Reading, tables: readonly Table[]): Promise<Seen> {
  const faults: string[] = [];
  const [count] = await reading.all<{ n: number }>('SELECT count(*) AS n FROM stream');
  const odd = await reading.all<{ daemon: string; incarnation: string; cursor: number }>(
    `SELECT daemon, incarnation, cursor FROM stream WHERE cursor < 1 ORDER BY id LIMIT ${TOLD}`,
  );
  for (const { daemon, incarnation, cursor } of odd) faults.push(`stream ${daemon} ${incarnation} is at ${cursor}`);
  const isOfReports = ({ columns }: Table): boolean =>
    ['daemon', 'incarnation', 'seq'].every((column) => columns.includes(column));
  for (const { name } of tables.filter(isOfReports)) {
    const above = await reading.all<{ daemon: string; cursor: number; seq: number }>(
      `SELECT s.daemon, s.cursor, max(r.seq) AS seq FROM stream s
         JOIN ${quoted(name)} r ON r.daemon = s.daemon AND r.incarnation = s.incarnation
       WHERE r.seq > s.cursor GROUP BY s.id, s.daemon, s.cursor ORDER BY s.id LIMIT ${TOLD}`,
    );
    for (const { daemon, cursor, seq } of above) {
      faults.push(`${name} has report ${seq} of ${daemon}, whose stream is only at ${cursor}`);
    }
  }
  return { faults, seen: String(count?.n ?? 0) };
}

async function leader(reading: Reading, tables: readonly Table[]): Promise<Seen> {
  if (!tables.some(({ name }) => name === 'leader')) return { faults: [], seen: 'none yet' };
  const rows = await reading.all<{ id: number; term: number; master: string }>('SELECT id, term, master FROM leader');
  const faults = rows.length > 1 ? [`${rows.length} rows say who leads`] : [];
  for (const { term } of rows) if (term < 1) faults.push(`the term of the leader is ${term}`);
  return { faults, seen: rows.map(({ term, master }) => `term ${term} of ${master}`).join(', ') || 'none yet' };
}
