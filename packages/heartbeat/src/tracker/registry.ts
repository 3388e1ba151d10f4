import type { Life, Limits, Source } from '../types.ts';
import { Columns } from './columns.ts';
import { Component } from './component.ts';
import { Places } from './places.ts';
import { Roll } from './roll.ts';

/** Slots at first. */
const SLOTS = 1024;

/** What has a place for each slot. */
interface BySlot {
  grow(capacity: number): void;
}

/** All components: by name, by slot, in order, and how many there are of each life. */
export class Registry {
  readonly columns = new Columns(SLOTS);
  readonly places = new Places();
  readonly counts: Record<Life, number> = { beating: 0, late: 0, dead: 0, halted: 0, left: 0, off: 0 };
  readonly #byName = new Map<string, Component>();
  readonly #roll = new Roll<Component>();
  readonly #bySlot: (Component | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #others: BySlot[] = [];

  /** Makes what has a place for each slot, and lets it grow with them. */
  alongside<T extends BySlot>(make: (capacity: number) => T): T {
    const made = make(this.columns.capacity);
    this.#others.push(made);
    return made;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Slots in use are below. */
  get slots(): number {
    return this.#bySlot.length;
  }

  find(name: string): Component | undefined {
    return this.#byName.get(name);
  }

  at(slot: number): Component | undefined {
    return this.#bySlot[slot];
  }

  all(): Iterable<Component> {
    return this.#byName.values();
  }

  /** In order of the names, behind one. */
  behind(name: string | undefined): Iterable<Component> {
    return this.#roll.behind(name);
  }

  /** One that is known from now on; it has left, until something else is said of it. */
  add(name: string, source: Source, limits: Limits): Component {
    const slot = this.#free.pop() ?? this.#newSlot();
    this.columns.clear(slot);
    const c = new Component(name, source, slot, this.columns, limits, this.places.enter(name));
    this.#bySlot[slot] = c;
    this.#byName.set(name, c);
    this.#roll.add(c);
    this.counts[c.life]++;
    return c;
  }

  /** It is known no more; its slot will be another's. */
  remove(c: Component): void {
    this.counts[c.life]--;
    this.places.leave(c.place);
    this.#byName.delete(c.name);
    this.#roll.remove(c);
    this.#bySlot[c.slot] = undefined;
    this.#free.push(c.slot);
    c.leave();
  }

  /** What follows from its life alone. */
  turn(c: Component, life: Life): void {
    const before = isWatched(c.life);
    this.counts[c.life]--;
    this.counts[life]++;
    c.life = life;
    if (before !== isWatched(life)) this.places.watch(c.place, before ? -1 : 1);
  }

  #newSlot(): number {
    const slot = this.#bySlot.push(undefined) - 1;
    const { columns } = this;
    if (slot >= columns.capacity) {
      columns.grow(2 * columns.capacity);
      for (const other of this.#others) other.grow(columns.capacity);
    }
    return slot;
  }
}

/** It is expected to beat. */
const isWatched = (life: Life): boolean => life === 'beating' || life === 'late' || life === 'dead';
