/** How long reports take from when they first leave until they are acknowledged; for whoever measures. */
import type { Mono } from '@csm/model';
import { Queue } from '../queue.ts';

/** Frames under way that are timed; those beyond are not, so that an outage costs no memory. */
export const TIMED_MAX = 1024;

interface Timed {
  /** Number of the frame's last report. */
  readonly last: number;
  readonly sentAt: Mono;
}

/** Numbers rise within an incarnation; with another one it begins anew. */
export class AckTimes {
  readonly #frames = new Queue<Timed>();
  #incarnation = '';
  #last = 0;

  /** A frame whose last report is `last` leaves. Sent again, it keeps the time it left first. */
  sent(incarnation: string, last: number, now: Mono): void {
    if (incarnation !== this.#incarnation) this.#begin(incarnation);
    if (last <= this.#last || this.#frames.size >= TIMED_MAX) return;
    this.#last = last;
    this.#frames.push({ last, sentAt: now });
  }

  /** Everything up to `cursor` is acknowledged: ms that each of the frames took. */
  reached(incarnation: string, cursor: number, now: Mono): number[] {
    const took: number[] = [];
    if (incarnation !== this.#incarnation) return took;
    for (let next = this.#frames.at(0); next !== undefined && next.last <= cursor; next = this.#frames.at(0)) {
      this.#frames.shift();
      took.push(now - next.sentAt);
    }
    return took;
  }

  #begin(incarnation: string): void {
    while (this.#frames.shift() !== undefined);
    this.#incarnation = incarnation;
    this.#last = 0;
  }
}
