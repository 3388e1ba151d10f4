import type { NodeStatesOutput } from '@csm/client';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { optionalNodeset, whole } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { PAST_RULE, paintOf, past } from '../states/words.ts';

type Row = NodeStatesOutput[number];
const LIMIT_MAX = 10_000;

function statesTable(session: Session, rows: readonly Row[]): string {
  return table<Row>(
    rows,
    [
      { head: 'TIME', cell: (r) => r.time },
      { head: 'NODE', cell: (r) => r.node },
      { head: 'FROM', cell: (r) => r.from },
      {
        head: 'STATE',
        cell: (r) => (r.to === null ? 'deleted' : { text: r.to, paint: paintOf(session.colors, r.to) }),
      },
      { head: 'CAUSE', cell: (r) => r.cause },
      { head: 'BY', cell: (r) => r.by },
      { head: 'UNTIL', cell: (r) => r.until },
      { head: 'REASON', cell: (r) => r.reason },
    ],
    session.header,
  );
}

export const nodeStates: CommandSpec = {
  path: ['node', 'states'],
  arguments: [nodesetArgument(false)],
  options: [
    { flags: '--since <time>', help: `only what happened since: ${PAST_RULE}` },
    { flags: '--limit <rows>', help: `at most so many, the newest; 1 to ${LIMIT_MAX}, default 1000` },
  ],
  call: 'node.states',
  purpose: `The history of the states of nodes: from where to where, by what cause, by whom, why. Newest last. What became of hardware parts
is told by \`csm node history\`.`,
  examples: [
    { title: 'What happened to a node', line: 'csm node states n001' },
    { title: 'All changes of the last day, for a spreadsheet', line: 'csm node states --since 1d -o csv' },
  ],
  exits: [[4, 'no node has changed its state then']],
  run: async (session, given) => {
    const input = {
      nodes: optionalNodeset(given),
      since: past(session, given, 'since'),
      limit: whole(given, 'limit', 1, LIMIT_MAX),
    };
    const rows = await session.client.call('node.states', input, session.callOptions);
    await session.print(answerText(session, rows, () => statesTable(session, rows), 'records'));
    return 0;
  },
};
