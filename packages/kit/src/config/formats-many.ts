import { isObject, type Json, nearest } from '@csm/model';
import type { ConfigOf, Format, Reading, Setting } from './setting.ts';

/** Formats made of other formats. Every element is checked, every fault has its own path. */

const MANY_MAX = 10_000;

export interface Count {
  readonly min?: number;
  /** Default 10,000. */
  readonly max?: number;
}

/** A list; elements that are comments do not exist, so indexes are those of the file. */
export function listOf<T extends {}>(
  element: Format<T>,
  { min = 0, max = MANY_MAX }: Count = {},
): Format<readonly T[]> {
  return {
    name: `list of ${element.name}`,
    read(raw, reading) {
      const allowed = `a list of ${min} to ${max} entries, each ${element.name}`;
      if (!Array.isArray(raw) || raw.length < min || raw.length > max) return reading.refuse(raw, allowed);
      const values = raw.map((one, i) => element.read(one, reading.part(i)));
      return values.every((value) => value !== undefined) ? values : undefined;
    },
    print: (values) => values.map((value) => element.print(value)),
  };
}

/** A single value or a list of at least one; in memory always a list. */
export function oneOrMany<T extends {}>(element: Format<T>, { max = MANY_MAX }: Count = {}): Format<readonly T[]> {
  const list = listOf(element, { min: 1, max });
  return {
    name: `${element.name}, or a list of them`,
    read(raw, reading) {
      if (Array.isArray(raw)) return list.read(raw, reading);
      const value = element.read(raw, reading);
      return value === undefined ? undefined : [value];
    },
    print: (values) => list.print(values),
  };
}

/** Says what is wrong with a key, or undefined when it is right. */
export type KeyCheck = (key: string) => string | undefined;

/**
 * An object with free keys, in memory a list of entries in the order of the file, because order can decide between
 * overlapping keys.
 */
export function mapOf<T extends {}>(
  keyName: string,
  check: KeyCheck,
  element: Format<T>,
  { max = MANY_MAX }: Count = {},
): Format<readonly (readonly [string, T])[]> {
  return {
    name: `object from ${keyName} to ${element.name}`,
    read(raw, reading) {
      if (!isObject(raw)) return reading.refuse(raw, `an object from ${keyName} to ${element.name}`);
      const given = Object.entries(raw);
      if (given.length > max) return reading.refuse(raw, `at most ${max} keys`);
      const entries = given.map(([key, one]) => readEntry(key, one, reading.part(key)));
      return entries.every((entry) => entry !== undefined) ? entries : undefined;
    },
    print: (entries) => Object.fromEntries(entries.map(([key, value]) => [key, element.print(value)])),
  };

  function readEntry(key: string, raw: unknown, reading: Reading): readonly [string, T] | undefined {
    const wrong = check(key);
    if (wrong !== undefined) reading.refuse(key, `a key that is a ${keyName}`, wrong);
    const value = element.read(raw, reading);
    return wrong === undefined && value !== undefined ? [key, value] : undefined;
  }
}

/** An object whose keys are node sets; the caller brings the reader of node sets. */
export function nodesetMap<T extends {}>(
  check: KeyCheck,
  element: Format<T>,
): Format<readonly (readonly [string, T])[]> {
  return mapOf('node set', check, element);
}

export type Fields = { readonly [key: string]: Setting<unknown> };

/** An object with known fields, for lists of objects: `listOf(record({ … }))`. Unknown fields are refused. */
export function record<F extends Fields>(fields: F): Format<ConfigOf<F> & {}> {
  const known = Object.keys(fields);
  return {
    name: `object of ${known.join(', ')}`,
    read(raw, reading) {
      if (!isObject(raw)) return reading.refuse(raw, `an object of ${known.join(', ')}`);
      let sound = refuseUnknown(raw, known, reading);
      const result: Record<string, unknown> = {};
      for (const [key, field] of Object.entries(fields)) {
        const given = Object.hasOwn(raw, key) ? raw[key] : field.default;
        if (given === undefined) {
          if (field.required === true) reading.part(key).refuse(undefined, field.format.name, 'it must be given');
          sound &&= field.required !== true;
          continue;
        }
        result[key] = field.format.read(given, reading.part(key));
        sound &&= result[key] !== undefined;
      }
      return sound ? (result as ConfigOf<F> & {}) : undefined;
    },
    print(value) {
      const printed: Record<string, Json> = {};
      for (const [key, field] of Object.entries(fields)) {
        const one = (value as Record<string, NonNullable<unknown> | undefined>)[key];
        if (one !== undefined) printed[key] = field.format.print(one);
      }
      return printed;
    },
  };
}

/** Refuses every key of `raw` that is not known, with the nearest one that is; true when there was none. */
export function refuseUnknown(raw: object, known: readonly string[], reading: Reading): boolean {
  const unknown = Object.keys(raw).filter((key) => !known.includes(key));
  for (const key of unknown) {
    const near = nearest(key, known);
    const hint = near === undefined ? 'unknown key' : `unknown key; did you mean ${near}?`;
    reading.part(key).refuse((raw as Record<string, unknown>)[key], `one of ${known.join(', ')}`, hint);
  }
  return unknown.length === 0;
}
