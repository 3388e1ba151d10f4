/**
 * One reader of the table `change` for all who follow it. Each follower stands at a cursor and is in one of four modes:
 *
 * | it is…  | enters                                          | what happens                                              |
 * |---------|-------------------------------------------------|-----------------------------------------------------------|
 * | current | its cursor is the head                          | waits until the head rises                                 |
 * | near    | the ring holds what comes behind its cursor      | is given rows of the ring                                  |
 * | next    | its cursor is the ring's end, or beyond it and   | the ring reads on: one query for all who wait for it; for  |
 * |         | not far from the head                           | one beyond its end it begins anew there                    |
 * | behind  | all else                                        | reads a page of its own, of what it wants, up to the ring  |
 *
 * Rows are given in turns of a few milliseconds, so that many followers hold up nobody. A follower is given the next
 * rows when it has taken the last: who is slow falls behind alone, and who takes nothing for its stall time is ended
 * with code 5. Who is behind what was pruned is ended with code 37 and the cursor from which it could go on.
 *
 * What is kept is bounded: the ring; what each follower is just given; and pages of those behind, which are dropped, to
 * be read again, where too many are held.
 */
import { CsmError, code, fail, type Problem, problem } from '@csm/model';
import { checkFilter, contextLost, head } from '../changes.ts';
import type { ChangeRow, FollowOptions, FollowStats, Store } from '../store.ts';
import { Pages } from './pages.ts';
import { fitting, Ring, type RingBounds } from './ring.ts';
import { Takings } from './taking.ts';
import { Turns } from './turns.ts';

export interface ReaderBounds {
  readonly ring: RingBounds;
  /** Rows of a page. */
  readonly page: number;
  /** Characters given to a follower at once, at least and at most: the more follow, the fewer. A single row may have more. */
  readonly chunk: { readonly least: number; readonly most: number; readonly all: number };
  /** Characters of pages that are held while their followers wait for room. */
  readonly held: number;
  /** Numbers looked at in one query of somebody behind: a rare kind costs no scan of the whole table. */
  readonly window: number;
  readonly followers: number;
}

export const READER_BOUNDS: ReaderBounds = Object.freeze({
  ring: { rows: 10_000, size: 16 * 1024 * 1024 },
  page: 500,
  chunk: { least: 8 * 1024, most: 48 * 1024, all: 1024 * 1024 },
  held: 16 * 1024 * 1024,
  window: 10_000,
  followers: 2_048,
});

export interface ReaderPorts {
  readonly query: Store['query'];
  /** The newest change known here. */
  head(): number;
  subscribe(listener: () => void): () => void;
}

interface Follower {
  readonly options: FollowOptions;
  readonly wants: (row: ChangeRow) => boolean;
  /** All up to here was given, or is not wanted. */
  at: number;
}

export class SharedReader {
  readonly #ports: ReaderPorts;
  readonly #bounds: ReaderBounds;
  readonly #ring: Ring;
  readonly #pages: Pages;
  readonly #turns = new Turns();
  readonly #takings = new Takings();
  /** Who waits for news. */
  readonly #waiting = new Set<() => void>();
  /** The reading of the ring that is under way. */
  #filling: Promise<void> | undefined;
  #unsubscribe: (() => void) | undefined;
  #ended: CsmError | undefined;
  #open = 0;
  #held = 0;
  #sharedReads = 0;
  #ownReads = 0;
  #given = 0;

  constructor(ports: ReaderPorts, bounds: ReaderBounds = READER_BOUNDS) {
    this.#ports = ports;
    this.#bounds = bounds;
    this.#ring = new Ring(bounds.ring, 0);
    this.#pages = new Pages(ports.query, bounds.page);
  }

  stats(): FollowStats {
    return {
      followers: this.#open,
      sharedReads: this.#sharedReads,
      ownReads: this.#ownReads,
      given: this.#given,
      cutOff: this.#takings.cutOff,
      ringRows: this.#ring.length,
      size: this.#ring.size + this.#held,
    };
  }

