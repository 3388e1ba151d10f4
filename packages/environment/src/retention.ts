/**
 * Removes what is too old or too much: right after the start, then every ten minutes. Each slice is a call of its own,
 * so that reports are stored in between.
 */
import { toProblem } from '@csm/model';
import type { Store } from '@csm/store';
import type { Log } from '@csm/tree';
import type { Keep, PruneResult } from './store/prune.ts';
import { itemOf } from './store/slot.ts';

const EVERY_MS = 600_000;
/** How often, and how long after, what is being read when it is to go is tried again; then it stays for the next time. */
const BUSY_TRIES = 40;
const BUSY_MS = 250;

export class Retention {
  readonly #store: Store;
  readonly #keep: Keep;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  /** Ends the present pause. */
  #wake: () => void = () => {};
  /** Set while keep_bytes takes what its age would have kept. */
  #squeezed: PruneResult['squeezed'] = null;
  /** Set while the names of values take all the room they have. */
  #names: PruneResult['names'] = null;

  constructor(store: Store, keep: Keep, log: Log) {
    this.#store = store;
    this.#keep = keep;
    this.#log = log;
  }

  start(): void {
    this.#timer = setInterval(() => this.#begin(), EVERY_MS);
    this.#timer.unref();
    this.#begin();
  }

  /** Slice after slice until nothing is left to remove; gives the number of rows. */
  async run(): Promise<number> {
    await this.#store.call('environment.configure', this.#keep);
    let deleted = 0;
    let squeezed: PruneResult['squeezed'] = null;
    let names: PruneResult['names'] = null;
    for (let more = true, tries = 0; more && !this.#stopped; ) {
      const slice = await this.#store.call<PruneResult>('environment.prune', this.#keep);
      deleted += slice.deleted;
      more = slice.more;
      squeezed = slice.squeezed ?? squeezed;
      names = slice.names;
      if (slice.busy && tries < BUSY_TRIES) {
        tries += 1;
        more = true;
        await this.#pause();
      }
    }
    this.#squeezed = squeezed;
    this.#names = names;
    return deleted;
  }

  problems(): string[] {
    const told: string[] = [];
    if (this.#squeezed !== null) {
      const { grain, from } = this.#squeezed;
      const what = grain === 'sample' ? 'samples' : `${grain} figures`;
      const when = new Date(from).toISOString();
      told.push(`environment: ${what} of ${when} were removed before their time since all takes more than keep_bytes`);
    }
    if (this.#names !== null) {
      const { bytes, pool, node, item } = this.#names;
      told.push(
        `environment: names of values take ${bytes} bytes, more than the ${pool} there are for them: items that bring more of them than others are refused; most are of ${itemOf(item) ?? 'an item'} of ${node}`,
      );
    }
    return told;
  }

  /** Resolves when no slice is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#wake();
    await this.#running;
  }

  #pause(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, BUSY_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #begin(): void {
    this.#running ??= this.run()
      .then(
        () => undefined,
        (thrown: unknown) => {
          if (!this.#stopped) {
            this.#log.error('old environmental data could not be removed', { problem: toProblem(thrown) });
          }
        },
      )
      .finally(() => {
        this.#running = undefined;
      });
  }
}
