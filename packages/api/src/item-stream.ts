import type { ServerResponse } from 'node:http';
import { CsmError, code, isObject, type Json, type Problem, problem } from '@csm/model';
import { problemBody } from './status.ts';

export const STREAM_TYPE = 'application/x-ndjson';
/** Bytes that may wait in one answer when a handler does not await `emit`. */
const WAITING_MAX = 4 * 1024 * 1024;

/**
 * A streamed answer: one JSON item a line, then `{"end":true}` or `{"problem":{…}}`. The head is sent with the first
 * line, so that a call which fails before its first item is still answered with the problem's own HTTP status.
 */
export class ItemStream {
  readonly #res: ServerResponse;
  readonly #trace: string;
  readonly #signal: AbortSignal;
  readonly #stallMs: number;
  #room: Promise<void> | undefined;

  constructor(res: ServerResponse, trace: string, signal: AbortSignal, stallMs: number) {
    this.#res = res;
    this.#trace = trace;
    this.#signal = signal;
    this.#stallMs = stallMs;
    // A write to a client that just left; 'close' ends the call.
    res.on('error', () => undefined);
  }

  get begun(): boolean {
    return this.#res.headersSent;
  }

  /** Sends one item; resolves when there is room for the next. Rejects with the reason when the call is over. */
  async emit(item: Json): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#res.writableEnded) throw new TypeError('the stream has ended');
    if (isObject(item) && ('end' in item || 'problem' in item)) {
      throw new TypeError('an item of a stream must not have the field end or problem');
    }
    if (this.#res.writableLength > WAITING_MAX) {
      throw new CsmError(problem(code.MEMORY, 'the answer is produced faster than the client reads it'));
    }
    if (!this.#line(item)) await this.#whenRoom();
    this.#signal.throwIfAborted();
  }

  end(): void {
    this.#last('{"end":true}\n');
  }

  fail(p: Problem): void {
    this.#last(`${JSON.stringify({ problem: problemBody(p, this.#trace) })}\n`);
  }

  #last(line: string): void {
    this.#begin();
    this.#res.end(line);
    this.#res.socket?.setTimeout(this.#stallMs);
  }

  #begin(): void {
    if (this.begun) return;
    // Stops proxies and browsers from guessing a type or keeping the lines back.
    this.#res.writeHead(200, {
      'content-type': STREAM_TYPE,
      'x-csm-trace': this.#trace,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  }

  #line(item: Json): boolean {
    const text = JSON.stringify(item);
    if (text === undefined) throw new TypeError('an item of a stream must be JSON');
    this.#begin();
    return this.#res.write(`${text}\n`);
  }

  /** One wait shared by all emits. While it lasts, a client that reads nothing is cut off after `stallMs`. */
  #whenRoom(): Promise<void> {
    this.#room ??= new Promise<void>((resolve) => {
      const { socket } = this.#res;
      socket?.setTimeout(this.#stallMs);
      const done = (): void => {
        this.#res.off('drain', done);
        this.#signal.removeEventListener('abort', done);
        socket?.setTimeout(0);
        this.#room = undefined;
        resolve();
      };
      this.#res.on('drain', done);
      this.#signal.addEventListener('abort', done);
    });
    return this.#room;
  }
}
