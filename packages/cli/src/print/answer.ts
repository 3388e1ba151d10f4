/** One whole answer, in any format. */
import type { Json } from '@csm/model';
import type { Session } from '../session.ts';
import { csvColumns, csvFields, csvForTerminal, csvLine, csvRow } from './csv.ts';
import { jsonLines, jsonText } from './json.ts';
import { toYaml } from './yaml.ts';

/**
 * The answer as the format has it: JSON and YAML as it is, CSV a row for each record (or, for a document that is no
 * record, a line for each value), a table by `text`. JSON is indented; a list that no person looks at has an item a line,
 * and what comes again and again takes one line each time.
 */
export function answerText(session: Session, given: unknown, text: () => string, shape: Shape): string {
  // Whatever its type says, it was read from JSON, or is about to be written as such.
  const answer = given as Json;
  switch (session.format) {
    case 'json':
      if (session.repeats) return `${jsonText(answer, 0)}\n`;
      return `${Array.isArray(answer) && !session.io.isTTY ? jsonLines(answer) : jsonText(answer, 2)}\n`;
    case 'yaml':
      return toYaml(answer);
    case 'csv': {
      const csv = shape === 'document' ? csvFields(answer, session.header) : csvTable(answer, session.header);
      return session.io.isTTY ? csvForTerminal(csv) : csv;
    }
    case 'table':
      return text();
    default:
      return session.format satisfies never;
  }
}

export type Shape = 'records' | 'record' | 'document';

function csvTable(answer: Json, header: boolean): string {
  const rows = Array.isArray(answer) ? (answer as readonly Json[]) : [answer];
  const columns = csvColumns(rows);
  return (header ? csvLine(columns) : '') + rows.map((row) => csvRow(row, columns)).join('');
}
