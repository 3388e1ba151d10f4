/**
 * The in-memory twin of the database: one writer that does one thing after the other, each as one transaction. It may
 * be told to fail; where reports are committed also in the nastiest way: all is stored and the answer says that it failed.
 */
import type { RosterRecorded } from '../../src/core.ts';
import type { CommitBatch, CommitResult } from '../../src/intake.ts';
import type { ClaimRecord, KnownDaemon, RosterRecord, Telling } from '../../src/roster/view.ts';
import type { Random } from './random.ts';
import type { Planned, Scheduler } from './scheduler.ts';

export interface Row {
  readonly daemon: string;
  readonly incarnation: string;
  readonly number: number;
  readonly id: string;
}

export type Health = 'ok' | 'failing' | 'lying';

interface Waiting {
  readonly owner: object;
  readonly what: 'commit' | 'record';
  readonly run: () => void;
  readonly failed: () => void;
  readonly done: () => void;
}

export class Database {
  rows: Row[] = [];
  cursors = new Map<string, number>();
  daemons = new Map<string, KnownDaemon>();
  hubs = new Map<string, boolean>();
  tellings: Telling[] = [];
  claims: ClaimRecord[] = [];
  health: Health = 'ok';
  /** Takes a batch of one daemon's reports; replaced where a test breaks the rule on purpose. */
  store: (batch: CommitBatch) => CommitResult = (batch) => this.judge(batch);
  onTelling: (telling: Telling) => void = () => {};
  readonly delay: readonly [number, number];
  readonly #clock: Scheduler;
  readonly #random: Random;
  #queue: Waiting[] = [];
  #working: Planned | undefined;

  constructor(clock: Scheduler, random: Random, delay: readonly [number, number]) {
    this.#clock = clock;
    this.#random = random;
    this.delay = delay;
  }

  known(): KnownDaemon[] {
    return [...this.daemons.values()];
  }

  linkedHubs(): string[] {
    return [...this.hubs].filter(([, linked]) => linked).map(([hub]) => hub);
  }

  commit(owner: object, batches: readonly CommitBatch[], done: (r: CommitResult[]) => void, failed: () => void): void {
    let results: CommitResult[] = [];
    const run = () => {
      results = batches.map((batch) => this.store(batch));
    };
    this.#enter({ owner, what: 'commit', run, failed, done: () => done(results) });
  }

  record(owner: object, record: RosterRecord, done: (r: RosterRecorded) => void, failed: () => void): void {
    let answer: RosterRecorded = { claims: [] };
    const run = () => {
      this.#take(record);
      answer = {
        claims: record.claims.map(({ daemon, incarnation }) => ({
          daemon,
          incarnation,
          cursor: this.cursors.get(`${daemon} ${incarnation}`) ?? 0,
          inventory: null,
        })),
      };
    };
    this.#enter({ owner, what: 'record', run, failed, done: () => done(answer) });
  }

  touch(owner: object, seen: readonly { readonly daemon: string; readonly lastSeen: number }[]): void {
    const run = () => {
      for (const { daemon, lastSeen } of seen) {
        const known = this.daemons.get(daemon);
        if (known !== undefined) this.daemons.set(daemon, { ...known, lastSeen: lastSeen as KnownDaemon['lastSeen'] });
      }
    };
    this.#enter({ owner, what: 'record', run, failed: () => {}, done: () => {} });
  }

  /** The master died: what it asked for was done or not, and nobody waits for the answer. */
  ownerDied(owner: object): void {
    const mine = this.#queue.filter((w) => w.owner === owner);
    this.#queue = this.#queue.filter((w) => w.owner !== owner);
    const done = this.#random.between(0, mine.length);
    if (this.health === 'ok') for (const waiting of mine.slice(0, done)) waiting.run();
    if (this.#queue.length > 0) return;
    if (this.#working !== undefined) this.#working.cancelled = true;
    this.#working = undefined;
  }

  /** A copy of all that is stored, to be put back later. */
  backup(): () => void {
    const { rows, cursors, daemons, hubs, tellings } = this;
    const copy = { rows: [...rows], cursors: new Map(cursors), daemons: new Map(daemons), hubs: new Map(hubs) };
    const told = [...tellings];
    return () => {
      this.rows = [...copy.rows];
      this.tellings = [...told];
      this.cursors = new Map(copy.cursors);
      this.daemons = new Map(copy.daemons);
      this.hubs = new Map(copy.hubs);
    };
  }

  /** The rule: the next number is stored, at or below the cursor is a repetition, above a gap nothing is stored. */
  judge(batch: CommitBatch): CommitResult {
    const { daemon, incarnation, first, items } = batch;
    const key = `${daemon} ${incarnation}`;
    let cursor = this.cursors.get(key) ?? 0;
    const gap = first > cursor + 1;
    items.forEach((item, i) => {
      if (first + i !== cursor + 1) return;
      cursor++;
      this.rows.push({ daemon, incarnation, number: cursor, id: idOf(item.body) });
    });
    this.cursors.set(key, cursor);
    return { daemon, incarnation, cursor, gap };
  }

  #take(record: RosterRecord): void {
    for (const d of record.daemons) {
      const { daemon, told, term, incarnation, primary } = d;
      this.daemons.set(daemon, {
        daemon,
        told,
        term,
        incarnation,
        incarnationSince: d.incarnationSince as KnownDaemon['incarnationSince'],
        lastSeen: d.lastSeen as KnownDaemon['lastSeen'],
        ...(primary === null ? {} : { primary }),
      });
    }
    for (const { hub, linked } of record.hubs) this.hubs.set(hub, linked);
    this.claims.push(...record.claims);
    for (const telling of record.tellings) {
      this.tellings.push(telling);
      this.onTelling(telling);
    }
  }

  #enter(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (this.#working === undefined) this.#work();
  }

  #work(): void {
    this.#working = this.#clock.after(this.#random.between(...this.delay), () => {
      this.#working = undefined;
      const next = this.#queue.shift();
      if (next === undefined) return;
      if (this.health === 'ok' || (this.health === 'lying' && next.what === 'commit')) next.run();
      if (this.health === 'ok') next.done();
      else next.failed();
      if (this.#queue.length > 0) this.#work();
    });
  }
}

export function idOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'id' in body ? String(body.id) : '?';
}
