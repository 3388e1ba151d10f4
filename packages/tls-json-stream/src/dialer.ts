/**
 * Keeps trying one target until there is a stream, with full-jitter back-off, and resumes its TLS session.
 * What a stream must do to count as good is the owner's to say: the back-off starts anew only at `settled()`.
 */
import { type Backoff, backoffDelay, DEFAULT_BACKOFF_BASE, DEFAULT_BACKOFF_CAP } from './backoff.ts';
import type { TlsSettings } from './context.ts';
import { type DialError, type DialOptions, dial, type Session } from './dial.ts';
import { type JsonStream, rethrowLater } from './stream.ts';

export interface DialerOptions extends Omit<DialOptions, 'session' | 'onSession' | 'signal'>, Partial<Backoff> {
  /** In [0, 1). Default `Math.random`. */
  readonly random?: () => number;
  readonly onStream: (stream: JsonStream) => void;
  /** An attempt failed; the next begins in `retryIn` ms. */
  readonly onFailure: (error: DialError, retryIn: number) => void;
}

export class Dialer {
  readonly #options: DialerOptions;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  #tls: TlsSettings;
  #session: Session | undefined;
  #attempt = 0;
  #timer: NodeJS.Timeout | undefined;
  #underWay: AbortController | undefined;
  #stopped = false;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#backoff = { base: options.base ?? DEFAULT_BACKOFF_BASE, cap: options.cap ?? DEFAULT_BACKOFF_CAP };
    this.#random = options.random ?? Math.random;
    this.#tls = options.tls;
  }

  /** Attempts since the last `settled()`. */
  get attempts(): number {
    return this.#attempt;
  }

  /** Begins an attempt now, unless one is under way. */
  start(): void {
    if (this.#stopped || this.#underWay !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#try();
  }

  /** Plans an attempt after a stream was lost, at the earliest in `atLeast` ms. Gives the pause in ms. */
  retry(atLeast: number = 0): number {
    const delay = Math.max(atLeast, backoffDelay(this.#attempt, this.#backoff, this.#random()));
    this.#attempt += 1;
    if (this.#stopped || this.#underWay !== undefined) return delay;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#try(), delay);
    return delay;
  }

  /** The stream has proved good: the next pause is a short one again. */
  settled(): void {
    this.#attempt = 0;
  }

  /** New certificates from the next attempt on. */
  setTls(tls: TlsSettings): void {
    this.#tls = tls;
    this.#session = undefined;
  }

  /** No attempt follows; one under way is given up without a call of `onFailure`. Streams stay. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#underWay?.abort();
  }

  #try(): void {
    this.#timer = undefined;
    const abort = new AbortController();
    this.#underWay = abort;
    const tls = this.#tls;
    const onSession = (session: Session) => {
      if (tls === this.#tls) this.#session = session;
    };
    const { session: _none, ...options }: DialOptions = { ...this.#options, tls, onSession, signal: abort.signal };
    const attempt = dial(this.#session === undefined ? options : { ...options, session: this.#session });
    const settled = attempt.then(
      (stream) => {
        this.#underWay = undefined;
        if (this.#stopped) stream.destroy('stopped here');
        else this.#options.onStream(stream);
      },
      (error: DialError) => {
        this.#underWay = undefined;
        // A session that did not help must not stand in the way of the next attempt.
        this.#session = undefined;
        if (!this.#stopped) this.#options.onFailure(error, this.retry());
      },
    );
    settled.catch(this.#options.onHandlerError ?? rethrowLater);
  }
}
