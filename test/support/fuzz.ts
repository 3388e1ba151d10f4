/** Inputs of calls, made from the OpenAPI document: such as it allows, such as almost fit, and such as are absurd. */
import fc, { type Arbitrary } from 'fast-check';
import type { Wanted } from './http.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly schema: Schema;
}

/** One operation of the document. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  /** `/csm/v1/nodes/{name}` */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | undefined;
  /** Its answer comes item by item. */
  readonly streams: boolean;
  /** It has no end, and may have no beginning for long. */
  readonly endless: boolean;
}

interface Document {
  readonly paths: { readonly [path: string]: { readonly [method: string]: DocumentOperation } };
}
interface DocumentOperation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
  readonly 'x-csm-timeout-seconds': number;
  readonly responses: { readonly '200'?: { readonly content?: object } };
}

export const operationsOf = (document: unknown): Operation[] =>
  Object.entries((document as Document).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: operation.operationId,
      method: method.toUpperCase(),
      path,
      parameters: (operation.parameters ?? []).filter(({ in: where }) => where !== 'header'),
      body: operation.requestBody?.content['application/json'].schema,
      endless: operation['x-csm-timeout-seconds'] === 0,
      streams: !Object.keys(operation.responses['200']?.content ?? {}).includes('application/json'),
    })),
  );

/** Texts for fields of a name, where any text would do harm or mean nothing. */
export type Texts = (field: string) => Arbitrary<string> | undefined;

/** What a schema allows; the texts of a field by `texts` where that knows better. */
export function fitting(schema: Schema, field: string, texts: Texts): Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => fitting(one, field, texts)));
  const [type = 'string'] = [schema.type ?? []].flat();
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer': {
      const { minimum: min = -1000, maximum: max = Math.max(min, 1000) } = schema;
      return fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max: Math.min(max, min + 1000) }));
    }
    case 'number': {
      const { minimum: min = 0, maximum: max = min + 1000 } = schema;
      return fc.double({ min, max, noNaN: true });
    }
    case 'array': {
      const { items = {}, minItems: minLength = 0, maxItems = minLength + 3 } = schema;
      return fc.array(fitting(items, field, texts), { minLength, maxLength: Math.min(maxItems, minLength + 3) });
    }
    case 'object':
      return objectOf(schema.properties ?? {}, schema.required ?? [], texts);
    default:
      return texts(field) ?? textOf(schema);
  }
}

function textOf({ pattern, minLength = 0, maxLength = 60 }: Schema): Arbitrary<string> {
  if (pattern !== undefined) {
    return fc.stringMatching(new RegExp(pattern)).map((text) => text.slice(0, maxLength));
  }
  return fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 20) });
}

function objectOf(
  properties: { readonly [name: string]: Schema },
  required: readonly string[],
  texts: Texts,
): Arbitrary<Record<string, unknown>> {
  const fields = Object.entries(properties).map(([name, schema]) => [name, fitting(schema, name, texts)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [...required] });
}

/** Anything JSON can be, and more of it than anybody needs. Texts begin so that they are no path and no program. */
const absurd: Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map(harmless),
  fc.constantFrom<unknown>(
    null,
    '',
    ' ',
    'n[1-',
    'n[1-99999999999]',
    'n[001-1]',
    '../../etc/passwd',
    'a\u0000b',
    'ä\u2028😀',
    '-1',
    '1e999',
    '9007199254740993',
    -1,
    1e300,
    9007199254740991,
    0.1,
    [],
    [[[[[]]]]],
    {},
    { __proto__: 1, constructor: 2, toString: 3 },
    'x'.repeat(70_000),
  ),
);

function harmless(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith('/') ? `.${value}` : value;
  if (Array.isArray(value)) return value.map(harmless);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, harmless(inner)]));
}

