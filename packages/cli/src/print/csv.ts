/** CSV by RFC 4180: CRLF, and quotes where a cell needs them. */
import { isObject, type Json } from '@csm/model';
import { printable } from '../text.ts';

type Record = { readonly [key: string]: Json };

/** null and absent are empty; text that is empty is `""`, so that the two differ. Lists are JSON. */
function cell(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csvLine = (cells: readonly (Json | undefined)[]): string => `${cells.map(cell).join(',')}\r\n`;

/** Fields of records in order of first appearance; those of a nested object as `primary.active`. */
export function csvColumns(rows: readonly Json[]): string[] {
  const columns = new Set<string>();
  for (const row of rows) if (isObject(row)) collect(row as Record, '', columns);
  return [...columns];
}

function collect(record: Record, prefix: string, into: Set<string>): void {
  for (const [key, value] of Object.entries(record)) {
    if (isObject(value)) collect(value as Record, `${prefix}${key}.`, into);
    else into.add(prefix + key);
  }
}

/** The cells of a record. `body.exit` is the field `exit` of the field `body`. */
export function csvRow(row: Json, columns: readonly string[]): string {
  return csvLine(columns.map((column) => at(row, column.split('.'))));
}

function at(value: Json | undefined, path: readonly string[]): Json | undefined {
  let found: unknown = value;
  for (const key of path) found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found as Json | undefined;
}

/** A document that is no list of records: a line for each value in it, with its path. */
export function csvFields(value: Json, header: boolean): string {
  const lines: string[] = header ? [csvLine(['field', 'value'])] : [];
  const walk = (item: Json, path: string): void => {
    const entries = typeof item === 'object' && item !== null ? Object.entries(item as Record) : [];
    if (entries.length === 0) lines.push(csvLine([path, item]));
    for (const [key, inner] of entries) walk(inner, path === '' ? key : `${path}.${key}`);
  };
  walk(value, '');
  return lines.join('');
}

/**
 * CSV on its way to a terminal: control characters, which would move its cursor or worse, as `\u001b`. Programs and
 * files get them as they are, since RFC 4180 knows no escape for them.
 */
export const csvForTerminal = (csv: string): string => csv.replace(/[^\r\n\t]+|\r(?!\n)/g, printable);
