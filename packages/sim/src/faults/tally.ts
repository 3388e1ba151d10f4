/**
 * Judges what has happened since it last did: the lists of accepted reports against what the database holds by SELECT,
 * while nothing is under way; at the very end everything once more.
 */
import { judge, type Lists, readLists, type Verdict } from '../oracle/judge.ts';
import type { ReadUpTo, StoredState } from '../oracle/rows.ts';

export interface TallyOptions {
  readonly lists: string;
  readonly read: (from: ReadUpTo) => Promise<StoredState>;
  /** A node whose process was killed at any time. */
  readonly killed: (node: string) => boolean;
  /** Reports so far that the database was to refuse. */
  readonly poisoned: () => number;
}

export class Tally {
  readonly #options: TallyOptions;
  readonly #listed = new Map<string, number>();
  #read: ReadUpTo = { place: 0, change: 0 };

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  /** What is new since the last call. Only while every outbox is empty and nothing is offered. */
  async next(): Promise<Verdict> {
    const { lists, read } = this.#options;
    const state = await read(this.#read);
    const all = readLists(lists);
    const verdict = this.#judge({ ...all, accepted: this.#new(all.accepted) }, state);
    this.#read = { place: state.rows.at(-1)?.place ?? this.#read.place, change: 0 };
    for (const [node, numbers] of all.accepted) this.#listed.set(node, numbers.length);
    return verdict;
  }

  /** Everything there ever was. */
  async all(): Promise<Verdict> {
    return this.#judge(readLists(this.#options.lists), await this.#options.read({ place: 0, change: 0 }));
  }

  #judge(lists: Lists, state: StoredState): Verdict {
    const { killed, poisoned } = this.#options;
    return judge(lists, state, { killed, poisoned: poisoned() });
  }

  #new(accepted: Lists['accepted']): Map<string, readonly number[]> {
    return new Map([...accepted].map(([node, numbers]) => [node, numbers.slice(this.#listed.get(node) ?? 0)]));
  }
}
