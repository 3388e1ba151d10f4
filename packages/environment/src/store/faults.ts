/**
 * Items that give nothing, or only a part, on a node that has them. A fault ends with the item's next values, or when
 * the item turns out to be absent. Where nothing more is heard of the item (it left the bucket, the node is gone) it is
 * forgotten by `lifeOf`: a fault told once stays for 25 hours, since the next round of a daily bucket may be that far;
 * one told again stays for three times the longest gap between two tellings, at least 30 minutes, at most three days.
 * A bucket of ten minutes that ends so is silent half an hour later, one of a day after three.
 *
 * Tellings are ordered by the report's time, one of a clock that is ahead by the moment it arrived.
 */
import { deleteAmong, rowsAmong, type SqlValue, type Tx } from '@csm/store';
import { DAY_MS, HOUR_MS } from './slot.ts';

const ONCE_MS = DAY_MS + HOUR_MS;
const LEAST_MS = HOUR_MS / 2;
const MOST_MS = 3 * DAY_MS;
const GAPS = 3;

/** How long after its last telling a fault stays; `gap` is the longest between two tellings, 0 when it was told once. */
export const lifeOf = (gap: number): number =>
  gap === 0 ? ONCE_MS : Math.min(MOST_MS, Math.max(LEAST_MS, GAPS * gap));

/** What a report says of an item: that all is well with it or it is absent, or what fails. */
export type Said = 'sound' | { readonly part: boolean; readonly reason: string };

interface Known {
  readonly item: number;
  readonly part: number;
  readonly reason: string;
  readonly since: number;
  readonly last: number;
  readonly gap: number;
  readonly ends: number;
}

/** One call's view of the faults: read once for all its nodes, written once. */
export class Faults {
  readonly #tx: Tx;
  readonly #known = new Map<string, Known>();
  /** Keys of those that are to be written, or deleted when nothing is known of them. */
  readonly #changed = new Map<string, readonly [node: number, item: number]>();

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  /** Reads those of the nodes that are told of later. */
  async load(nodes: Iterable<number>): Promise<void> {
    const rows = await rowsAmong<Known & { readonly node: number }>(
      this.#tx,
      { table: 'env_fault', columns: COLUMNS, key: [['node', 'BIGINT']] },
      [...new Set(nodes)].map((node) => [node]),
    );
    for (const { node, ...known } of rows) this.#known.set(keyOf(node, known.item), known);
  }

  /** Notes what a node's report of `time` said, by the numbers of the items. */
  note(node: number, time: number, said: ReadonlyMap<number, Said>): void {
    const { now } = this.#tx;
    const at = Math.min(time, now);
    for (const [item, word] of said) {
      const key = keyOf(node, item);
      const known = this.#known.get(key);
      if (known !== undefined && known.last > at) continue;
      if (word === 'sound') {
        if (!this.#known.delete(key)) continue;
      } else {
        const next = told(item, at, word, known);
        if (next.ends < now) continue;
        this.#known.set(key, next);
      }
      this.#changed.set(key, [node, item]);
    }
  }

  async write(): Promise<void> {
    const rows: SqlValue[][] = [];
    const over: (readonly [number, number])[] = [];
    for (const [key, [node, item]] of this.#changed) {
      const known = this.#known.get(key);
      if (known === undefined) over.push([node, item]);
      else rows.push([node, item, known.part, known.reason, known.since, known.last, known.gap, known.ends]);
    }
    await deleteAmong(this.#tx, { table: 'env_fault', key: KEY }, over);
    await this.#tx.insert('env_fault', COLUMNS, rows, {
      onConflict: `(node, item) DO UPDATE SET part = excluded.part, reason = excluded.reason, since = excluded.since,
        last = excluded.last, gap = excluded.gap, ends = excluded.ends`,
    });
    this.#changed.clear();
  }
}

const COLUMNS = ['node', 'item', 'part', 'reason', 'since', 'last', 'gap', 'ends'];
const KEY = [
  ['node', 'BIGINT'],
  ['item', 'BIGINT'],
] as const;
const keyOf = (node: number, item: number): string => `${node} ${item}`;

/** What a fault told at a moment becomes, held against what is known of it. */
function told(item: number, at: number, { part, reason }: Exclude<Said, 'sound'>, known: Known | undefined): Known {
  const again = known !== undefined && known.ends >= at ? known : undefined;
  const gap = again === undefined ? 0 : Math.max(again.gap, at - again.last);
  const since = again !== undefined && (again.part === 1) === part ? again.since : at;
  return { item, part: part ? 1 : 0, reason, since, last: at, gap, ends: at + lifeOf(gap) };
}

/** Forgets those that are over. */
export async function forgetFaults(tx: Tx): Promise<void> {
  await tx.run('DELETE FROM env_fault WHERE ends < $1', [tx.now]);
}
