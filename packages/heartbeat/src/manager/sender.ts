/**
 * The sender to an external state manager: reads the outbox, and while the state manager is ready sends PATCHes of `BulkStateData`, as `Lanes` says which. URL, time and retries are those of the
 * parameters at that moment. Nothing of it holds up the service: while the state manager is away, the outbox grows to
 * one row a component.
 */
import { hostname } from 'node:os';
import type { Wall } from '@csm/model';
import type { Log } from '../ports.ts';
import type { Params, TimePort } from '../types.ts';
import { isXname } from '../xname/index.ts';
import { type Answer, type Asked, HttpClient, wordsOf } from './client.ts';
import { type Doubt, Lanes, type Patch, patchBody, type Row } from './lanes.ts';
import type { OutboxPort } from './outbox.ts';
import { Readiness } from './readiness.ts';
import { AGAIN_MS, Settling } from './settling.ts';

/** PATCHes under way at once; each kind of notice has at most one. */
const SENDING_MAX = 4;
/** Requests without an answer in time that are kept open. */
const DOUBTS_MAX = 8;
/** Rows read at once. */
const PAGE = 1_000;
/** Milliseconds for which a refusal is told as something that is wrong now. */
const REFUSAL_MS = 3_600_000;
/** The first refusals are logged one by one, of the others each of so many. */
const REFUSALS_LOGGED = 100;

export interface SenderPorts {
  readonly outbox: OutboxPort;
  readonly params: () => Pick<Params, 'Nosm' | 'Sm_url' | 'Sm_timeout' | 'Sm_retries'>;
  readonly time: TimePort;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** 0 to 1; for tests. */
  readonly random?: () => number;
  /** As hbtd does, the name of this host when left out. */
  readonly userAgent?: string;
}

export interface SenderStatus {
  readonly manager: 'none' | 'not initialized' | 'not ready' | 'ready';
  /** When the state manager took something last. */
  readonly lastDelivery: Wall | null;
  /** Components it is yet to be told of. */
  readonly waiting: number;
  /** Since the start: PATCHes it took, PATCHes that failed, changes of components it refused. */
  readonly taken: number;
  readonly failed: number;
  readonly refused: number;
  /** What is wrong now, a sentence each. */
  readonly problems: readonly string[];
}

export class ManagerSender {
  readonly #ports: SenderPorts;
  readonly #random: () => number;
  readonly #userAgent: string;
  readonly #client: HttpClient;
  readonly #lanes = new Lanes();
  readonly #readiness: Readiness;
  readonly #settling: Settling;
  readonly #open = new Set<Asked>();
  /** Oldest first. */
  readonly #doubts: Asked[] = [];
  readonly #working = new Set<Promise<void>>();
  #sending = 0;
  /** Of those, PATCHes whose rows are looked at once more. */
  #looking = 0;
  /** All rows of the outbox up to here are known. */
  #cursor = 0;
  #news = true;
  #isReading = false;
  #readFailure: string | undefined;
  #failure: string | undefined;
  #refusal: { readonly words: string; readonly at: Wall } | undefined;
  #counts = { taken: 0, failed: 0, refused: 0 };
  #lastDelivery: Wall | null = null;
  #isOver = false;
  #cancelWake: () => void = () => {};
  #cancelRead: () => void = () => {};
  #unsubscribe: () => void = () => {};

