/** Components that are alike, as one line. Pure. */
import { isNodeName } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { type Component, STATES, type State } from './words.ts';

/** Components in one state, with the same thresholds, told by the same source. */
export interface Alike {
  readonly state: State;
  readonly flag: string;
  readonly source: Component['source'];
  readonly warntime: number;
  readonly errtime: number;
  readonly gap: boolean;
  readonly count: number;
  /** Folded. */
  readonly components: string;
  /** When the first and the last of them came into the state, ISO 8601. */
  readonly first: string;
  readonly last: string;
  /** When the one that was silent for longest beat last; null where one never beat. */
  readonly oldest: string | null;
}

type Draft = { -readonly [K in keyof Alike]: Alike[K] } & { readonly names: string[] };

/** The worst first; of one state the most. */
export class Folder {
  readonly #drafts = new Map<string, Draft>();

  add({ name, state, flag, source, warntime, errtime, gap, since, last_seen }: Component): void {
    const key = `${state} ${source} ${warntime} ${errtime} ${gap}`;
    const known = this.#drafts.get(key);
    if (known === undefined) {
      const about = { state, flag, source, warntime, errtime, gap };
      const times = { first: since, last: since, oldest: last_seen };
      this.#drafts.set(key, { ...about, ...times, count: 1, components: '', names: [name] });
      return;
    }
    known.count++;
    known.names.push(name);
    if (since < known.first) known.first = since;
    if (since > known.last) known.last = since;
    if (known.oldest !== null && (last_seen === null || last_seen < known.oldest)) known.oldest = last_seen;
  }

  alike(): Alike[] {
    return [...this.#drafts.values()]
      .map(({ names, ...draft }) => ({ ...draft, components: foldedOf(names) }))
      .sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || b.count - a.count);
  }
}

/** Names of others that are no node names stand as they are. */
export function foldedOf(names: Iterable<string>): string {
  const good: string[] = [];
  const odd: string[] = [];
  for (const name of names) (isNodeName(name) ? good : odd).push(name);
  return [...(good.length === 0 ? [] : [NodeSet.of(good).toString()]), ...odd].join(',');
}
