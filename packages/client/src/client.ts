import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { CsmError, code, fail, nearest, problem } from '@csm/model';
import { BrokenAnswer, parseJson, passBytes, readBytes, readItems, throwProblem } from './answer.ts';
import type { ApiEntry, ApiShape } from './entry.ts';
import { API, API_VERSION, type ApiTypes } from './generated/api.ts';
import { type WireRequest, wireRequest } from './request.ts';
import type { Target } from './target.ts';
import { BrokenConnection, Transport } from './transport.ts';

/** `socket`: path of a daemon's unix socket, at most 100 bytes; `https`: another way to one. */
export type ClientOptions = Target & ClientSettings;

export interface ClientSettings {
  /** Seconds a call may take when its own options do not say; default: what the table gives the call. */
  readonly timeout?: number;
  /** Default `csm-client`. */
  readonly userAgent?: string;
  /** Another table than the generated one; for tests. */
  readonly api?: { readonly [name: string]: ApiEntry };
  /** Another version than the generated one; for tests. */
  readonly apiVersion?: string;
}

export interface CallOptions {
  /** Ends the call; it rejects with the reason of the signal. */
  readonly signal?: AbortSignal;
  /** Asks the daemon to end the call after this many seconds; it grants from 5 to what the table gives the call. */
  readonly timeoutSeconds?: number;
  /** Key under which a change is carried out once; default: a new UUID for each changing call. */
  readonly idempotencyKey?: string;
}

/** Seconds the client waits longer than the daemon may take, so that the daemon's own words arrive. */
const GRACE_SECONDS = 3;
/** No call is given less by a daemon. */
const MINIMUM_SECONDS = 5;

const isUnseen = (error: unknown): boolean => error instanceof BrokenAnswer;
/** Parts of it were given away. */
const isSeen = (): boolean => false;

/**
 * The API of one daemon. A call rejects with a `CsmError`: the daemon's own problem, code 22 when no daemon answers
 * there, code 12 when the connection breaks or it speaks another version, code 5 when the time is out. A call whose
 * connection breaks before an answer is sent once more: reads as they are, changes under the same Idempotency-Key, so that none is done twice. So is
 * a read whose answer breaks off, where nobody has seen any of it.
 */
