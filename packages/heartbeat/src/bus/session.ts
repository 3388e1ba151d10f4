/**
 * One connection to the bus, from the first look at the stream until anything fails. It is never mended: whatever goes
 * wrong ends it, and the next one begins by reading where the stream ends.
 */

import { CsmError, code, problem } from '@csm/model';
import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JetStreamPublishOptions,
  jetstream,
  jetstreamManager,
  type MsgRequest,
  type StoredMsg,
  type StreamInfo,
} from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { type BusAddress, hostAndPort } from './address.ts';
import { greeting } from './greeting.ts';
import { type Mark, markIn } from './mark.ts';
import type { BusMessage } from './message.ts';
import { newStream, unfit } from './stream.ts';
import { inWords } from './words.ts';

export interface SessionOptions {
  readonly address: BusAddress;
  /** Files in PEM: whose certificates are believed, and our own for a server that asks for one. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** What the server calls the connection in its own lists. */
  readonly name: string;
  /** Milliseconds one answer may take. */
  readonly answerMs: number;
}

/** Where the subject ends in the stream. */
export interface Tail {
  /** The stream's number of its last message; 0 when there is none. */
  readonly at: number;
  /** Of the newest of ours. */
  readonly mark: Mark | undefined;
}

/** What must stand last for the next message to be taken: a number on the subject, or an id in the stream. */
export type Expected = { readonly lastSubjectSequence: number } | { readonly lastMsgID: string };

/** An idle connection is tried as often, and given up when two tries were not answered. */
const PING_MS = 10_000;
/** Many messages are on their way at once; the last of them waits for the others. */
const ACKNOWLEDGE_FACTOR = 2;
/** Messages of others that are looked through for the newest of ours, and how many at once. */
export const SEARCH_MAX = 10_000;
const SEARCH_STEP = 100;
/** The server's numbers for: another message stands last than was expected. */
const WRONG_LAST: ReadonlySet<number> = new Set([10_070, 10_071, 10_164]);

export class Session {
  /** Resolves when it is over, with the reason in words. */
  readonly ended: Promise<string>;
  readonly #nc: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #options: SessionOptions;
  readonly #stream: string;
  readonly #first: number;
  #why: string | undefined;
  #proven = false;

