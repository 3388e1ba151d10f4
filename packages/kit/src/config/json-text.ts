import type { ConfigFault } from './fault.ts';

/**
 * Reads JSON and remembers where each value stands, which JSON.parse does not tell. Keys beginning with '#' are
 * comments at every level. A key that stands twice is a fault: the reader of the file cannot know which one counts.
 */

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Parsed {
  readonly value: unknown;
  /** Place of the value of each path, in the notation of `ConfigFault.key`. */
  readonly places: ReadonlyMap<string, Place>;
  readonly faults: readonly ConfigFault[];
}

export const DEPTH_MAX = 32;

/** The path of a member of `path`: `a.b` or `a[3]`. */
export const under = (path: string, key: string | number): string =>
  typeof key === 'number' ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;

class SyntaxFault extends Error {
  readonly at: number;
  readonly found: string;
  readonly hint: string | undefined;
  constructor(at: number, found: string, expected: string, hint?: string) {
    super(expected);
    this.at = at;
    this.found = found;
    this.hint = hint;
  }
}

/** Never throws: a syntax error is the only fault of the result, its value is then undefined. */
export function parseJson(text: string): Parsed {
  const reader = new Reader(text.startsWith('\uFEFF') ? text.slice(1) : text);
  try {
    return { value: reader.document(), places: reader.places, faults: reader.faults };
  } catch (thrown) {
    if (!(thrown instanceof SyntaxFault)) throw thrown;
    const fault: ConfigFault = {
      key: '',
      value: `not JSON: ${thrown.found}`,
      allowed: thrown.message,
      ...(thrown.hint !== undefined && { hint: thrown.hint }),
      ...reader.place(thrown.at),
    };
    return { value: undefined, places: new Map(), faults: [fault] };
  }
}

class Reader {
  readonly places = new Map<string, Place>();
  readonly faults: ConfigFault[] = [];
  readonly #text: string;
  readonly #lineStarts: number[] = [0];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.#lineStarts.push(i + 1);
  }

  document(): unknown {
    const value = this.#value('', 0);
    this.#blank();
    if (this.#at < this.#text.length) this.#fail('the end of the file');
    return value;
  }

  place(at: number): Place {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - (this.#lineStarts[low] ?? 0) + 1 };
  }

  #value(path: string, depth: number): unknown {
    this.#blank();
    if (depth > DEPTH_MAX) this.#fail(`values at most ${DEPTH_MAX} levels deep`);
    this.places.set(path, this.place(this.#at));
    const c = this.#text[this.#at];
    if (c === '{') return this.#object(path, depth);
    if (c === '[') return this.#array(path, depth);
    if (c === '"') return this.#string();
    const word = /[^\s,:[\]{}"]+/y;
    word.lastIndex = this.#at;
    const token = word.exec(this.#text)?.[0] ?? '';
    const constants: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };
    const isNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(token);
    if (!isNumber && !Object.hasOwn(constants, token))
      this.#fail('a value: text in double quotes, number, true, false, null, { or [');
    this.#at += token.length;
    return isNumber ? Number(token) : constants[token];
  }

  #object(path: string, depth: number): object {
    const result: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    const seen = new Set<string>();
    this.#at++;
    for (let first = true; !this.#take('}'); first = false) {
      if (!first) this.#need(',', "',' or '}'");
      this.#blank();
      const keyAt = this.#at;
      if (this.#text[keyAt] !== '"') this.#fail(first ? "a key in double quotes or '}'" : 'a key in double quotes');
      const key = this.#string();
      this.#need(':', "':' after the key");
      const keyPath = under(path, key);
      if (key.startsWith('#')) {
        this.#value(keyPath, depth + 1);
        continue;
      }
      if (seen.has(key)) {
        this.faults.push({
          key: keyPath,
          value: '',
          allowed: 'each key once',
          hint: 'it stands twice',
          ...this.place(keyAt),
        });
      }
      seen.add(key);
      result[key] = this.#value(keyPath, depth + 1);
    }
    return result;
  }

  #array(path: string, depth: number): unknown[] {
    const result: unknown[] = [];
    this.#at++;
    while (!this.#take(']')) {
      if (result.length > 0) this.#need(',', "',' or ']'");
      result.push(this.#value(under(path, result.length), depth + 1));
    }
    return result;
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    for (; this.#text[end] !== '"'; end++) {
      const c = this.#text[end];
      if (c === undefined || c === '\n') {
        this.#at = start;
        this.#fail('a closing double quote on the same line');
      }
      if (c === '\\') end++;
    }
    this.#at = end + 1;
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      this.#at = start;
      return this.#fail('text without control characters and with known escapes only');
    }
  }

  #blank(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #take(c: string): boolean {
    this.#blank();
    if (this.#text[this.#at] !== c) return false;
    this.#at++;
    return true;
  }

  #need(c: string, expected: string): void {
    if (!this.#take(c)) this.#fail(expected);
  }

  #fail(expected: string): never {
    const rest = this.#text.slice(this.#at, this.#at + 12);
    const before = this.#text.slice(0, this.#at).trimEnd();
    let hint: string | undefined;
    if (rest.startsWith('/') || rest.startsWith('#'))
      hint = 'a comment is a key beginning with #, such as "#note": "text"';
    else if (/^[}\]]/.test(rest) && before.endsWith(',')) hint = 'no comma after the last one';
    else if (rest.startsWith("'")) hint = 'use double quotes';
    const found = rest === '' ? 'the file ends' : JSON.stringify(rest.split('\n')[0]);
    throw new SyntaxFault(this.#at, found, expected, hint);
  }
}
