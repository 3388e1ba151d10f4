/** Rows of samples or rollups into one item for each step and node. Rows may come in any order. */
import type { Aggregate } from '../api.ts';
import type { Values } from '../items.ts';
import { compact, merge, single, type Tally } from '../store/figures.ts';

/** The smallest of the values that `share` of them do not exceed: the nearest rank. NaN for no values. */
export function nearestRank(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? Number.NaN;
}

export interface FoldedItem {
  readonly node: number;
  /** The step's beginning, ms UTC. */
  readonly time: number;
  readonly values: Values;
}

/** Of each value its tally, or for a percentile all of it. */
interface Cell {
  tally: Tally;
  all?: number[];
}

export class StepFold {
  readonly #stepMs: number;
  readonly #agg: Aggregate;
  #steps = new Map<number, Map<number, Map<string, Cell>>>();

  constructor(stepMs: number, agg: Aggregate) {
    this.#stepMs = stepMs;
    this.#agg = agg;
  }

  /** One value of one sample. */
  addValue(node: number, time: number, name: string, value: number): void {
    const cell = this.#add(node, time, name, single(value));
    if (this.#agg !== 'p95') return;
    if (cell.all === undefined) cell.all = [value];
    else cell.all.push(value);
  }

  /** One value of a rollup whose bucket begins at `time` and lies within one step. Knows no percentile. */
  addTally(node: number, time: number, name: string, tally: Tally): void {
    this.#add(node, time, name, tally);
  }

  /** What was added, by step, then in the order of `nodes`; the fold is empty then. */
  take(nodes: readonly number[]): FoldedItem[] {
    const items: FoldedItem[] = [];
    for (const [time, cells] of [...this.#steps].sort(([a], [b]) => a - b)) {
      for (const node of nodes) {
        const cell = cells.get(node);
        if (cell === undefined) continue;
        const values: [string, number][] = [];
        for (const [name, of] of cell) values.push([name, this.#aggregate(of)]);
        items.push({ node, time, values: Object.fromEntries(values) });
      }
    }
    this.#steps = new Map();
    return items;
  }

  #aggregate({ tally, all }: Cell): number {
    switch (this.#agg) {
      case 'min':
        return tally.min;
      case 'max':
        return tally.max;
      case 'avg':
        return compact(tally.sum / tally.n);
      case 'p95':
        return nearestRank(all ?? [], 0.95);
      default:
        return this.#agg satisfies never;
    }
  }

  #add(node: number, time: number, name: string, tally: Tally): Cell {
    const step = Math.floor(time / this.#stepMs) * this.#stepMs;
    const cell = within(within(this.#steps, step), node).get(name);
    if (cell !== undefined) {
      cell.tally = merge(cell.tally, tally);
      return cell;
    }
    const made = { tally };
    within(within(this.#steps, step), node).set(name, made);
    return made;
  }
}

function within<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}
