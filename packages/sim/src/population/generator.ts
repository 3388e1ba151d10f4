/** Offers numbered reports, evenly over nodes and time, at a rate that may be changed. */
import type { Json } from '@csm/model';
import type { LeafShell } from '@csm/tree';
import { type AcceptedList, LIFE } from './accepted-list.ts';

export const NUMBERED = 'sim.numbered';
export const URGENT = 'sim.urgent';

export interface Source {
  readonly node: string;
  /** Undefined while the node is down. */
  leaf: LeafShell | undefined;
  /** Offers made in this life. */
  k: number;
}

export interface GeneratorCounts {
  offered: number;
  accepted: number;
  refused: number;
  /** Not offered, because too many offers were under way: the rate is more than the nodes' journals can take. */
  held: number;
}

/** How often it offers, ms. */
const TICK_MS = 10;
/** Offers under way at once, at most. */
const UNDER_WAY_MAX = 20_000;
/** Every so many-th report is urgent. */
const URGENT_EVERY = 5;

export class Generator {
  readonly counts: GeneratorCounts = { offered: 0, accepted: 0, refused: 0, held: 0 };
  readonly #sources: readonly Source[];
  readonly #list: AcceptedList | undefined;
  readonly #pad: string;
  readonly #now: () => number;
  #rate = 0;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;
  #due = 0;
  #next = 0;
  #underWay = 0;

  /** `size`: bytes of a body. `now`: the nodes' wall clock. */
  constructor(sources: readonly Source[], list: AcceptedList | undefined, size: number, now: () => number) {
    this.#sources = sources;
    this.#list = list;
    this.#pad = 'x'.repeat(Math.max(0, size - '{"n":10000000,"pad":""}'.length));
    this.#now = now;
  }

  /** Reports a second of all nodes together; 0 stops. */
  set rate(rate: number) {
    this.#rate = rate;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#due = 0;
    this.#last = performance.now();
    if (rate > 0) this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** No offer is under way any more. */
  get idle(): boolean {
    return this.#underWay === 0;
  }

  /** Offers one report of a node; resolves when that was accepted or refused. */
  async offer(source: Source, body?: Json): Promise<void> {
    const { leaf } = source;
    if (leaf === undefined) return;
    const k = ++source.k;
    const n = (this.#list?.life ?? 1) * LIFE + k;
    const urgent = k % URGENT_EVERY === 0;
    this.counts.offered++;
    this.#underWay++;
    try {
      await leaf.offer({
        kind: urgent ? URGENT : NUMBERED,
        urgency: urgent ? 'urgent' : 'normal',
        time: this.#now() as never,
        body: body ?? { n, pad: this.#pad },
      });
    } catch {
      this.counts.refused++;
      if (body === undefined) this.#list?.refused(source.node, n);
      return;
    } finally {
      this.#underWay--;
    }
    this.counts.accepted++;
    if (body === undefined) this.#list?.accepted(source.node, n);
  }

  #tick(): void {
    const now = performance.now();
    this.#due += ((now - this.#last) * this.#rate) / 1000;
    this.#last = now;
    // What a stall has made due is not made up for at once.
    this.#due = Math.min(this.#due, Math.max(1, this.#rate));
    for (; this.#due >= 1; this.#due--) {
      if (this.#underWay >= UNDER_WAY_MAX) {
        this.counts.held += Math.floor(this.#due);
        this.#due = 0;
        return;
      }
      const source = this.#sources[this.#next++ % this.#sources.length];
      if (source !== undefined) void this.offer(source);
    }
  }
}
