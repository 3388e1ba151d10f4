/**
 * Publishes changes of heartbeats to NATS JetStream, once each and in order, as a follower of the table `change`.
 *
 * Each message bears an id, and is taken only behind the one before it (`Nats-Expected-Last-Msg-Id`), so many may be
 * under way at once and still none is doubled, left out or turned round. Where a session begins, and whenever something
 * else stands last than was expected, the stream is read: what follows the newest of ours there is published, whether
 * the follower's cursor has passed it or not. The first message then names its place by number: after a restart a server
 * may have forgotten the last id of a stream that was quiet for longer than its duplicate window.
 *
 * The follower gives the next rows only when these are acknowledged, so what waits stays in the database.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { CsmError, code, fail, type Problem, toProblem } from '@csm/model';
import type { ChangeRow, Delivery, Store } from '@csm/store';
import { type BusAddress, showBusAddress } from './address.ts';
import { Link } from './link.ts';
import { FOLLOWERS_LIKE, followerName, goOnBehind, IDENTITY_BYTES, identityIn, type Mark } from './mark.ts';
import { busMessage } from './message.ts';
import { type Expected, Session, type SessionOptions } from './session.ts';

/** Of the changes that are published. */
const KIND = 'heartbeat';
/** Changes under way at once. */
const BATCH = 500;
/** Milliseconds of an attempt: all that is done in one has a time of its own, and much less. */
const ATTEMPT_MS = 300_000;
/** How long an attempt waits for a session before it is told as failed. */
const SESSION_MS = 30_000;
const BACKOFF = { firstMs: 100, maxMs: 5_000 };
/** How often in one attempt others may come between. */
const BETWEEN_MAX = 20;
/** How long a cursor that cannot be looked up is waited for. */
const LOOK_MS = 1_000;
/** How often waiting changes are counted at most, how small a part of the time that may take, and how far it goes. */
const COUNT_EVERY_MS = 1_000;
const COUNT_PART = 20;
const WAITING = `
  SELECT count(*) AS n FROM (
    SELECT 1 FROM change WHERE kind = $1 AND seq > (SELECT cursor FROM follower WHERE name = $2) LIMIT 1000000
  ) AS waiting`;
const ANSWER_MS = 5_000;

export interface BusOptions extends Pick<SessionOptions, 'address' | 'tls'> {
  readonly store: Store;
  /** What the server calls the connection. Default `csm-heartbeat`. */
  readonly name?: string;
  /** Milliseconds one answer of the server may take. Default 5,000. */
  readonly answerMs?: number;
  /** In [0, 1). Default Math.random. */
  readonly random?: () => number;
}

/** Where the next message goes, in one session. */
interface Place {
  readonly session: Session;
  /** The change behind which it goes on. */
  readonly behind: number;
  readonly expected: Expected;
}

export class MessageBus {
  readonly #store: Store;
  readonly #link: Link;
  readonly #address: BusAddress;
  readonly #stop = new AbortController();
  readonly #started: Promise<void>;
  readonly #unsubscribe: () => void;
  #identity = '';
  #delivery: Delivery | undefined;
  #place: Place | undefined;
  /** The stream's number of the newest of ours, as far as known here. */
  #floor = 1;
  #published = 0;
  #trouble: string | undefined;
  #head = 0;
  /** Changes that waited when they were counted last. */
  #counted = 0;
  #counting: NodeJS.Timeout | undefined;

