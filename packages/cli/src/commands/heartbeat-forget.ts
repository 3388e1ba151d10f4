import { NodeSet } from '@csm/nodeset';
import type { CommandSpec } from '../command.ts';
import { nodeset } from '../given.ts';
import { componentsArgument } from '../heartbeat/words.ts';
import { answerText } from '../print/answer.ts';
import { tellFailures } from '../print/failures.ts';
import { count, nodesWords } from '../text.ts';

export const heartbeatForget: CommandSpec = {
  path: ['heartbeat', 'forget'],
  arguments: [componentsArgument(true)],
  options: [],
  call: 'heartbeat.forget',
  changesNodes: true,
  purpose: `For administrators, and for components that were taken away: they are no longer listed, and their silence is no alarm. Their
history stays, and one that beats again is told as started. Who is known is forgotten; the others are named with the reason.`,
  examples: [{ title: 'A blade that was taken out', line: "csm heartbeat forget 'x3000c0s1b[0-1]n0'", exits: [0, 26] }],
  exits: [
    [8, 'many components would go, and nobody can be asked'],
    [26, 'some components were not known'],
  ],
  run: async (session, given) => {
    const nodes = nodeset(given);
    const answer = await session.client.call('heartbeat.forget', { nodes }, session.callOptions);
    const line = () => `${nodesWords(answer.nodes)}: ${count(answer.forgotten, 'component')} forgotten\n`;
    await session.print(answerText(session, answer, line, 'record'));
    return tellFailures(session, 'delete', NodeSet.parse(nodes).size, answer.failed);
  },
};
