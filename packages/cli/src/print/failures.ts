/** What could not be done of a change of many records, in CSM's words and with CSM's exit codes. */
import { type Code, code, codeName, isCode } from '@csm/model';
import type { Session } from '../session.ts';
import { nodesWords, parseFolded, printable } from '../text.ts';

/** Nodes that failed alike. */
export interface Failure {
  /** Folded node set. */
  readonly nodes: string;
  readonly code: number;
  readonly text: string;
}

/** CSM's exit code of a change that was done in part. */
const EXITS = { update: code.UPDATE_MISMATCH, delete: code.DELETE_MISMATCH } as const;

/** Reasons shown; JSON has all of them. */
const REASONS_MAX = 20;

/**
 * The lines about what failed; nothing when nothing did. `total` is how many records were to be changed. Reasons that
 * cover many nodes stand first.
 */
export function failuresText(verb: keyof typeof EXITS, total: number, failed: readonly Failure[]): string {
  if (failed.length === 0) return '';
  const sized = failed.map((one) => ({ ...one, size: parseFolded(one.nodes)?.size ?? 1 }));
  const sum = sized.reduce((so, { size }) => so + size, 0);
  const lines = sized
    .sort((a, b) => b.size - a.size)
    .slice(0, REASONS_MAX)
    .map((one) => `  ${nodesWords(one.nodes)}: ${nameOf(one.code)}: ${printable(one.text)}\n`);
  const more = sized.length - REASONS_MAX;
  const rest = more > 0 ? `  and ${more} reasons more (-o json shows all)\n` : '';
  return `Could not ${verb} ${sum} of the ${total} record(s):\n${lines.join('')}${rest}`;
}

const nameOf = (c: number): string => (isCode(c) ? codeName(c as Code) : `code ${c}`);

/** Tells on stderr what failed, unless the format tells it anyway; resolves with the exit code: 0, 27 or 26. */
export async function tellFailures(
  session: Session,
  verb: keyof typeof EXITS,
  total: number,
  failed: readonly Failure[],
): Promise<number> {
  if (failed.length === 0) return 0;
  if (session.format === 'table' || session.format === 'csv')
    await session.note(failuresText(verb, total, failed).trimEnd());
  return EXITS[verb];
}
