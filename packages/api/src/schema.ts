import type { Json } from '@csm/model';
import type { TSchema } from 'typebox';

/** The part of JSON Schema that rows use. Every TypeBox schema is one of these. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  /** Ours: in words what is accepted; wins over words made from the schema. */
  readonly allowed?: string;
  /** Ours: a value that no log, record or sentence may tell. */
  readonly secret?: boolean;
  readonly default?: Json;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: { readonly [name: string]: JsonSchema };
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly patternProperties?: { readonly [pattern: string]: JsonSchema };
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string | RegExp;
}

export const asJsonSchema = (schema: TSchema): JsonSchema => schema as JsonSchema;

/** The alternatives of a schema, nested ones too; a schema without alternatives is its own only one. */
export function variants(schema: JsonSchema): readonly JsonSchema[] {
  const inner = schema.anyOf ?? schema.oneOf;
  return inner === undefined ? [schema] : inner.flatMap(variants);
}

/** The values of a schema that lists them; undefined when it does not. */
export function literals(schema: JsonSchema): readonly Json[] | undefined {
  if (schema.const !== undefined) return [schema.const];
  if (schema.enum !== undefined) return schema.enum;
  const inner = schema.anyOf ?? schema.oneOf;
  if (inner === undefined) return undefined;
  const lists = inner.map(literals);
  return lists.some((list) => list === undefined) ? undefined : lists.flatMap((list) => list ?? []);
}

/** The JSON types a schema names; empty when it accepts any. */
export function typesOf(schema: JsonSchema): readonly string[] {
  if (schema.type !== undefined) return typeof schema.type === 'string' ? [schema.type] : schema.type;
  const values = literals(schema);
  return values === undefined ? [] : [...new Set(values.map(typeOf))];
}

/** `null`, `boolean`, `number`, `string`, `array` or `object`. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Whether a value is of a type that JSON Schema names. */
export const isOfType = (value: unknown, type: string): boolean =>
  type === 'integer' ? Number.isInteger(value) : typeOf(value) === type;

const range = (low: number | undefined, high: number | undefined, unit = ''): string => {
  if (low !== undefined && high !== undefined) {
    return low === high ? ` of exactly ${low}${unit}` : ` of ${low} to ${high}${unit}`;
  }
  if (low !== undefined) return ` of at least ${low}${unit}`;
  return high === undefined ? '' : ` of at most ${high}${unit}`;
};

function numberWords(s: JsonSchema, noun: string): string {
  const parts = [
    s.exclusiveMinimum === undefined ? '' : ` above ${s.exclusiveMinimum}`,
    s.exclusiveMaximum === undefined ? '' : ` below ${s.exclusiveMaximum}`,
    s.multipleOf === undefined ? '' : ` divisible by ${s.multipleOf}`,
  ];
  return `${noun}${range(s.minimum, s.maximum)}${parts.join('')}`;
}

/** Joins `a`, `b`, `c` to `a, b or c`. */
export const orList = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;

/** In words what a schema accepts: `an integer of 1 to 100`, `one of 'up' or 'down'`. */
export function allowedWords(schema: JsonSchema): string {
  if (schema.allowed !== undefined) return schema.allowed;
  const values = literals(schema);
  if (values !== undefined) return orList(values.map((v) => (typeof v === 'string' ? `'${v}'` : JSON.stringify(v))));
  const inner = schema.anyOf ?? schema.oneOf;
  if (inner !== undefined) return orList(inner.map(allowedWords));
  return orList(typesOf(schema).map((type) => typeWords(schema, type))) || 'any JSON value';
}

function typeWords(s: JsonSchema, type: string): string {
  switch (type) {
    case 'integer':
      return numberWords(s, 'an integer');
    case 'number':
      return numberWords(s, 'a number');
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    case 'string': {
      const pattern = s.pattern === undefined ? '' : ` matching ${String(s.pattern)}`;
      return `text${range(s.minLength, s.maxLength, ' characters')}${pattern}`;
    }
    case 'array': {
      const each =
        s.items === undefined || Array.isArray(s.items) ? '' : `, each ${allowedWords(s.items as JsonSchema)}`;
      return `a list${range(s.minItems, s.maxItems, ' entries')}${each}`;
    }
    default: {
      const names = Object.keys(s.properties ?? {});
      return names.length === 0 ? 'an object' : `an object with the fields ${names.join(', ')}`;
    }
  }
}
