/** Groups on a command line are put as their nodes before the command sees them: in `nodeset`, and in options of nodes. */

import { code, fail } from '@csm/model';
import { hasGroups, NODESET_TEXT_MAX, type NodeSet, parseWithGroups } from '@csm/nodeset';
import { type CommandSpec, type Given, optionKey, takesNodes } from '../command.ts';
import type { Session } from '../session.ts';
import { count, printable } from '../text.ts';

/** Few node sets name groups: what reads them is loaded for those that do. */
export async function expandGroups(session: Session, text: string): Promise<NodeSet> {
  const { Sources } = await import('./sources.ts');
  return parseWithGroups(text, new Sources(session));
}

/** What was given, with the node sets of arguments and options free of groups. Throws as `parseWithGroups`. */
export async function withoutGroups(session: Session, spec: CommandSpec, given: Given): Promise<Given> {
  const args: Record<string, string> = { ...given.arguments };
  const options: Record<string, unknown> = { ...given.options };
  for (const { name } of spec.arguments) {
    const text = args[name];
    if (name === 'nodeset' && text !== undefined && hasGroups(text)) args[name] = await plain(session, text);
  }
  for (const option of spec.options) {
    const name = optionKey(option.flags);
    const text = options[name];
    if (takesNodes(option) && typeof text === 'string' && hasGroups(text)) options[name] = await plain(session, text);
  }
  return { ...given, arguments: args, options };
}

async function plain(session: Session, text: string): Promise<string> {
  const set = await expandGroups(session, text);
  const folded = set.toString();
  if (folded.length > NODESET_TEXT_MAX)
    fail(code.INVALID_PARAMETER, `${text} is ${count(set.size, 'node')}, which fold to ${folded.length} characters`, {
      field: 'nodeset',
      allowed: `at most ${NODESET_TEXT_MAX} characters once groups are put as their nodes`,
    });
  if (set.size === 0)
    fail(code.NO_RESULTS, `the node set '${printable(text)}' names no node now`, { field: 'nodeset' });
  return folded;
}
