/** Answers that are JSON already: who only passes them on need not read them for that, nor write them anew. */
import type { Json } from './json.ts';

/** A whole answer. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** What it says. Throws SyntaxError when it is no JSON. */
  read(): Json {
    return JSON.parse(this.text) as Json;
  }
}

/** A list by its items, each of them JSON on one line. */
export class JsonList {
  readonly items: readonly string[];

  constructor(items: readonly string[]) {
    this.items = items;
  }

  /** What it says. Throws SyntaxError when an item is no JSON. */
  read(): readonly Json[] {
    return this.items.map((item) => JSON.parse(item) as Json);
  }
}
