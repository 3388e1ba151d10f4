import type { NodeListOutput } from '@csm/client';
import { ROLES } from '@csm/model';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { oneOf, optionalNodeset, text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { passesLists, printPassed } from '../print/passed.ts';
import { type Cell, table } from '../print/table.ts';
import { onceOrWatch, WATCH_OPTION } from '../repeat.ts';
import type { Session } from '../session.ts';
import { age, either, gib } from '../text.ts';

type Node = NodeListOutput[number];

function link(session: Session, node: Node): Cell {
  const { good, bad, warn } = session.colors;
  if (!node.connected) return { text: 'down', paint: bad };
  // A compute node with one link has no reserve; the other daemons need none.
  const isWhole = node.links > 1 || node.type !== 'compute';
  return { text: `up (${node.links})`, paint: isWhole ? good : warn };
}

function nodeTable(session: Session, nodes: readonly Node[]): string {
  return table<Node>(
    nodes,
    [
      { head: 'NAME', cell: (n) => n.name },
      { head: 'TYPE', cell: (n) => n.type },
      { head: 'STATE', cell: (n) => n.state },
      { head: 'PRIMARY', cell: (n) => n.primary_aggregator },
      { head: 'SECONDARY', cell: (n) => n.secondary_aggregator },
      { head: 'LINK', cell: (n) => link(session, n) },
      { head: 'LAST SEEN', cell: (n) => age(n.last_seen, session.now()) },
      { head: 'KERNEL', cell: (n) => n.kernel_release },
      { head: 'MEMORY GiB', align: 'right', cell: (n) => gib(n.installed_memory) },
      { head: 'CORES', align: 'right', cell: (n) => n.discovered_cores },
    ],
    session.header,
  );
}

export const nodeList: CommandSpec = {
  path: ['node', 'list'],
  arguments: [nodesetArgument(false)],
  options: [{ flags: '--type <role>', help: `only nodes of this type: ${either(ROLES)}` }, WATCH_OPTION],
  call: 'node.list',
  purpose: `One line a node, in natural order. LINK is \`up\` with the number of links (2: with a reserve, 1: without) or \`down\`; LAST SEEN
is how long ago anything came from the node. The table shows what fits a screen; the other formats give every field.`,
  examples: [
    { title: 'All nodes', line: 'csm node list' },
    { title: 'Some compute nodes', line: "csm node list 'n[001-008]' --type compute" },
    { title: 'For a spreadsheet', line: "csm node list 'n[001-008]!n003' -o csv" },
  ],
  exits: [[4, 'no node matches']],
  run: (session, given) => {
    const nodes = optionalNodeset(given);
    const wanted = text(given, 'type');
    const type = wanted === undefined ? undefined : oneOf(wanted, ROLES, '--type');
    return onceOrWatch(session, given, async () => {
      if (passesLists(session)) {
        await printPassed(session, 'node.list', { nodes, type });
        return { text: '', exit: 0 };
      }
      const rows = await session.client.call('node.list', { nodes, type }, session.callOptions);
      return { text: answerText(session, rows, () => nodeTable(session, rows), 'records'), exit: 0 };
    });
  },
};
