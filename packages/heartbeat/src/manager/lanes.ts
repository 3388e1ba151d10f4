/**
 * What waits for an external state manager: which PATCH may go next, and what becomes of the components in it.
 *
 * Each component has one newest row; an older one is forgotten when a newer is offered. What is told alike (state, flag
 * and message) shares a *lane*, and a lane has one PATCH under way at a time, of at most 1,000 components. A component
 * that is under way in one lane waits in all others: its changes arrive in their order.
 *
 * A PATCH ends in one of four ways. *Taken*: its rows are done. *Refused* (400): its halves go next, one after the other,
 * until who is refused stands alone and is set aside; the others have passed. *Failed*: the same rows go first when the
 * lane's pause is over. A state manager that answers with failure again and again may stumble over one component: then
 * the halves go, too, and who fails alone goes to the end of the lane. *Late*: no answer in time, a failure for the lane;
 * but the request stays in *doubt*. When it turns out to have been taken after all, a newer row that was taken meanwhile
 * is told once more, so that the newest is what the state manager heard last.
 */
import type { Mono } from '@csm/model';
import { fullJitter } from '@csm/store';
import type { Notice, OutboxRow } from '../types.ts';

/** Components in one PATCH. */
export const IDS_MAX = 1_000;
/**
 * Milliseconds: the first pause after a failure is below twice this. No pause is longer than the other, so that what has
 * failed is tried again within hbtd's five seconds, whatever the answer takes.
 */
export const PAUSE_FIRST_MS = 250;
export const PAUSE_MAX_MS = 4_000;
/** Answered failures in a row after which halves are tried. */
const HALVE_AFTER = 5;

export interface Row {
  readonly name: string;
  readonly seq: number;
  /** It was taken before and is told once more: the outbox does not have it any longer. */
  readonly isAgain?: true;
}

export interface Patch {
  readonly notice: Notice;
  readonly rows: readonly Row[];
  /** A half of one that did not pass. */
  readonly isPart: boolean;
}

/** A PATCH that nobody answered in time. */
export interface Doubt {
  readonly rows: ReadonlyMap<string, number>;
}

interface Lane {
  readonly notice: Notice;
  /** In the order in which they go; the numbers stand in `#newest`. */
  waiting: Set<string>;
  /** The next one last. */
  readonly parts: (readonly Row[])[];
  isUnderWay: boolean;
  failures: number;
  notBefore: Mono;
}

interface Newest {
  readonly seq: number;
  readonly lane: Lane;
  readonly isAgain?: true;
}

interface OwnDoubt extends Doubt {
  /** Newer rows of its components that were taken since. */
  readonly newer: Map<string, Newest>;
}

export interface Failure {
  readonly now: Mono;
  /** The state manager said so itself. */
  readonly isAnswered: boolean;
  /** So many tries have short and growing pauses; each further one has the longest. */
  readonly retries: number;
  /** 0 to 1. */
  readonly random: number;
}

/** Milliseconds until a lane tries again. */
export function pauseMs(failures: number, retries: number, random: number): number {
  return failures > retries ? PAUSE_MAX_MS : fullJitter(failures, PAUSE_FIRST_MS, PAUSE_MAX_MS, random);
}

