/** Rows of samples or rollups into one item for each step and node. Rows may come in any order. */
import type { Aggregate } from '../api.ts';
import type { Values } from '../items.ts';
import { compact, merge, single, type Tally } from '../store/figures.ts';

/** The smallest of the values that `share` of them do not exceed: the nearest rank. NaN for no values. */
export function nearestRank(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? Number.NaN;
}

export interface FoldedItem {
  readonly node: number;
  /** The step's beginning, ms UTC. */
  readonly time: number;
  readonly values: Values;
}

/** Of each value its tally, or for a percentile all of it. */
type Cell = { tally: Tally } | { readonly all: number[] };

const TALLY_ROOM = 4;

export class StepFold {
  readonly #stepMs: number;
  readonly #agg: Aggregate;
  #steps = new Map<number, Map<number, Map<string, Cell>>>();
  #held = 0;

  constructor(stepMs: number, agg: Aggregate) {
    this.#stepMs = stepMs;
    this.#agg = agg;
  }

  /** What is in memory, in values of a percentile; a tally takes the room of several. */
  get held(): number {
    return this.#held;
  }

  /** One value of one sample. */
  addValue(node: number, time: number, name: string, value: number): void {
    if (this.#agg !== 'p95') {
      this.addTally(node, time, name, single(value));
      return;
    }
    const cells = this.#cells(node, time);
    const cell = cells.get(name);
    if (cell === undefined) cells.set(name, { all: [value] });
    else if ('all' in cell) cell.all.push(value);
    this.#held += 1;
  }

  /** One value of a rollup whose bucket begins at `time` and lies within one step. Knows no percentile. */
  addTally(node: number, time: number, name: string, tally: Tally): void {
    const cells = this.#cells(node, time);
    const cell = cells.get(name);
    if (cell === undefined) {
      cells.set(name, { tally });
      this.#held += TALLY_ROOM;
    } else if ('tally' in cell) cell.tally = merge(cell.tally, tally);
  }

  /** What was added, by step, then in the order of `nodes`, each made when it is asked for; the fold is empty then. */
  *take(nodes: readonly number[]): Generator<FoldedItem> {
    const steps = [...this.#steps].sort(([a], [b]) => a - b);
    this.clear();
    for (const [time, cells] of steps) {
      for (const node of nodes) {
        const cell = cells.get(node);
        if (cell === undefined) continue;
        const values: [string, number][] = [];
        for (const [name, of] of cell) values.push([name, this.#aggregate(of)]);
        yield { node, time, values: Object.fromEntries(values) };
      }
    }
  }

  clear(): void {
    this.#steps = new Map();
    this.#held = 0;
  }

  #aggregate(cell: Cell): number {
    if ('all' in cell) return nearestRank(cell.all, 0.95);
    const { min, max, sum, n } = cell.tally;
    switch (this.#agg) {
      case 'min':
        return min;
      case 'max':
        return max;
      case 'avg':
        return compact(sum / n);
      case 'p95':
        return Number.NaN;
      default:
        return this.#agg satisfies never;
    }
  }

  #cells(node: number, time: number): Map<string, Cell> {
    const step = Math.floor(time / this.#stepMs) * this.#stepMs;
    return within(within(this.#steps, step), node);
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
