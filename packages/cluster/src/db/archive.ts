/** Old changes into an archive, and out of the database. */
import type { MasterPorts } from '@csm/feature';
import { code, fail, type Json, wall } from '@csm/model';
import { type ArchiveRow, loadAdmin, type Store } from '@csm/store';

const DAY_MS = 86_400_000;
/** Rows read at once; a change may have a body of 256 KiB, and the store bounds the bytes of an answer. */
const PAGE_ROWS = 100;

export interface ArchiveInput {
  readonly directory: string;
  readonly before: number;
  readonly remove?: boolean;
}

/**
 * Changes go in the order of their numbers, up to the first that is not old: into the archive as well as, by pruning,
 * out of the database. An archive that is there already is never written again; asked to remove, it goes on with that,
 * since whoever wrote it may have been ended before he could.
 */
export async function archiveChanges(ports: MasterPorts, input: ArchiveInput, signal: AbortSignal): Promise<Json> {
  const { store, clock } = ports;
  const { directory, before, remove = false } = input;
  const now = clock.now().wall;
  if (before % DAY_MS !== 0 || before > now || before < 0) {
    fail(code.INVALID_PARAMETER, `before is ${inWords(before)}`, {
      field: 'before',
      allowed: `the beginning of a day (UTC) that has begun, such as ${inWords(now - (now % DAY_MS))}`,
    });
  }
  const { archivePath, readArchive, writeArchive } = await loadAdmin();
  const seen = { last: 0 };
  const options = {
    directory,
    what: 'changes',
    before,
    signal,
    clock: () => clock.now().wall,
    last: () => seen.last,
  };
  const there = remove ? await readArchive(options) : undefined;
  if (there === undefined) {
    const oldest = await store.changes.oldest();
    if (!(await isOld(store, oldest, before))) fail(code.NO_RESULTS, `no change is older than ${inWords(before)}`);
  }
  const manifest = there ?? (await writeArchive(oldChanges(store, before, seen), options));
  const { last = 0 } = manifest;
  // Only where the clock was set back: what came with an older time is in no file.
  const isMore = await isOld(store, last + 1, before);
  const removed = remove && !isMore ? await store.changes.prune({ olderThan: wall(before) }) : 0;
  const oldest = await store.changes.oldest();
  return {
    path: archivePath(options),
    rows: manifest.rows,
    bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    files: manifest.files.length,
    removed,
    held: remove && oldest > 0 ? Math.max(0, last + 1 - oldest) : 0,
  };
}

/** Whether the first change from this number on is older. */
async function isOld(store: Store, from: number, before: number): Promise<boolean> {
  const [row] = await store.query<{ time: number }>('SELECT time FROM change WHERE seq >= $1 ORDER BY seq LIMIT 1', [
    from,
  ]);
  return row !== undefined && row.time < before;
}

/** A moment as a person writes it; a number that is none, as it is. */
const inWords = (ms: number): string => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms));

interface Row {
  readonly seq: number;
  readonly time: number;
  readonly kind: string;
  readonly subject: string;
  readonly body: string;
}

/** In the order of their numbers, to the first that is not old; `seen.last` is the newest that was written. */
async function* oldChanges(
  store: Store,
  before: number,
  seen: { last: number },
): AsyncGenerator<readonly ArchiveRow[]> {
  // What is pruned may still stand in a partition.
  for (let after = Math.max(0, (await store.changes.oldest()) - 1); ; ) {
    const rows = await store.query<Row>(
      'SELECT seq, time, kind, subject, body FROM change WHERE seq > $1 ORDER BY seq LIMIT $2',
      [after, PAGE_ROWS],
    );
    const kept = rows.findIndex(({ time }) => time >= before);
    const old = kept === -1 ? rows : rows.slice(0, kept);
    yield old.map((row) => ({
      time: row.time,
      text: JSON.stringify({ ...row, time: new Date(row.time).toISOString(), body: JSON.parse(row.body) as unknown }),
    }));
    after = old.at(-1)?.seq ?? after;
    seen.last = after;
    if (old.length < PAGE_ROWS) return;
  }
}
