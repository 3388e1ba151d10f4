import { readFileSync, statSync } from 'node:fs';
import { isObject } from '@csm/model';
import convict, { type Node as ConvictNode, type Schema as ConvictSchema } from 'convict';
import { ConfigError, type ConfigFault } from './fault.ts';
import { refuseUnknown } from './formats-many.ts';
import { type Parsed, type Place, parseJson, under } from './json-text.ts';
import { type ConfigOf, isSetting, leaves, type Refusal, reading, type Schema, type Setting } from './setting.ts';

/**
 * Reads a configuration. Convict lays defaults, file and environment over each other and calls one format for every
 * leaf; what it is given is boxed in a list of one, because it would take an object value for a group, cut its keys
 * at dots and merge it with the default.
 */

const FORMAT = 'csm';
const FILE_MAX = 4 * 1024 * 1024;
const REQUIRED: unique symbol = Symbol('required');
type Box = readonly [unknown];

convict.addFormat(
  FORMAT,
  (box, node) => (node['check'] as (box: Box) => void)(box as Box),
  (text) => [fromEnvironment(text)],
);

export interface ConfigSource {
  readonly file: string;
  /** The contents, when the caller has them already; else the file is read. */
  readonly text?: string;
  /** Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

/** The configuration, frozen at all levels. Throws a `ConfigError` with every fault. */
export function loadConfig<const S extends Schema>(schema: S, source: ConfigSource): ConfigOf<S> {
  const text = source.text ?? readText(source.file);
  const parsed = parseJson(text);
  if (parsed.value !== undefined && !isObject(parsed.value)) {
    throw new ConfigError(source.file, [{ key: '', value: 'the file is no object', allowed: 'an object: { … }' }]);
  }
  const refusals: Refusal[] = [];
  const fromEnv = new Set<string>();
  const env = source.env ?? process.env;
  if (parsed.value === undefined) throw new ConfigError(source.file, parsed.faults);

  const boxed = boxFile(schema, parsed.value, '', refusals);
  const values = new Map<string, unknown>();
  const config = convict(convictSchema(schema, '', values, refusals), { env: env, args: [] });
  for (const [path, leaf] of leaves(schema))
    if (leaf.env !== undefined && env[leaf.env] !== undefined) fromEnv.add(path);
  config.load(boxed).validate({ allowed: 'strict' });

  const faults = [...parsed.faults, ...refusals.map((refusal) => asFault(refusal, schema, parsed, fromEnv))];
  if (faults.length > 0) throw new ConfigError(source.file, faults.sort(byPlace));
  return freeze(build(schema, '', values)) as ConfigOf<S>;
}

function readText(file: string): string {
  const refuse = (why: string): never => {
    throw new ConfigError(file, [
      { key: '', value: why, allowed: `a readable JSON file of at most ${FILE_MAX} bytes` },
    ]);
  };
  try {
    const { size } = statSync(file);
    return size > FILE_MAX ? refuse(`the file has ${size} bytes`) : readFileSync(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    return refuse(`the file cannot be read: ${(thrown as Error).message}`);
  }
}

/** An environment variable holds text; lists and objects are written as JSON there. */
function fromEnvironment(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  const parsed = parseJson(text);
  return parsed.faults.length === 0 ? parsed.value : text;
}

/** What the file says about known settings, each value boxed; unknown keys are refused on the way. */
function boxFile(schema: Schema, raw: object, path: string, refusals: Refusal[]): Record<string, unknown> {
  const boxed: Record<string, unknown> = {};
  refuseUnknown(raw, Object.keys(schema), reading(path, refusals));
  for (const [key, node] of Object.entries(schema)) {
    if (!Object.hasOwn(raw, key)) continue;
    const given = (raw as Record<string, unknown>)[key];
    const at = under(path, key);
    if (isSetting(node)) boxed[key] = [given];
    else if (isObject(given)) boxed[key] = boxFile(node, given, at, refusals);
    else reading(at, refusals).refuse(given, `an object of ${Object.keys(node).join(', ')}`);
  }
  return boxed;
}

function convictSchema(schema: Schema, path: string, values: Map<string, unknown>, refusals: Refusal[]): ConvictSchema {
  return Object.fromEntries(
    Object.entries(schema).map(([key, node]) => {
      const at = under(path, key);
      return [key, isSetting(node) ? leaf(at, node, values, refusals) : convictSchema(node, at, values, refusals)];
    }),
  );
}

function leaf(path: string, node: Setting<unknown>, values: Map<string, unknown>, refusals: Refusal[]): ConvictNode {
  const fallback = node.default ?? (node.required === true ? REQUIRED : undefined);
  return {
    default: [fallback],
    format: FORMAT,
    ...(node.env !== undefined && { env: node.env }),
    check([raw]: Box) {
      const at = reading(path, refusals);
      if (raw === undefined) return;
      if (raw === REQUIRED) at.refuse(undefined, node.format.name, 'it must be given');
      else values.set(path, node.format.read(raw, at));
    },
  };
}

function asFault(refusal: Refusal, schema: Schema, parsed: Parsed, fromEnv: ReadonlySet<string>): ConfigFault {
  const owner = [...leaves(schema)].find(([path]) => isBelow(refusal.key, path));
  const isSensitive = owner?.[1].sensitive === true && refusal.value !== '';
  const fault = { ...refusal, ...(isSensitive && { value: '(hidden)' }) };
  if (owner !== undefined && fromEnv.has(owner[0])) return { ...fault, hint: envHint(fault.hint, owner[1].env) };
  const place = placeOf(refusal.key, parsed);
  return place === undefined ? fault : { ...fault, ...place };
}

/** Where a value stands; for one that is missing, the object it is missing from. */
function placeOf(key: string, { places }: Parsed): Place | undefined {
  for (let path = key; path !== ''; path = path.replace(/(?:\.?[^.[\]]+|\[[^[\]]*\]?|.)$/s, '')) {
    const place = places.get(path);
    if (place !== undefined) return place;
  }
  return undefined;
}

const envHint = (hint: string | undefined, name = ''): string =>
  `${hint === undefined ? '' : `${hint}; `}from the environment variable ${name}`;

const isBelow = (key: string, path: string): boolean =>
  key === path || key.startsWith(`${path}.`) || key.startsWith(`${path}[`);

const byPlace = (a: ConfigFault, b: ConfigFault): number =>
  (a.line ?? Infinity) - (b.line ?? Infinity) || (a.column ?? 0) - (b.column ?? 0) || 0;

function build(schema: Schema, path: string, values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema).map(([key, node]) => {
      const at = under(path, key);
      return [key, isSetting(node) ? values.get(at) : build(node, at, values)];
    }),
  );
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
