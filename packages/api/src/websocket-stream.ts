import { CsmError, code, type Json, type Problem, problem } from '@csm/model';
import type { WebSocket } from 'ws';
import { type Carried, type Carrier, itemText, LAST_WORDS_MS, stalled } from './carrier.ts';
import { problemBody } from './status.ts';

/** Bytes on their way to a client before the next item waits, and at which it goes on. */
const ROOM_MAX = 64 * 1024;
const ROOM_LEAST = 16 * 1024;
/** Close codes: the answer is complete; the daemon stops; from this number on a problem, with its code added. */
const CLOSE_END = 1000;
const CLOSE_STOPPING = 1001;
export const CLOSE_PROBLEM = 4000;
/** Bytes of a reason (RFC 6455 §5.5: a control frame has at most 125, two of them are the code). */
const REASON_MAX = 123;

/**
 * A streamed answer as messages of a WebSocket: one text message an item, then `{"end":true}` or `{"problem":{…}}`, and
 * a close with the reason. The client has nothing to say but pings; whatever else it sends ends the call.
 */
export class WebSocketStream implements Carrier {
  readonly begun = true;
  readonly #ws: WebSocket;
  readonly #carried: Carried;
  readonly #beat: NodeJS.Timeout;
  /** Beats since the client last showed that it reads; a daemon that was asleep has made none. */
  #quiet = 0;
  #waiting: (() => void)[] = [];
  #ending: NodeJS.Timeout | undefined;

  constructor(ws: WebSocket, carried: Carried) {
    this.#ws = ws;
    this.#carried = carried;
    const { over, signal } = carried;
    ws.on('message', () => over(problem(code.INVALID_PARAMETER, 'the client sent a message', { allowed: 'none' })));
    ws.on('ping', (data) => {
      // Answered only where there is room: who asks much and reads nothing fills no memory.
      if (ws.bufferedAmount < ROOM_MAX && ws.readyState === ws.OPEN) ws.pong(data);
    });
    ws.on('pong', () => this.#shows());
    // Frames that break the protocol; the closing of it follows.
    ws.on('error', (error) => over(problem(code.COMMUNICATION, `the client broke the protocol: ${error.message}`)));
    ws.once('close', () => {
      clearInterval(this.#beat);
      clearTimeout(this.#ending);
      over(problem(code.COMMUNICATION, 'the client went away before the answer was complete'));
      this.#go();
    });
    signal.addEventListener('abort', () => this.#go(), { once: true });
    this.#beat = setInterval(() => this.#look(), carried.idleMs);
  }

  async emit(item: Json): Promise<void> {
    const { signal } = this.#carried;
    signal.throwIfAborted();
    if (this.#ws.readyState !== this.#ws.OPEN) throw new CsmError(problem(code.COMMUNICATION, 'the client left'));
    this.#ws.send(itemText(item, this.#ws.bufferedAmount), this.#sent);
    if (this.#ws.bufferedAmount <= ROOM_MAX) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    signal.throwIfAborted();
  }

  end(): void {
    this.#last('{"end":true}', CLOSE_END, 'end');
  }

  fail(p: Problem): void {
    const stopping = p.code === code.NOT_INITIALIZED;
    const text = JSON.stringify({ problem: problemBody(p, this.#carried.trace) });
    this.#last(text, stopping ? CLOSE_STOPPING : CLOSE_PROBLEM + p.code, p.detail);
  }

  /** Behind what is still on its way; a client that does not close in turn is cut off. */
  #last(text: string, closeCode: number, reason: string): void {
    clearInterval(this.#beat);
    if (this.#ws.readyState === this.#ws.CLOSED) return;
    if (this.#ws.readyState === this.#ws.OPEN) {
      this.#ws.send(text, this.#sent);
      this.#ws.close(closeCode, cut(reason));
    }
    this.#ending = setTimeout(() => this.#ws.terminate(), LAST_WORDS_MS);
  }

  readonly #sent = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return;
    this.#shows();
    if (this.#ws.bufferedAmount <= ROOM_LEAST) this.#go();
  };

  #shows(): void {
    this.#quiet = 0;
  }

  #go(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #look(): void {
    const { stallMs, idleMs, over } = this.#carried;
    this.#quiet += 1;
    if (this.#quiet * idleMs > stallMs) over(stalled(stallMs));
    else if (this.#ws.bufferedAmount < ROOM_MAX) this.#ws.ping();
  }
}

/** As many whole characters as a reason has room for. */
export function cut(reason: string): string {
  let bytes = 0;
  let end = 0;
  for (const character of reason) {
    bytes += Buffer.byteLength(character);
    if (bytes > REASON_MAX) break;
    end += character.length;
  }
  return reason.slice(0, end);
}
