import { placesOf } from '../xname/index.ts';

/** Where components stand, and what happens there. */
export interface Place {
  /** An xname; `all` at the root. */
  readonly name: string;
  readonly above: Place | undefined;
  readonly below: Set<Place>;
  /** Components in it, and below it. */
  members: number;
  /** Those of them that are expected to beat: beating, late or dead. */
  watched: number;
  /** Those of them that turned late or dead within the last moment, and are so still. */
  turned: number;
}

/** The places as a tree: everything, cabinets, chassis, switches. Only those that have components. */
export class Places {
  readonly root: Place = place('all', undefined);
  readonly #byName = new Map<string, Place>();

  /** The smallest place of a component with this name; it is counted there and in all that are above. */
  enter(name: string): Place {
    let at = this.root;
    for (const each of placesOf(name)) {
      let next = this.#byName.get(each);
      if (next === undefined) {
        next = place(each, at);
        this.#byName.set(each, next);
        at.below.add(next);
      }
      at = next;
    }
    for (let p: Place | undefined = at; p !== undefined; p = p.above) p.members++;
    return at;
  }

  leave(from: Place): void {
    for (let p: Place | undefined = from; p !== undefined; p = p.above) {
      p.members--;
      if (p.members > 0 || p.above === undefined) continue;
      p.above.below.delete(p);
      this.#byName.delete(p.name);
    }
  }

  watch(at: Place, by: 1 | -1): void {
    for (let p: Place | undefined = at; p !== undefined; p = p.above) p.watched += by;
  }
}

export function isIn(inner: Place, outer: Place): boolean {
  for (let p: Place | undefined = inner; p !== undefined; p = p.above) if (p === outer) return true;
  return false;
}

const place = (name: string, above: Place | undefined): Place => ({
  name,
  above,
  below: new Set(),
  members: 0,
  watched: 0,
  turned: 0,
});
