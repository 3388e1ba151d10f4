/** Hardware parts as tables, whether they come as rows of the database or within a node's document. */
import { isObject } from '@csm/model';
import { type Column, table, width } from '../print/table.ts';
import { human } from '../samples/unit.ts';

export type PartRow = { readonly [field: string]: unknown };

/** Characters of the last column; the other formats give all. */
const DETAILS_MAX = 96;

/** Anything in a cell; null for what is not known. */
export function told(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  const isPlainList = Array.isArray(value) && value.every((entry) => typeof entry !== 'object');
  return isPlainList ? value.join(' ') : (JSON.stringify(value) ?? null);
}

/** Sizes, and the unit they are told in: CSM's names do not bear it. */
const SIZES: { readonly [kindAndName: string]: 'kib' | 'bytes' } = {
  'dimm size': 'kib',
  'gpu hbm_memory': 'kib',
  'ssd size': 'bytes',
  'ssd wear_total_bytes_read': 'bytes',
  'ssd wear_total_bytes_written': 'bytes',
};

function detail(kind: unknown, name: string, value: unknown): string | null {
  const unit = SIZES[`${String(kind)} ${name}`];
  return unit !== undefined && typeof value === 'number' ? human(unit, value).replace(' ', '') : told(value);
}

/** `size=64GiB speed_mt_s=3200`: what is known, what passes behind the rest. */
export function details(row: PartRow): string {
  const known = (of: unknown) => (isObject(of) ? Object.entries(of) : []).filter(([, value]) => told(value) !== null);
  const text = [...known(row['details']), ...known(row['passing'])]
    .map(([name, value]) => `${name}=${detail(row['kind'], name, value)}`)
    .join(' ');
  return text.length <= DETAILS_MAX ? text : `${text.slice(0, DETAILS_MAX - 3)}...`;
}

const HEADS: readonly (readonly [string, string])[] = [
  ['NODE', 'node'],
  ['KIND', 'kind'],
  ['LOCATION', 'location'],
  ['VENDOR', 'vendor'],
  ['MODEL', 'model'],
  ['SERIAL', 'serial'],
  ['PART NUMBER', 'part_number'],
  ['FIRMWARE', 'firmware'],
];

/** A row a part. Columns of which no part knows anything are left out, but for those that are `needed`. */
export function partsTable(rows: readonly PartRow[], header: boolean, needed: readonly string[]): string {
  const columns: Column<PartRow>[] = HEADS.filter(
    ([, field]) => needed.includes(field) || rows.some((row) => told(row[field]) !== null),
  ).map(([head, field]) => ({ head, cell: (row) => told(row[field]) }));
  if (rows.some((row) => details(row) !== '')) columns.push({ head: 'DETAILS', cell: details });
  return table(rows, columns, header);
}

/** Any list of records as a table: a column for each field of theirs. */
export function recordsTable(rows: readonly PartRow[], header: boolean): string {
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = fields.map((field) => ({
    head: field.toUpperCase(),
    cell: (row: PartRow) => (Object.hasOwn(row, field) ? told(row[field]) : null),
  }));
  return table(rows, columns, header);
}

/** Words in lines of at most `most` columns. */
export function wrapped(text: string, most: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || width(last) + 1 + width(word) > most) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
