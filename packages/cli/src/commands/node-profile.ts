import type { NodeProfileOutput } from '@csm/client';
import { code, fail } from '@csm/model';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { optionalNodeset } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';

type Row = NodeProfileOutput[number];

function profileTable(session: Session, rows: readonly Row[]): string {
  return table<Row>(
    rows,
    [
      { head: 'PROFILE', cell: (r) => r.profile },
      { head: 'COUNT', align: 'right', cell: (r) => r.count },
      { head: 'NODES', cell: (r) => r.nodes },
      { head: 'MODEL', cell: (r) => r.machine_model },
      { head: 'CPU', cell: (r) => r.cpu_model },
      { head: 'SUMMARY', cell: (r) => r.summary },
    ],
    session.header,
  );
}

export const nodeProfile: CommandSpec = {
  path: ['node', 'profile'],
  arguments: [nodesetArgument(false)],
  options: [],
  call: 'node.profile',
  purpose: `Nodes folded by equal hardware, the largest group first. On a machine bought at once there is one line for each kind of node; a
line with few nodes beside one with many is a module that died, a card that went missing, or another model that was
built in: \`csm node diff\` between one node of each says what. Firmware and software are no part of a profile.`,
  examples: [
    { title: 'The whole machine', line: 'csm node profile' },
    { title: 'Some nodes, for a script', line: "csm node profile 'n[001-008]' -o csv --no-header" },
  ],
  exits: [[4, 'of no such node is an inventory known']],
  run: async (session, given) => {
    const nodes = optionalNodeset(given);
    const rows = await session.client.call('node.profile', { nodes }, session.callOptions);
    if (rows.length === 0) fail(code.NO_RESULTS, 'no inventory matches');
    await session.print(answerText(session, rows, () => profileTable(session, rows), 'records'));
    return 0;
  },
};
