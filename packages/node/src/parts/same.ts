/** When two values of a part's fields are the same, and what becomes of a field that is told anew. */
import { isObject, type Json } from '@csm/model';
import type { Part } from '../hardware.ts';
import { FIELDS_MAX, FIELDS_TEXT_MAX } from './read.ts';
import { shownApart } from './shown.ts';

/** JSON with the keys of every object in order: equal texts are equal values. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join(',')}}`;
}

/** Mostly both were written by the same program, with their keys in the same order. */
const isEqual = (a: unknown, b: unknown): boolean =>
  JSON.stringify(a) === JSON.stringify(b) || canonical(a) === canonical(b);

export type Changes = { readonly [field: string]: { readonly from: Json; readonly to: Json } };
type Fields = { readonly [name: string]: Json };

const TEXTS = ['vendor', 'model', 'part_number', 'firmware'] as const;
const OWN = new Set<string>(['kind', 'location', 'serial', ...TEXTS]);

/**
 * A part as it is known now that it was told anew. What is not told this time stays as it was: a program that is
 * absent today takes nothing away.
 */
export function merged(known: Part, told: Part): Part {
  const texts = Object.fromEntries(TEXTS.map((field) => [field, told[field] ?? known[field]]));
  return {
    ...told,
    ...texts,
    serial: told.serial ?? known.serial,
    details: overlaid(known.details, told.details),
    passing: overlaid(known.passing, told.passing),
  };
}

function overlaid(known: Fields, told: Fields): Fields {
  const news = Object.entries(told).filter(([name, value]) => value !== null || !Object.hasOwn(known, name));
  const both = { ...known, ...Object.fromEntries(news) };
  // Names that are new in every report must not add up.
  return Object.keys(both).length > FIELDS_MAX || JSON.stringify(both).length > FIELDS_TEXT_MAX ? told : both;
}

/**
 * What is another value than before, by field; details by their own names. A value that was not known before has been
 * learned, not changed: a newer daemon that tells more makes no history. Long values are cut to what differs.
 */
export function changesOf(before: Part, after: Part): Changes {
  const changes = new Map<string, { readonly from: Json; readonly to: Json }>();
  const hold = (field: string, from: Json, to: Json) => {
    if (from === null || to === null || isEqual(from, to)) return;
    const { a, b } = shownApart(from, to);
    changes.set(field, { from: a, to: b });
  };
  hold('location', before.location, after.location);
  hold('serial', before.serial, after.serial);
  for (const field of TEXTS) hold(field, before[field], after[field]);
  for (const [name, to] of Object.entries(after.details)) {
    const from = Object.hasOwn(before.details, name) ? (before.details[name] ?? null) : null;
    hold(OWN.has(name) ? `details.${name}` : name, from, to);
  }
  return Object.fromEntries(changes);
}

/** Whether a row of the one says the same as a row of the other. */
export const isSame = (a: Part, b: Part): boolean =>
  a.kind === b.kind &&
  a.location === b.location &&
  a.serial === b.serial &&
  TEXTS.every((field) => a[field] === b[field]) &&
  isEqual(a.details, b.details) &&
  isEqual(a.passing, b.passing);
