import type { ClusterStateOutput } from '@csm/client';
import { ROLES } from '@csm/model';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { oneOf, optionalNodeset, text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import { onceOrWatch, WATCH_OPTION } from '../repeat.ts';
import type { Session } from '../session.ts';
import { paintOf, STATES, stateOption, statesOption } from '../states/words.ts';
import { age, either } from '../text.ts';

type Row = ClusterStateOutput[number];

const stateTable = (session: Session, rows: readonly Row[]): string =>
  table<Row>(
    rows,
    [
      { head: 'STATE', cell: (r) => ({ text: r.state, paint: paintOf(session.colors, r.state) }) },
      { head: 'TYPE', cell: (r) => r.type },
      { head: 'COUNT', align: 'right', cell: (r) => r.count },
      { head: 'READY', cell: (r) => (r.ready ? 'y' : 'n') },
      { head: 'NEWEST', cell: (r) => age(r.since, session.now()) },
      { head: 'NODES', cell: (r) => r.nodes },
    ],
    session.header,
  );

export const clusterState: CommandSpec = {
  path: ['cluster', 'state'],
  arguments: [nodesetArgument(false)],
  options: [
    statesOption(STATES),
    { flags: '--type <role>', help: `only nodes of this type: ${either(ROLES)}`, values: ROLES },
    WATCH_OPTION,
  ],
  call: 'cluster.state',
  purpose: `How many nodes are in which state, and which. READY nodes take work; NEWEST is how long the last of them has been in this state.
The nodes one by one are shown by \`csm node list\`.`,
  examples: [
    { title: 'The whole machine', line: 'csm cluster state' },
    { title: 'What has failed', line: 'csm cluster state --state SOFT_FAILURE', exits: [0, 4] },
  ],
  exits: [[4, 'no node matches']],
  run: (session, given) => {
    const nodes = optionalNodeset(given);
    const state = stateOption(given, STATES);
    const wanted = text(given, 'type');
    const type = wanted === undefined ? undefined : oneOf(wanted, ROLES, '--type');
    return onceOrWatch(session, given, async () => {
      const rows = await session.client.call('cluster.state', { nodes, state, type }, session.callOptions);
      return { text: answerText(session, rows, () => stateTable(session, rows), 'records'), exit: 0 };
    });
  },
};
