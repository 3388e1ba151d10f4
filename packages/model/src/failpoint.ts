/**
 * Where a process is to end, for fault tests: `name`, or `name:n` for the n-th passing. What passes failpoints calls
 * the result of `failpoint` with their names; what the end is, its caller decides.
 */
import { code } from './codes.ts';
import { nearest } from './nearest.ts';
import { fail } from './problem.ts';

export interface FailpointSetting {
  readonly name: string;
  /** From 1. */
  readonly passing: number;
}

const PASSING_MAX = 1_000_000;

/** Throws code 9 for a name that is none of `names`, and for a number that is none. */
export function parseFailpoint(text: string, names: readonly string[]): FailpointSetting {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const count = colon < 0 ? '1' : text.slice(colon + 1);
  if (!names.includes(name)) {
    const near = nearest(name, names);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    fail(code.INVALID_PARAMETER, `there is no failpoint '${name}'${hint}`, { allowed: names.join(', ') });
  }
  const passing = Number(count);
  if (!/^\d{1,7}$/.test(count) || passing < 1 || passing > PASSING_MAX)
    fail(code.INVALID_PARAMETER, `the passing of failpoint ${name} is '${count}'`, {
      allowed: `a whole number from 1 to ${PASSING_MAX}`,
    });
  return { name, passing };
}

/** Counts the passings of one failpoint, and calls `end` at the one that was meant. */
export function failpoint({ name, passing }: FailpointSetting, end: () => void): (passed: string) => void {
  let left = passing;
  return (passed) => {
    if (passed === name && --left === 0) end();
  };
}
