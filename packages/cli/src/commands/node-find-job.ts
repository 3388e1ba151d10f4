import type { NodeFindJobOutput } from '@csm/client';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { nodeset, text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { PAST_RULE, past } from '../states/words.ts';
import { nodesWords } from '../text.ts';

type Row = NodeFindJobOutput[number];

const jobsTable = (session: Session, rows: readonly Row[]): string =>
  table<Row>(
    rows,
    [
      { head: 'ALLOCATION', align: 'right', cell: (r) => r.id },
      { head: 'USER', cell: (r) => r.user },
      { head: 'BEGIN', cell: (r) => r.begin },
      { head: 'END', cell: (r) => r.end },
      { head: 'NODES', cell: (r) => nodesWords(r.nodes) },
    ],
    session.header,
  );

export const nodeFindJob: CommandSpec = {
  path: ['node', 'find-job'],
  arguments: [nodesetArgument(true)],
  options: [
    { flags: '--from <time>', help: `begin of the period: ${PAST_RULE}; default 30 days before its end` },
    { flags: '--to <time>', help: 'end of the period, as --from; default now' },
    { flags: '--user <name>', help: 'only jobs of this user' },
  ],
  call: 'node.find-job',
  purpose: `For administrators. Jobs that used any of these nodes within the period. It is answered by what manages allocations: where
nothing does, the exit code is 4 and the error says so.`,
  examples: [{ title: 'Who was on a node today', line: 'csm node find-job n001 --from 1d', exits: [0, 4] }],
  exits: [[4, 'no job, or nothing that knows of jobs']],
  run: async (session, given) => {
    const input = {
      nodes: nodeset(given),
      from: past(session, given, 'from'),
      to: past(session, given, 'to'),
      user: text(given, 'user'),
    };
    const rows = await session.client.call('node.find-job', input, session.callOptions);
    await session.print(answerText(session, rows, () => jobsTable(session, rows), 'records'));
    return 0;
  },
};
