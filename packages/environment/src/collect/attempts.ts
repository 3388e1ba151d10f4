/**
 * One attempt at one item: in time, and at no cost to the others.
 *
 * Items stand in two lanes, those that start programs and those that only read files, and are read one after another in
 * each. An attempt that has not answered at its deadline is given up. Its programs are ended then, and the next one in
 * their lane waits for that. A read that hangs in the kernel cannot be ended: it holds a thread of the pool until the
 * kernel lets go, so the item is not tried again before. The lane of files passes an item that takes a fifth of its
 * interval; with two such items nothing more is tried, since the rest of the daemon needs the other threads.
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
/** Of the interval: what an item of files may take before the next one in line begins. */
const PASS_AT = 0.2;
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
  /** Given up or passed, and not ended yet. */
  readonly #hanging = new Map<Item, Running>();
  readonly #learnt = new Map<Item, Set<string>>();
  /** When the next one in line may begin. */
  #programs: Promise<unknown> = Promise.resolve();
  #files: Promise<unknown> = Promise.resolve();
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
    const answer = BY_PROGRAM.has(item) ? this.#amongPrograms(item, intervalMs) : this.#amongFiles(item, intervalMs);
    const outcome = answer.finally(() => this.#current.delete(item));
    this.#current.set(item, outcome);
    return outcome;
  }

  #amongPrograms(item: Item, intervalMs: number): Promise<Outcome> {
    const outcome = this.#programs.then(() => this.#attempt(item, intervalMs));
    this.#programs = outcome.then(() => this.#ended(this.#hanging.get(item)));
    return outcome;
  }

  #amongFiles(item: Item, intervalMs: number): Promise<Outcome> {
    let pass: () => void = () => undefined;
    const passed = new Promise<void>((resolve) => {
      pass = resolve;
    });
    const outcome = this.#files.then(() => this.#attempt(item, intervalMs, pass));
    this.#files = Promise.race([outcome, passed]);
    return outcome;
  }

  /** Gives all of them up, and waits a moment for their ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { abort } of this.#running) abort.abort();
    await Promise.all([...this.#running].map((running) => this.#ended(running)));
  }

  /** `pass` is called when others are to wait no longer. */
  async #attempt(item: Item, intervalMs: number, pass?: () => void): Promise<Outcome> {
    const refusal = this.#refusal(item);
    if (refusal !== undefined) return { kind: 'failed', reason: refusal };
    const running = this.#start(item, intervalMs);
    const { signal } = running.watch;
    const passing = pass && setTimeout(() => this.#pass(item, running, pass), intervalMs * PASS_AT);
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
    clearTimeout(passing);
    if (signal.aborted && this.#running.has(running)) this.#hanging.set(item, running);
    return outcome;
  }

  #pass(item: Item, running: Running, pass: () => void): void {
    if (this.#running.has(running)) this.#hanging.set(item, running);
    pass();
  }

  #refusal(item: Item): string | undefined {
    if (this.#isStopped) return 'the daemon stops';
    const own = this.#hanging.get(item);
    if (own !== undefined) return clipped(`an earlier attempt still waits for ${own.watch.waitsFor}`);
    const holding = [...this.#hanging].filter(([, { watch }]) => watch.holdsThread).map(([name]) => name);
    return holding.length < HANGING_MAX ? undefined : `not tried while ${holding.join(' and ')} hang`;
  }

  #start(item: Item, intervalMs: number): Running & { readonly answer: Promise<Outcome> } {
    const abort = new AbortController();
    const { signal } = abort;
    const watch: Watch = { waitsFor: item, holdsThread: false, signal, timeoutMs: this.#timeoutMs };
    const { mono } = this.#clock.now();
    const context = {
      signal,
      intervalMs,
      waitsFor: (what: string): void => {
        watch.waitsFor = what;
        watch.holdsThread = true;
      },
      pause: (ms: number) => {
        watch.holdsThread = false;
        return pause(ms, signal);
      },
      now: () => this.#clock.now().mono,
      learnt: this.#learntOf(item),
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

  #learntOf(item: Item): Set<string> {
    let learnt = this.#learnt.get(item);
    if (learnt === undefined) {
      learnt = new Set();
      this.#learnt.set(item, learnt);
    }
    return learnt;
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

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  if (signal.aborted) throw new Error('called off');
}

/** A reason as a report may hold it. */
export const clipped = (reason: string): string => reason.replace(/\p{Cc}/gu, ' ').slice(0, REASON_MAX);
