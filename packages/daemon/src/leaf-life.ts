/** A daemon's own leaf: made, made anew where another hub is to serve it, and stopped; one after another. */
import type { LeafShell } from '@csm/tree';
import { notReady } from './calls.ts';

export class LeafLife {
  readonly #start: () => Promise<LeafShell>;
  #leaf: LeafShell | undefined;
  #runs = false;
  /** What is being done to the leaf. */
  #turn: Promise<void> = Promise.resolve();

  constructor(start: () => Promise<LeafShell>) {
    this.#start = start;
  }

  /** Undefined before it is made, and while it is made anew. */
  get leaf(): LeafShell | undefined {
    return this.#leaf;
  }

  get runs(): boolean {
    return this.#runs;
  }

  async make(): Promise<void> {
    await this.#inTurn(() => this.#make());
    this.#runs = true;
  }

  /** Has another hub serve it. */
  relink(reason: string): Promise<void> {
    return this.#inTurn(async () => {
      // One that is not made yet finds the other hub by itself.
      if (!this.#runs) return;
      await this.#leaf?.stop(reason);
      this.#leaf = undefined;
      await this.#make();
    });
  }

  /** The leaf, when nothing is being done to it. */
  async settled(): Promise<LeafShell> {
    await this.#turn;
    return this.#leaf ?? notReady();
  }

  /** It is made anew no more; resolves when what was begun is done. */
  end(): Promise<void> {
    this.#runs = false;
    return this.#turn;
  }

  async stop(reason: string): Promise<void> {
    await this.#leaf?.stop(reason);
  }

  async #make(): Promise<void> {
    this.#leaf = await this.#start();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
