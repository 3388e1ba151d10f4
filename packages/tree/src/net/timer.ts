import type { Mono } from '@csm/model';
import type { Clock } from './ports.ts';

/** Longest span Node's timers take, ms. */
const MAX_DELAY = 2 ** 31 - 1;

/** One timer for a machine's next deadline; tells how late it fired, since lateness means that we slept. */
export class WakeTimer {
  readonly #clock: Clock;
  readonly #fire: (lateBy: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #at: Mono | undefined;

  constructor(clock: Clock, fire: (lateBy: number) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Sets, moves or (undefined) stops it. */
  set(at: Mono | undefined): void {
    if (at === this.#at) return;
    clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = undefined;
    if (at === undefined) return;
    const delay = Math.min(MAX_DELAY, Math.max(0, Math.ceil(at - this.#clock.now().mono)));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#at = undefined;
      this.#fire(Math.max(0, this.#clock.now().mono - at));
    }, delay);
  }

  /** How long ago it should have fired, ms; 0 when nothing is due. */
  lateBy(now: Mono): number {
    return this.#at === undefined ? 0 : Math.max(0, now - this.#at);
  }

  stop(): void {
    this.set(undefined);
  }
}
