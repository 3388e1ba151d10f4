/** What JSON can say. Messages, report bodies and API answers are made of nothing else. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type JsonObject = { readonly [key: string]: Json };

/** JSON that is written already: an answer that is only passed on need not be read for that. */
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

/** A plain object as JSON gives it: not null, not an array. */
export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
