/** Answers that are JSON already: who only passes them on need not read them for that, nor write them anew. */
import type { Json } from './json.ts';

/** A whole answer, as it comes: UTF-8, cut anywhere. */
export class JsonFlow {
  /** In order; to be taken once. It throws where the answer breaks off. */
  readonly parts: AsyncIterable<Uint8Array>;

  constructor(parts: AsyncIterable<Uint8Array>) {
    this.parts = parts;
  }
}

/** Takes items of a list, each of them JSON on one line. */
export type TakeItems = (items: readonly string[]) => void;

/** A list that is written page by page: the first page may leave before the last is known. */
export class JsonPages {
  /** Gives all items, in order; to be called once. A rejection is the call's, also behind pages that were given. */
  readonly write: (take: TakeItems) => Promise<void>;

  constructor(write: (take: TakeItems) => Promise<void>) {
    this.write = write;
  }

  /** What it says. Throws SyntaxError when an item is no JSON. */
  async read(): Promise<readonly Json[]> {
    const all: Json[] = [];
    await this.write((items) => {
      for (const item of items) all.push(JSON.parse(item) as Json);
    });
    return all;
  }
}
