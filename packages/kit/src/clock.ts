import { readFileSync } from 'node:fs';
import { mono, type Now, wall } from '@csm/model';

/** Where shells get the present moment from; tests pass their own. */
export interface Clock {
  now(): Now;
}

/** A shift is looked for this often, ms. */
const LOOK_MS = 50;

/** The clocks of this process: `mono` from its monotonic clock (fractional ms), `wall` whole ms since 1970 UTC. */
export const systemClock: Clock = Object.freeze(
  shiftFile() === undefined
    ? { now: (): Now => ({ mono: mono(performance.now()), wall: wall(Date.now()) }) }
    : shiftedClock(shiftFile() ?? ''),
);

/** For fault tests: the file that says by how many ms this process' wall clock is wrong. */
export function shiftFile(): string | undefined {
  return process.env['CSM_CLOCK_SHIFT'];
}

/** A wall clock that is wrong by as many ms as stand in a file; right while there is no such file, or no number in it. */
export function shiftedClock(file: string): Clock {
  let shift = 0;
  let looked = Number.NEGATIVE_INFINITY;
  return {
    now: () => {
      const now = performance.now();
      if (now - looked > LOOK_MS) {
        looked = now;
        shift = shiftIn(file);
      }
      return { mono: mono(now), wall: wall(Date.now() + shift) };
    },
  };
}

function shiftIn(file: string): number {
  try {
    const shift = Number(readFileSync(file, 'utf8'));
    return Number.isSafeInteger(shift) ? shift : 0;
  } catch {
    return 0;
  }
}
