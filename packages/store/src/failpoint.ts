/**
 * Places around the commit where a fault test lets the process end, named in `CSM_FAILPOINT`. Nothing at all in
 * production, where that is not set. It is read here, since the writer of SQLite is a thread that the tree's failpoints
 * do not reach; a name that does not exist is refused where the daemon starts.
 */
import { failpoint, parseFailpoint } from '@csm/model';

const COMMIT = ['store.commit.before', 'store.commit.after'] as const;
type StoreFailpoint = (typeof COMMIT)[number];

/** Undefined when none of the store's was asked for. */
export function storeFailpoint(): ((name: StoreFailpoint) => void) | undefined {
  const text = process.env['CSM_FAILPOINT'];
  if (text === undefined || !COMMIT.some((name) => text === name || text.startsWith(`${name}:`))) return undefined;
  return failpoint(parseFailpoint(text, COMMIT), () => process.kill(process.pid, 'SIGKILL'));
}
