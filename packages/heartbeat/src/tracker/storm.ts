import type { Mono, Wall } from '@csm/model';
import type { Incident } from '../types.ts';
import { foldComponents } from '../xname/index.ts';
import type { Component } from './component.ts';
import { isIn, type Place } from './places.ts';

/** A mass event: the components of some places turn late or dead within a moment. */
export interface Storm {
  readonly id: string;
  /** `dead` as soon as one of them is. */
  kind: 'warning' | 'dead';
  readonly began: Wall;
  ended: Wall | null;
  /** Where enough of them turned at once. */
  readonly places: Set<Place>;
  /** All that ever belonged to it. */
  readonly components: Set<Component>;
  /** How many of them are still late or dead. */
  down: number;
  /** When the last one joined. */
  joinedAt: Mono;
  /** When it is told (again), and how many it had when it was told last. */
  tellAt: Mono | undefined;
  told: number;
}

/** One that turned late or dead: the number of its change, and when. */
export interface Turned {
  readonly component: Component;
  readonly kind: 'warning' | 'dead';
  readonly number: number;
  readonly at: Mono;
}

/** To fold more names than this would hold up everything else for too long; then their places stand for them. */
const FOLD_MAX = 5000;

/** `all`, or the places, folded: `x3`, `x3c[0-1]`. */
export function scopeOf(storm: Storm): string {
  const outer = [...storm.places].filter((place) => place.above === undefined || !isInAny(place.above, storm.places));
  return outer.some((place) => place.above === undefined) ? 'all' : foldComponents(outer.map(({ name }) => name));
}

export function incidentOf(storm: Storm): Incident {
  const { id, kind, began, ended, components, down } = storm;
  const scope = scopeOf(storm);
  const count = components.size;
  const where = scope === 'all' ? 'everywhere' : `in ${scope}`;
  const words =
    ended === null
      ? `${count} components turned ${kind === 'dead' ? 'late, and then dead,' : 'late'} at once ${where}`
      : `${count - down} of ${count} components that turned late at once ${where} are so no more`;
  return { id, scope, kind, began, ended, components: foldMany(components), count, words };
}

/** Names folded; of very many, the cabinets they stand in, and of those that stand nowhere, nothing. */
export function foldMany(components: ReadonlySet<Component>): string {
  if (components.size <= FOLD_MAX) return foldComponents([...components].map(({ name }) => name));
  const largest = new Set<string>();
  for (const { place } of components) {
    const cabinet = cabinetOf(place);
    if (cabinet !== undefined) largest.add(cabinet.name);
  }
  return foldComponents(largest);
}

function cabinetOf(place: Place): Place | undefined {
  let at = place;
  while (at.above?.above !== undefined) at = at.above;
  return at.above === undefined ? undefined : at;
}

function isInAny(place: Place, outer: ReadonlySet<Place>): boolean {
  for (const each of outer) if (isIn(place, each)) return true;
  return false;
}