  /** Begins at once. */
  constructor(options: BusOptions) {
    const { store, address, tls, name = 'csm-heartbeat', answerMs = ANSWER_MS, random = Math.random } = options;
    this.#store = store;
    this.#address = address;
    const session = { address, name, answerMs, ...(tls === undefined ? {} : { tls }) };
    this.#link = new Link({ open: (signal) => Session.open(session, signal), random });
    this.#unsubscribe = store.changes.subscribe((head) => {
      this.#head = head;
      this.#countSoon();
    });
    this.#started = this.#start();
  }

  get state(): 'connected' | 'away' {
    return this.#link.reason === undefined && this.#trouble === undefined ? 'connected' : 'away';
  }

  /** Sentences. */
  get problems(): readonly string[] {
    const why = this.#link.reason ?? this.#trouble;
    const lost = this.#delivery?.status().lost ?? 0;
    const out: string[] = [];
    if (why !== undefined) out.push(`the message bus ${showBusAddress(this.#address)} is away: ${why}`);
    if (lost > 0) out.push(`${lost} changes were pruned before the message bus had them`);
    return out;
  }

  /** Changes that wait to be published; while there are any, the figure may be a second old, of very many some more. */
  get waiting(): number {
    return this.#isBehind ? this.#counted : 0;
  }

  /** Messages acknowledged since the start. */
  get published(): number {
    return this.#published;
  }

  /** Leaves what is under way: whether it arrived, the next one reads from the stream. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#unsubscribe();
    clearTimeout(this.#counting);
    await this.#started;
    await Promise.all([this.#link.stop(), this.#delivery?.stop()]);
  }

  /** Finds the cursor of the one before, or makes a new identity, and begins to follow. */
  async #start(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const [known] = await followers(this.#store);
        this.#head = Math.max(this.#head, await this.#store.changes.head());
        if (signal.aborted) return;
        this.#identity = known === undefined ? randomBytes(IDENTITY_BYTES).toString('hex') : identityIn(known);
        this.#delivery = this.#store.deliver({
          name: followerName(this.#identity),
          kinds: [KIND],
          batch: BATCH,
          attemptMs: ATTEMPT_MS,
          backoff: BACKOFF,
          send: (rows, aborted) => this.#send(rows, aborted),
        });
        this.#trouble = undefined;
        this.#countSoon();
        return;
      } catch (error) {
        this.#trouble = toProblem(error).detail;
        await pause(LOOK_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #send(rows: readonly ChangeRow[], signal: AbortSignal): Promise<void> {
    try {
      for (let between = 0; between < BETWEEN_MAX; between++) {
        const session = await this.#link.session(SESSION_MS, signal);
        const leave = (): void => void session.end('stopped');
        signal.addEventListener('abort', leave);
        const isDone = await this.#sendIn(session, rows).finally(() => signal.removeEventListener('abort', leave));
        this.#trouble = undefined;
        if (isDone) return;
        this.#place = undefined;
      }
      fail(
        code.COMMUNICATION,
        `others keep publishing to ${this.#address.subject}, so that no place is found behind them`,
      );
    } catch (error) {
      this.#place = undefined;
      const { detail, ...rest }: Problem = toProblem(error);
      // What the database said is no trouble with the bus.
      if (rest.code === code.COMMUNICATION) this.#trouble = detail;
      throw new CsmError({ ...rest, detail: `the message bus ${showBusAddress(this.#address)}: ${detail}` });
    }
  }

  /** False when something else stood last than was expected. */
  async #sendIn(session: Session, rows: readonly ChangeRow[]): Promise<boolean> {
    if (this.#place?.session !== session) {
      const first = rows[0]?.seq ?? 0;
      this.#place = await this.#findPlace(session, first);
      if (!(await this.#catchUp(this.#place.behind, first))) return false;
    }
    return this.#publish(rows);
  }

  async #findPlace(session: Session, first: number): Promise<Place> {
    const { at, mark } = await session.tail(this.#identity, this.#floor);
    const time = mark === undefined ? undefined : await this.#timeOf(mark);
    return { session, behind: goOnBehind(first, mark, time), expected: { lastSubjectSequence: at } };
  }

  /** Of the change with this number; undefined when there is none, any more or yet. */
  async #timeOf({ seq }: Mark): Promise<number | undefined> {
    if (seq < 1) return undefined;
    try {
      const [row] = await this.#store.changes.since(seq - 1, 1);
      return row?.seq === seq ? row.time : undefined;
    } catch (error) {
      if (toProblem(error).code === code.CONTEXT_LOST) return undefined;
      throw error;
    }
  }

  /** Publishes what the bus had acknowledged before `first`, and lost. */
  async #catchUp(behind: number, first: number): Promise<boolean> {
    for (let from = behind; from < first - 1; ) {
      const page = await this.#store.changes.since(from, BATCH, { kinds: [KIND] });
      const lost = page.filter(({ seq }) => seq < first);
      if (!(await this.#publish(lost))) return false;
      from = lost.length < BATCH ? first : (lost.at(-1)?.seq ?? first);
    }
    return true;
  }

  async #publish(rows: readonly ChangeRow[]): Promise<boolean> {
    const place = this.#place;
    if (place === undefined) return false;
    const messages = rows.filter(({ seq }) => seq > place.behind).map((row) => busMessage(this.#identity, row));
    const last = messages.at(-1);
    if (last === undefined) return true;
    const at = await place.session.publish(messages, place.expected);
    if (at === undefined) return false;
    this.#place = { ...place, behind: rows.at(-1)?.seq ?? place.behind, expected: { lastMsgID: last.id } };
    this.#floor = at;
    this.#published += messages.length;
    return true;
  }

  get #isBehind(): boolean {
    return this.#delivery !== undefined && this.#delivery.status().cursor < this.#head;
  }

  /** Once in a while as long as anything waits, so that whoever asks is told at once. */
  #countSoon(ms = COUNT_EVERY_MS): void {
    if (this.#stop.signal.aborted) return;
    this.#counting ??= setTimeout(() => void this.#count(), ms).unref();
  }

  async #count(): Promise<void> {
    const began = performance.now();
    if (this.#isBehind) {
      try {
        const [row] = await this.#store.query<{ n: number }>(WAITING, [KIND, followerName(this.#identity)]);
        this.#counted = row?.n ?? 0;
      } catch {
        // The database is away, and says so itself; the figure stays.
      }
    }
    this.#counting = undefined;
    if (this.#isBehind) this.#countSoon(Math.max(COUNT_EVERY_MS, COUNT_PART * (performance.now() - began)));
  }
}

/** Of a bus that is switched off: its cursor goes, so that it holds no change back and nothing old is told later. */
export async function forgetBus(store: Store): Promise<void> {
  for (const name of await followers(store)) await store.forgetFollower(name);
}

async function followers(store: Store): Promise<string[]> {
  const sql = 'SELECT name FROM follower WHERE name LIKE $1 ORDER BY name LIMIT 10';
  return (await store.query<{ name: string }>(sql, [FOLLOWERS_LIKE])).map(({ name }) => name);
}
