import { type Mono, mono, type Now, wall } from '@csm/model';
import { Tracker, type TrackerOptions } from '../src/tracker/index.ts';
import type { Change, Incident, Limits, Thresholds } from '../src/types.ts';

/** When the virtual clock begins. */
export const MONO = 1_000_000;
export const WALL = Date.parse('2026-01-01T00:00:00Z');

/** A change, and at which millisecond since the beginning it was told. */
export interface Told extends Change {
  readonly ms: number;
}

export const seconds = (warn: number, err: number): Limits => ({ warnMs: warn * 1000, errMs: err * 1000 });
export const thresholds = (warn: number, err: number): Thresholds => ({ global: seconds(warn, err), special: [] });

/** A tracker, a clock that only the test moves, and a shell that does as it is told: it comes when the tracker asks. */
export class Driver {
  readonly tracker: Tracker;
  /** Everything told so far. */
  readonly changes: Told[] = [];
  readonly incidents: Incident[] = [];
  /** Milliseconds since the beginning. */
  ms = 0;
  /** By how much the wall clock is wrong. */
  wallShift = 0;
  /** Deadlines of one call. */
  slice = 1000;
  /** Nobody takes what is told. */
  keeps = false;
  /** When to come again. */
  wakeAt: Mono | undefined;

  constructor(options: TrackerOptions = {}) {
    this.tracker = new Tracker(options);
  }

  get now(): Now {
    return { mono: mono(MONO + this.ms), wall: wall(WALL + this.ms + this.wallShift) };
  }

  /** Until `ms` since the beginning. */
  to(ms: number): this {
    while (this.wakeAt !== undefined && this.wakeAt <= MONO + ms) {
      this.ms = Math.max(this.ms, this.wakeAt - MONO);
      this.nudge();
    }
    this.ms = Math.max(this.ms, ms);
    return this;
  }

  pass(ms: number): this {
    return this.to(this.ms + ms);
  }

  /** The process sleeps: time passes, and nobody comes. */
  sleep(ms: number): this {
    this.ms += ms;
    return this;
  }

  beat(name: string, status = 'OK', timestamp = `t${this.ms}`): 'taken' | 'full' {
    const answer = this.tracker.beat(name, timestamp, status, this.now);
    this.nudge();
    return answer;
  }

  beats(names: Iterable<string>): this {
    for (const name of names) this.tracker.beat(name, `t${this.ms}`, 'OK', this.now);
    return this.nudge();
  }

  /** Something happens to the tracker. */
  act(work: (tracker: Tracker, now: Now) => void): this {
    work(this.tracker, this.now);
    return this.nudge();
  }

  nudge(): this {
    do {
      this.wakeAt = this.tracker.advance(this.now, this.slice);
      if (this.keeps) continue;
      for (const change of this.tracker.takeChanges(Number.MAX_SAFE_INTEGER)) {
        this.changes.push({ ...change, ms: this.ms });
      }
      this.incidents.push(...this.tracker.takeIncidents());
    } while (this.wakeAt !== undefined && this.wakeAt <= this.now.mono);
    return this;
  }

  /** `10000 warning`, what was told of one, in its order. */
  of(name: string): string[] {
    return this.changes.filter((change) => change.name === name).map(({ ms, kind }) => `${ms} ${kind}`);
  }

  kinds(name: string): string[] {
    return this.changes.filter((change) => change.name === name).map(({ kind }) => kind);
  }

  /** What was told since it was last asked, as `name kind`. */
  news(): string[] {
    const told = this.changes.slice(this.#seen).map(({ name, kind }) => `${name} ${kind}`);
    this.#seen = this.changes.length;
    return told;
  }
  #seen = 0;

  life(name: string): string | undefined {
    return this.tracker.find(name)?.life;
  }
}
