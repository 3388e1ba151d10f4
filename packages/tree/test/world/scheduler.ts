/** The fake clock: what is to happen when. Things due at the same moment happen in the order they were planned. */
export interface Planned {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

const before = (a: Planned, b: Planned): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class Scheduler {
  /** ms since the world began. */
  now = 0;
  /** Things that happened: a bound against worlds that never come to rest. */
  happened = 0;
  readonly #heap: Planned[] = [];
  #order = 0;

  at(at: number, run: () => void): Planned {
    const planned = { at: Math.max(at, this.now), order: this.#order++, run, cancelled: false };
    this.#push(planned);
    return planned;
  }

  after(ms: number, run: () => void): Planned {
    return this.at(this.now + ms, run);
  }

  /** Lets everything happen that is due up to `until`. */
  advanceTo(until: number): void {
    for (let top = this.#heap[0]; top !== undefined && top.at <= until; top = this.#heap[0]) {
      this.#pop();
      if (top.cancelled) continue;
      this.now = top.at;
      this.happened++;
      top.run();
    }
    this.now = until;
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(planned);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || before(parent, planned)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = planned;
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
      if (right !== undefined && before(right, left)) child++;
      const down = heap[child];
      if (down === undefined || before(last, down)) break;
      heap[i] = down;
      i = child;
    }
    heap[i] = last;
  }
}
