import { API_VERSION } from './api-version.ts';
import { describeRow } from './describe.ts';
import type { ApiTable, TableRow } from './table.ts';
import { commentText, quote, typeText } from './type-text.ts';

/** `node.list` as the beginning of a type name: `NodeList`. */
export const typeName = (name: string): string =>
  name
    .split(/[._-]/)
    .map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}`)
    .join('');

const INPUT = { lines: true, loose: true };
const ANSWER = { lines: true, loose: false };

/**
 * The source text of the client's table: `API` with what a request needs and what help shows, a type for each input,
 * output and item, and `ApiTypes`, which ties them to the names of the calls. The same table gives the same text.
 */
export function generateClient(table: ApiTable, entryImport = '../entry.ts'): string {
  const rows = [...table.offered].sort((a, b) => (a.name < b.name ? -1 : 1));
  const entries = rows.map((row) => `  ${quote(row.name)}: ${entry(row)},\n`).join('');
  const types = rows.map(rowTypes).join('');
  const ties = rows.map((row) => `  ${quote(row.name)}: { ${tie(row)} };\n`).join('');
  return `// Generated from the API table; do not edit. The build writes it anew.
import type { ApiEntry } from ${quote(entryImport)};

/** Version of this API. A daemon of another major version is not understood. */
export const API_VERSION = ${quote(API_VERSION)};

/** Every call of the API: how it travels, and what help says of it. */
export const API = {
${entries}} as const satisfies { readonly [name: string]: ApiEntry };

${types}/** Types of every call, by its name. */
export interface ApiTypes {
${ties}}
`;
}

/** Indented JSON is valid TypeScript and cannot break out of its literal. */
function entry(row: TableRow): string {
  const d = describeRow(row);
  return JSON.stringify(d, undefined, 2)
    .replaceAll('\n', '\n  ')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

function rowTypes(row: TableRow): string {
  const base = typeName(row.name);
  const parts = [
    `/** ${commentText(row.summary)}: input. */\nexport type ${base}Input = ${typeText(row.input, INPUT)};\n\n`,
  ];
  if (row.output !== undefined) parts.push(`export type ${base}Output = ${typeText(row.output, ANSWER)};\n\n`);
  if (row.item !== undefined) parts.push(`export type ${base}Item = ${typeText(row.item, ANSWER)};\n\n`);
  return parts.join('');
}

function tie(row: TableRow): string {
  const base = typeName(row.name);
  const output = row.output === undefined ? 'undefined' : `${base}Output`;
  const item = row.item === undefined ? 'never' : `${base}Item`;
  return `readonly input: ${base}Input; readonly output: ${output}; readonly item: ${item}`;
}
