import { type Code, code, isObject, nearest, type Problem, problem } from '@csm/model';
import type { TSchema } from 'typebox';
import {
  allowedWords,
  asJsonSchema,
  isOfType,
  type JsonSchema,
  literals,
  orList,
  typeOf,
  typesOf,
  variants,
} from './schema.ts';

/** One thing wrong with an input. */
export interface Fault {
  readonly code: Code;
  /** `nodes[2].name`; empty for the input itself. */
  readonly field: string;
  /** A sentence without its full stop. */
  readonly text: string;
  readonly allowed: string;
}

/** More faults than this are not looked for: nobody reads them, and an input may have a million. */
export const FAULTS_MAX = 8;
const SHOWN_VALUE_MAX = 60;
/** A mistyped name longer than this is not compared with the known ones. */
const NEAREST_MAX = 64;

/** A value as it stands in a sentence: JSON, cut after 60 characters. */
export function shown(value: unknown): string {
  const brief = typeof value === 'string' ? value.slice(0, SHOWN_VALUE_MAX + 1) : value;
  if (typeof brief === 'object' && brief !== null) {
    return Array.isArray(brief) ? `a list of ${brief.length}` : 'an object';
  }
  const text = JSON.stringify(brief) ?? String(brief);
  return text.length > SHOWN_VALUE_MAX ? `${text.slice(0, SHOWN_VALUE_MAX)}…` : text;
}

const at = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
const quoted = (path: string): string => (path === '' ? 'the input' : `'${path}'`);

/** What is wrong with a value, in the order of the schema; empty when this finds nothing. */
export function faults(schema: TSchema, value: unknown): readonly Fault[] {
  const out: Fault[] = [];
  look(asJsonSchema(schema), value, '', out);
  return out;
}

/** One problem for all faults: code and field of the first, a sentence for each. */
export function faultProblem(found: readonly Fault[]): Problem {
  const [first] = found;
  if (first === undefined) return problem(code.INVALID_PARAMETER);
  const detail = found.map((f) => f.text).join('; ');
  return problem(first.code, detail, { field: first.field, allowed: first.allowed });
}

function wrong(schema: JsonSchema, value: unknown, path: string, out: Fault[]): void {
  const allowed = allowedWords(schema);
  // What is secret is told to nobody: the sentence goes to logs and into the audit record.
  const given = variants(schema).some(({ secret }) => secret === true) ? 'not what it must be' : shown(value);
  const text = `${quoted(path)} is ${given}; allowed is ${allowed}`;
  out.push({ code: code.INVALID_PARAMETER, field: path, text, allowed });
}

function look(schema: JsonSchema, value: unknown, path: string, out: Fault[]): void {
  if (out.length >= FAULTS_MAX) return;
  const values = literals(schema);
  if (values !== undefined) {
    if (!values.some((v) => v === value)) wrong(schema, value, path, out);
    return;
  }
  if (schema.anyOf !== undefined || schema.oneOf !== undefined) {
    lookAtVariants(schema, value, path, out);
    return;
  }
  for (const part of schema.allOf ?? []) look(part, value, path, out);
  const types = typesOf(schema);
  if (types.length > 0 && !types.some((type) => isOfType(value, type))) wrong(schema, value, path, out);
  else if (typeof value === 'number' && !numberFits(schema, value)) wrong(schema, value, path, out);
  else if (typeof value === 'string' && !textFits(schema, value)) wrong(schema, value, path, out);
  else if (Array.isArray(value)) lookAtList(schema, value, path, out);
  else if (isObject(value) && types.includes('object')) lookAtObject(schema, value, path, out);
}

/** With alternatives, the fault is told inside the one the value was meant for, when that can be seen. */
function lookAtVariants(schema: JsonSchema, value: unknown, path: string, out: Fault[]): void {
  const all = variants(schema);
  const candidates = all.filter((v) => typesOf(v).length === 0 || typesOf(v).some((t) => isOfType(value, t)));
  const tagged = candidates.filter((v) => tagFits(v, value));
  const meant = tagged.length > 0 ? tagged : candidates;
  const tries = meant.map((v) => {
    const inner: Fault[] = [];
    look(v, value, path, inner);
    return inner;
  });
  if (tries.some((inner) => inner.length === 0)) return;
  const only = tries.length === 1 ? tries[0] : undefined;
  if (only !== undefined && typeOf(value) === 'object') out.push(...only.slice(0, FAULTS_MAX - out.length));
  else wrong(schema, value, path, out);
}

