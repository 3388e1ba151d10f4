/**
 * Refusals, folded: whoever is refused the same call for the same reason again and again makes two entries a minute, not
 * thousands. Pure: time is an argument.
 *
 * | a kind of refusal is… | enters                | leaves                                                            |
 * |-----------------------|-----------------------|-------------------------------------------------------------------|
 * | new                   | its first `note`      | it is told at once; its minute begins → counted                   |
 * | counted               | each further `note`   | the minute is over → told with its count, if any came; forgotten  |
 *
 * Beyond `most` kinds in a minute the rest is one kind, `(others)`.
 */
import { after, earliest, type Mono, type Now } from '@csm/model';

export interface Refusal {
  readonly user: string;
  readonly uid: number | null;
  readonly vouchedBy: string;
  readonly via: string | null;
  readonly token: string | null;
  readonly call: string;
  readonly code: number;
  readonly detail: string;
}

export interface Folded extends Refusal {
  readonly times: number;
  /** Of the last of them, ms UTC. */
  readonly time: number;
}

interface Kind {
  last: Refusal;
  at: number;
  times: number;
  readonly ends: Mono;
}

export const FOLD_MS = 60_000;
export const FOLD_MOST = 100;

export class RefusalFold {
  readonly #kinds = new Map<string, Kind>();
  readonly #most: number;

  constructor(most: number = FOLD_MOST) {
    this.#most = most;
  }

  /** What is to be told at once; undefined when it is counted. */
  note(given: Refusal, now: Now): Folded | undefined {
    const own = keyOf(given);
    const refusal = this.#kinds.has(own) || this.#kinds.size < this.#most ? given : othersOf(given);
    const key = refusal === given ? own : keyOf(refusal);
    const kind = this.#kinds.get(key);
    if (kind !== undefined && now.mono < kind.ends) {
      kind.last = refusal;
      kind.at = now.wall;
      kind.times += 1;
      return undefined;
    }
    this.#kinds.set(key, { last: refusal, at: now.wall, times: 0, ends: after(now.mono, FOLD_MS) });
    const before = kind === undefined || kind.times === 0 ? 0 : kind.times;
    return { ...refusal, times: 1 + before, time: now.wall };
  }

  /** When the next minute is over; undefined when nothing waits. */
  get due(): Mono | undefined {
    let due: Mono | undefined;
    for (const kind of this.#kinds.values()) due = earliest(due, kind.ends);
    return due;
  }

  /** What is to be told of the minutes that are over. */
  take({ mono }: Now): readonly Folded[] {
    const told: Folded[] = [];
    for (const [key, { last, at, times, ends }] of this.#kinds) {
      if (mono < ends) continue;
      this.#kinds.delete(key);
      if (times > 0) told.push({ ...last, times, time: at });
    }
    return told;
  }

  /** All that is counted, whatever the time: at the end. */
  rest(): readonly Folded[] {
    const told = [...this.#kinds.values()].filter(({ times }) => times > 0);
    this.#kinds.clear();
    return told.map(({ last, at, times }) => ({ ...last, times, time: at }));
  }
}

const keyOf = ({ user, uid, vouchedBy, via, token, call, code }: Refusal): string =>
  JSON.stringify([user, uid, vouchedBy, via, token, call, code]);

const othersOf = ({ code }: Refusal): Refusal => ({
  user: '(others)',
  uid: null,
  vouchedBy: '(others)',
  via: null,
  token: null,
  call: '(others)',
  code,
  detail: 'more refusals of other kinds within a minute than are told one by one',
});