export class Client<T extends { [N in keyof T]: ApiShape } = ApiTypes> {
  readonly #transport: Transport;
  readonly #api: { readonly [name: string]: ApiEntry };
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.#api = options.api ?? API;
    this.#options = options;
  }

  /** Makes a call and resolves with its answer; undefined when the call has none. */
  async call<N extends keyof T & string>(
    name: N,
    input: T[N]['input'],
    options: CallOptions = {},
  ): Promise<T[N]['output']> {
    const bytes = await this.#answer(name, input as object, options, readBytes, isUnseen);
    return bytes === undefined ? undefined : (parseJson(bytes.toString('utf8')) as T[N]['output']);
  }

  /**
   * As `call`, with the answer as the daemon writes it, given to `take` as it comes: JSON in UTF-8, not read here, so not sure
   * to be JSON if the daemon is none of ours. For who passes it on. It may reject behind a part that was given: that is
   * no answer then.
   */
  async pass<N extends keyof T & string>(
    name: N,
    input: T[N]['input'],
    take: (part: Buffer) => void,
    options: CallOptions = {},
  ): Promise<void> {
    await this.#answer(name, input as object, options, (res) => passBytes(res, take), isSeen);
  }

  /** A read whose answer breaks off is asked once more, within the same time, where `again` says so. */
  async #answer<R>(
    name: string,
    input: object,
    options: CallOptions,
    read: (res: IncomingMessage) => Promise<R>,
    again: (error: unknown) => boolean,
  ): Promise<R | undefined> {
    const entry = this.#entry(name);
    if (entry.stream) fail(code.INVALID_PARAMETER, `${name} answers with a stream; use stream()`);
    const wire = wireRequest(entry, input as { readonly [field: string]: unknown });
    const seconds = options.timeoutSeconds ?? this.#options.timeout ?? entry.timeoutSeconds;
    const limit = new Limit(name, this.#transport.where, seconds, options.signal);
    const ask = async () => {
      const res = await this.#send(entry, wire, options, limit);
      if (res.statusCode === 204) {
        res.resume();
        return undefined;
      }
      if (res.statusCode !== 200) return throwProblem(res);
      return read(res);
    };
    try {
      return await ask().catch((error: unknown) => {
        if (entry.changes || limit.signal.aborted || !again(error)) throw error;
        return ask();
      });
    } catch (error) {
      // What breaks because the limit was reached is told as that.
      throw limit.signal.aborted ? (limit.signal.reason as Error) : error;
    } finally {
      limit.clear();
    }
  }

  /**
   * Makes a call whose answer is a stream. Nothing is sent before the first `next()`; items are read no faster than
   * they are asked for. Leaving the loop, or `return()`, ends the call at the daemon too.
   */
  stream<N extends keyof T & string>(
    name: N,
    input: T[N]['input'],
    options: CallOptions = {},
  ): AsyncIterableIterator<T[N]['item']> {
    const cancel = new AbortController();
    const items = this.#items(name, input as object, options, cancel);
    const stream: AsyncIterableIterator<T[N]['item']> = {
      next: () => items.next(),
      // A generator would finish a `next` that waits before it looks at `return`: the call is ended first.
      return: async () => {
        cancel.abort();
        return items.return(undefined);
      },
      [Symbol.asyncIterator]: () => stream,
    };
    return stream;
  }

  /** Closes the connections; calls under way break. */
  close(): void {
    this.#transport.close();
  }

  async *#items(
    name: string,
    input: object,
    options: CallOptions,
    cancel: AbortController,
  ): AsyncGenerator<unknown, void> {
    const entry = this.#entry(name);
    if (!entry.stream) fail(code.INVALID_PARAMETER, `${name} answers once; use call()`);
    const wire = wireRequest(entry, input as { readonly [field: string]: unknown });
    const seconds = options.timeoutSeconds ?? this.#options.timeout ?? entry.timeoutSeconds;
    const limit = new Limit(name, this.#transport.where, seconds, options.signal, cancel);
    let res: IncomingMessage | undefined;
    try {
      res = await this.#send(entry, wire, options, limit);
      if (res.statusCode !== 200) await throwProblem(res);
      yield* readItems(res);
    } catch (error) {
      if (limit.cancelled) return;
      throw limit.signal.aborted ? (limit.signal.reason as Error) : error;
    } finally {
      limit.clear();
      // Read to its end, the connection is kept; left before, it is closed, which ends the call at the daemon.
      // A socket that was called off ends with an error, which a response left to itself would throw at the process.
      if (res !== undefined && (!res.complete || limit.signal.aborted)) res.destroy();
      else res?.resume();
    }
  }

  #entry(name: string): ApiEntry {
    const entry = Object.hasOwn(this.#api, name) ? this.#api[name] : undefined;
    if (entry !== undefined) return entry;
    const near = nearest(name, Object.keys(this.#api));
    const hint = near === undefined ? '' : `; did you mean '${near}'?`;
    return fail(code.UNKNOWN_COMMAND, `there is no call '${name}'${hint}`);
  }

  async #send(entry: ApiEntry, wire: WireRequest, options: CallOptions, limit: Limit): Promise<IncomingMessage> {
    const { signal } = limit;
    const seconds = options.timeoutSeconds ?? this.#options.timeout;
    const headers: OutgoingHttpHeaders = {
      accept: 'application/json, application/x-ndjson, application/problem+json',
      'csm-api-version': this.#version,
      'user-agent': this.#options.userAgent ?? 'csm-client',
      ...(seconds === undefined ? {} : { 'csm-timeout': String(Math.round(seconds * 1000) / 1000) }),
      ...(entry.changes ? { 'idempotency-key': options.idempotencyKey ?? crypto.randomUUID() } : {}),
    };
    // Where no time was asked for, the daemon may give more than the table says.
    const early = ({ 'csm-timeout': more }: IncomingMessage['headers']): void => {
      if (seconds === undefined && /^\d{1,6}$/.test(String(more))) limit.extend(Number(more));
    };
    const send = () => this.#transport.send(wire, headers, signal, early);
    const res = await send().catch((error: unknown) => {
      if (!(error instanceof BrokenConnection)) throw error;
      return send();
    });
    this.#checkVersion(res);
    return res;
  }

  get #version(): string {
    return this.#options.apiVersion ?? API_VERSION;
  }

  /** A daemon that says no version is as old as the first one. A refusal of its own says more than ours would. */
  #checkVersion(res: IncomingMessage): void {
    const theirs = [res.headers['csm-api-version']].flat()[0] ?? '1.0';
    const isSame = theirs.split('.')[0] === this.#version.split('.')[0];
    if (isSame || (res.statusCode ?? 0) >= 400) return;
    res.destroy();
    fail(
      code.COMMUNICATION,
      `the daemon at ${this.#transport.where} speaks version ${theirs} of the API, this client ${this.#version}`,
      { allowed: 'the same number before the dot' },
    );
  }
}

/** What may end a call from this side: its time, the caller's signal, or the reader leaving the stream. */
class Limit {
  readonly #controller = new AbortController();
  readonly #what: string;
  readonly #began = performance.now();
  readonly #undo: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  cancelled = false;

  /** `seconds` 0 is without limit. */
  constructor(name: string, where: string, seconds: number, signal?: AbortSignal, cancel?: AbortController) {
    this.#what = `the daemon at ${where} did not answer ${name}`;
    if (seconds > 0) this.extend(seconds);
    this.#follow(signal, () => this.#controller.abort(signal?.reason));
    this.#follow(cancel?.signal, () => {
      this.cancelled = true;
      this.#controller.abort(cancel?.signal.reason);
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on so many seconds from the beginning. */
  extend(seconds: number): void {
    if (this.signal.aborted) return;
    const wait = Math.min(Math.max(seconds, MINIMUM_SECONDS) + GRACE_SECONDS, 2_147_483);
    const late = new CsmError(problem(code.TIMEOUT, `${this.#what} within ${wait} s`));
    clearTimeout(this.#timer);
    const left = Math.max(0, wait * 1000 - (performance.now() - this.#began));
    this.#timer = setTimeout(() => this.#controller.abort(late), left);
  }

  #follow(signal: AbortSignal | undefined, then: () => void): void {
    if (signal === undefined) return;
    if (signal.aborted) then();
    signal.addEventListener('abort', then, { once: true });
    this.#undo.push(() => signal.removeEventListener('abort', then));
  }

  clear(): void {
    clearTimeout(this.#timer);
    for (const undo of this.#undo) undo();
  }
}