export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  /** Of each component that waits or is under way. */
  readonly #newest = new Map<string, Newest>();
  readonly #underWay = new Set<string>();
  readonly #doubts = new Set<OwnDoubt>();

  /** Components that wait or are under way. */
  get size(): number {
    return this.#newest.size;
  }

  /** Failures in a row, of the lane that has most. */
  get failures(): number {
    return Math.max(0, ...[...this.#lanes.values()].map(({ failures }) => failures));
  }

  /** Rows as they are read, in the order of their numbers. */
  offer(rows: readonly OutboxRow[]): void {
    for (const { name, seq, state, flag, message } of rows) {
      const known = this.#newest.get(name);
      if (known !== undefined && known.seq >= seq) continue;
      known?.lane.waiting.delete(name);
      this.#wait(name, { seq, lane: this.#lane({ state, flag, message }) });
    }
  }

  /** What may go now; its components are under way until one of `taken`, `refused`, `failed` and `late` is told of it. */
  take(now: Mono): Patch | undefined {
    for (const lane of this.#lanes.values()) {
      if (lane.isUnderWay || lane.notBefore > now) continue;
      const part = this.#nextPart(lane);
      const rows = part ?? this.#nextWaiting(lane);
      if (rows.length === 0) continue;
      lane.isUnderWay = true;
      for (const { name } of rows) this.#underWay.add(name);
      return { notice: lane.notice, rows, isPart: part !== undefined };
    }
    return undefined;
  }

  /** Only these rows are to be told; the others have been withdrawn. Undefined: nothing is, and it is over. */
  narrowed(patch: Patch, still: (row: Row) => boolean): Patch | undefined {
    const rows = patch.rows.filter(still);
    if (rows.length === patch.rows.length) return patch;
    const lane = this.#over(patch);
    for (const row of patch.rows) {
      const { name, seq } = row;
      if (!still(row) && this.#isNewest(name, seq) && !lane.waiting.has(name)) this.#newest.delete(name);
    }
    if (rows.length === 0) return undefined;
    lane.isUnderWay = true;
    for (const { name } of rows) this.#underWay.add(name);
    return { ...patch, rows };
  }

  /** Gives the rows that are done. */
  taken(patch: Patch): readonly Row[] {
    const lane = this.#over(patch);
    lane.failures = 0;
    for (const { name, seq } of patch.rows) {
      for (const doubt of this.#doubts) {
        if ((doubt.rows.get(name) ?? seq) < seq) doubt.newer.set(name, { seq, lane });
      }
      // It waits again where it is to be told once more.
      if (this.#isNewest(name, seq) && !lane.waiting.has(name)) this.#newest.delete(name);
    }
    return patch.rows;
  }

  /** Gives who is refused, when that is clear. */
  refused(patch: Patch): Row | undefined {
    const lane = this.#over(patch);
    const [first] = patch.rows;
    if (patch.rows.length > 1) {
      halve(lane, patch.rows);
      return undefined;
    }
    if (first === undefined || !this.#isNewest(first.name, first.seq)) return undefined;
    this.#newest.delete(first.name);
    lane.waiting.delete(first.name);
    return first;
  }

  failed(patch: Patch, { now, isAnswered, retries, random }: Failure): void {
    const lane = this.#over(patch);
    lane.failures += 1;
    lane.notBefore = (now + pauseMs(lane.failures, retries, random)) as Mono;
    const rows = patch.rows.filter(({ name, seq }) => this.#isNewest(name, seq));
    const names = rows.map(({ name }) => name);
    if (isAnswered && (patch.isPart || lane.failures >= HALVE_AFTER)) {
      if (rows.length > 1) halve(lane, rows);
      else lane.waiting = new Set([...lane.waiting, ...names]);
    } else if (patch.isPart) {
      lane.parts.push(rows);
    } else {
      lane.waiting = new Set([...names, ...lane.waiting]);
    }
  }

  /** A failure that may turn out to be none: to be told to `cleared` or to `lateTaken` in the end. */
  late(patch: Patch, failure: Omit<Failure, 'isAnswered'>): Doubt {
    this.failed(patch, { ...failure, isAnswered: false });
    const rows = new Map(patch.rows.map(({ name, seq }) => [name, seq]));
    const doubt: OwnDoubt = { rows, newer: new Map() };
    this.#doubts.add(doubt);
    return doubt;
  }

  /** It was not taken, or nobody will ever know. */
  cleared(doubt: Doubt): void {
    this.#doubts.delete(doubt as OwnDoubt);
  }

  /** It was taken after all. Gives the rows that are done by that. */
  lateTaken(doubt: Doubt): readonly Row[] {
    const { rows, newer } = doubt as OwnDoubt;
    this.cleared(doubt);
    const done: Row[] = [];
    for (const [name, seq] of rows) {
      const known = this.#newest.get(name) ?? newer.get(name);
      if (known === undefined) continue;
      if (known.seq > seq) {
        // Taken or under way when this one was applied, which may have undone it.
        this.#wait(name, { ...known, isAgain: true });
      } else if (!this.#underWay.has(name)) {
        this.#newest.delete(name);
        known.lane.waiting.delete(name);
        done.push({ name, seq });
      }
    }
    return done;
  }

  /** When to ask again by the clock alone; undefined: not before something happens. */
  wakeAt(): Mono | undefined {
    let at: Mono | undefined;
    for (const { isUnderWay, waiting, parts, notBefore } of this.#lanes.values()) {
      if (isUnderWay || (waiting.size === 0 && parts.length === 0)) continue;
      if (at === undefined || notBefore < at) at = notBefore;
    }
    return at;
  }

  /** The state manager is back: nobody waits any longer. */
  resume(now: Mono): void {
    for (const lane of this.#lanes.values()) {
      lane.notBefore = now;
      lane.failures = 0;
    }
  }

  #lane(notice: Notice): Lane {
    const key = `${notice.state} ${notice.flag} ${notice.message}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      const notBefore = Number.NEGATIVE_INFINITY as Mono;
      lane = { notice, waiting: new Set(), parts: [], isUnderWay: false, failures: 0, notBefore };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #wait(name: string, newest: Newest): void {
    this.#newest.set(name, newest);
    newest.lane.waiting.add(name);
  }

  #isNewest(name: string, seq: number): boolean {
    return this.#newest.get(name)?.seq === seq;
  }

  #nextPart(lane: Lane): readonly Row[] | undefined {
    for (let part = lane.parts.pop(); part !== undefined; part = lane.parts.pop()) {
      const rows = part.filter(({ name, seq }) => this.#isNewest(name, seq));
      if (rows.length > 0) return rows;
    }
    return undefined;
  }

  #nextWaiting(lane: Lane): readonly Row[] {
    const rows: Row[] = [];
    for (const name of lane.waiting) {
      if (rows.length === IDS_MAX) break;
      const newest = this.#newest.get(name);
      if (newest === undefined || this.#underWay.has(name)) continue;
      rows.push({ name, seq: newest.seq, ...(newest.isAgain === undefined ? {} : { isAgain: true }) });
    }
    for (const { name } of rows) lane.waiting.delete(name);
    return rows;
  }

  #over(patch: Patch): Lane {
    const lane = this.#lane(patch.notice);
    lane.isUnderWay = false;
    for (const { name } of patch.rows) this.#underWay.delete(name);
    return lane;
  }
}

function halve(lane: Lane, rows: readonly Row[]): void {
  const half = Math.ceil(rows.length / 2);
  lane.parts.push(rows.slice(half), rows.slice(0, half));
}

/** As hbtd writes it. */
export function patchBody({ notice: { state, flag, message }, rows }: Patch): string {
  return JSON.stringify({
    ComponentIDs: rows.map(({ name }) => name),
    State: state,
    Flag: flag,
    ExtendedInfo: { ID: '', Message: message, Flag: '' },
  });
}
