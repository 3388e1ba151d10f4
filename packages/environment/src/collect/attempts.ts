/**
 * One attempt at one item: in time, and at no cost to the others.
 *
 * An attempt that has not answered at its deadline is given up. Its programs are ended then. A read that hangs in the
 * kernel cannot be: it holds a thread of the pool until the kernel lets go, so the item is not tried again before, and
 * with two such items nothing more is tried at all, since the rest of the daemon needs the other threads for its files.
 */
import type { Host } from '@csm/host';
import type { Mono } from '@csm/model';
import type { Clock } from '@csm/tree';
import type { Item } from '../items.ts';
import { BY_PROGRAM, COLLECTORS } from './index.ts';
import { Absent, type Reading } from './reading.ts';
import { type Watch, watchedHost } from './watched.ts';

export type Outcome =
  /** `mono` is when the attempt began. */
  | { readonly kind: 'read'; readonly reading: Reading; readonly mono: Mono }
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Of the four threads Node reads files with. */
const HANGING_MAX = 2;
/** How long the next program waits for one that is being ended. */
const ENDING_MS = 2_000;
const REASON_MAX = 400;

interface Running {
  readonly watch: Watch;
  readonly abort: AbortController;
  /** Resolves when nothing of it runs any more. Never rejects. */
  readonly ended: Promise<unknown>;
}

export class Attempts {
  readonly #host: Host;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #running = new Set<Running>();
  readonly #current = new Map<Item, Promise<Outcome>>();
  /** Given up, and not ended yet. */
  readonly #hanging = new Map<Item, Running>();
  /** The end of the last program in line. */
  #lane: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(host: Host, clock: Clock, timeoutMs: number) {
    this.#host = host;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Never rejects. `intervalMs`: until the item is read again. Who asks while it is being read gets the same answer. */
  run(item: Item, intervalMs: number): Promise<Outcome> {
    const current = this.#current.get(item);
    if (current !== undefined) return current;
    const outcome = (BY_PROGRAM.has(item) ? this.#inLane(item, intervalMs) : this.#attempt(item, intervalMs)).finally(
      () => this.#current.delete(item),
    );
    this.#current.set(item, outcome);
    return outcome;
  }

  #inLane(item: Item, intervalMs: number): Promise<Outcome> {
    const outcome = this.#lane.then(() => this.#attempt(item, intervalMs));
    this.#lane = outcome.then(() => this.#ended(this.#hanging.get(item)));
    return outcome;
  }

  /** Gives all of them up, and waits a moment for their ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { abort } of this.#running) abort.abort();
    await Promise.all([...this.#running].map((running) => this.#ended(running)));
  }

  async #attempt(item: Item, intervalMs: number): Promise<Outcome> {
    const refusal = this.#refusal(item);
    if (refusal !== undefined) return { kind: 'failed', reason: refusal };
    const running = this.#start(item, intervalMs);
    const { signal } = running.watch;
    let timer: NodeJS.Timeout | undefined;
    const givenUp = new Promise<Outcome>((resolve) => {
      signal.addEventListener('abort', () => {
        const why = this.#isStopped ? 'the daemon stops' : `no answer within ${this.#timeoutMs} ms`;
        resolve({ kind: 'failed', reason: clipped(`${why}; waited for ${running.watch.waitsFor}`) });
      });
      timer = setTimeout(() => running.abort.abort(), this.#timeoutMs);
    });
    const outcome = await Promise.race([running.answer, givenUp]);
    clearTimeout(timer);
    if (signal.aborted && this.#running.has(running)) this.#hanging.set(item, running);
    return outcome;
  }

  #refusal(item: Item): string | undefined {
    if (this.#isStopped) return 'the daemon stops';
    const own = this.#hanging.get(item);
    if (own !== undefined) return clipped(`an earlier attempt still waits for ${own.watch.waitsFor}`);
    if (this.#hanging.size < HANGING_MAX) return undefined;
    return `not tried while ${[...this.#hanging.keys()].join(' and ')} hang`;
  }

  #start(item: Item, intervalMs: number): Running & { readonly answer: Promise<Outcome> } {
    const abort = new AbortController();
    const { signal } = abort;
    const watch: Watch = { waitsFor: item, signal, timeoutMs: this.#timeoutMs };
    const { mono } = this.#clock.now();
    const context = {
      signal,
      intervalMs,
      waitsFor: (what: string): void => {
        watch.waitsFor = what;
      },
      pause: (ms: number) => this.#pause(ms, signal),
    };
    const answer = COLLECTORS[item](watchedHost(this.#host, watch), context).then(
      (reading): Outcome => ({ kind: 'read', reading, mono }),
      (e: unknown): Outcome => ({
        kind: e instanceof Absent ? 'absent' : 'failed',
        reason: clipped(e instanceof Error ? e.message : String(e)),
      }),
    );
    const running = {
      watch,
      abort,
      answer,
      ended: answer.then(() => {
        this.#running.delete(running);
        if (this.#hanging.get(item) === running) this.#hanging.delete(item);
      }),
    };
    this.#running.add(running);
    return running;
  }

  async #pause(ms: number, signal: AbortSignal): Promise<number> {
    const begin = this.#clock.now().mono;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    if (signal.aborted) throw new Error('called off');
    return this.#clock.now().mono - begin;
  }

  async #ended(running: Running | undefined): Promise<void> {
    if (running === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, ENDING_MS);
    });
    await Promise.race([running.ended, late]);
    clearTimeout(timer);
  }
}

/** A reason as a report may hold it. */
export const clipped = (reason: string): string => reason.replace(/\p{Cc}/gu, ' ').slice(0, REASON_MAX);
