/**
 * For fault tests: a daemon that is started with `CSM_FAILPOINT=<name>` or `<name>:<n>` in its environment kills itself
 * at the n-th passing of that place, as `kill -9` would. Without the variable nothing of this is there.
 */
import { CsmError, failpoint, parseFailpoint } from '@csm/model';
import { FAILPOINTS, type PassFailpoint } from '@csm/tree';

/** Those of the writer, which looks for them itself, on whatever thread it runs. */
const STORE = ['store.commit.before', 'store.commit.after'];

export const FAILPOINT_NAMES: readonly string[] = [...Object.values(FAILPOINTS).flatMap(Object.keys), ...STORE];

/** Throws code 9 for a name that does not exist. */
export function failpointOf(
  env: NodeJS.ProcessEnv,
  kill: () => void = () => process.kill(process.pid, 'SIGKILL'),
): { readonly text: string; readonly pass: PassFailpoint } | undefined {
  const text = env['CSM_FAILPOINT'];
  if (text === undefined) return undefined;
  try {
    return { text, pass: failpoint(parseFailpoint(text, FAILPOINT_NAMES), kill) };
  } catch (error) {
    if (!(error instanceof CsmError)) throw error;
    throw new CsmError({ ...error.problem, field: 'CSM_FAILPOINT' });
  }
}
