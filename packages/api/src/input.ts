import { code, err, isObject, ok, type Problem, problem, type Result } from '@csm/model';
import { asJsonSchema, type JsonSchema, typesOf, variants } from './schema.ts';
import type { TableRow } from './table.ts';

/** The three places an input comes from. Query values are text, or lists of text when a parameter is repeated. */
export interface InputParts {
  readonly path: { readonly [name: string]: string };
  readonly query: { readonly [name: string]: string | readonly string[] | undefined };
  readonly body: unknown;
}

const NUMBER = /^-?(?:0|[1-9]\d{0,15})(?:\.\d{1,15})?$/;
const TRUE = ['true', '1', 'yes'];
const FALSE = ['false', '0', 'no'];

/**
 * Merges path, query and body into one input. Text from path and query becomes the type its schema names; what does
 * not read as that type stays text, so that the check can name the value given. A field given twice is a problem.
 */
export function mergeInput(row: TableRow, parts: InputParts): Result<{ readonly [name: string]: unknown }> {
  const body = parts.body ?? {};
  if (!isObject(body)) {
    const allowed = 'a JSON object';
    return err(problem(code.INVALID_PARAMETER, `the body of ${row.name} is no JSON object`, { field: '', allowed }));
  }
  const properties = asJsonSchema(row.input).properties ?? {};
  const merged = new Map<string, unknown>();
  for (const [name, text] of Object.entries(parts.path)) merged.set(name, coerce(properties[name] ?? {}, text));
  for (const [from, fields] of [
    ['query', parts.query],
    ['body', body],
  ] as const) {
    for (const [name, given] of Object.entries(fields)) {
      if (given === undefined) continue;
      if (merged.has(name)) return err(twice(name, from));
      const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
      merged.set(name, from === 'query' ? coerce(schema ?? {}, given as string | readonly string[]) : given);
    }
  }
  // fromEntries makes own properties, also of `__proto__`, which the check then refuses as unknown.
  return ok(Object.fromEntries(merged));
}

function twice(name: string, from: string): Problem {
  const where = from === 'query' ? 'the path and the query' : 'the body and the path or query';
  return problem(code.INVALID_PARAMETER, `'${name.slice(0, 64)}' is given twice, in ${where}`, {
    field: name.slice(0, 64),
    allowed: 'each field once',
  });
}

/** Text from a path or query as the type its schema names; unreadable text stays as it is. */
export function coerce(schema: JsonSchema, given: string | readonly string[]): unknown {
  const list = variants(schema).find((v) => typesOf(v).includes('array'));
  if (list !== undefined) {
    const entry = Array.isArray(list.items) ? {} : ((list.items as JsonSchema | undefined) ?? {});
    return (typeof given === 'string' ? [given] : given).map((text) => coerce(entry, text));
  }
  if (typeof given !== 'string') return given;
  const types = variants(schema).flatMap((v) => typesOf(v));
  // Where free text is allowed, text is what was meant.
  if (variants(schema).some((v) => v.const === undefined && v.enum === undefined && typesOf(v).includes('string'))) {
    return given;
  }
  if ((types.includes('integer') || types.includes('number')) && NUMBER.test(given)) return Number(given);
  if (types.includes('boolean')) {
    if (TRUE.includes(given.toLowerCase())) return true;
    if (FALSE.includes(given.toLowerCase())) return false;
  }
  return given;
}
