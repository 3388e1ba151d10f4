import type { JsonObject } from '@csm/model';
import type { TSchema } from 'typebox';
import { allCodes } from './openapi.ts';
import { allowedWords, asJsonSchema } from './schema.ts';
import type { ApiTable, TableRow } from './table.ts';
import { typeText } from './type-text.ts';

/** One field of an input, in words. */
export interface FieldDescription {
  readonly name: string;
  readonly in: 'path' | 'query' | 'body';
  readonly required: boolean;
  /** TypeScript text of its type. */
  readonly type: string;
  /** In words what is accepted. */
  readonly allowed: string;
  readonly description: string;
  /** To be shown to nobody. */
  readonly secret?: true;
}

/** A row as data, without its schemas' machinery: what the client, the command line's help and the reference need. */
export interface RowDescription {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: string;
  readonly method: string;
  readonly path: string;
  readonly placement: TableRow['placement'];
  readonly stream: boolean;
  readonly answers: boolean;
  readonly changes: boolean;
  readonly timeoutSeconds: number;
  readonly enters: readonly string[];
  readonly reach: string;
  readonly codes: readonly number[];
  readonly fields: readonly FieldDescription[];
  readonly examples: readonly { readonly title: string; readonly input: JsonObject }[];
  readonly cli?: JsonObject;
}

/** Every call that is offered as plain JSON, in the order of the table. */
export const describe = (table: ApiTable): readonly RowDescription[] => table.offered.map(describeRow);

export function describeRow(row: TableRow): RowDescription {
  const { name, summary, description, access, method, path, placement, changes, timeoutSeconds, reach, cli } = row;
  return {
    name,
    summary,
    ...(description === undefined ? {} : { description }),
    access,
    method,
    path,
    placement,
    stream: row.item !== undefined,
    answers: row.output !== undefined,
    changes,
    timeoutSeconds,
    enters: row.enters,
    reach,
    codes: allCodes(row),
    fields: fields(row),
    examples: (row.examples ?? []).map((e) => ({ title: e.title, input: e.input })),
    ...(cli === undefined ? {} : { cli }),
  };
}

function fields(row: TableRow): readonly FieldDescription[] {
  const input = asJsonSchema(row.input);
  return Object.entries(input.properties ?? {}).map(([name, schema]) => ({
    name,
    in: row.placement.path.includes(name) ? 'path' : row.placement.query.includes(name) ? 'query' : 'body',
    required: (input.required ?? []).includes(name),
    type: typeText(schema as TSchema),
    allowed: allowedWords(schema),
    description: schema.description ?? '',
    ...(schema.secret === true ? { secret: true } : {}),
  }));
}

/** Fields of an object schema with what they mean, for an answer or an item; empty when it is no object. */
export function answerFields(
  schema: TSchema | undefined,
): readonly { name: string; type: string; description: string }[] {
  const top = asJsonSchema(schema ?? {});
  const object = top.type === 'array' && !Array.isArray(top.items) ? (top.items as typeof top | undefined) : top;
  return Object.entries(object?.properties ?? {}).map(([name, inner]) => ({
    name,
    type: typeText(inner as TSchema),
    description: inner.description ?? '',
  }));
}
