/** Parts as they stream in, in any format, whatever their number: what has to be gathered first is bounded. */
import type { NodeHardwareItem } from '@csm/client';
import type { Json } from '@csm/model';
import { csvColumns, csvForTerminal, csvLine, csvRow } from '../print/csv.ts';
import { Items } from '../print/items.ts';
import type { Session } from '../session.ts';
import { count, printable } from '../text.ts';
import { partsTable } from './parts.ts';

/** Parts that are gathered: those of a table, and those whose fields are the columns of CSV. */
export const GATHERED_MAX = 10_000;
/** Fields named in a note. */
const NAMED_MAX = 8;

type Parts = AsyncIterable<NodeHardwareItem>;

/** Writes them; resolves with their number. */
export function listParts(session: Session, parts: Parts, most = GATHERED_MAX): Promise<number> {
  switch (session.format) {
    case 'json':
    case 'yaml':
      return passOn(session, parts);
    case 'csv':
      return asCsv(session, parts, most);
    case 'table':
      return asTable(session, parts, most);
    default:
      return session.format satisfies never;
  }
}

async function passOn(session: Session, parts: Parts): Promise<number> {
  const items = new Items<NodeHardwareItem>(session, { text: () => '', csv: [], lines: false });
  let seen = 0;
  try {
    for await (const part of parts) {
      seen++;
      await items.add(part);
    }
  } finally {
    // A list that was begun is closed whatever came in between; nothing at all is no list.
    if (seen > 0) await items.end();
  }
  return seen;
}

async function asTable(session: Session, parts: Parts, most: number): Promise<number> {
  const rows: NodeHardwareItem[] = [];
  let seen = 0;
  for await (const part of parts) if (++seen <= most) rows.push(part);
  await session.print(partsTable(rows, session.header, ['node', 'kind', 'location', 'serial']));
  if (seen > most)
    await session.note(
      `these are the first ${most} of ${count(seen, 'part')}; --kind or fewer nodes make fewer, CSV gives all`,
    );
  return seen;
}

/** The first parts say which columns there are; a field that comes up only later has none, which is told. */
async function asCsv(session: Session, parts: Parts, most: number): Promise<number> {
  const print = (csv: string) => session.print(session.io.isTTY ? csvForTerminal(csv) : csv);
  const first: Json[] = [];
  let columns: readonly string[] = [];
  const begin = async (): Promise<void> => {
    columns = csvColumns(first);
    await print((session.header ? csvLine(columns) : '') + first.map((row) => csvRow(row, columns)).join(''));
  };
  const homeless = new Set<string>();
  let seen = 0;
  for await (const part of parts) {
    const row = part as unknown as Json;
    if (++seen <= most) {
      first.push(row);
      if (seen === most) await begin();
      continue;
    }
    if (homeless.size <= NAMED_MAX)
      for (const field of csvColumns([row])) if (!columns.includes(field)) homeless.add(field);
    await print(csvRow(row, columns));
  }
  if (seen > 0 && seen < most) await begin();
  if (homeless.size > 0) {
    const named = [...homeless].slice(0, NAMED_MAX).map(printable).join(', ');
    const more = homeless.size > NAMED_MAX ? ' and others' : '';
    await session.note(
      `there is no column for ${named}${more}: no part among the first ${most} has it; JSON gives all`,
    );
  }
  return seen;
}
