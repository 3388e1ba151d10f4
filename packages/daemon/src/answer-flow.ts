/** A long answer between the tree, which brings it piece by piece, and its reader. */

/**
 * Pieces of a text, cut by UTF-16 units, wait here in UTF-8 until they are taken: at most what the tree lets an answer
 * have. As strings the collector of garbage would copy them again and again while they wait, which
 * took longer than all else. Leaving the loop before its end calls `left`.
 */
export class AnswerFlow implements AsyncIterable<Uint8Array> {
  readonly #left: () => void;
  #waiting: Buffer[] = [];
  /** The first half of a character whose second half comes with the next piece. */
  #half = '';
  #end: { readonly error?: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(left: () => void) {
    this.#left = left;
  }

  add(piece: string): void {
    const text = this.#half + piece;
    this.#half = endsInHalf(text) ? text.slice(-1) : '';
    this.#hold(text.slice(0, text.length - this.#half.length));
  }

  /** With an error, it broke off. The first word counts. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    if (error === undefined) this.#hold(this.#half);
    this.#wake();
  }

  #hold(text: string): void {
    if (text === '') return;
    this.#waiting.push(Buffer.from(text));
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        const waiting = this.#waiting;
        this.#waiting = [];
        if (waiting.length > 0) yield* waiting;
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

/** A character beyond the first 65,536 has two units. */
const endsInHalf = (text: string): boolean => (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800;
