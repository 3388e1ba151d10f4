/** Nobody changes many nodes by a slip: above a number of them somebody is asked first. */
import { createInterface } from 'node:readline/promises';
import { code, fail } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Given } from './command.ts';
import { flag, optionalNodeset } from './given.ts';
import { write } from './io.ts';
import type { Session } from './session.ts';
import { count, printable } from './text.ts';

/** Nodes that are changed without a question, when CSM_CONFIRM does not say otherwise. */
export const CONFIRM_DEFAULT = 16;
const NEVER = 'never';
/** Characters of a node set in a question. */
const SHOWN_MAX = 200;

/** The largest number of nodes that needs no question. Throws code 9 for a CSM_CONFIRM that is no number. */
export function confirmAbove(env: Session['io']['env']): number {
  const text = env['CSM_CONFIRM'] ?? '';
  if (text === '') return CONFIRM_DEFAULT;
  if (text === NEVER) return Number.POSITIVE_INFINITY;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  return fail(code.INVALID_PARAMETER, `CSM_CONFIRM is '${printable(text)}'`, {
    field: 'CSM_CONFIRM',
    allowed: `a whole number: above so many nodes there is a question; or ${NEVER}`,
  });
}

/** Asks for a command with `changesNodes` about the nodes of its argument `nodeset`, if it has one. */
export async function mayChange(session: Session, given: Given): Promise<void> {
  const nodes = optionalNodeset(given);
  if (nodes !== undefined) await confirmed(session, given, nodes);
}

/**
 * Returns when these nodes may be changed: they are few, `--yes` or `--dry-run` was given, or somebody at the terminal
 * said yes. Throws code 8 where nobody can be asked, code 1 when the answer is no.
 */
export async function confirmed(session: Session, given: Given, named: string | NodeSet): Promise<void> {
  const nodes = typeof named === 'string' ? NodeSet.parse(named) : named;
  const most = confirmAbove(session.io.env);
  if (nodes.size <= most || flag(given, 'yes') || session.dryRun) return;
  if (session.io.canAsk !== true) {
    fail(code.MISSING_PARAMETER, `${count(nodes.size, 'node')} would change, and nobody can be asked here`, {
      field: '--yes',
      allowed: `--yes to go on; without it at most ${count(most, 'node')} (CSM_CONFIRM)`,
    });
  }
  const folded = nodes.toString();
  const shown = folded.length > SHOWN_MAX ? `${folded.slice(0, SHOWN_MAX)}…` : folded;
  if (
    !/^y(?:es)?$/i.test(await ask(session, `csm: ${count(nodes.size, 'node')} would change: ${shown}\nGo on? [y/N] `))
  )
    fail(code.GENERIC, 'called off: no node was changed');
}

/** The next line of stdin without blanks around it; empty at its end. Throws the reason of an interrupt. */
async function ask(session: Session, question: string): Promise<string> {
  const { stdin, stderr, interrupt } = session.io;
  await write(stderr, question);
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    interrupt?.throwIfAborted();
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
      interrupt?.addEventListener('abort', () => reject(interrupt.reason as Error), { once: true });
    }).then((line) => line.trim());
  } finally {
    lines.close();
  }
}
