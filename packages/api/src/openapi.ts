import { type Code, code, codeName, type Json, type JsonObject } from '@csm/model';
import type { TSchema } from 'typebox';
import { NDJSON } from './framing.ts';
import { asJsonSchema } from './schema.ts';
import { PROBLEM_TYPE, statusOf } from './status.ts';
import type { ApiTable, TableRow } from './table.ts';

/** Codes every call may give, beside those of its row. */
export const COMMON_CODES: readonly Code[] = [
  code.TIMEOUT,
  code.MISSING_PARAMETER,
  code.INVALID_PARAMETER,
  code.COMMUNICATION,
  code.MEMORY,
  code.PERMISSION,
];

export const allCodes = (row: TableRow): readonly Code[] =>
  [...new Set([...COMMON_CODES, ...(row.codes ?? [])])].sort((a, b) => a - b);

// A schema is JSON, but for a pattern given as a RegExp; a copy through text settles that.
const json = (schema: unknown): Json =>
  JSON.parse(JSON.stringify(schema, (_key, v: unknown) => (v instanceof RegExp ? v.source : v))) as Json;

const PROBLEM_SCHEMA: JsonObject = {
  type: 'object',
  description: 'RFC 9457 problem details with the CSM code and name',
  required: ['type', 'title', 'status', 'detail', 'code', 'name', 'trace'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'a sentence that names the value which was wrong' },
    code: { type: 'integer', minimum: 0, maximum: 55 },
    name: { type: 'string' },
    field: { type: 'string' },
    allowed: { type: 'string' },
    oldest: { type: 'integer', description: 'with code 37: the oldest cursor from which a stream can go on' },
    nodes: {
      type: 'array',
      items: {
        type: 'object',
        required: ['nodeset', 'code', 'text'],
        properties: { nodeset: { type: 'string' }, code: { type: 'integer' }, text: { type: 'string' } },
      },
    },
    trace: { type: 'string' },
  },
};

/** `/csm/v1/nodes/:name` as OpenAPI writes it: `/csm/v1/nodes/{name}`. */
export const openApiPath = (path: string): string => path.replace(/:([A-Za-z0-9_]+)/g, '{$1}');

/** The OpenAPI 3.1 document of a table. */
export function openApi(table: ApiTable, version: string): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const row of table.offered) {
    const path = openApiPath(row.path);
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(row) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'CSM API',
      version,
      description:
        'HTTP over the unix socket of any CSM daemon, where the kernel says who calls, or over HTTPS where a daemon takes calls so (net.api_listen), with a certificate or a token.',
    },
    servers: [{ url: '/', description: 'a daemon: its unix socket, or its address' }],
    // The first is the unix socket, where nothing is shown.
    security: [{}, { certificate: [] }, { token: [] }],
    paths,
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      securitySchemes: {
        certificate: { type: 'mutualTLS', description: 'a certificate of a user (csm cert issue --user)' },
        token: { type: 'http', scheme: 'bearer', description: 'csm token create' },
      },
    },
  };
}

function operation(row: TableRow): JsonObject {
  return {
    operationId: row.name,
    tags: [row.name.split('.')[0] ?? row.name],
    summary: row.summary,
    ...(row.description === undefined ? {} : { description: row.description }),
    parameters: parameters(row),
    ...(row.placement.body.length === 0 ? {} : { requestBody: requestBody(row) }),
    responses: responses(row),
    'x-csm-access': row.access,
    'x-csm-changes': row.changes,
    'x-csm-enters': [...row.enters],
    'x-csm-reach': row.reach,
    'x-csm-timeout-seconds': row.timeoutSeconds,
  };
}

function parameters(row: TableRow): readonly Json[] {
  const input = asJsonSchema(row.input);
  const fields = (names: readonly string[], where: string): readonly JsonObject[] =>
    names.map((name) => ({
      name,
      in: where,
      required: where === 'path' || (input.required ?? []).includes(name),
      ...(input.properties?.[name]?.description === undefined
        ? {}
        : { description: input.properties[name].description }),
      schema: json(input.properties?.[name] ?? {}),
    }));
  const header = (name: string, description: string, schema: JsonObject): JsonObject => ({
    name,
    in: 'header',
    required: false,
    description,
    schema,
  });
  return [
    ...fields(row.placement.path, 'path'),
    ...fields(row.placement.query, 'query'),
    header('CSM-Timeout', 'seconds the call may take', { type: 'number' }),
    ...(row.changes
      ? [header('Idempotency-Key', 'a repetition under the same key is not carried out again', { type: 'string' })]
      : []),
  ];
}

function requestBody(row: TableRow): JsonObject {
  const input = asJsonSchema(row.input);
  const inBody = (name: string): boolean => row.placement.body.includes(name);
  const required = (input.required ?? []).filter(inBody);
  const schema = {
    type: 'object',
    properties: Object.fromEntries(Object.entries(input.properties ?? {}).filter(([name]) => inBody(name))),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
  const examples = Object.fromEntries(
    (row.examples ?? []).map((e) => [
      e.title,
      { value: Object.fromEntries(Object.entries(e.input).filter(([name]) => inBody(name))) },
    ]),
  );
  const content: JsonObject = {
    schema: json(schema),
    ...(Object.keys(examples).length === 0 ? {} : { examples }),
  };
  return { required: required.length > 0, content: { 'application/json': content } };
}

function responses(row: TableRow): JsonObject {
  const out: Record<string, JsonObject> = {};
  const answer = (description: string, type: string, schema: TSchema): JsonObject => ({
    description,
    content: { [type]: { schema: json(schema) } },
  });
  if (row.item !== undefined) {
    const text = 'one item a line, the last line is {"end":true} or {"problem":…}';
    out['200'] = answer(text, NDJSON.type, row.item);
  } else if (row.output !== undefined) out['200'] = answer('the answer', 'application/json', row.output);
  else out['204'] = { description: 'done' };
  const byStatus = new Map<number, Code[]>();
  for (const c of allCodes(row)) byStatus.set(statusOf(c), [...(byStatus.get(statusOf(c)) ?? []), c]);
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    out[String(status)] = {
      description: codes.map((c) => `${c} ${codeName(c)}`).join(', '),
      content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  }
  return out;
}