  constructor(ports: SenderPorts) {
    this.#ports = ports;
    this.#random = ports.random ?? Math.random;
    this.#userAgent = ports.userAgent ?? hostname();
    this.#client = new HttpClient(ports.time);
    this.#settling = new Settling(ports.outbox, ports.time);
    this.#readiness = new Readiness({
      ...ports,
      ask: (url) => this.#ask('GET', `${base(url)}/service/ready`).first,
      told: (isBack) => {
        if (isBack) this.#lanes.resume(ports.time.now().mono);
        this.#pump();
      },
    });
  }

  /** Begins with what the outbox has. */
  start(): void {
    this.#unsubscribe = this.#ports.outbox.subscribe(() => {
      this.#news = true;
      this.#pump();
    });
    this.#pump();
    // Before the first answer, and while nobody is told: it is asked again and again from here on.
    this.#run(this.#readiness.ask());
  }

  /** Requests that are open, work on the outbox, and the number up to which its rows are known. */
  get underWay(): { readonly requests: number; readonly outbox: number; readonly readUpTo: number } {
    const outbox = this.#looking + Number(this.#isReading) + Number(this.#settling.isBusy);
    return { requests: this.#open.size, outbox, readUpTo: this.#cursor };
  }

  /** After a change of the parameters: a new URL is asked at once. */
  paramsChanged(): void {
    this.#pump();
  }

  status(): SenderStatus {
    const { Nosm, Sm_url: url } = this.#ports.params();
    const known = this.#readiness.of(url);
    const waiting = this.#lanes.size;
    const problems: string[] = [];
    const off = Nosm === '1';
    const wait = waiting === 0 ? '' : `; it is yet to be told of ${waiting} components`;
    if (!off && known?.isReady === false)
      problems.push(`the state manager at ${url} is not ready: ${known.words}${wait}`);
    if (!off && known?.isReady === true && this.#failure !== undefined && this.#lanes.failures > 0) {
      problems.push(`the state manager at ${url} does not take what it is told: ${this.#failure}${wait}`);
    }
    if (this.#refusal !== undefined && this.#ports.time.now().wall - this.#refusal.at < REFUSAL_MS) {
      problems.push(`the state manager refused ${this.#counts.refused} changes, at last of ${this.#refusal.words}`);
    }
    const failure = this.#readFailure ?? this.#settling.failure;
    if (failure !== undefined) problems.push(`the outbox to the state manager: ${failure}`);
    return {
      manager: off ? 'none' : known === undefined ? 'not initialized' : known.isReady ? 'ready' : 'not ready',
      lastDelivery: this.#lastDelivery,
      waiting,
      ...this.#counts,
      problems,
    };
  }

  /** Gives up what is under way; the outbox has it all. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#unsubscribe();
    this.#cancelWake();
    this.#cancelRead();
    this.#readiness.stop();
    for (const asked of this.#open) asked.drop();
    this.#client.close();
    await Promise.all([...this.#working, this.#settling.stop()]);
  }

  /** Does all that can be done now; cheap when that is nothing. */
  #pump(): void {
    if (this.#isOver) return;
    if (this.#news && !this.#isReading) this.#run(this.#read());
    const { Nosm, Sm_url: url } = this.#ports.params();
    if (Nosm === '1') return;
    const known = this.#readiness.of(url);
    if (known === undefined) this.#run(this.#readiness.ask());
    else if (known.isReady) this.#send(url);
  }

  #send(url: string): void {
    const now = this.#ports.time.now().mono;
    while (this.#sending < SENDING_MAX) {
      const patch = this.#lanes.take(now);
      if (patch === undefined) break;
      this.#run(this.#tell(url, patch));
    }
    this.#cancelWake();
    const at = this.#lanes.wakeAt();
    // What could go by the clock and does not will go when something under way has ended.
    if (at !== undefined && at > now) this.#cancelWake = this.#ports.time.after(at - now, () => this.#pump());
  }

  async #tell(url: string, taken: Patch): Promise<void> {
    this.#sending += 1;
    const patch = await this.#narrowed(taken);
    if (patch !== undefined && !this.#isOver) {
      const asked = this.#ask('PATCH', `${base(url)}/State/Components/BulkStateData`, patchBody(patch));
      const answer = await asked.first;
      if (this.#isOver) return;
      if (answer.kind === 'late') {
        const doubt = this.#lanes.late(patch, this.#now());
        this.#failed(`no answer within ${this.#ports.params().Sm_timeout} s`);
        this.#run(this.#await(url, asked, doubt));
      } else {
        this.#judge(patch, answer);
      }
    }
    this.#sending -= 1;
    this.#pump();
  }

  /** Without what was withdrawn meanwhile, as far as the database tells. */
  async #narrowed(patch: Patch): Promise<Patch | undefined> {
    this.#looking += 1;
    try {
      const still = await this.#ports.outbox.still(patch.rows);
      return this.#lanes.narrowed(patch, ({ seq, isAgain }) => isAgain === true || still.has(seq));
    } catch {
      // What is known is told: a database that is away is no reason to hold back an alarm.
      return patch;
    } finally {
      this.#looking -= 1;
    }
  }

  #judge(patch: Patch, answer: Answer): void {
    if (isTaken(answer)) {
      this.#taken(this.#lanes.taken(patch));
    } else if (answer.kind === 'answer' && answer.status === 400) {
      const row = this.#lanes.refused(patch);
      if (row !== undefined) this.#refused(row, wordsOf(answer));
    } else {
      this.#lanes.failed(patch, { ...this.#now(), isAnswered: answer.kind === 'answer' });
      this.#failed(wordsOf(answer));
    }
  }

  /** What becomes in the end of a PATCH that was not answered in time. */
  async #await(url: string, asked: Asked, doubt: Doubt): Promise<void> {
    this.#doubts.push(asked);
    if (this.#doubts.length > DOUBTS_MAX) this.#doubts.shift()?.drop();
    const answer = await asked.last;
    const at = this.#doubts.indexOf(asked);
    if (at !== -1) this.#doubts.splice(at, 1);
    if (this.#isOver) return;
    // Another state manager has not heard what this one took.
    const isPresent = url === this.#ports.params().Sm_url;
    if (isPresent && isTaken(answer)) this.#taken(this.#lanes.lateTaken(doubt));
    else this.#lanes.cleared(doubt);
    this.#pump();
  }

  #taken(rows: readonly Row[]): void {
    this.#counts.taken += 1;
    if (this.#lanes.failures === 0) this.#failure = undefined;
    this.#lastDelivery = this.#ports.time.now().wall;
    this.#settling.sent(rows);
  }

  #refused({ name, seq }: Row, reason: string): void {
    const count = ++this.#counts.refused;
    this.#refusal = { words: `${name}: ${reason}`, at: this.#ports.time.now().wall };
    if (count <= REFUSALS_LOGGED || count % REFUSALS_LOGGED === 0) {
      this.#ports.log.warn('the state manager refused a component', { name, reason, count });
    }
    this.#settling.refused({ name, seq, reason });
  }

  #failed(words: string): void {
    this.#counts.failed += 1;
    // One line for a state manager that goes on failing.
    if (this.#failure !== words) this.#ports.log.warn('the state manager did not take what it was told', { words });
    this.#failure = words;
  }

  /** Rows behind the last one known. */
  async #read(): Promise<void> {
    this.#isReading = true;
    this.#news = false;
    try {
      const rows = await this.#ports.outbox.read(this.#cursor, PAGE);
      this.#readFailure = undefined;
      this.#cursor = rows.at(-1)?.seq ?? this.#cursor;
      if (rows.length === PAGE) this.#news = true;
      this.#lanes.offer(rows.filter((row) => this.#isKnowable(row)));
    } catch (error) {
      this.#readFailure = error instanceof Error ? error.message : 'it could not be read';
      if (!this.#isOver) {
        this.#cancelRead = this.#ports.time.after(AGAIN_MS, () => {
          this.#news = true;
          this.#pump();
        });
      }
    }
    this.#isReading = false;
    if (this.#readFailure === undefined) this.#pump();
  }

  /** Nodes of this cluster have other names, and no state manager would take them. */
  #isKnowable({ name, seq }: Row): boolean {
    const isKnowable = isXname(name);
    if (!isKnowable) this.#settling.refused({ name, seq, reason: 'it has no xname, as a state manager wants it' });
    return isKnowable;
  }

  #ask(method: 'GET' | 'PATCH', url: string, body?: string): Asked {
    const timeoutMs = Number(this.#ports.params().Sm_timeout) * 1_000;
    const userAgent = this.#userAgent;
    const asked = this.#client.ask({ method, url, userAgent, timeoutMs, ...(body === undefined ? {} : { body }) });
    this.#open.add(asked);
    this.#run(asked.last.then(() => void this.#open.delete(asked)));
    // Only a PATCH is worth waiting for when it is late.
    if (method === 'GET') this.#run(asked.first.then(({ kind }) => (kind === 'late' ? asked.drop() : undefined)));
    return asked;
  }

  #now(): { readonly now: ReturnType<TimePort['now']>['mono']; readonly retries: number; readonly random: number } {
    const retries = Number(this.#ports.params().Sm_retries);
    return { now: this.#ports.time.now().mono, retries, random: this.#random() };
  }

  /** None of them rejects. */
  #run(work: Promise<void>): void {
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work));
  }
}

const base = (url: string): string => url.replace(/\/+$/, '');

/** As hbtd has it. */
const isTaken = (answer: Answer): boolean =>
  answer.kind === 'answer' && (answer.status === 200 || answer.status === 202 || answer.status === 204);
