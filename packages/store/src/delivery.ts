/**
 * Delivery of changes to one named follower, at least once and in order.
 *
 * The loop has four states. *Reading*: the next rows after the cursor are fetched, in windows of seq so that a rare
 * kind costs no scan of the whole table; with none left it *waits* for the head to rise. *Sending*: one send at a
 * time; no later row leaves before it has succeeded, which keeps the order of every subject. After success the cursor
 * is stored, and the next send may be twice as large. *Pausing*: after a failure it waits with full jitter and tries
 * again with half the rows, so that the rows before a culprit get through. `stop` leaves from each state.
 */
import { CsmError, code, type Problem, problem, toProblem } from '@csm/model';
import { fullJitter } from './backoff.ts';
import { oldest, readChanges } from './changes.ts';
import type { ChangeRow, Delivery, DeliveryStatus, Follower, Store } from './store.ts';

/** Seq values looked at in one query. */
const WINDOW = 10_000;
/** A cursor that only passed over rows it does not want is stored after so many: a restart looks at them again. */
const STORE_AFTER = 1_000;

const DEFAULTS = { batch: 100, attemptMs: 30_000, backoff: { firstMs: 500, maxMs: 60_000 } };

export interface DeliveryPorts {
  readonly query: Store['query'];
  readonly call: Store['call'];
  /** The newest change known here. */
  head(): number;
  subscribe(listener: () => void): () => void;
  random(): number;
  onFault(where: string, problem: Problem): void;
}

export class FollowerDelivery implements Delivery {
  readonly #follower: Follower;
  readonly #ports: DeliveryPorts;
  readonly #stop = new AbortController();
  readonly #unsubscribe: () => void;
  readonly #ended: Promise<void>;
  readonly #batch: number;
  #size: number;
  #cursor = 0;
  #stored = -1;
  #sent = 0;
  #failures = 0;
  #skipped = 0;
  #lost = 0;
  #lastProblem: Problem | undefined;
  /** Rows were sent since the cursor was stored. */
  #owed = false;
  /** A row sent alone, and how often that failed. */
  #culprit = { seq: 0, attempts: 0 };
  /** Ends the present wait or pause. */
  #wake: () => void = () => {};
  #pausing = false;
  #news = false;

