import { after, earliest, type Mono, type Now, wall } from '@csm/model';
import type { Incident } from '../types.ts';
import type { ChangeQueue } from './change-queue.ts';
import type { Component } from './component.ts';
import { isIn, type Place, type Places } from './places.ts';
import { foldMany, incidentOf, type Storm, type Turned } from './storm.ts';

/** What is a moment: as many as make an incident turn late or dead within this, ms. */
const MOMENT_MS = 2000;

/** As many at least; and this part of those that are watched there. */
const COUNT_MIN = 10;
const PART_MIN = 0.2;

/** A place that has this part of what turned in a larger one, and not this part of what is watched there, is to blame. */
const BLAME_PART = 0.9;

/** An incident is told so long after it began, or got worse, ms: what happens until then is told with it. */
const TELL_MS = 500;

/** It is over when no more than this part of its components is late or dead. */
const DOWN_PART = 0.1;

/**
 * Finds the one cause behind many changes. Each component that turns late or dead is counted for a moment, or until it is
 * back, in each place it stands in. When enough turned in one place, a storm begins there: those counted belong to it, and those that turn
 * there from now on, until a moment passes in which none does. Further places in which enough turn meanwhile become
 * part of the same storm; what follows later is another. A storm is over when nearly all its components are back.
 *
 * An incident is told half a second after it began, or at once when everything is hit; again when it has grown or its
 * components die; and when it is over.
 */
export class Incidents {
  readonly #places: Places;
  readonly #changes: ChangeQueue;
  /** Those that turned within the last moment, oldest first. */
  #turned: Turned[] = [];
  #turnedHead = 0;
  /** The storm that still grows. */
  #growing: Storm | undefined;
  /** Those that are to be told at some time. */
  readonly #toTell = new Set<Storm>();
  #told: Incident[] = [];
  /** Ids given so far. */
  #ids = 0;

  constructor(places: Places, changes: ChangeQueue) {
    this.#places = places;
    this.#changes = changes;
  }

  get size(): number {
    return this.#told.length;
  }

  take(): Incident[] {
    const taken = this.#told;
    this.#told = [];
    return taken;
  }

  /** A component turned late or dead; its change has this number. */
  turned(component: Component, kind: Turn, number: number, now: Now): void {
    this.run(now);
    if (component.storm === undefined) {
      if (component.turn === undefined) this.#count({ component, kind, number, at: now.mono });
      this.#seek(component, kind, now);
    }
    const { storm } = component;
    if (storm === undefined) return;
    this.#mark(number, storm);
    if (kind === 'dead') this.#worsen(storm, now.mono);
  }

  /** It is neither late nor dead any more. Gives the incident that it was part of. */
  back(component: Component, now: Now): string | null {
    this.#uncount(component);
    const { storm } = component;
    if (storm === undefined) return null;
    component.storm = undefined;
    storm.down--;
    if (storm.down <= storm.components.size * DOWN_PART) this.#end(storm, now);
    return storm.id;
  }

