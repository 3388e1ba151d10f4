import type { ServerResponse } from 'node:http';
import type { Json, Problem } from '@csm/model';
import { type Carried, type Carrier, itemText, LAST_WORDS_MS, stalled } from './carrier.ts';
import type { Framing } from './framing.ts';
import { problemBody } from './status.ts';

/** Milliseconds after which the head of a stream that has a sign of life is sent without an item: a browser waits for it. */
const BEGIN_MS = 1_000;

/**
 * A streamed answer in the body of an HTTP response. The head is sent with the first item, so that a call which fails
 * before it is still answered with the problem's own HTTP status.
 */
export class ItemStream implements Carrier {
  readonly #res: ServerResponse;
  readonly #carried: Carried;
  readonly #framing: Framing;
  #room: Promise<void> | undefined;
  #idle: NodeJS.Timeout | undefined;
  #cutOff = false;

  constructor(res: ServerResponse, carried: Carried, framing: Framing) {
    this.#res = res;
    this.#carried = carried;
    this.#framing = framing;
    // A write to a client that just left; 'close' ends the call.
    res.on('error', () => undefined);
    res.once('close', () => clearTimeout(this.#idle));
    if (framing.idle !== undefined) this.#idleIn(Math.min(BEGIN_MS, carried.idleMs));
  }

  get begun(): boolean {
    return this.#res.headersSent;
  }

  async emit(item: Json): Promise<void> {
    const { signal } = this.#carried;
    signal.throwIfAborted();
    if (this.#res.writableEnded) throw new TypeError('the stream has ended');
    const text = itemText(item, this.#res.writableLength);
    this.#begin();
    if (!this.#res.write(this.#framing.item(text, item))) await this.#whenRoom();
    signal.throwIfAborted();
  }

  end(): void {
    this.#last(this.#framing.end);
  }

  fail(p: Problem): void {
    this.#last(this.#framing.problem(JSON.stringify(problemBody(p, this.#carried.trace))));
  }

  #last(text: string): void {
    clearTimeout(this.#idle);
    this.#begin();
    this.#res.end(text);
    this.#res.socket?.setTimeout(this.#cutOff ? LAST_WORDS_MS : this.#carried.stallMs);
  }

  #begin(): void {
    if (this.begun) return;
    // Stops proxies and browsers from guessing a type or keeping the items back.
    this.#res.writeHead(200, {
      'content-type': this.#framing.type,
      'x-csm-trace': this.#carried.trace,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
    });
    if (this.#framing.first !== '') this.#res.write(this.#framing.first);
  }

  /** A sign of life now and then, but none behind items that wait for their reader. */
  #idleIn(ms: number): void {
    this.#idle = setTimeout(() => {
      if (this.#res.writableEnded || this.#carried.signal.aborted) return;
      this.#begin();
      if (this.#res.writableLength === 0) this.#res.write(this.#framing.idle);
      this.#idleIn(this.#carried.idleMs);
    }, ms);
  }

  /** One wait shared by all emits. A client that reads nothing for `stallMs` meanwhile is cut off. */
  #whenRoom(): Promise<void> {
    this.#room ??= new Promise<void>((resolve) => {
      const { signal, stallMs, over } = this.#carried;
      const timer = setTimeout(() => {
        this.#cutOff = true;
        over(stalled(stallMs));
      }, stallMs);
      const done = (): void => {
        clearTimeout(timer);
        this.#res.off('drain', done);
        signal.removeEventListener('abort', done);
        this.#room = undefined;
        resolve();
      };
      this.#res.on('drain', done);
      signal.addEventListener('abort', done);
    });
    return this.#room;
  }
}
