import type { NodeWindowsOutput } from '@csm/client';
import { CsmError, code, fail } from '@csm/model';
import { type CommandSpec, type Given, nodesetArgument } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { flag, optionalNodeset, whole } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { count, nodesWords, parseFolded } from '../text.ts';

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

/** Asks about the nodes that go back, where they are many; whether there is such a window the daemon tells. */
async function mayCancel(session: Session, given: Given, id: number): Promise<void> {
  if (given.arguments['nodeset'] !== undefined)
    fail(code.INVALID_PARAMETER, 'a window is cancelled for all of its nodes', {
      field: 'nodeset',
      allowed: 'no node set with --cancel; csm node resume puts some of them into service',
    });
  const rows = await session.client.call('node.windows', {}, session.callOptions).catch((error: unknown) => {
    if (error instanceof CsmError && error.code === code.NO_RESULTS) return [];
    throw error;
  });
  const window = rows.find((row) => row.id === id && row.phase === 'open');
  const nodes = window === undefined ? undefined : parseFolded(window.nodes);
  if (nodes !== undefined) await confirmed(session, given, nodes);
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
  changesNodes: 'itself',
  purpose: `Maintenance windows, as \`csm node drain --from … --until …\` makes them: those that wait and those that are open. With
\`--cancel\` a window ends now, or never begins; that is for administrators.`,
  examples: [
    { title: 'What is planned', line: 'csm node windows', exits: [0, 4] },
    { title: 'All there have been', line: 'csm node windows --all', exits: [0, 4] },
    {
      title: 'What would be cancelled',
      line: 'csm node windows --cancel 3 --dry-run',
    },
  ],
  exits: [
    [4, 'there is no such window'],
    [8, 'many nodes would go back, and nobody can be asked'],
    [44, 'the window to be cancelled is over'],
  ],
  run: async (session, given) => {
    const id = whole(given, 'cancel', 1, Number.MAX_SAFE_INTEGER);
    if (id !== undefined) {
      await mayCancel(session, given, id);
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
