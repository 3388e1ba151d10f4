/** JSON for people and programs alike. */
import { isAscii } from 'node:buffer';
import { StringDecoder } from 'node:string_decoder';
import type { Json } from '@csm/model';

/**
 * As JSON.stringify, and with the control characters escaped that it leaves as they are: some terminals obey U+009B, and
 * others turn their text around. It means the same.
 */
export const jsonText = (value: Json, indent: number): string => escaped(JSON.stringify(value, null, indent));

/** A list with each of its items on a line of its own. */
export function jsonLines(items: readonly Json[]): string {
  return items.length === 0 ? '[]' : `[\n${items.map((item) => jsonText(item, 0)).join(',\n')}\n]`;
}

const escaped = (json: string): string =>
  json.replace(
    /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const DELETE = 0x7f;
const FIRST = Buffer.from('[\n');
const LAST = Buffer.from('\n]');

/**
 * A list that comes as JSON, written as `jsonLines` would. Where a daemon writes it that way already, as it does with a
 * long one, each part is passed on as it is and as it comes: to read and to write ten thousand records takes longer than
 * to fetch them.
 */
export class PassedLines {
  readonly #write: (bytes: Buffer) => void;
  /** Until it is known how the list is written; all of it, where it is written otherwise. */
  #held: Buffer[] = [];
  #way: 'unknown' | 'lines' | 'other' = 'unknown';
  /** Its last bytes so far. */
  #last: Buffer = Buffer.alloc(0);
  /** There from the first part on that is not ASCII: a character may stand in two parts. */
  #decoder: StringDecoder | undefined;

  /** `write` is given what is to be shown, in order. */
  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  add(part: Buffer): void {
    if (this.#way === 'lines') {
      this.#pass(part);
      return;
    }
    this.#held.push(part);
    if (this.#way === 'other') return;
    const begun = this.#held.length === 1 ? part : Buffer.concat(this.#held);
    if (begun.length < FIRST.length) return;
    // JSON has line breaks nowhere but between its values: what begins so is a list, one item or more a line.
    this.#way = begun.subarray(0, FIRST.length).equals(FIRST) ? 'lines' : 'other';
    if (this.#way === 'other') return;
    this.#held = [];
    this.#pass(begun);
  }

  /** Throws SyntaxError for what is no list, or none to its end. */
  end(): void {
    if (this.#way === 'lines') {
      if (!this.#last.equals(LAST)) throw new SyntaxError('the list has no end');
      this.#write(Buffer.from('\n'));
      return;
    }
    const text = Buffer.concat(this.#held).toString('utf8');
    const list: unknown = text === '' ? [] : JSON.parse(text);
    if (!Array.isArray(list)) throw new SyntaxError('it is no list');
    this.#write(Buffer.from(`${jsonLines(list as readonly Json[])}\n`));
  }

  #pass(part: Buffer): void {
    const last = part.length < LAST.length ? Buffer.concat([this.#last, part]) : part;
    this.#last = last.subarray(-LAST.length);
    if (this.#decoder === undefined && isAscii(part)) {
      this.#write(part.includes(DELETE) ? Buffer.from(escaped(part.toString('latin1'))) : part);
      return;
    }
    this.#decoder ??= new StringDecoder('utf8');
    this.#write(Buffer.from(escaped(this.#decoder.write(part))));
  }
}
