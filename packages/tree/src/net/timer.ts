import type { Mono } from '@csm/model';
import type { Clock } from './ports.ts';

/** Longest span Node's timers take, ms. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * Beats and losses of links are looked at in steps of this many ms: with thousands of links each would else wake the
 * process by itself, which costs as much as the beat. At most a twentieth of the shortest interval. Nodes on one clock
 * have steps of their own, else their beats would come in bunches.
 */
const STEP_MS = 10;

/** The first step that is not before `at`. */
export function stepAt(at: Mono, phase: number): Mono {
  const from = STEP_MS * phase;
  return (Math.ceil((at - from) / STEP_MS) * STEP_MS + from) as Mono;
}

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