  constructor(follower: Follower, ports: DeliveryPorts) {
    this.#follower = follower;
    this.#ports = ports;
    this.#batch = follower.batch ?? DEFAULTS.batch;
    this.#size = this.#batch;
    this.#unsubscribe = ports.subscribe(() => {
      this.#news = true;
      if (!this.#pausing) this.#wake();
    });
    this.#ended = this.#run();
  }

  status(): DeliveryStatus {
    return {
      name: this.#follower.name,
      cursor: this.#cursor,
      sent: this.#sent,
      failures: this.#failures,
      skipped: this.#skipped,
      lost: this.#lost,
      ...(this.#lastProblem === undefined ? {} : { lastProblem: this.#lastProblem }),
    };
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort();
    this.#wake();
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#step();
        this.#failures = 0;
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        await this.#failed(toProblem(thrown));
      }
    }
  }

  /** One round: open, or store what is owed, or send, or wait. */
  async #step(): Promise<void> {
    const { name, from = 'now' } = this.#follower;
    if (this.#stored < 0) {
      const { cursor } = await this.#ports.call<{ cursor: number }>('store.openFollower', { name, from });
      this.#cursor = cursor;
      this.#stored = cursor;
    }
    // The last store may have failed after its send had succeeded.
    if (this.#owed) await this.#store();
    this.#news = false;
    const upTo = Math.min(this.#ports.head(), this.#cursor + WINDOW);
    if (upTo > this.#cursor) {
      const { rows, through } = await this.#read(upTo);
      if (rows.length > 0) await this.#sendOrSkip(rows);
      this.#cursor = Math.max(this.#cursor, through);
      // What was sent is stored at once, what was passed over only now and then.
      if (this.#owed || this.#cursor - this.#stored >= STORE_AFTER) await this.#store();
    } else if (!this.#news) {
      await this.#wait(undefined);
    }
  }

  /** The next rows, and the seq up to which nothing else is wanted. */
  async #read(upTo: number): Promise<{ readonly rows: readonly ChangeRow[]; readonly through: number }> {
    const { name, kinds } = this.#follower;
    const filter = kinds === undefined ? undefined : { kinds };
    const rows = await readChanges(this.#ports.query, { after: this.#cursor, upTo, limit: this.#size, filter });
    const through = rows.length === this.#size ? (rows.at(-1)?.seq ?? upTo) : upTo;
    const first = await oldest(this.#ports.query);
    const gone = first - 1 - this.#cursor;
    if (gone <= 0) return { rows, through };
    await this.#attempt(async (signal) => this.#follower.lost?.(this.#cursor + 1, first - 1, signal));
    this.#lost += gone;
    const words = `${gone} changes after ${this.#cursor} were pruned before ${name} had them`;
    this.#ports.onFault(`delivery ${name}`, problem(code.CONTEXT_LOST, words));
    this.#cursor = first - 1;
    return { rows: rows.filter((row) => row.seq >= first), through };
  }

  /** Sends, and counts; a single row that has failed too often is skipped where the follower allows it. */
  async #sendOrSkip(rows: readonly ChangeRow[]): Promise<void> {
    try {
      await this.#attempt((signal) => this.#follower.send(rows, signal));
      this.#sent += rows.length;
      this.#size = Math.min(this.#batch, this.#size * 2);
    } catch (thrown) {
      const [row] = rows;
      const { name, maxAttempts } = this.#follower;
      if (rows.length > 1 || row === undefined || this.#stop.signal.aborted) throw thrown;
      const attempts = row.seq === this.#culprit.seq ? this.#culprit.attempts + 1 : 1;
      this.#culprit = { seq: row.seq, attempts };
      if (maxAttempts === undefined || attempts < maxAttempts) throw thrown;
      this.#skipped += 1;
      this.#lastProblem = toProblem(thrown);
      const words = `change ${row.seq} is skipped after ${attempts} attempts: ${this.#lastProblem.detail}`;
      this.#ports.onFault(`delivery ${name}`, { ...this.#lastProblem, detail: words });
    }
    this.#owed = true;
  }

  /** Work of the follower within its time; it ends with `stop`, too. */
  async #attempt(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    // It was stopped while the rows were read: the attempt would not hear of it.
    this.#stop.signal.throwIfAborted();
    const attempt = new AbortController();
    const { attemptMs = DEFAULTS.attemptMs } = this.#follower;
    let end: (error: CsmError) => void = () => {};
    const cut = new Promise<never>((_, reject) => {
      end = (error) => {
        reject(error);
        attempt.abort();
      };
    });
    const late = problem(code.TIMEOUT, 'the send did not end', { allowed: `${attemptMs} ms` });
    const timer = setTimeout(() => end(new CsmError(late)), attemptMs);
    const stopped = (): void => attempt.abort();
    this.#stop.signal.addEventListener('abort', stopped);
    try {
      await Promise.race([work(attempt.signal), cut]);
    } finally {
      clearTimeout(timer);
      this.#stop.signal.removeEventListener('abort', stopped);
    }
  }

  async #store(): Promise<void> {
    await this.#ports.call('store.moveFollower', { name: this.#follower.name, cursor: this.#cursor });
    this.#stored = this.#cursor;
    this.#owed = false;
  }

  async #failed(reason: Problem): Promise<void> {
    this.#failures += 1;
    this.#lastProblem = reason;
    this.#ports.onFault(`delivery ${this.#follower.name}`, reason);
    this.#size = Math.max(1, Math.floor(this.#size / 2));
    const { firstMs, maxMs } = this.#follower.backoff ?? DEFAULTS.backoff;
    this.#pausing = true;
    await this.#wait(fullJitter(this.#failures, firstMs, maxMs, this.#ports.random()));
    this.#pausing = false;
  }

  /** Until woken, or for so long. */
  async #wait(ms: number | undefined): Promise<void> {
    if (this.#stop.signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#wake = () => {};
  }
}
