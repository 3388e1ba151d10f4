/** Calls being served at the leader: their deadlines, their cancelling, and the window of their streamed answers. */
import { CsmError, fail, type Json, JsonPages, type Problem, problem, toProblem } from '@csm/model';
import { MAX_FRAME, type MessageOf, wireLength } from '@csm/protocol';
import { PagePieces } from '../calls/pieces.ts';
import type { Clock, Log } from './ports.ts';

export interface ServeContext {
  readonly signal: AbortSignal;
  /** ms. */
  remaining(): number;
  /** One item of a streamed answer; resolves when there is room for the next. `bytes`: its wire length, if known. */
  emit(item: Json, bytes?: number): Promise<void>;
}

/** Answers a call. What it throws becomes the call's problem. */
export type Serve = (call: MessageOf<'call'>, context: ServeContext) => Promise<Json | JsonPages | undefined>;

export interface CallServerPort {
  items(id: string, items: readonly Json[], bytes: number): void;
  piece(id: string, text: string): void;
  /** Without either it ends an answer that was given in pieces. */
  ended(id: string, how: { readonly answer?: Json; readonly problem?: Problem }): void;
}

/**
 * Items that a handler emits in one go share frames; a frame is sent once it has so many bytes. Smaller than what a
 * socket takes at once, so that calls take turns.
 */
const FRAME_BYTES = 32 * 1024;

/**
 * Bytes on their way to all clients together, and to one of them at least and at most. A link bears 16 MiB that are not
 * read; many streams through one daemon must stay below that, also when none of their clients reads.
 */
const WAY_BYTES = 2 * 1024 * 1024;
const CALL_LEAST = 16 * 1024;
const CALL_MOST = 256 * 1024;

/** Bytes of one item: what a frame holds, without what is around it. */
const ITEM_MAX = MAX_FRAME - 1024;

interface Serving {
  readonly abort: AbortController;
  window: number;
  /** Bytes sent and not yet taken. */
  underWay: number;
  waiting: (() => void)[];
  /** Items that are yet to be sent, and their bytes. */
  items: Json[];
  bytes: number;
}

export class CallServer {
  readonly #serve: Serve;
  readonly #port: CallServerPort;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #serving = new Map<string, Serving>();

  constructor(serve: Serve, port: CallServerPort, clock: Clock, log: Log) {
    this.#serve = serve;
    this.#port = port;
    this.#clock = clock;
    this.#log = log;
  }

  get open(): number {
    return this.#serving.size;
  }

  async start(call: MessageOf<'call'>): Promise<void> {
    const serving: Serving = {
      abort: new AbortController(),
      window: call.window,
      underWay: 0,
      waiting: [],
      items: [],
      bytes: 0,
    };
    this.#serving.set(call.id, serving);
    const { signal } = serving.abort;
    const started = this.#clock.now().mono;
    const remaining = () => Math.max(0, call.remaining - (this.#clock.now().mono - started));
    const late = problem(5, `'${call.call}' was not answered in time`);
    const deadline = setTimeout(
      () => (isCurrent() ? this.#abort(serving, new CsmError(late)) : undefined),
      Math.min(call.remaining, 2 ** 31 - 1),
    );
    // An aborted call may be served anew under its id: what this one still says then is nobody's.
    const isCurrent = () => this.#serving.get(call.id) === serving;
    const flush = () => {
      const { items, bytes } = serving;
      if (items.length === 0) return;
      serving.items = [];
      serving.bytes = 0;
      if (isCurrent() && !signal.aborted) this.#port.items(call.id, items, bytes);
    };
    const emit = async (item: Json, bytes = wireLength(JSON.stringify(item))) => {
      if (signal.aborted || !isCurrent()) throw new Error('the call was cancelled');
      // A frame that is too long would cost the link, and all who use it.
      if (bytes > ITEM_MAX) fail(30, `an item of ${bytes} bytes on the wire`, { allowed: `at most ${ITEM_MAX}` });
      serving.window -= bytes;
      serving.underWay += bytes;
      if (serving.bytes + bytes > FRAME_BYTES) flush();
      if (serving.items.length === 0) process.nextTick(flush);
      serving.items.push(item);
      serving.bytes += bytes;
      if (this.#hasRoom(serving)) return;
      await new Promise<void>((resolve) => serving.waiting.push(resolve));
      if (signal.aborted) throw new Error('the call was cancelled');
    };
    try {
      const answer = await this.#serve(call, { signal, remaining, emit });
      const pieces = new PagePieces();
      // Also when it is called off: who writes it learns so from the first page.
      if (answer instanceof JsonPages)
        await answer.write((items) => {
          if (signal.aborted || !isCurrent()) throw new Error('the call was cancelled');
          for (const text of pieces.add(items)) this.#port.piece(call.id, text);
        });
      // A stream's handler returns when it is called off: that is an end, not an answer.
      if (signal.aborted) throw signal.reason;
      flush();
      if (!isCurrent()) return;
      if (!(answer instanceof JsonPages)) return this.#port.ended(call.id, { answer: answer ?? null });
      const last = pieces.end();
      if ('answer' in last) return this.#port.ended(call.id, last);
      this.#port.piece(call.id, last.piece);
      this.#port.ended(call.id, {});
    } catch (error) {
      // What a handler throws because it was called off says less than why that was.
      const p = toProblem(signal.aborted ? signal.reason : error);
      if (!signal.aborted && p.code === 1) this.#log.error(`call '${call.call}' failed`, { error, trace: call.trace });
      flush();
      if (isCurrent()) this.#port.ended(call.id, { problem: { ...p, trace: call.trace } });
    } finally {
      clearTimeout(deadline);
      if (isCurrent()) this.#serving.delete(call.id);
    }
  }

  room(id: string, bytes: number): void {
    const serving = this.#serving.get(id);
    if (serving === undefined) return;
    serving.window += bytes;
    serving.underWay = Math.max(0, serving.underWay - bytes);
    if (!this.#hasRoom(serving)) return;
    for (const resolve of serving.waiting.splice(0)) resolve();
  }

  /** The share of one grows again with what its own client takes. */
  #hasRoom({ window, underWay }: Serving): boolean {
    const share = Math.max(CALL_LEAST, Math.min(CALL_MOST, WAY_BYTES / this.#serving.size));
    return window > 0 && underWay < share;
  }

  abort(id: string, why: string): void {
    const serving = this.#serving.get(id);
    if (serving !== undefined) this.#abort(serving, new Error(why));
  }

  #abort(serving: Serving, reason: Error): void {
    serving.abort.abort(reason);
    for (const resolve of serving.waiting.splice(0)) resolve();
  }

  stop(): void {
    for (const id of this.#serving.keys()) this.abort(id, 'the master is stopping');
  }
}
