/**
 * Everybody fell silent: is it us? While this machine is cut off nobody is declared dead; when it is not any more, all
 * have their time to beat again.
 */
import type { CutOff } from './cut-off.ts';
import type { Log } from './ports.ts';
import type { TimePort } from './types.ts';

/** How often a machine that is cut off is looked at, ms. */
const LOOK_MS = 1_000;

export interface LookOutOptions {
  readonly cutOff: CutOff;
  readonly time: TimePort;
  readonly log: Log;
  readonly hold: (on: boolean) => void;
}

export class LookOut {
  readonly #options: LookOutOptions;
  #why: string | undefined;
  #isLooking = false;
  #isOver = false;
  #endTimer: () => void = () => {};

  constructor(options: LookOutOptions) {
    this.#options = options;
  }

  /** Why nobody is declared dead; undefined while it is not so. */
  get why(): string | undefined {
    return this.#why;
  }

  /** Something befell everybody. */
  look(): void {
    if (this.#isLooking || this.#isOver) return;
    this.#isLooking = true;
    void this.#ask();
  }

  stop(): void {
    this.#isOver = true;
    this.#endTimer();
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    const { cutOff, time, log, hold } = this.#options;
    const why = await cutOff().catch((error: unknown) => {
      log.error('whether this machine is cut off could not be told', { error });
      return undefined;
    });
    if (this.#isOver) return;
    if (why !== undefined) {
      if (this.#why === undefined) {
        log.error('nobody is declared dead: this machine is cut off', { why });
        hold(true);
      }
      this.#endTimer = time.after(LOOK_MS, () => void this.#ask());
    } else {
      this.#isLooking = false;
      if (this.#why !== undefined) {
        log.warn('this machine is not cut off any more: all have their time to beat again');
        hold(false);
      }
    }
    this.#why = why;
  }
}
