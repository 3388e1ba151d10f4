/** Values of a part or a node as they are told: short enough for a row of a table, however long they are. */
import type { Json } from '@csm/model';

/** Longest value in an answer or in a row of history, characters of JSON; longer ones are cut to what differs, or cut. */
export const VALUE_MAX = 400;

/** Two values, long lists of words (such as CPU flags) without the words that both have. */
export function shownApart(a: unknown, b: unknown): { readonly a: Json; readonly b: Json } {
  if (typeof a === 'string' && typeof b === 'string' && a.length + b.length > VALUE_MAX) {
    const [ofA, ofB] = [a.split(' '), b.split(' ')];
    const [inA, inB] = [new Set(ofA), new Set(ofB)];
    return { a: cut(ofA.filter((w) => !inB.has(w)).join(' ')), b: cut(ofB.filter((w) => !inA.has(w)).join(' ')) };
  }
  return { a: cut(a), b: cut(b) };
}

function cut(value: unknown): Json {
  const json = JSON.stringify(value) ?? 'null';
  if (json.length <= VALUE_MAX) return value as Json;
  // Half a surrogate pair would not survive the database.
  return `${(typeof value === 'string' ? value : json).slice(0, VALUE_MAX).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** A field of what came over the wire: `constructor` and its like are fields only where they were sent. */
export const own = (fields: { readonly [field: string]: unknown }, field: string): unknown =>
  Object.hasOwn(fields, field) ? fields[field] : undefined;
