/**
 * What has become of rows of the outbox, on its way into the database: one call at a time, and again after a while when
 * the database does not take it. A row that is lost on this way is told to the state manager once more, no harm done.
 */
import type { TimePort } from '../types.ts';
import type { Row } from './lanes.ts';
import type { OutboxPort, Refusal } from './outbox.ts';

/** Rows in one call. */
const BATCH = 1_000;
/** Milliseconds until a call that failed is made again. */
export const AGAIN_MS = 1_000;

export class Settling {
  readonly #outbox: OutboxPort;
  readonly #time: TimePort;
  #sent: Row[] = [];
  #refused: Refusal[] = [];
  #isBusy = false;
  #isOver = false;
  #cancel: () => void = () => {};
  #idle: (() => void)[] = [];
  #failure: string | undefined;

  constructor(outbox: OutboxPort, time: TimePort) {
    this.#outbox = outbox;
    this.#time = time;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Why the last call failed; undefined after one that did not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  sent(rows: readonly Row[]): void {
    for (const row of rows) this.#sent.push(row);
    this.#go();
  }

  refused(refusal: Refusal): void {
    this.#refused.push(refusal);
    this.#go();
  }

  /** Resolves when the call under way has ended; what waits then is not written any more. */
  stop(): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    return this.#isBusy ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  #go(): void {
    if (this.#isBusy || this.#isOver) return;
    const call = this.#next();
    if (call === undefined) return;
    this.#isBusy = true;
    this.#cancel();
    call().then(
      () => this.#over(undefined),
      (error: unknown) => this.#over(error instanceof Error ? error.message : 'the outbox could not be written'),
    );
  }

  /** The next call, whose rows leave only when it has succeeded. */
  #next(): (() => Promise<void>) | undefined {
    const rows = this.#sent.slice(0, BATCH);
    if (rows.length > 0) {
      return async () => {
        await this.#outbox.sent(rows);
        this.#sent = this.#sent.slice(rows.length);
      };
    }
    const [refusal] = this.#refused;
    if (refusal === undefined) return undefined;
    return async () => {
      await this.#outbox.refused(refusal);
      this.#refused.shift();
    };
  }

  #over(failure: string | undefined): void {
    this.#isBusy = false;
    this.#failure = failure;
    for (const resolve of this.#idle.splice(0)) resolve();
    if (this.#isOver) return;
    if (failure === undefined) this.#go();
    else this.#cancel = this.#time.after(AGAIN_MS, () => this.#go());
  }
}
