/**
 * The one way into the database: changes as they happen, arrivals in batches, one call in flight.
 *
 * | it is…   | enters                                        | leaves                                             |
 * |----------|-----------------------------------------------|----------------------------------------------------|
 * | idle     | nothing waits                                 | a change, an incident, the time of a flush → writing |
 * | writing  | something waits                               | stored and nothing left → idle; refused → pausing    |
 * | pausing  | the database is away, full or too slow        | a pause of full jitter → writing                     |
 *
 * What the database refuses for what it is goes by halves, until the culprit stands alone and is set aside. While it
 * is away, changes wait in the backlog, arrivals in the tracker, which has one for each component.
 */
import { code, type Problem, toProblem } from '@csm/model';
import { fullJitter, type Store } from '@csm/store';
import { Backlog } from './backlog.ts';
import { signed64 } from './params/integer.ts';
import type { Arrival, Change, Incident, Procedures, TimePort, TrackerPort } from './types.ts';

/** Of one call. */
const CHANGES_MAX = 1_000;
const ARRIVALS_MAX = 10_000;
const INCIDENTS_MAX = 100;
/** Components of which a first beat waits; whoever comes beyond them is made without his number. */
const NIDS_MAX = 200_000;
/** Incidents that wait; the newest stay. */
const INCIDENTS_WAIT = 1_000;
const BACKOFF = { firstMs: 250, maxMs: 10_000 };
/** Without arrivals, how often it is noted that somebody watches, ms: a restart then knows how long nobody did. */
const WATCHED_MS = 15_000;

/** Codes that say nothing about what was to be written. */
const PASSING: ReadonlySet<number> = new Set([
  code.DATABASE_UNAVAILABLE,
  code.MEMORY,
  code.TIMEOUT,
  code.NOT_INITIALIZED,
]);

