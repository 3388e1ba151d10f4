import { mono, type Now, wall } from '@csm/model';

/** Where shells get the present moment from; tests pass their own. */
export interface Clock {
  now(): Now;
}

/** The clocks of this process: `mono` from its monotonic clock (fractional ms), `wall` whole ms since 1970 UTC. */
export const systemClock: Clock = Object.freeze({
  now: (): Now => ({ mono: mono(performance.now()), wall: wall(Date.now()) }),
});
