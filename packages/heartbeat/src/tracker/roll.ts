import { compareNames } from '@csm/nodeset';

/** Names of one leaf at most; a full one is split. */
const LEAF_MAX = 512;

/**
 * Components in natural order of their names, for lists that go on behind a name. Leaves of a few hundred, in order:
 * to add one costs two binary searches and a short move, however many there are; nothing is ever sorted as a whole.
 */
export class Roll<T extends { readonly name: string }> {
  readonly #leaves: T[][] = [];

  add(item: T): void {
    const leaves = this.#leaves;
    if (leaves.length === 0) leaves.push([]);
    const at = this.#leafOf(item.name);
    const leaf = leaves[at] as T[];
    leaf.splice(firstBehind(leaf, item.name), 0, item);
    if (leaf.length > LEAF_MAX) leaves.splice(at + 1, 0, leaf.splice(LEAF_MAX / 2));
  }

  remove(item: T): void {
    const at = this.#leafOf(item.name);
    const leaf = this.#leaves[at];
    const index = leaf?.indexOf(item) ?? -1;
    if (leaf === undefined || index < 0) return;
    leaf.splice(index, 1);
    if (leaf.length === 0) this.#leaves.splice(at, 1);
  }

  /** In order, those whose names stand behind `after`; all without it. */
  *behind(after: string | undefined): Generator<T, void, undefined> {
    let at = after === undefined ? 0 : this.#leafOf(after);
    const leaf = this.#leaves[at];
    if (leaf === undefined) return;
    for (let i = after === undefined ? 0 : firstBehind(leaf, after); i < leaf.length; i++) yield leaf[i] as T;
    for (at++; at < this.#leaves.length; at++) yield* this.#leaves[at] as T[];
  }

  /** The last leaf that begins at or before the name, or the first. */
  #leafOf(name: string): number {
    let low = 0;
    let high = this.#leaves.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (compareNames(((this.#leaves[middle] as T[])[0] as T).name, name) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Where the names behind this one begin. */
function firstBehind<T extends { readonly name: string }>(leaf: readonly T[], name: string): number {
  let low = 0;
  let high = leaf.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareNames((leaf[middle] as T).name, name) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
