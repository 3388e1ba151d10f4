import { isRole } from '@csm/model';
import { pathParameters } from './placement.ts';
import { ACCESS, type ApiRow, METHODS, MINIMUM_TIMEOUT_SECONDS } from './row.ts';
import { asJsonSchema, type JsonSchema, typesOf, variants } from './schema.ts';

const NAME = /^[a-z][a-z0-9_]*(?:[.-][a-z][a-z0-9_]*)*$/;
const PATH = /^\/csm\/v1(?:\/(?:[a-z0-9][a-z0-9_-]*|:[A-Za-z][A-Za-z0-9_]*))+$/;
const SCALARS = ['string', 'number', 'integer', 'boolean'];

/** Every mistake in the rows themselves, each with the name of its row. They are our own, found at start. */
export function rowMistakes(rows: readonly ApiRow[]): readonly string[] {
  const out: string[] = [];
  const names = new Set<string>();
  const routes = new Map<string, string>();
  for (const row of rows) {
    const say = (text: string): unknown => out.push(`${row.name}: ${text}`);
    if (!NAME.test(row.name)) say(`the name does not match ${NAME.source}`);
    if (names.has(row.name)) say('the name stands twice');
    names.add(row.name);
    const route = `${row.method} ${row.path.replace(/:[^/]+/g, ':')}`;
    if (routes.has(route)) say(`${row.method} ${row.path} is the route of ${routes.get(route) ?? ''} too`);
    routes.set(route, row.name);
    checkRow(row, say);
  }
  return out;
}

function checkRow(row: ApiRow, say: (text: string) => unknown): void {
  if (!PATH.test(row.path)) say(`the path ${row.path} does not match ${PATH.source}`);
  if (!METHODS.includes(row.method)) say(`the method ${row.method} is not one of ${METHODS.join(', ')}`);
  if (!ACCESS.includes(row.access)) say(`the access ${row.access} is not one of ${ACCESS.join(', ')}`);
  if (row.enters.length === 0 || !row.enters.every(isRole)) say('it enters by no role, or by an unknown one');
  if (row.access === 'private' && row.owned !== true) say('it is private, and its handler checks no owner (owned)');
  if (row.internal === true && row.enters.includes('compute')) say('it is internal, and enters by compute daemons');
  if (row.internal === true && row.item !== undefined) say('it is internal, and a stream');
  if (row.method === 'GET' && row.changes) say('a GET may change nothing');
  if (row.output !== undefined && row.item !== undefined) say('it has both an output and items');
  const t = row.timeoutSeconds;
  const endless = t === 0 && row.item !== undefined;
  if (t !== undefined && !endless && !(t >= MINIMUM_TIMEOUT_SECONDS && t <= 86_400)) {
    say(`the time-out of ${t} s is not from ${MINIMUM_TIMEOUT_SECONDS} to 86400 s (0 only for a stream)`);
  }
  checkInput(row, say);
  for (const item of row.item === undefined ? [] : variants(asJsonSchema(row.item))) {
    for (const word of ['end', 'problem']) {
      if (Object.hasOwn(item.properties ?? {}, word)) say(`an item has the field '${word}', which ends a stream`);
    }
  }
}

function checkInput(row: ApiRow, say: (text: string) => unknown): void {
  const input = asJsonSchema(row.input);
  if (input.type !== 'object') return void say('the input is no object');
  const properties = input.properties ?? {};
  closed(input, 'the input', say);
  const inPath = pathParameters(row.path);
  for (const name of inPath) {
    const schema = properties[name];
    if (schema === undefined || !input.required?.includes(name)) say(`:${name} is no required field of the input`);
    else if (!variants(schema).every(isScalar)) say(`:${name} is not text, a number or a boolean`);
  }
  if (row.method !== 'GET' && row.method !== 'DELETE') return;
  for (const [name, schema] of Object.entries(properties)) {
    if (!inPath.includes(name) && !variants(schema).every(isQueryable)) {
      say(`'${name}' cannot stand in a query: only text, numbers, booleans and lists of them can`);
    }
  }
}

const isScalar = (s: JsonSchema): boolean => typesOf(s).length > 0 && typesOf(s).every((t) => SCALARS.includes(t));

const isQueryable = (s: JsonSchema): boolean =>
  typesOf(s).includes('array')
    ? s.items !== undefined && !Array.isArray(s.items) && variants(s.items as JsonSchema).every(isScalar)
    : isScalar(s);

/** An object that lists its fields says that there are no others. */
function closed(schema: JsonSchema, where: string, say: (text: string) => unknown): void {
  if (schema.properties !== undefined && schema.additionalProperties !== false) {
    say(`${where} lacks additionalProperties: false`);
  }
  for (const [name, inner] of Object.entries(schema.properties ?? {})) closed(inner, `${where}.${name}`, say);
  for (const inner of schema.anyOf ?? schema.oneOf ?? []) closed(inner, where, say);
  for (const inner of [schema.items ?? []].flat() as JsonSchema[]) closed(inner, `${where}[]`, say);
}
