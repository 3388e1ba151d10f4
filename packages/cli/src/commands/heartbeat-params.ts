import type { HeartbeatParamsOutput } from '@csm/client';
import type { CommandSpec } from '../command.ts';
import { readPairs } from '../heartbeat/pairs.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';

function paramsTable(session: Session, params: HeartbeatParamsOutput): string {
  return table(
    Object.entries(params),
    [
      { head: 'PARAMETER', cell: ([name]) => name },
      { head: 'VALUE', cell: ([, value]) => value },
    ],
    session.header,
  );
}

export const heartbeatParams: CommandSpec = {
  path: ['heartbeat', 'params'],
  arguments: [
    {
      name: 'setting',
      required: false,
      many: true,
      help: 'changes such as Warntime=35 Errtime=60; without any the parameters are shown',
    },
  ],
  options: [],
  call: 'heartbeat.update-params',
  also: ['heartbeat.params'],
  summary: 'Shows the parameters of the heartbeat service, or changes some of them',
  purpose: `The twelve parameters that hbtd has, under its names; letters compare without case. Changing them is for administrators, takes
effect at once, and is kept: a restart and another leader go on with them. One value that is not allowed changes none. Port stands
in the configuration and is changed with a restart.`,
  examples: [
    { title: 'All of them', line: 'csm heartbeat params' },
    { title: 'More patience', line: 'csm heartbeat params Warntime=35 Errtime=60' },
  ],
  exits: [[9, 'no such parameter, or a value that is not allowed']],
  run: async (session, given) => {
    const changes = readPairs(given.arguments['setting'] ?? '');
    const answer =
      Object.keys(changes).length === 0
        ? await session.client.call('heartbeat.params', {}, session.callOptions)
        : await session.client.call('heartbeat.update-params', changes, session.callOptions);
    await session.print(answerText(session, answer, () => paramsTable(session, answer), 'record'));
    return 0;
  },
};
