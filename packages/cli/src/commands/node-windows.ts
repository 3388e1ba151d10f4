import type { NodeWindowsOutput } from '@csm/client';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { flag, optionalNodeset, whole } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { count, nodesWords } from '../text.ts';

type Row = NodeWindowsOutput[number];

function windowsTable(session: Session, rows: readonly Row[]): string {
  const { good, warn, strong } = session.colors;
  const paint = { waiting: good, open: warn, ended: (t: string) => t, cancelled: (t: string) => t };
  return table<Row>(
    rows,
    [
      { head: 'ID', align: 'right', cell: (r) => ({ text: String(r.id), paint: strong }) },
      { head: 'PHASE', cell: (r) => ({ text: r.phase, paint: paint[r.phase as keyof typeof paint] }) },
      { head: 'STATE', cell: (r) => r.state },
      { head: 'FROM', cell: (r) => r.from },
      { head: 'UNTIL', cell: (r) => r.until },
      { head: 'BY', cell: (r) => r.by },
      { head: 'NODES', cell: (r) => nodesWords(r.nodes) },
      { head: 'REASON', cell: (r) => r.reason },
    ],
    session.header,
  );
}

export const nodeWindows: CommandSpec = {
  path: ['node', 'windows'],
  arguments: [nodesetArgument(false)],
  options: [
    { flags: '--all', help: 'with those that are over' },
    { flags: '--cancel <id>', help: 'cancel this window; nodes of one that is open go back at once' },
  ],
  call: 'node.windows',
  also: ['node.cancel-window'],
  purpose: `Maintenance windows, as \`csm node drain --from … --until …\` makes them: those that wait and those that are open. With
\`--cancel\` a window ends now, or never begins; that is for administrators.`,
  examples: [
    { title: 'What is planned', line: 'csm node windows', exits: [0, 4] },
    { title: 'All there have been', line: 'csm node windows --all', exits: [0, 4] },
  ],
  exits: [
    [4, 'there is no such window'],
    [44, 'the window to be cancelled is over'],
  ],
  run: async (session, given) => {
    const id = whole(given, 'cancel', 1, Number.MAX_SAFE_INTEGER);
    if (id !== undefined) {
      const answer = await session.client.call('node.cancel-window', { id }, session.callOptions);
      const told = () => `window ${answer.window} is cancelled; ${count(answer.updated, 'node')} went back\n`;
      await session.print(answerText(session, answer, told, 'record'));
      return 0;
    }
    const input = { nodes: optionalNodeset(given), all: flag(given, 'all') ? true : undefined };
    const rows = await session.client.call('node.windows', input, session.callOptions);
    await session.print(answerText(session, rows, () => windowsTable(session, rows), 'records'));
    return 0;
  },
};