  private constructor(nc: NatsConnection, jsm: JetStreamManager, stream: StreamInfo, options: SessionOptions) {
    this.#nc = nc;
    this.#jsm = jsm;
    this.#js = jetstream(nc, { timeout: options.answerMs });
    this.#options = options;
    this.#stream = stream.config.name;
    this.#first = stream.state.first_seq;
    this.ended = nc.closed().then((error) => this.#why ?? inWords(error));
  }

  /** Connects, and finds or makes the stream. Rejects with the reason, soon after the signal fires at the latest. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    await greeting(options.address, options.answerMs, signal);
    const nc = await connection(options, signal);
    try {
      const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: options.answerMs });
      return new Session(nc, jsm, await streamFor(jsm, options.address.subject), options);
    } catch (error) {
      await nc.close();
      throw error;
    }
  }

  /** A message was acknowledged. */
  get proven(): boolean {
    return this.#proven;
  }

  /** Gives up the connection; what is under way is rejected. */
  async end(why: string): Promise<void> {
    this.#why ??= why;
    await this.#nc.close();
  }

  /**
   * Reads where the subject ends. When others have published behind the newest of ours, it is looked for down to
   * `floor`, where one of ours stood, and through at most `SEARCH_MAX` messages.
   */
  tail(identity: string, floor: number): Promise<Tail> {
    return this.#within(async () => {
      const { subject } = this.#options.address;
      const last = await this.#message({ last_by_subj: subject });
      if (last === null) return { at: 0, mark: undefined };
      const read = (message: StoredMsg | null): Mark | undefined =>
        message?.subject === subject ? markIn(message.header.get('Nats-Msg-Id'), identity) : undefined;
      let mark = read(last);
      // A stream that was made anew counts from 1 again.
      const lowest = Math.max(this.#first, floor <= last.seq ? floor : 1, last.seq - SEARCH_MAX);
      for (let top = last.seq - 1; mark === undefined && top >= lowest; top -= SEARCH_STEP) {
        const count = Math.min(SEARCH_STEP, top - lowest + 1);
        const step = Array.from({ length: count }, (_, i) => this.#message({ seq: top - i }));
        mark = (await Promise.all(step)).map(read).find((found) => found !== undefined);
      }
      return { at: last.seq, mark };
    });
  }

  /**
   * Publishes all at once; each is taken only behind the one before it, the first behind what is expected. Gives the
   * stream's number of the last one; undefined when something else stands last than was expected: then any of them, from
   * the first on, may have been taken, and the tail tells which.
   */
  publish(messages: readonly BusMessage[], expected: Expected): Promise<number | undefined> {
    return this.#within(async () => {
      const { address, answerMs } = this.#options;
      const sent = messages.map(({ id, text, headers: more }, i) => {
        const before = messages[i - 1];
        const fields = headers();
        for (const [name, value] of more) fields.set(name, value);
        const options: Partial<JetStreamPublishOptions> = {
          msgID: id,
          expect: before === undefined ? expected : { lastMsgID: before.id },
          headers: fields,
          timeout: answerMs * ACKNOWLEDGE_FACTOR,
        };
        return this.#js.publish(address.subject, text, options);
      });
      let at = 0;
      // The first that fails tells why; those behind it fail for its sake.
      for (const one of await Promise.allSettled(sent)) {
        if (one.status === 'rejected') {
          const { reason } = one as { readonly reason: unknown };
          if (reason instanceof JetStreamApiError && WRONG_LAST.has(reason.code)) return undefined;
          throw reason;
        }
        at = one.value.seq;
        this.#proven = true;
      }
      return at;
    });
  }

  #message(query: MsgRequest): Promise<StoredMsg | null> {
    return this.#jsm.streams.getMessage(this.#stream, query);
  }

  /** What fails ends the session; it is thrown as code 12. */
  async #within<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const why = this.#why ?? inWords(error);
      await this.end(why);
      throw new CsmError(problem(code.COMMUNICATION, why), { cause: error });
    }
  }
}

/** Is closed when the signal fires, and never made again by the library. */
async function connection(
  { address, tls, name, answerMs }: SessionOptions,
  signal: AbortSignal,
): Promise<NatsConnection> {
  const { user, password, token } = address;
  // Without the host, Node would hold the certificate of a server that is named by its IP address against `localhost`.
  const encryption = { ...tls, host: address.host };
  const connecting = connect({
    servers: hostAndPort(address),
    name,
    timeout: answerMs,
    reconnect: false,
    ignoreClusterUpdates: true,
    pingInterval: PING_MS,
    noAsyncTraces: true,
    ...(token === undefined ? {} : { token }),
    ...(user === undefined || password === undefined ? {} : { user, pass: password }),
    ...(address.tls || tls !== undefined ? { tls: encryption } : {}),
  });
  let stopped: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stopped = () => {
      reject(new Error('stopped'));
      connecting.then((nc) => nc.close()).catch(() => {});
    };
    signal.addEventListener('abort', stopped);
    if (signal.aborted) stopped();
  });
  const forget = (): void => signal.removeEventListener('abort', stopped);
  try {
    const nc = await Promise.race([connecting, aborted]);
    void nc.closed().then(forget);
    return nc;
  } catch (error) {
    forget();
    throw error;
  }
}

/** The stream that takes the subject, whatever its name; it is made where there is none. */
async function streamFor(jsm: JetStreamManager, subject: string): Promise<StreamInfo> {
  let info: StreamInfo;
  try {
    info = await jsm.streams.info(await jsm.streams.find(subject));
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== JetStreamApiCodes.StreamNotFound) throw error;
    info = await jsm.streams.add(newStream(subject));
  }
  const why = unfit(info.config);
  if (why !== undefined) throw new Error(`stream ${info.config.name} cannot be used: ${why}`);
  return info;
}
