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

export async function archiveChanges(ports: MasterPorts, input: ArchiveInput, signal: AbortSignal): Promise<Json> {
  const { store, clock } = ports;
  const { directory, before, remove = false } = input;
  const now = clock.now().wall;
  if (before % DAY_MS !== 0 || before > now) {
    fail(code.INVALID_PARAMETER, `before is ${before}`, {
      field: 'before',
      allowed: 'the beginning of a day (UTC) that has begun',
    });
  }
  const { archivePath, writeArchive } = await loadAdmin();
  const seen = { last: 0 };
  const [any] = await store.query('SELECT 1 AS found FROM change WHERE time < $1 LIMIT 1', [before]);
  if (any === undefined) fail(code.NO_RESULTS, `no change is older than ${new Date(before).toISOString()}`);
  const options = { directory, what: 'changes', before, clock: () => clock.now().wall, signal };
  const manifest = await writeArchive(oldChanges(store, before, seen), options);
  // Only where the clock was set back: what came with an older time is in no file.
  const late = await store.query('SELECT seq FROM change WHERE seq > $1 AND time < $2 LIMIT 1', [seen.last, before]);
  const removed = remove && late.length === 0 ? await store.changes.prune({ olderThan: wall(before) }) : 0;
  return {
    path: archivePath(options),
    rows: manifest.rows,
    bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    files: manifest.files.length,
    removed,
    held: remove ? manifest.rows - removed : 0,
  };
}

interface Row {
  readonly seq: number;
  readonly time: number;
  readonly kind: string;
  readonly subject: string;
  readonly body: string;
}

/** In the order of their numbers; `seen.last` is the newest that was written. */
async function* oldChanges(
  store: Store,
  before: number,
  seen: { last: number },
): AsyncGenerator<readonly ArchiveRow[]> {
  // What is pruned may still stand in a partition.
  for (let after = Math.max(0, (await store.changes.oldest()) - 1); ; ) {
    const rows = await store.query<Row>(
      'SELECT seq, time, kind, subject, body FROM change WHERE seq > $1 AND time < $2 ORDER BY seq LIMIT $3',
      [after, before, PAGE_ROWS],
    );
    yield rows.map((row) => ({
      time: row.time,
      text: JSON.stringify({ ...row, time: new Date(row.time).toISOString(), body: JSON.parse(row.body) as unknown }),
    }));
    after = rows.at(-1)?.seq ?? after;
    seen.last = after;
    if (rows.length < PAGE_ROWS) return;
  }
}
