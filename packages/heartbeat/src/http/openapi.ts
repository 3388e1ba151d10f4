/** The table of routes as an OpenAPI 3.1 document. Pure. */
import { PROBLEM_TYPE } from './problem.ts';
import type { AnswerDoc, Route, Schema } from './route.ts';

/** Of this API; what is taken away or changes its meaning raises the first number. */
const VERSION = '1.0.0';

const PROBLEM: Schema = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    detail: { type: 'string', description: 'names what was wrong' },
    instance: { type: 'string', description: 'the path' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
  },
};

/** Of the server itself, on any path. */
const COMMON: Readonly<Record<number, AnswerDoc>> = {
  400: { description: 'refused, in words', type: PROBLEM_TYPE },
  403: { description: 'the client certificate does not allow it', type: PROBLEM_TYPE },
  413: { description: 'the body is too large', type: PROBLEM_TYPE },
  503: { description: 'not now: the database is away, nobody leads, or too much is under way', type: PROBLEM_TYPE },
};

export function openApiDocument(routes: readonly Route[]): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'CSM heartbeat tracking service',
      version: VERSION,
      description:
        'Compatible with the heartbeat tracker of Cray HMS (hbtd) under /hmi/v1, and where a state manager is built in with what its clients ask of the one of HMS (smd) under /hsm/v2. /v1 is short for /hmi/v1. A slash at the end of a path is accepted, HEAD is answered as GET is, and another method than those listed with 405, Allow and problem details.',
    },
    paths,
    components: { schemas: { Problem: PROBLEM } },
  };
}

function operation(route: Route): Schema {
  const { id, summary, params = {}, query = {}, body, answers, examples = [] } = route;
  const parameters = [
    ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
      name,
      in: 'path',
      required: true,
      ...(params[name] === undefined ? {} : { description: params[name] }),
      schema: { type: 'string' },
    })),
    ...Object.entries(query).map(([name, { description, schema }]) => ({
      name,
      in: 'query',
      required: false,
      description,
      schema,
    })),
  ];
  const bodies = examples.filter((example) => example.body !== undefined);
  const content = {
    schema: body?.schema ?? {},
    ...(bodies.length === 0
      ? {}
      : { examples: Object.fromEntries(bodies.map(({ title, body: value }) => [title, { value }])) }),
  };
  return {
    operationId: id,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.required, content: { 'application/json': content } } }),
    responses: Object.fromEntries(
      Object.entries({ ...COMMON, ...answers }).map(([status, answer]) => [status, response(answer)]),
    ),
  };
}

function response({ description, type, schema }: AnswerDoc): Schema {
  if (type === undefined) return { description };
  const shape = schema ?? (type === PROBLEM_TYPE ? { $ref: '#/components/schemas/Problem' } : { type: 'string' });
  return { description, content: { [type]: { schema: shape } } };
}
