/** The clock and the timers of a real process. */
import { type Clock, systemClock } from '@csm/kit';
import { mono } from '@csm/model';
import type { TimePort } from './types.ts';

/** Deadlines are reckoned in whole milliseconds: a timer that fires within the last one is not early. */
export function realTime(clock: Clock = systemClock): TimePort {
  return {
    now: () => {
      const now = clock.now();
      return { mono: mono(Math.floor(now.mono)), wall: now.wall };
    },
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  };
}
