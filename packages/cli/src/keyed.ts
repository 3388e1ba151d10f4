/** Orders under a key: however often they are sent, they are carried out once. */
import { randomUUID } from 'node:crypto';
import { CsmError, code, fail } from '@csm/model';
import type { Given } from './command.ts';
import { text } from './given.ts';
import type { Session } from './session.ts';
import { printable } from './text.ts';

export const KEY_OPTION = {
  flags: '--key <key>',
  help: 'repeat the order that was given under this key: what ran is not run again, its outcome is shown',
};

/** After these nobody knows what became of the order. */
const UNCERTAIN: readonly number[] = [code.TIMEOUT, code.COMMUNICATION, code.CONTEXT_LOST, code.NOT_INITIALIZED];

/** Runs an order; where its outcome stays unknown, says how to learn it. */
export async function underKey(
  session: Session,
  given: Given,
  order: (key: string) => Promise<number>,
): Promise<number> {
  const key = text(given, 'key') ?? randomUUID();
  if (!/^[\x21-\x7e]{1,128}$/.test(key)) {
    const allowed = '1 to 128 visible ASCII characters';
    fail(code.INVALID_PARAMETER, `the key '${printable(key)}' is not ${allowed}`, { field: '--key', allowed });
  }
  if (session.verbose) await session.note(`key ${key}`);
  try {
    return await order(key);
  } catch (error) {
    const isUncertain = session.interrupted || (error instanceof CsmError && UNCERTAIN.includes(error.code));
    if (isUncertain) await session.note(`nodes may carry it out all the same; --key ${key} shows the outcome`);
    throw error;
  }
}