export interface RecorderLog {
  warn(text: string, fields?: Readonly<Record<string, unknown>>): void;
  error(text: string, fields?: Readonly<Record<string, unknown>>): void;
  info(text: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface RecorderOptions {
  readonly store: Store;
  readonly tracker: TrackerPort;
  readonly time: TimePort;
  readonly log: RecorderLog;
  /** Milliseconds between two writings of arrivals. */
  readonly flushMs: number;
  /** What a change means at this moment. */
  readonly how: () => Pick<Procedures['record'], 'manager' | 'discover'>;
  readonly random?: () => number;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #backlog = new Backlog();
  readonly #incidents: Incident[] = [];
  readonly #nids = new Map<string, number>();
  #arrivals: Arrival[] = [];
  #flushing = false;
  #running: Promise<void> | undefined;
  #size = CHANGES_MAX;
  #failures = 0;
  #problem: Problem | undefined;
  #refused = 0;
  #watched = Number.NEGATIVE_INFINITY;
  #endTimer: () => void = () => {};
  #wakePause: () => void = () => {};
  #stopped = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Changes and incidents that are not in the database yet. */
  get waiting(): number {
    return this.#backlog.size + this.#incidents.length;
  }

  /** Changes of which no history is kept: pushed out by newer ones, or refused. */
  get lost(): number {
    return this.#backlog.lost + this.#refused;
  }

  /** Why the last writing failed; undefined since one that did not. */
  get problem(): Problem | undefined {
    return this.#problem;
  }

  /** Notes that somebody watches from now on, and begins to write arrivals. */
  start(): Promise<void> {
    this.#flushing = true;
    return this.#run();
  }

  /** Takes what has happened from the tracker. Cheap when nothing has. */
  collect(): readonly Incident[] {
    const { tracker } = this.#options;
    const { changes, incidents } = tracker.waiting;
    if (changes > 0) this.#backlog.add(tracker.takeChanges(Number.MAX_SAFE_INTEGER));
    const told = incidents > 0 ? tracker.takeIncidents() : [];
    if (told.length > 0) {
      this.#incidents.push(...told);
      if (this.#incidents.length > INCIDENTS_WAIT) this.#incidents.splice(0, this.#incidents.length - INCIDENTS_WAIT);
    }
    if (changes > 0 || told.length > 0) void this.#run();
    return told;
  }

  /** What a component said in its first beat: it is written with the change that beat makes. */
  noteNid(name: string, nid: string): void {
    const number = Number(signed64(nid));
    if (Number.isSafeInteger(number) && this.#nids.size < NIDS_MAX) this.#nids.set(name, number);
  }

  /** Adds incidents that the tracker does not know of. */
  note(incidents: readonly Incident[]): void {
    this.#incidents.push(...incidents);
    void this.#run();
  }

  /** Resolves when what waits now is written, or `ms` have passed. */
  async drained(ms: number): Promise<void> {
    if (this.#backlog.size === 0 && this.#incidents.length === 0 && this.#running === undefined) return;
    await within(this.#run(), ms);
  }

  /** Writes all there is; resolves when that is done, or `ms` have passed, and writes no more. */
  async stop(ms: number): Promise<void> {
    this.#endTimer();
    this.collect();
    this.#flushing = true;
    this.#wakePause();
    await within(this.#run(), ms);
    this.#stopped = true;
    this.#endTimer();
    this.#wakePause();
  }

  /** Never rejects. */
  #run(): Promise<void> {
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
      // Something may have come between the last look and here.
      if (this.#hasWork) void this.#run();
    });
    return this.#running;
  }

  get #hasWork(): boolean {
    return !this.#stopped && (this.#flushing || this.#backlog.size > 0 || this.#incidents.length > 0);
  }

  async #work(): Promise<void> {
    while (this.#hasWork) {
      const ends = this.#flushing && this.#takeArrivals();
      const input = this.#next();
      if (input !== undefined) {
        try {
          await this.#options.store.call('heartbeat.record', input);
          this.#done(input);
        } catch (error) {
          await this.#failed(input, error);
          continue;
        }
      }
      if (!ends) continue;
      this.#flushing = false;
      this.#arm();
    }
  }

  /** Whether these are the last ones for now. Those that could not be written wait here, and come first. */
  #takeArrivals(): boolean {
    if (this.#arrivals.length > 0) return false;
    this.#arrivals = this.#options.tracker.takeArrivals(ARRIVALS_MAX);
    return this.#arrivals.length < ARRIVALS_MAX;
  }

  /** Undefined when there is nothing worth a transaction. */
  #next(): Procedures['record'] | undefined {
    const { how, time, tracker } = this.#options;
    const changes = this.#backlog.next(this.#size);
    const incidents = this.#incidents.slice(0, Math.min(this.#size, INCIDENTS_MAX));
    const { mono, wall: watchedUntil } = time.now();
    const isDue = tracker.size > 0 && mono - this.#watched >= WATCHED_MS;
    const isFirst = this.#watched === Number.NEGATIVE_INFINITY;
    if (changes.length + incidents.length + this.#arrivals.length === 0 && !isDue && !isFirst) return undefined;
    const nids = this.#nids.size === 0 ? {} : { nids: this.#nidsOf(changes) };
    return { ...how(), ...nids, changes, incidents, arrivals: this.#arrivals, watchedUntil };
  }

  #nidsOf(changes: readonly Change[]): Record<string, number> {
    const nids: Record<string, number> = {};
    for (const { name } of changes) {
      const nid = this.#nids.get(name);
      if (nid !== undefined) nids[name] = nid;
    }
    return nids;
  }

  #done({ changes, incidents }: Procedures['record']): void {
    if (this.#problem !== undefined) this.#options.log.info('the database takes heartbeats again');
    this.#problem = undefined;
    this.#failures = 0;
    this.#watched = this.#options.time.now().mono;
    this.#size = Math.min(CHANGES_MAX, this.#size * 2);
    this.#arrivals = [];
    for (const { name } of changes) this.#nids.delete(name);
    this.#remove(changes.length, incidents.length);
  }

  #remove(changes: number, incidents: number): void {
    this.#backlog.done(changes);
    this.#incidents.splice(0, incidents);
  }

  async #failed({ changes, incidents }: Procedures['record'], error: unknown): Promise<void> {
    const { log } = this.#options;
    const why = toProblem(error);
    if (!PASSING.has(why.code)) return this.#refuse(changes, incidents, why);
    if (this.#problem === undefined) log.warn('heartbeats wait: the database did not take them', { why: why.detail });
    this.#problem = why;
    // What took too long may be too much.
    if (why.code === code.TIMEOUT) this.#size = Math.max(1, Math.floor(this.#size / 2));
    await this.#pause();
  }

  /** What was to be written is at fault: arrivals come again by themselves, the rest goes by halves. */
  #refuse(changes: readonly Change[], incidents: readonly Incident[], why: Problem): void {
    const { log } = this.#options;
    const count = Math.max(changes.length, incidents.length);
    if (this.#arrivals.length > 0 || count === 0) {
      this.#arrivals = [];
      log.error('arrivals were refused by the database', { why: why.detail });
      return;
    }
    if (count > 1) {
      this.#size = Math.max(1, Math.floor(count / 2));
      return;
    }
    const culprit = changes[0]?.name ?? incidents[0]?.id;
    log.error('a change was refused by the database, and is set aside', { component: culprit, why: why.detail });
    this.#refused += changes.length;
    this.#remove(changes.length, incidents.length);
  }

  async #pause(): Promise<void> {
    const { time, random = Math.random } = this.#options;
    const ms = fullJitter(this.#failures++, BACKOFF.firstMs, BACKOFF.maxMs, random());
    await new Promise<void>((resolve) => {
      const end = time.after(Math.max(1, ms), resolve);
      this.#wakePause = () => {
        end();
        resolve();
      };
    });
    this.#wakePause = () => {};
  }

  #arm(): void {
    this.#endTimer();
    if (this.#stopped) return;
    this.#endTimer = this.#options.time.after(this.#options.flushMs, () => {
      this.#flushing = true;
      void this.#run();
    });
  }
}

/** Real time, whatever the clock of the service says: somebody waits. */
async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
