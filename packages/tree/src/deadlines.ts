import type { Mono } from '@csm/model';

/**
 * Many deadlines, of which only the nearest matters. A binary heap with lazy removal: setting costs O(log n), and a
 * deadline that was moved leaves a stale entry that is dropped when it surfaces.
 */
export class Deadlines<Key> {
  readonly #at = new Map<Key, Mono>();
  #heap: { readonly at: Mono; readonly key: Key }[] = [];

  get size(): number {
    return this.#at.size;
  }

  /** Sets or moves the deadline of `key`; undefined removes it. */
  set(key: Key, at: Mono | undefined): void {
    const before = this.#at.get(key);
    if (before === at) return;
    if (at === undefined) {
      this.#at.delete(key);
      return;
    }
    this.#at.set(key, at);
    this.#push({ at, key });
    if (this.#heap.length > 2 * this.#at.size + 64) this.#rebuild();
  }

  get(key: Key): Mono | undefined {
    return this.#at.get(key);
  }

  /** All keys that have a deadline, as they are now. */
  keys(): Key[] {
    return [...this.#at.keys()];
  }

  /** The nearest deadline. */
  next(): Mono | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /** Takes out one key whose time has come, nearest first; undefined when none is due. */
  due(now: Mono): Key | undefined {
    this.#dropStale();
    const top = this.#heap[0];
    if (top === undefined || top.at > now) return undefined;
    this.#pop();
    this.#at.delete(top.key);
    return top.key;
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#at.get(top.key) !== top.at; top = this.#heap[0])
      this.#pop();
  }

  #rebuild(): void {
    this.#heap = [];
    for (const [key, at] of this.#at) this.#push({ at, key });
  }

  #push(item: { readonly at: Mono; readonly key: Key }): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(item);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || parent.at <= item.at) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && right.at < left.at) child++;
      const down = heap[child];
      if (down === undefined || down.at >= last.at) break;
      heap[i] = down;
      i = child;
    }
    heap[i] = last;
  }
}
