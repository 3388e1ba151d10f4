/** States of nodes in words and options. */
import { code, fail } from '@csm/model';
import type { Given, Option } from '../command.ts';
import { oneOf, text } from '../given.ts';
import { MOMENT_RULE, readMoment, readStep } from '../moment.ts';
import { answerText } from '../print/answer.ts';
import type { Colors } from '../print/colors.ts';
import { tellFailures } from '../print/failures.ts';
import type { Session } from '../session.ts';
import { count, either, nodesWords, parseFolded, printable } from '../text.ts';

export const OUT_STATES = ['OUT_OF_SERVICE', 'ADMIN_RESERVED', 'MAINTENANCE'] as const;
export const ADMIN_STATES = ['IN_SERVICE', ...OUT_STATES] as const;
export const STATES = ['DISCOVERED', ...ADMIN_STATES, 'SOFT_FAILURE', 'HARD_FAILURE'] as const;

export const REASON_OPTION: Option = { flags: '--reason <text>', help: 'why, in a line' };
export const COMING_RULE =
  "ISO 8601 such as 2026-10-17T10:00:00Z (UTC where it names no zone), 'now', or in so long: +30m, +2h, +1d";

/** ISO 8601, as the calls take it. */
export function coming(session: Session, given: Given, name: string): string | undefined {
  const value = text(given, name);
  if (value === undefined) return undefined;
  const now = session.now();
  if (value.startsWith('+')) return new Date(now + readStep(value.slice(1), `--${name}`) * 1000).toISOString();
  // So long ago is no time to come.
  if (/^\d+(?:\.\d+)?[smhdw]$/.test(value))
    fail(code.INVALID_PARAMETER, `'${printable(value)}' is a time that is over`, {
      field: `--${name}`,
      allowed: COMING_RULE,
    });
  return new Date(readMoment(value, `--${name}`, now, COMING_RULE)).toISOString();
}

export function past(session: Session, given: Given, name: string): string | undefined {
  const value = text(given, name);
  return value === undefined ? undefined : new Date(readMoment(value, `--${name}`, session.now())).toISOString();
}

export const PAST_RULE = MOMENT_RULE;

/** A reason that must be given; one of blanks is none. */
export function reasonOf(given: Given): string {
  const reason = text(given, 'reason')?.trim() ?? '';
  return reason === ''
    ? fail(code.MISSING_PARAMETER, 'a reason is missing', { field: '--reason', allowed: "--reason 'why, in a line'" })
    : reason;
}

export function stateOption<T extends string>(given: Given, states: readonly T[]): T | undefined {
  const value = text(given, 'state');
  return value === undefined ? undefined : oneOf(value, states, '--state');
}

export const statesOption = (states: readonly string[], more = ''): Option => ({
  flags: '--state <state>',
  help: `${either(states)}${more}`,
  values: states,
});

/** How a state looks. */
export function paintOf({ good, bad, warn }: Colors, state: string): (text: string) => string {
  if (state === 'IN_SERVICE') return good;
  return state.endsWith('FAILURE') ? bad : warn;
}

interface Changed {
  readonly nodes: string;
  readonly failed: readonly { readonly nodes: string; readonly code: number; readonly text: string }[];
}

/** An answer about many nodes; resolves with 0, or with CSM's code where some could not be changed. */
export async function showChanged<A extends Changed>(
  session: Session,
  verb: 'update' | 'delete',
  answer: A,
  told: { readonly done: number; readonly words: string; readonly total: number },
): Promise<number> {
  const failed = answer.failed.reduce((sum, { nodes }) => sum + (parseFolded(nodes)?.size ?? 1), 0);
  const same = told.total - told.done - failed;
  const already = same > 0 ? `, ${same} as before` : '';
  const line = () => `${nodesWords(answer.nodes)}: ${count(told.done, 'node')} ${told.words}${already}\n`;
  await session.print(answerText(session, answer, line, 'record'));
  return tellFailures(session, verb, told.total, answer.failed);
}
