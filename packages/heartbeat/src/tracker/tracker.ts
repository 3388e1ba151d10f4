/**
 * The tracking machine: who beats, who is late, who is dead, who is back. Pure; time is an argument.
 *
 * | it is…   | enters                                            | leaves                                               |
 * |----------|---------------------------------------------------|------------------------------------------------------|
 * | beating  | a beat: *started*; of a late one: *restarted*     | silent for its warning time → late; oops, leaving, Off |
 * | late     | *warning*; with gap where nobody watched          | a beat; silent for its error time → dead             |
 * | dead     | *dead*                                            | a beat                                               |
 * | halted   | a beat that says its kernel oopsed: *halted*      | a beat that does not                                 |
 * | left     | a beat that says it goes away: *left*; Off is over | a beat                                               |
 * | off      | the state manager says Off; nothing is told       | a beat; the state manager says On or Ready → left     |
 *
 * Silence is counted from the last beat. Where nobody listened in between (a restart, a process that slept, a machine
 * that was cut off), it is counted from the moment at which somebody listens again: nobody is warned or declared dead
 * for beats that could not arrive. Only who is past its error time by then is told late, with the mark of a gap.
 *
 * Nodes of this cluster have no deadlines: the links of its tree say what they are. One that beats as well is judged by
 * its beats from then on.
 *
 * Deadlines stand in a heap that is lazy: a beat only notes its time. When a deadline comes up it is held against that,
 * and mostly moved on. So a beat costs the same however many components there are, and makes no garbage.
 *
 * This file is long because each event changes the same few columns of a component, and the counts and the heap with them.
 */
import { earliest, type Mono, mono, type Now } from '@csm/model';
import type {
  Arrival,
  Change,
  ChangeKind,
  Incident,
  Life,
  ListFilter,
  Restored,
  Source,
  Thresholds,
  Tracked,
  TrackerPort,
} from '../types.ts';
import { Arrivals } from './arrivals.ts';
import { ChangeQueue, type Draft } from './change-queue.ts';
import { NEVER } from './columns.ts';
import type { Component } from './component.ts';
import { DeadlineHeap } from './deadline-heap.ts';
import { asked } from './filter.ts';
import { Incidents } from './incidents.ts';
import { DEFAULT_LIMITS, type LimitTable, readThresholds } from './limits.ts';
import { Registry } from './registry.ts';
import { fit, meaningOf, short } from './status.ts';

/** Components that beats can make, unless told otherwise. */
export const COMPONENTS_MAX = 250_000;

/**
 * Between two calls of `advance` with something to do, ms: what comes due within that is done together, so that many
 * components do not mean many timers. Nothing is noticed later than this.
 */
export const GRAIN_MS = 50;

/** A check that comes later than this, or than a quarter of the warning time, was asleep, ms. */
const SLEPT_MS = 1000;

const NO_DEADLINE = Number.POSITIVE_INFINITY;

export interface TrackerOptions {
  /** Components at most; default COMPONENTS_MAX. Those restored, and nodes of the cluster, may be more. */
  readonly max?: number;
  /** In force from the beginning; default hbtd's pair. */
  readonly thresholds?: Thresholds;
}

export class Tracker implements TrackerPort {
  readonly waiting: TrackerPort['waiting'];
  readonly #max: number;
  #limits: LimitTable;

  readonly #registry = new Registry();
  readonly #columns = this.#registry.columns;
  readonly #deadlines = this.#registry.alongside((capacity) => new DeadlineHeap(capacity));
  readonly #arrivals = this.#registry.alongside((capacity) => new Arrivals(capacity));
  readonly #changes = new ChangeQueue();
  readonly #incidents = new Incidents(this.#registry.places, this.#changes);

  /** Nobody is declared dead. */
  #isHeld = false;
  /** Until when all deadlines that had come up were looked at. */
  #checked: Mono = mono(Number.NEGATIVE_INFINITY);
  /** Deadlines up to here came up while this process slept. */
  #sleptUntil: Mono = mono(Number.NEGATIVE_INFINITY);
  /** When deadlines had come up last. */
  #busyAt: Mono = mono(Number.NEGATIVE_INFINITY);
  /** Who is told late because nobody watched, until all are. */
  #blind: { readonly id: string; readonly ms: number; readonly components: Set<Component> } | undefined;

