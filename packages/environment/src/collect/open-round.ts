import type { Wall } from '@csm/model';
import type { Item } from '../items.ts';
import { BodyMaker } from './body.ts';

/**
 * One bucket in its round, until it is closed: when its last item has answered, or at the end of its patience, whichever
 * comes first. Who answers later has a report of its own.
 */
export class OpenRound {
  readonly bucket: number;
  /** When it was due to be read: the time of all its reports. */
  readonly wall: Wall;
  readonly maker = new BodyMaker();
  /** Items that have not answered. */
  readonly left: Set<Item>;
  readonly #timer: NodeJS.Timeout;
  readonly #onClose: (round: OpenRound) => void;
  #isClosed = false;

  constructor(
    bucket: number,
    wall: Wall,
    items: readonly Item[],
    patienceMs: number,
    onClose: (round: OpenRound) => void,
  ) {
    this.bucket = bucket;
    this.wall = wall;
    this.left = new Set(items);
    this.#onClose = onClose;
    this.#timer = setTimeout(() => this.close(), patienceMs).unref();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    if (this.#isClosed) return;
    this.drop();
    this.#onClose(this);
  }

  /** Closes it without telling anybody. */
  drop(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }
}
