/** Things that come in any order, given in the natural order of their names as soon as that is sure. */
import { compareNames } from '@csm/nodeset';

/**
 * Nothing is given before `names` has told all names that will come; from then on each thing, once those before it are
 * given. What comes in order, as names of one width do from a database, is passed on as it comes.
 */
export class NameOrder<T> {
  readonly #nameOf: (thing: T) => string;
  readonly #give: (things: readonly T[]) => void;
  readonly #held = new Map<string, T>();
  #order: readonly string[] = [];
  #next = 0;

  constructor(nameOf: (thing: T) => string, give: (things: readonly T[]) => void) {
    this.#nameOf = nameOf;
    this.#give = give;
  }

  names(all: readonly string[]): void {
    this.#order = [...all].sort(compareNames);
    this.add([]);
  }

  add(things: readonly T[]): void {
    const due: T[] = [];
    for (const thing of things) {
      const name = this.#nameOf(thing);
      if (name !== this.#order[this.#next]) this.#held.set(name, thing);
      else {
        due.push(thing);
        this.#next++;
      }
    }
    if (this.#held.size > 0) this.#release(due);
    if (due.length > 0) this.#give(due);
  }

  /** All have come. Throws where one did not that was named: those behind it were never given. */
  end(): void {
    if (this.#next < this.#order.length || this.#held.size > 0)
      throw new Error(`of ${this.#order.length} things ${this.#next} came in order, and ${this.#held.size} are held`);
  }

  #release(due: T[]): void {
    for (; this.#next < this.#order.length; this.#next++) {
      const name = this.#order[this.#next] as string;
      const thing = this.#held.get(name);
      if (thing === undefined) return;
      this.#held.delete(name);
      due.push(thing);
    }
  }
}