  constructor(options: TrackerOptions = {}) {
    this.#max = options.max ?? COMPONENTS_MAX;
    this.#limits = readThresholds(options.thresholds ?? { global: DEFAULT_LIMITS, special: [] });
    const [changes, arrivals, incidents] = [this.#changes, this.#arrivals, this.#incidents];
    this.waiting = {
      get changes() {
        return changes.size;
      },
      get arrivals() {
        return arrivals.size;
      },
      get incidents() {
        return incidents.size;
      },
    };
  }

  get size(): number {
    return this.#registry.size;
  }

  restore(rows: readonly Restored[], blindMs: number | undefined, now: Now): void {
    this.#checked = now.mono;
    if (blindMs !== undefined && blindMs > 0) this.#beginBlind(blindMs, now);
    for (const row of rows) {
      const c = this.#registry.find(row.name) ?? this.#add(row.name, row.source);
      c.timestamp = short(row.timestamp);
      c.status = short(row.status);
      this.#columns.lastBeat[c.slot] = row.lastBeat ?? NEVER;
      this.#columns.from[c.slot] = now.mono;
      this.#settle(c, row.life);
      this.#columns.since[c.slot] = row.since;
      c.gap = row.gap;
      const silentMs = now.wall - (row.lastBeat ?? row.since);
      if (this.#blind !== undefined && isJudged(c) && silentMs >= c.limits.errMs) this.#warnOfGap(c, now);
    }
    this.#endBlind(now);
  }

  beat(name: string, timestamp: string, status: string, now: Now): 'taken' | 'full' {
    let c = this.#registry.find(name);
    if (c === undefined) {
      // To take leave of a stranger is no news, and no reason to make room for it.
      if (meaningOf(status) === 'leaving') return 'taken';
      if (this.#registry.size >= this.#max) return 'full';
      c = this.#add(name, 'beat');
    }
    this.beatOf(c, timestamp, status, now);
    return 'taken';
  }

  find(name: string): Tracked | undefined {
    return this.#registry.find(name);
  }

  beatOf(component: Tracked, timestamp: string, status: string, now: Now): void {
    const c = component as Component;
    // The same Status as last time means what it meant then. Who is forgotten does not beat: it left.
    if (c.life === 'beating' && c.status === status && c.source === 'beat') {
      c.timestamp = short(timestamp);
      this.#arrive(c.slot, now);
    } else {
      this.#otherBeat(c, timestamp, status, now);
    }
  }

  verdict(name: string, what: 'up' | 'lost' | 'restarted' | 'bye', now: Now): void {
    const isUp = what === 'up' || what === 'restarted';
    // Nobody misses who was never there.
    const c = this.#registry.find(name) ?? (isUp ? this.#add(name, 'csm') : undefined);
    if (c === undefined || c.source !== 'csm') return;
    switch (what) {
      case 'up':
        if (c.life !== 'beating') this.#become(c, 'beating', 'started', now);
        return;
      case 'restarted':
        this.#become(c, 'beating', c.life === 'beating' ? 'restarted' : 'started', now);
        return;
      case 'lost':
        // Who said goodbye, or is switched off, is not missed.
        if (c.life === 'beating') this.#become(c, 'dead', 'dead', now);
        return;
      case 'bye':
        if (c.life !== 'left' && c.life !== 'off') this.#become(c, 'left', 'left', now);
        return;
      default:
        what satisfies never;
    }
  }

  power(name: string, state: 'off' | 'on', now: Now): void {
    const c = this.#registry.find(name);
    if (c === undefined) return;
    // Switched on is not up: it is waited for without a deadline until it beats.
    if (state === 'off' && c.life !== 'off') this.#become(c, 'off', undefined, now);
    else if (state === 'on' && c.life === 'off') this.#become(c, 'left', undefined, now);
  }

  forget(name: string, now: Now): boolean {
    const c = this.#registry.find(name);
    if (c === undefined) return false;
    this.#become(c, 'left', undefined, now);
    this.#arrivals.forget(c.slot);
    this.#registry.remove(c);
    return true;
  }

  /** Throws a `CsmError` (code 9) for thresholds that must not be; nothing has changed then. */
  setThresholds(thresholds: Thresholds, now: Now): void {
    this.#limits = readThresholds(thresholds);
    for (const c of this.#registry.all()) c.limits = this.#limits.of(c.name);
    this.#refill(now);
  }

  hold(on: boolean, now: Now): void {
    if (this.#isHeld === on) return;
    this.#isHeld = on;
    if (on) return;
    for (const c of this.#registry.all()) if (isJudged(c)) this.#columns.from[c.slot] = now.mono;
    this.#refill(now);
  }

  slept(ms: number, now: Now): void {
    // Who waits for nobody was not blind.
    if (this.#deadlines.size === 0) return;
    this.#sleptUntil = now.mono;
    if (this.#blind === undefined) this.#beginBlind(ms, now);
  }

  advance(now: Now, atMost: number): Mono | undefined {
    this.#noticeSleep(now);
    const deadlines = this.#deadlines;
    if (deadlines.topAt() <= now.mono) this.#busyAt = now.mono;
    for (let n = 0; n < atMost && deadlines.topAt() <= now.mono; n++) {
      const c = this.#registry.at(deadlines.top()) as Component;
      const due = this.#dueAt(c);
      if (due > now.mono) deadlines.set(c.slot, due);
      else this.#silent(c, due, now);
    }
    this.#checked = now.mono;
    if (deadlines.topAt() > this.#sleptUntil) this.#endBlind(now);
    this.#incidents.run(now);
    const next = deadlines.topAt();
    if (next <= now.mono) return now.mono;
    const wakeAt = next === NO_DEADLINE ? undefined : mono(Math.max(next, this.#busyAt + GRAIN_MS));
    return earliest(wakeAt, this.#incidents.wakeAt());
  }

  takeChanges(atMost: number): Change[] {
    return this.#changes.take(atMost);
  }

  takeIncidents(): Incident[] {
    return this.#incidents.take();
  }

  takeArrivals(atMost: number): Arrival[] {
    const taken: Arrival[] = [];
    while (taken.length < atMost) {
      const slot = this.#arrivals.take();
      if (slot < 0) break;
      const { name, lastBeat } = this.#registry.at(slot) as Component;
      if (lastBeat !== null) taken.push({ name, at: lastBeat });
    }
    return taken;
  }

  list(filter: ListFilter, after: string | undefined, limit: number): Tracked[] {
    const wanted = asked(filter);
    const found: Tracked[] = [];
    if (limit <= 0) return found;
    for (const c of this.#registry.behind(after)) {
      if (!wanted(c)) continue;
      found.push(c);
      if (found.length >= limit) break;
    }
    return found;
  }

  isHeartbeating(name: string, now: Now): boolean {
    const c = this.#registry.find(name);
    if (c === undefined) return false;
    if (c.source === 'csm') return c.life === 'beating';
    return isJudged(c) && now.mono - (this.#columns.from[c.slot] as number) < c.limits.errMs;
  }

  counts(): Readonly<Record<Life, number>> {
    return { ...this.#registry.counts };
  }

  #arrive(slot: number, now: Now): void {
    this.#columns.arrive(slot, now.mono, now.wall);
    this.#arrivals.note(slot);
  }

  /** A beat that may change something. */
  #otherBeat(c: Component, timestamp: string, status: string, now: Now): void {
    if (c.isGone) {
      // Whoever gave us this one has kept it since before it was forgotten.
      this.beat(c.name, timestamp, status, now);
      return;
    }
    c.source = 'beat';
    c.timestamp = short(timestamp);
    c.status = short(status);
    this.#arrive(c.slot, now);
    const meaning = meaningOf(status);
    switch (meaning) {
      case 'alive':
        if (c.life === 'late') this.#become(c, 'beating', 'restarted', now);
        else if (c.life !== 'beating') this.#become(c, 'beating', 'started', now);
        // It may have been a node without deadlines.
        else this.#deadlines.set(c.slot, this.#dueAt(c));
        return;
      case 'oops':
        if (c.life !== 'halted') this.#become(c, 'halted', 'halted', now);
        return;
      case 'leaving':
        if (c.life !== 'left' && c.life !== 'off') this.#become(c, 'left', 'left', now);
        return;
      default:
        meaning satisfies never;
    }
  }

  /** Its deadline has passed without a beat. */
  #silent(c: Component, due: number, now: Now): void {
    if (due <= this.#sleptUntil) {
      const silentMs = now.mono - (this.#columns.from[c.slot] as number);
      this.#columns.from[c.slot] = now.mono;
      if (silentMs >= c.limits.errMs) this.#warnOfGap(c, now);
      this.#deadlines.set(c.slot, this.#dueAt(c));
    } else if (c.life === 'beating') {
      this.#become(c, 'late', 'warning', now);
    } else if (this.#isHeld) {
      // It gets a new one when the hold ends.
      this.#deadlines.remove(c.slot);
    } else {
      this.#become(c, 'dead', 'dead', now);
    }
  }

  /** Told once: who is late already is not told so again. */
  #warnOfGap(c: Component, now: Now): void {
    if (c.life === 'beating') this.#become(c, 'late', 'warning', now, true);
  }

  /** When its silence means something; infinite when it never does. */
  #dueAt(c: Component): number {
    if (!isJudged(c)) return NO_DEADLINE;
    return (this.#columns.from[c.slot] as number) + (c.life === 'beating' ? c.limits.warnMs : c.limits.errMs);
  }

  #refill(now: Now): void {
    this.#deadlines.refill(this.#registry.slots, (slot) => {
      const c = this.#registry.at(slot);
      return c === undefined ? NO_DEADLINE : this.#dueAt(c);
    });
    // A deadline that is in the past since now has not been missed.
    this.#checked = now.mono;
  }

  #noticeSleep(now: Now): void {
    const deadlines = this.#deadlines;
    const lateMs = now.mono - Math.max(deadlines.topAt(), this.#checked);
    if (lateMs > Math.max(SLEPT_MS, this.#limits.global.warnMs / 4)) this.slept(lateMs, now);
  }

  #beginBlind(ms: number, now: Now): void {
    this.#blind = { id: this.#incidents.newId(now), ms, components: new Set() };
  }

  #endBlind(now: Now): void {
    if (this.#blind === undefined) return;
    const { id, ms, components } = this.#blind;
    this.#blind = undefined;
    this.#incidents.blind(id, ms, components, now);
  }

  /** A component becomes something; with a kind, that is told. */
  #become(c: Component, life: Life, kind: ChangeKind | undefined, now: Now, gap = false): void {
    this.#settle(c, life);
    this.#columns.since[c.slot] = now.wall;
    c.gap = gap;
    if (gap) this.#blind?.components.add(c);
    const back = life === 'late' || life === 'dead' ? null : this.#incidents.back(c, now);
    if (kind === undefined) return;
    const change: Draft = {
      name: c.name,
      kind,
      source: c.source,
      at: now.wall,
      lastBeat: c.lastBeat,
      timestamp: fit(c.timestamp),
      status: fit(c.status),
      gap,
      incident: gap ? (this.#blind?.id ?? null) : back,
    };
    const number = this.#changes.push(change);
    if ((kind === 'warning' || kind === 'dead') && !gap) this.#incidents.turned(c, kind, number, now);
  }

  #settle(c: Component, life: Life): void {
    this.#registry.turn(c, life);
    this.#deadlines.set(c.slot, this.#dueAt(c));
  }

  #add(name: string, source: Source): Component {
    return this.#registry.add(name, source, this.#limits.of(name));
  }
}

/** Its silence means something. */
const isJudged = ({ source, life }: Component): boolean => source === 'beat' && (life === 'beating' || life === 'late');
