import { type Wall, wall } from '@csm/model';
import type { Life, Limits, Source, Tracked } from '../types.ts';
import { Columns, NONE } from './columns.ts';
import type { Place } from './places.ts';
import type { Storm, Turned } from './storm.ts';

/** One component. What changes with each beat stands in the columns, and in `timestamp`. */
export class Component implements Tracked {
  readonly name: string;
  source: Source;
  life: Life = 'left';
  timestamp = '';
  status = '';
  gap = false;
  limits: Limits;

  /** Its row of the columns. */
  slot: number;
  /** Forgotten: it is tracked no more, though somebody may still hold it. */
  isGone = false;
  /** The smallest place it stands in. */
  readonly place: Place;
  /** The mass event it turned late or dead in; it may have ended. */
  storm: Storm | undefined = undefined;
  /** That it turned late or dead within the last moment, and has not come back. */
  turn: Turned | undefined = undefined;

  #columns: Columns;

  constructor(name: string, source: Source, slot: number, columns: Columns, limits: Limits, place: Place) {
    this.name = name;
    this.source = source;
    this.slot = slot;
    this.#columns = columns;
    this.limits = limits;
    this.place = place;
  }

  get since(): Wall {
    return wall(this.#columns.since[this.slot] as number);
  }

  get lastBeat(): Wall | null {
    const at = this.#columns.lastBeat[this.slot] as number;
    return Number.isNaN(at) ? null : wall(at);
  }

  get interval(): number | null {
    const ms = this.#columns.interval[this.slot] as number;
    return ms === NONE ? null : ms;
  }

  get warnMs(): number {
    return this.limits.warnMs;
  }

  get errMs(): number {
    return this.limits.errMs;
  }

  /** It is forgotten: its numbers go with it, since its slot will be another's. */
  leave(): void {
    const own = new Columns(1);
    this.#columns.copy(this.slot, own, 0);
    this.#columns = own;
    this.slot = 0;
    this.isGone = true;
    this.storm = undefined;
    this.turn = undefined;
  }

  /** As `Tracked`, for whoever writes it as JSON. */
  toJSON(): Tracked {
    const { name, source, life, since, lastBeat, interval, timestamp, status, gap, warnMs, errMs } = this;
    return { name, source, life, since, lastBeat, interval, timestamp, status, gap, warnMs, errMs };
  }
}
