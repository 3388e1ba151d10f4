/** A long answer between the tree, which brings it piece by piece, and its reader. */

/**
 * Pieces wait here until they are taken, all that wait at once: at most what the tree lets an answer have. Leaving the
 * loop before its end calls `left`.
 */
export class AnswerFlow implements AsyncIterable<string> {
  readonly #left: () => void;
  #waiting: string[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(left: () => void) {
    this.#left = left;
  }

  add(piece: string): void {
    this.#waiting.push(piece);
    this.#wake();
  }

  /** With an error, it broke off. The first word counts. */
  end(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
    try {
      for (;;) {
        const waiting = this.#waiting;
        this.#waiting = [];
        if (waiting.length > 0) yield waiting.join('');
        else if (this.#end === undefined) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        } else if ('error' in this.#end) throw this.#end.error;
        else return;
      }
    } finally {
      if (this.#end === undefined) this.#left();
    }
  }
}
