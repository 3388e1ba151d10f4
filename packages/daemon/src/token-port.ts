/** How an entry daemon learns whose a token is: it asks the master, as no user can. */
import { randomBytes } from 'node:crypto';
import type { ApiTable, Dispatch, TokenPort } from '@csm/api';
import { CsmError, code, type DaemonId, isObject, problem } from '@csm/model';

const CALL = 'token.resolve';
/** Milliseconds the master may take. */
const WITHIN_MS = 5_000;

/** Undefined when nobody knows tokens: no feature brings the call. */
export function tokenPort(table: ApiTable, dispatch: Dispatch, self: DaemonId): TokenPort | undefined {
  const row = table.row(CALL);
  if (row === undefined) return undefined;
  return {
    async resolve(bearer) {
      const trace = randomBytes(8).toString('hex');
      const ended = new AbortController();
      const late = new CsmError(problem(code.TIMEOUT, 'the master did not say in time whose the token is', { trace }));
      const until = performance.now() + WITHIN_MS;
      const timer = setTimeout(() => ended.abort(late), WITHIN_MS);
      try {
        const answer = await dispatch(
          row,
          { bearer },
          {
            // The daemon itself: it has no rights of its own, and needs none for this.
            caller: { user: 'csmd', uid: 65_534, gid: 65_534, groups: [], pid: process.pid, vouchedBy: self },
            grant: 'granted',
            trace,
            signal: ended.signal,
            remaining: () => Math.max(0, until - performance.now()),
            emit: () => Promise.reject(new TypeError(`${CALL} is no stream`)),
          },
        );
        return holderOf(answer);
      } catch (error) {
        if (error instanceof CsmError && error.code === code.PERMISSION) return undefined;
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function holderOf(answer: unknown) {
  if (!isObject(answer)) return undefined;
  const { id, user, scopes } = answer;
  const isWhole = typeof id === 'string' && typeof user === 'string' && Array.isArray(scopes);
  return isWhole ? { id, user, scopes: scopes.map(String) } : undefined;
}