/** A request: one the document allows, one of which a field or two are otherwise, or one that is nothing at all. */
export function requests(operation: Operation, texts: Texts): Arbitrary<Wanted> {
  const valid = inputs(operation, texts);
  const names = [...operation.parameters.map(({ name }) => name), ...Object.keys(operation.body?.properties ?? {})];
  const mutation = fc.record({
    field: names.length === 0 ? fc.constant('x') : fc.constantFrom(...names, 'x', '__proto__', 'constructor'),
    value: fc.option(absurd, { nil: undefined }),
  });
  const almost = fc.tuple(valid, fc.array(mutation, { minLength: 1, maxLength: 2 })).map(([input, mutations]) => {
    const changed = new Map(Object.entries(input));
    for (const { field, value } of mutations) {
      if (value === undefined) changed.delete(field);
      else changed.set(field, guarded(field, value));
    }
    return Object.fromEntries(changed);
  });
  const well = fc
    .oneof({ arbitrary: valid, weight: 2 }, { arbitrary: almost, weight: 3 })
    .map((input) => wantedOf(operation, input));
  const body = fc.oneof(
    absurd.map((value) => JSON.stringify(value)),
    fc.string(),
    fc.constantFrom('{', '[1,', '{"a":1}}', '"', 'nul', '{"a":'.repeat(200), '\ufeff{}', '{"nodes":"n1","nodes":"n2"}'),
  );
  const type = fc.constantFrom('application/json', 'text/plain', 'application/json; charset=latin1', '');
  const broken = fc.tuple(valid, body, type).map(([input, text, contentType]) => ({
    ...wantedOf(operation, input),
    body: text,
    headers: { 'content-type': contentType },
  }));
  const headers = fc.record(
    {
      'idempotency-key': fc.constantFrom('k1', 'k2', '', 'x'.repeat(200), 'a b'),
      'csm-timeout': fc.constantFrom('5', '0', '-1', 'soon', '1e9', '999999999'),
      'csm-api-version': fc.constantFrom('1.0', '9.9', 'x'),
    },
    { requiredKeys: [] },
  );
  return fc
    .tuple(
      fc.oneof({ arbitrary: well, weight: 8 }, { arbitrary: broken, weight: 1 }),
      fc.oneof({ arbitrary: fc.constant(null), weight: 4 }, { arbitrary: headers, weight: 1 }),
    )
    .map(([wanted, more]) => (more === null ? wanted : { ...wanted, headers: { ...wanted.headers, ...more } }));
}

/** Where a text may be a program or a file, what is absurd must not be one. */
const guarded = (field: string, value: unknown): unknown =>
  field === 'argv' && Array.isArray(value) ? ['/nonexistent', ...value] : value;

function inputs({ parameters, body }: Operation, texts: Texts): Arbitrary<Record<string, unknown>> {
  const properties = {
    ...Object.fromEntries(parameters.map(({ name, schema }) => [name, schema])),
    ...body?.properties,
  };
  const required = [...parameters.filter((one) => one.required).map(({ name }) => name), ...(body?.required ?? [])];
  return objectOf(properties, required, texts);
}

function wantedOf({ method, path, parameters, body }: Operation, input: Record<string, unknown>): Wanted {
  const rest = new Map(Object.entries(input));
  const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  const filled = path.replace(/\{([^}]+)\}/g, (_all, name: string) => {
    const value = text(rest.get(name) ?? '-');
    rest.delete(name);
    return encodeURIComponent(value.replace(/[\ud800-\udfff]/g, '').slice(0, 6000));
  });
  const inQuery = new Set(parameters.filter((one) => one.in === 'query').map(({ name }) => name));
  const query = new URLSearchParams();
  for (const [name, value] of rest) {
    if (body !== undefined && !inQuery.has(name)) continue;
    rest.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, text(one).slice(0, 6000));
  }
  const target = query.size === 0 ? filled : `${filled}?${query.toString()}`;
  return { method, path: target, ...(body === undefined ? {} : { body: JSON.stringify(Object.fromEntries(rest)) }) };
}
