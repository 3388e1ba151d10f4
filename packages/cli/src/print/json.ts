/** JSON for people and programs alike. */
import { isAscii } from 'node:buffer';
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
 * A list that came as JSON, written as `jsonLines` would. Where a daemon wrote it that way already, as it does with a
 * long one, it is passed on as it is: to read and to write ten thousand records takes longer than to fetch them.
 * Throws SyntaxError for what is no JSON.
 */
export function passedLines(bytes: Buffer): Buffer {
  const text = (): string => bytes.toString('utf8');
  // JSON has line breaks nowhere but between its values: what begins and ends so is a list, one item or more a line.
  const isLines = bytes.subarray(0, FIRST.length).equals(FIRST) && bytes.subarray(-LAST.length).equals(LAST);
  if (!isLines) return Buffer.from(jsonLines(JSON.parse(text()) as readonly Json[]));
  return isAscii(bytes) && !bytes.includes(DELETE) ? bytes : Buffer.from(escaped(text()));
}
