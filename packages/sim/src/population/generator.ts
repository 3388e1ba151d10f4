/**
 * Offers numbered reports, evenly over nodes and time, at a rate that may be changed. A node makes them in bursts, as a
 * round of collectors does; one whose outbox is behind by a whole window is passed over, which makes a rate that is too
 * high for the tree end at what the tree can do.
 */
import type { Json } from '@csm/model';
import type { LeafShell, Report } from '@csm/tree';
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

export interface GeneratorOptions {
  /** Bytes of a body. */
  readonly size: number;
  readonly burst: number;
  /** 0: no bound. */
  readonly window: number;
}

export interface GeneratorCounts {
  offered: number;
  accepted: number;
  refused: number;
  /** Not offered, because too many offers were under way, or all nodes were behind: the rate is more than is taken. */
  held: number;
}

/** How often it offers, ms. */
const TICK_MS = 10;
/**
 * Offers made in one turn of the event loop, at most: a thousand nodes are a thousand machines, and here too each of them
 * goes on with its offers while the others make theirs.
 */
const OFFERS_A_TURN = 400;
/** Offers under way at once, at most. */
const UNDER_WAY_MAX = 20_000;
/** Every so many-th report is urgent. */
const URGENT_EVERY = 5;

/** What fills a body up to `size` bytes. */
export const padOf = (size: number): string => 'x'.repeat(Math.max(0, size - '{"n":10000000,"pad":""}'.length));
export const bodyOf = (n: number, pad: string): Json => ({ n, pad });
const isUrgent = (n: number): boolean => n % URGENT_EVERY === 0;
export const kindOf = (n: number): string => (isUrgent(n) ? URGENT : NUMBERED);

export class Generator {
  readonly counts: GeneratorCounts = { offered: 0, accepted: 0, refused: 0, held: 0 };
  readonly #sources: readonly Source[];
  readonly #list: AcceptedList | undefined;
  readonly #pad: string;
  readonly #burst: number;
  readonly #window: number;
  readonly #now: () => number;
  #rate = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Goes on with what one turn was not enough for. */
  #more: NodeJS.Immediate | undefined;
  #last = 0;
  #due = 0;
  #next = 0;
  #underWay = 0;

  /** `now`: the nodes' wall clock. */
  constructor(
    sources: readonly Source[],
    list: AcceptedList | undefined,
    { size, burst, window }: GeneratorOptions,
    now: () => number,
  ) {
    this.#sources = sources;
    this.#list = list;
    this.#pad = padOf(size);
    this.#burst = burst;
    this.#window = window === 0 ? Number.POSITIVE_INFINITY : window;
    this.#now = now;
  }

  /** Reports a second of all nodes together; 0 stops. */
  set rate(rate: number) {
    this.#rate = rate;
    clearInterval(this.#timer);
    clearImmediate(this.#more);
    this.#timer = undefined;
    this.#more = undefined;
    this.#due = 0;
    this.#last = performance.now();
    if (rate > 0) this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** No offer is under way any more. */
  get idle(): boolean {
    return this.#underWay === 0;
  }

  /** Offers one report of a node, made `time`; resolves when that was accepted or refused. */
  offer(source: Source, body?: Json, time: number = this.#now()): Promise<void> {
    const { leaf } = source;
    if (leaf === undefined) return Promise.resolve();
    const k = ++source.k;
    const n = (this.#list?.life ?? 1) * LIFE + k;
    this.counts.offered++;
    this.#underWay++;
    const report: Report = {
      kind: kindOf(n),
      urgency: isUrgent(n) ? 'urgent' : 'normal',
      time,
      body: body ?? bodyOf(n, this.#pad),
    };
    // No async function: its frame and promises, kept until the disk has answered, would be a load the nodes do not have.
    // So would what tells one report from another, where nobody asks.
    const list = body === undefined ? this.#list : undefined;
    if (list === undefined) return leaf.offer(report).then(this.#accepted, this.#refused);
    return leaf.offer(report).then(
      () => {
        this.#accepted();
        list.accepted(source.node, n);
      },
      () => {
        this.#refused();
        list.refused(source.node, n);
      },
    );
  }

  readonly #accepted = (): void => {
    this.#underWay--;
    this.counts.accepted++;
  };

  readonly #refused = (): void => {
    this.#underWay--;
    this.counts.refused++;
  };

  #tick(): void {
    const now = performance.now();
    this.#due += ((now - this.#last) * this.#rate) / 1000;
    this.#last = now;
    // What a stall has made due is not made up for at once.
    this.#due = Math.min(this.#due, Math.max(this.#burst, this.#rate));
    for (let passedOver = 0, made = 0; this.#due >= this.#burst; ) {
      if (made >= OFFERS_A_TURN) {
        this.#more ??= setImmediate(() => {
          this.#more = undefined;
          this.#tick();
        });
        return;
      }
      if (this.#underWay >= UNDER_WAY_MAX || passedOver > this.#sources.length) {
        this.counts.held += Math.floor(this.#due);
        this.#due = 0;
        return;
      }
      const source = this.#sources[this.#next++ % this.#sources.length];
      const outbox = source?.leaf?.leaf.outbox;
      if (source === undefined || (outbox !== undefined && behind(outbox) >= this.#window)) {
        passedOver++;
        continue;
      }
      // What is made at once is of one moment.
      const time = this.#now();
      for (let i = 0; i < this.#burst; i++) void this.offer(source, undefined, time);
      this.#due -= this.#burst;
      made += this.#burst;
    }
  }
}

/** Accepted and not yet acknowledged; those being accepted are in it. */
const behind = ({ counters }: LeafShell['leaf']['outbox']): number => counters.accepted - counters.acknowledged;