/** Whether the fields with one fixed value (such as `kind`) have it. */
function tagFits(schema: JsonSchema, value: unknown): boolean {
  if (!isObject(value)) return false;
  const tags = Object.entries(schema.properties ?? {}).filter(([, s]) => s.const !== undefined);
  return tags.length > 0 && tags.every(([name, s]) => value[name] === s.const);
}

function numberFits(s: JsonSchema, value: number): boolean {
  return (
    Number.isFinite(value) &&
    value >= (s.minimum ?? -Infinity) &&
    value <= (s.maximum ?? Infinity) &&
    value > (s.exclusiveMinimum ?? -Infinity) &&
    value < (s.exclusiveMaximum ?? Infinity)
  );
}

function textFits(s: JsonSchema, value: string): boolean {
  if (s.minLength !== undefined && value.length < s.minLength) return false;
  if (s.maxLength !== undefined && value.length > s.maxLength) return false;
  return s.pattern === undefined || new RegExp(s.pattern).test(value);
}

function lookAtList(s: JsonSchema, value: readonly unknown[], path: string, out: Fault[]): void {
  if (value.length < (s.minItems ?? 0) || value.length > (s.maxItems ?? Infinity)) {
    wrong(s, value, path, out);
    return;
  }
  for (const [i, entry] of value.entries()) {
    if (out.length >= FAULTS_MAX) return;
    const schema = Array.isArray(s.items)
      ? (s.items[i] as JsonSchema | undefined)
      : (s.items as JsonSchema | undefined);
    if (schema !== undefined) look(schema, entry, `${path}[${i}]`, out);
  }
}

function lookAtObject(s: JsonSchema, value: { readonly [k: string]: unknown }, path: string, out: Fault[]): void {
  const known = s.properties ?? {};
  for (const name of s.required ?? []) {
    if (Object.hasOwn(value, name) || out.length >= FAULTS_MAX) continue;
    const allowed = allowedWords(known[name] ?? {});
    const text = `'${at(path, name)}' is missing; it is ${allowed}`;
    out.push({ code: code.MISSING_PARAMETER, field: at(path, name), text, allowed });
  }
  for (const [name, entry] of Object.entries(value)) {
    if (out.length >= FAULTS_MAX) return;
    const schema = Object.hasOwn(known, name) ? known[name] : extraSchema(s, name);
    if (schema === undefined) unknownField(Object.keys(known), name, path, out);
    else look(schema, entry, at(path, name), out);
  }
}

/** The schema of a field that is not listed; undefined when there may be none. */
function extraSchema(s: JsonSchema, name: string): JsonSchema | undefined {
  for (const [pattern, schema] of Object.entries(s.patternProperties ?? {})) {
    if (new RegExp(pattern).test(name)) return schema;
  }
  if (typeof s.additionalProperties === 'object') return s.additionalProperties;
  return s.additionalProperties === false || s.patternProperties !== undefined ? undefined : {};
}

function unknownField(known: readonly string[], name: string, path: string, out: Fault[]): void {
  const near = name.length <= NEAREST_MAX ? nearest(name, known) : undefined;
  const hint = near === undefined ? '' : `; did you mean '${near}'?`;
  const allowed = known.length === 0 ? 'no fields' : `the fields ${orList(known)}`;
  const cut = name.length > NEAREST_MAX ? `${name.slice(0, NEAREST_MAX)}…` : name;
  const text = `'${at(path, cut)}' is not known here${hint || `; allowed ${known.length === 1 ? 'is' : 'are'} ${allowed}`}`;
  out.push({ code: code.INVALID_PARAMETER, field: at(path, cut), text, allowed });
}
