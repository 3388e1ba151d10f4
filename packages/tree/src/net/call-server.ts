/** Calls being served at the leader: their deadlines, their cancelling, and the window of their streamed answers. */
import { CsmError, type Json, type Problem, problem, toProblem } from '@csm/model';
import type { MessageOf } from '@csm/protocol';
import type { Clock, Log } from './ports.ts';

export interface ServeContext {
  readonly signal: AbortSignal;
  /** ms. */
  remaining(): number;
  /** One item of a streamed answer; resolves when there is room for the next. */
  emit(item: Json): Promise<void>;
}

/** Answers a call. What it throws becomes the call's problem. */
export type Serve = (call: MessageOf<'call'>, context: ServeContext) => Promise<Json | undefined>;

export interface CallServerPort {
  items(id: string, items: readonly Json[], bytes: number): void;
  ended(id: string, how: { readonly answer?: Json; readonly problem?: Problem }): void;
}

interface Serving {
  readonly abort: AbortController;
  window: number;
  waiting: (() => void)[];
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
    const serving: Serving = { abort: new AbortController(), window: call.window, waiting: [] };
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
    const emit = async (item: Json) => {
      if (signal.aborted || !isCurrent()) throw new Error('the call was cancelled');
      const bytes = JSON.stringify(item).length;
      serving.window -= bytes;
      this.#port.items(call.id, [item], bytes);
      if (serving.window > 0) return;
      await new Promise<void>((resolve) => serving.waiting.push(resolve));
      if (signal.aborted) throw new Error('the call was cancelled');
    };
    try {
      const answer = await this.#serve(call, { signal, remaining, emit });
      // A stream's handler returns when it is called off: that is an end, not an answer.
      if (signal.aborted) throw signal.reason;
      if (isCurrent()) this.#port.ended(call.id, { answer: answer ?? null });
    } catch (error) {
      // What a handler throws because it was called off says less than why that was.
      const p = toProblem(signal.aborted ? signal.reason : error);
      if (!signal.aborted && p.code === 1) this.#log.error(`call '${call.call}' failed`, { error, trace: call.trace });
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
    if (serving.window <= 0) return;
    for (const resolve of serving.waiting.splice(0)) resolve();
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
