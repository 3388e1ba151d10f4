import { type ApiRow, ApiTable } from '@csm/api';
import Type from 'typebox';

/** A small table for the tests of the client; `generated/sample-api.ts` is made from it. */

const closed = { additionalProperties: false } as const;
const base = { changes: false, enters: ['utility'], reach: 'master', access: 'public' } as const;

const ROWS: readonly ApiRow[] = [
  {
    ...base,
    name: 'echo.show',
    summary: 'Answers what it was given',
    method: 'GET',
    path: '/csm/v1/echo/:name',
    input: Type.Object(
      {
        name: Type.String({ description: 'any name' }),
        count: Type.Optional(Type.Integer({ minimum: 0 })),
        tags: Type.Optional(Type.Array(Type.String())),
        loud: Type.Optional(Type.Boolean()),
      },
      closed,
    ),
    output: Type.Object({ input: Type.Unknown(), trace: Type.String() }),
  },
  {
    ...base,
    name: 'count.change',
    summary: 'Adds to the count',
    method: 'POST',
    path: '/csm/v1/count',
    changes: true,
    input: Type.Object({ add: Type.Integer(), note: Type.Optional(Type.Union([Type.String(), Type.Null()])) }, closed),
    output: Type.Object({ count: Type.Integer(), key: Type.String() }),
  },
  {
    ...base,
    name: 'count.reset',
    summary: 'Sets the count to 0',
    method: 'DELETE',
    path: '/csm/v1/count',
    changes: true,
    timeoutSeconds: 5,
    input: Type.Object({}, closed),
  },
  {
    ...base,
    name: 'number.stream',
    summary: 'Streams numbers',
    method: 'GET',
    path: '/csm/v1/numbers',
    timeoutSeconds: 0,
    input: Type.Object({ count: Type.Integer(), fault: Type.Optional(Type.Boolean()) }, closed),
    item: Type.Object({ seq: Type.Integer(), text: Type.String() }, closed),
  },
];

export const TABLE = new ApiTable(ROWS);
