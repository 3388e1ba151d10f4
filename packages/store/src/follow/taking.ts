/** One follower takes rows: until it has, until it leaves, until it took too long, or until the store ends. */
import { CsmError, code, problem } from '@csm/model';
import type { ChangeRow, FollowOptions } from '../store.ts';

export const STALL_MS = 600_000;

/** Those who are just taking rows, so that an end of the store ends them too. */
export class Takings {
  readonly #cuts = new Set<(reason: CsmError) => void>();
  /** Followers that took too long. */
  cutOff = 0;

  /** Resolves when the rows are taken, or the follower has left. */
  take(options: FollowOptions, rows: readonly ChangeRow[]): Promise<void> {
    const { signal, stallMs = STALL_MS } = options;
    return new Promise((resolve, reject) => {
      const over = (settle: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', left);
        this.#cuts.delete(cut);
        settle();
      };
      const left = (): void => over(resolve);
      const cut = (reason: CsmError): void => over(() => reject(reason));
      const timer = setTimeout(() => {
        this.cutOff += 1;
        const words = `it took nothing for ${stallMs / 1000} s and is cut off; it may go on from the last change it has`;
        cut(new CsmError(problem(code.TIMEOUT, words)));
      }, stallMs);
      signal.addEventListener('abort', left, { once: true });
      this.#cuts.add(cut);
      // Later answers of one that is cut off, or has left, are nobody's.
      options.take(rows).then(left, (thrown: unknown) => over(() => (signal.aborted ? resolve() : reject(thrown))));
    });
  }

  end(reason: CsmError): void {
    for (const cut of this.#cuts) cut(reason);
  }
}
