import type { Json } from '@csm/model';
import { shown } from './fault.ts';
import { under } from './json-text.ts';

/**
 * The words of a schema. A schema is a plain tree: groups are objects, leaves are made by `setting()`. The type of the
 * loaded configuration follows from the tree.
 */

/** What a format says about a value it refuses; `key` is the full path, below the setting's own for parts of it. */
export interface Refusal {
  readonly key: string;
  readonly value: string;
  readonly allowed: string;
  readonly hint?: string;
}

/** Handed to a format while it reads one value. */
export interface Reading {
  readonly key: string;
  /** Notes a fault and returns undefined, so that `return reading.refuse(…)` ends a reader. */
  refuse(value: unknown, allowed: string, hint?: string): undefined;
  /** For reading a part of the value. */
  part(key: string | number): Reading;
}

/** How a value is written in a configuration, checked and printed. `read` refuses at least once when it returns undefined. */
export interface Format<T> {
  /** Short, for the reference page: `duration`, `list of host:port`. */
  readonly name: string;
  read(raw: unknown, reading: Reading): T | undefined;
  /** The value as it may stand in a file; `read(print(x))` equals x. */
  print(value: T): Json;
}

export interface Setting<T> {
  readonly kind: 'setting';
  readonly format: Format<NonNullable<T>>;
  /** What it is for, one or two sentences. */
  readonly doc: string;
  /** As it would stand in a file. */
  readonly default?: Json;
  readonly required?: true;
  /** Such as `s`, `bytes`, `nodes`; empty for texts. */
  readonly unit?: string;
  /** What turning it either way costs. */
  readonly cost?: string;
  /** SIGHUP may change it; else a change needs a restart. */
  readonly reload?: true;
  /** Never printed or logged. */
  readonly sensitive?: true;
  /** Environment variable that overrides the file. */
  readonly env?: string;
}

export type SettingText = Pick<Setting<unknown>, 'doc' | 'unit' | 'cost' | 'reload' | 'sensitive' | 'env'>;

type Written<T> = SettingText & { readonly format: Format<T> };

/** A leaf with a default is always there, a required one must be given, any other may be undefined. */
export function setting<T extends {}>(s: Written<T> & { readonly default: Json }): Setting<T>;
export function setting<T extends {}>(s: Written<T> & { readonly required: true }): Setting<T>;
export function setting<T extends {}>(s: Written<T>): Setting<T | undefined>;
export function setting<T extends {}>(
  s: Written<T> & { readonly default?: Json; readonly required?: true },
): Setting<T | undefined> {
  return Object.freeze({ kind: 'setting', ...s });
}

export type Schema = { readonly [key: string]: Setting<unknown> | Schema };

/** The type of the configuration that a schema loads. */
export type ConfigOf<S> = S extends Setting<infer T> ? T : { readonly [K in keyof S]: ConfigOf<S[K]> };

export function isSetting(node: Setting<unknown> | Schema): node is Setting<unknown> {
  return node.kind === 'setting';
}

/** Every leaf with its path, in the order of the schema. */
export function* leaves(schema: Schema, path = ''): Generator<readonly [string, Setting<unknown>]> {
  for (const [key, node] of Object.entries(schema)) {
    const at = under(path, key);
    if (isSetting(node)) yield [at, node];
    else yield* leaves(node, at);
  }
}

/** Collects refusals below `key` into `into`. */
export function reading(key: string, into: Refusal[]): Reading {
  return {
    key,
    refuse(value, allowed, hint) {
      into.push({ key, value: shown(value), allowed, ...(hint !== undefined && { hint }) });
      return undefined;
    },
    part: (part) => reading(under(key, part), into),
  };
}