  /** Ends all who follow, and refuses those who come. */
  end(reason: Problem): void {
    if (this.#ended !== undefined) return;
    this.#ended = new CsmError(reason);
    this.#wake();
    this.#takings.end(this.#ended);
  }

  /** See `Changes.follow`. */
  async follow(options: FollowOptions): Promise<void> {
    checkFollow(options);
    if (this.#ended !== undefined) throw this.#ended;
    const { followers } = this.#bounds;
    if (this.#open >= followers) {
      fail(code.MEMORY, `${this.#open} follow the changes already`, { allowed: `${followers} at a time` });
    }
    const { since, signal } = options;
    const follower: Follower = { options, wants: wantsOf(options), at: since ?? this.#ports.head() };
    this.#open += 1;
    this.#unsubscribe ??= this.#ports.subscribe(() => this.#wake());
    try {
      if (since !== undefined) await this.#checkCursor(since);
      while (this.#goesOn(signal)) await this.#step(follower);
    } finally {
      this.#open -= 1;
      if (this.#open === 0) {
        this.#unsubscribe?.();
        this.#unsubscribe = undefined;
        this.#ring.restart(this.#ring.last);
      }
    }
  }

  /** False when the follower has left; throws when the store has ended. */
  #goesOn(signal: AbortSignal): boolean {
    if (this.#ended !== undefined) throw this.#ended;
    return !signal.aborted;
  }

  /** A cursor behind which not all is kept, or that this database never reached, is refused before anything is given. */
  async #checkCursor(since: number): Promise<void> {
    const first = await this.#pages.oldest();
    if (first > since + 1) throw contextLost('since', since, first);
    if (since <= this.#ports.head()) return;
    const newest = await head(this.#ports.query);
    if (since <= newest) return;
    const least = Math.max(0, first - 1);
    fail(code.CONTEXT_LOST, `there is no change ${since}: this database ends with ${newest}`, {
      field: 'since',
      allowed: `an integer from ${least} to ${newest}; the present state must be read anew`,
      oldest: least,
    });
  }

  #step(follower: Follower): Promise<void> {
    const { at, options } = follower;
    const newest = this.#ports.head();
    if (at >= newest) return this.#news(options.signal);
    const rows = this.#ring.after(at, this.#chunk);
    if (rows.length > 0) return this.#give(follower, rows);
    const isClose = at > this.#ring.last && newest - at <= this.#bounds.ring.rows;
    return at === this.#ring.last || isClose ? this.#fill(at) : this.#catchUp(follower, newest);
  }

  get #chunk(): number {
    const { least, most, all } = this.#bounds.chunk;
    return Math.max(least, Math.min(most, Math.floor(all / this.#open)));
  }

  #fill(at: number): Promise<void> {
    this.#filling ??= this.#fillFrom(at).finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  async #fillFrom(at: number): Promise<void> {
    if (at > this.#ring.last) this.#ring.restart(at);
    const from = this.#ring.last;
    const upTo = this.#ports.head();
    this.#sharedReads += 1;
    const { rows } = await this.#pages.read({ after: from, upTo });
    // Numbers have no gap but at the beginning, where pruning has been. Who stands before it will be told.
    const first = rows[0]?.row.seq ?? upTo + 1;
    if (first !== from + 1) this.#ring.restart(first - 1);
    this.#ring.add(rows);
  }

  async #catchUp(follower: Follower, newest: number): Promise<void> {
    const { at, options } = follower;
    const { kinds, subjects, signal } = options;
    const end = at < this.#ring.from ? Math.min(newest, this.#ring.from) : newest;
    this.#ownReads += 1;
    const { rows, through, oldest } = await this.#pages.read({
      after: at,
      upTo: Math.min(end, at + this.#bounds.window),
      filter: { ...(kinds && { kinds }), ...(subjects && { subjects }) },
    });
    if (oldest > at + 1) throw contextLost('since', at, oldest);
    let size = rows.reduce((sum, row) => sum + row.size, 0);
    this.#held += size;
    try {
      for (let rest = rows; rest.length > 0; ) {
        const most = this.#chunk;
        const chunk = fitting(rest, 0, most);
        rest = rest.slice(chunk.length);
        const isTooMuch = rest.length > 0 && this.#held > this.#bounds.held;
        if (isTooMuch) {
          // Nobody waits with a page in hand: the rest is read again.
          rows.length = 0;
          rest = [];
          this.#held -= size - most;
          size = most;
        }
        await this.#give(follower, chunk);
        if (isTooMuch || !this.#goesOn(signal)) return;
      }
      follower.at = Math.max(follower.at, through);
    } finally {
      this.#held -= size;
    }
  }

  /** The cursor moves with what is given: what fails ends the following. */
  #give(follower: Follower, rows: readonly ChangeRow[]): Promise<void> {
    follower.at = rows.at(-1)?.seq ?? follower.at;
    return this.#turns.take(this.#chunk, () => {
      const { options, wants } = follower;
      const wanted = rows.filter(wants);
      if (wanted.length === 0 || options.signal.aborted) return undefined;
      this.#given += wanted.length;
      return this.#takings.take(options, wanted);
    });
  }

  /** Until the head rises, the follower leaves, or the store ends. */
  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

function wantsOf({ kinds, subjects, wants }: FollowOptions): (row: ChangeRow) => boolean {
  const ofKind = kinds && new Set(kinds);
  const ofSubject = subjects && new Set(subjects);
  return (row) =>
    ofKind?.has(row.kind) !== false && ofSubject?.has(row.subject) !== false && (wants === undefined || wants(row));
}

function checkFollow(options: FollowOptions): void {
  checkFilter(options);
  for (const [field, least] of [
    ['since', 0],
    ['stallMs', 1],
  ] as const) {
    const value = options[field];
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue;
    const allowed = `an integer from ${least}`;
    throw new CsmError(problem(code.INVALID_PARAMETER, `${field} is ${value}`, { field, allowed }));
  }
}