  /** Nobody watched for so long, until now; `components` were told late for that. */
  blind(id: string, blindMs: number, components: ReadonlySet<Component>, now: Now): void {
    const count = components.size;
    const who = count === 1 ? '1 component past its error time has' : `${count} components past their error time have`;
    this.#told.push({
      id,
      scope: 'all',
      kind: 'blind',
      began: wall(now.wall - Math.round(blindMs)),
      ended: now.wall,
      components: foldMany(components),
      count,
      words: `monitoring was blind for ${seconds(blindMs)} s${count === 0 ? '' : `; ${who} it once more`}`,
    });
  }

  /** The same for no two incidents: time tells those of two processes apart. */
  newId(now: Now): string {
    return `${now.wall}-${++this.#ids}`;
  }

  /** When `run` has to be called. */
  wakeAt(): Mono | undefined {
    let at: Mono | undefined;
    for (const { tellAt } of this.#toTell) at = earliest(at, tellAt);
    return this.#growing === undefined ? at : earliest(at, after(this.#growing.joinedAt, MOMENT_MS));
  }

  /** What time alone brings about. */
  run(now: Now): void {
    this.#expire(now.mono);
    const storm = this.#growing;
    if (storm !== undefined && now.mono >= storm.joinedAt + MOMENT_MS) {
      this.#growing = undefined;
      if (storm.told < storm.components.size) this.#tell(storm);
    }
    for (const each of this.#toTell) if (each.tellAt === undefined || now.mono >= each.tellAt) this.#tell(each);
  }

  /** Finds out whether a storm goes on where it stands, or begins there; the largest place counts. */
  #seek(component: Component, kind: Turn, now: Now): void {
    for (const place of fromLargest(component.place)) {
      if (this.#growing?.places.has(place)) {
        this.#join(this.#growing, component, now.mono);
        return;
      }
      if (this.#isHit(place)) {
        this.#hit(place, kind, now);
        return;
      }
    }
  }

  #count(turned: Turned): void {
    turned.component.turn = turned;
    this.#turned.push(turned);
    for (let p: Place | undefined = turned.component.place; p !== undefined; p = p.above) p.turned++;
  }

  #uncount(component: Component): void {
    if (component.turn === undefined) return;
    component.turn = undefined;
    for (let p: Place | undefined = component.place; p !== undefined; p = p.above) p.turned--;
  }

  #expire(now: Mono): void {
    const turned = this.#turned;
    for (; this.#turnedHead < turned.length; this.#turnedHead++) {
      const oldest = turned[this.#turnedHead] as Turned;
      if (oldest.at > now - MOMENT_MS) break;
      // One that came back may have turned once more since.
      if (oldest.component.turn === oldest) this.#uncount(oldest.component);
    }
    if (this.#turnedHead * 2 <= turned.length) return;
    this.#turned = turned.slice(this.#turnedHead);
    this.#turnedHead = 0;
  }

  /** Enough of it turned at once, and no smaller place within it alone explains that. */
  #isHit(place: Place): boolean {
    const { turned, watched } = place;
    if (turned < COUNT_MIN || turned < watched * PART_MIN) return false;
    for (const inner of place.below) {
      if (inner.turned >= turned * BLAME_PART && inner.watched < watched * BLAME_PART) return false;
    }
    return true;
  }

  /** A place is hit: it becomes part of the storm that grows, or one begins. */
  #hit(place: Place, kind: Turn, now: Now): void {
    const storm = this.#growing ?? this.#begin(kind, now);
    storm.places.add(place);
    for (let i = this.#turnedHead; i < this.#turned.length; i++) {
      const turned = this.#turned[i] as Turned;
      const { component } = turned;
      if (component.turn !== turned || component.storm !== undefined || !isIn(component.place, place)) continue;
      this.#join(storm, component, now.mono);
      this.#mark(turned.number, storm);
      if (turned.kind === 'dead') this.#worsen(storm, now.mono);
    }
    if (place === this.#places.root) this.#tell(storm);
  }

  #begin(kind: Turn, now: Now): Storm {
    const storm: Storm = {
      id: this.newId(now),
      kind,
      began: now.wall,
      ended: null,
      places: new Set(),
      components: new Set(),
      down: 0,
      joinedAt: now.mono,
      tellAt: after(now.mono, TELL_MS),
      told: 0,
    };
    this.#growing = storm;
    this.#toTell.add(storm);
    return storm;
  }

  #join(storm: Storm, component: Component, at: Mono): void {
    component.storm = storm;
    storm.components.add(component);
    storm.down++;
    storm.joinedAt = at;
  }

  #worsen(storm: Storm, at: Mono): void {
    if (storm.kind === 'dead') return;
    storm.kind = 'dead';
    storm.tellAt ??= after(at, TELL_MS);
    this.#toTell.add(storm);
  }

  #end(storm: Storm, now: Now): void {
    storm.ended = now.wall;
    if (this.#growing === storm) this.#growing = undefined;
    for (const component of storm.components) if (component.storm === storm) component.storm = undefined;
    this.#tell(storm);
  }

  #mark(number: number, storm: Storm): void {
    const change = this.#changes.waiting(number);
    if (change !== undefined) change.incident = storm.id;
  }

  #tell(storm: Storm): void {
    storm.tellAt = undefined;
    this.#toTell.delete(storm);
    storm.told = storm.components.size;
    this.#told.push(incidentOf(storm));
  }
}

type Turn = Turned['kind'];

function fromLargest(place: Place): readonly Place[] {
  const places: Place[] = [];
  for (let p: Place | undefined = place; p !== undefined; p = p.above) places.push(p);
  return places.reverse();
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1).replace(/\.0$/, '');
