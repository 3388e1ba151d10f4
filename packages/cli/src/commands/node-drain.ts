import { NodeSet } from '@csm/nodeset';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { nodeset } from '../given.ts';
import {
  COMING_RULE,
  coming,
  OUT_STATES,
  REASON_OPTION,
  reasonOf,
  showChanged,
  stateOption,
  statesOption,
} from '../states/words.ts';

export const nodeDrain: CommandSpec = {
  path: ['node', 'drain'],
  arguments: [nodesetArgument(true)],
  options: [
    REASON_OPTION,
    statesOption(OUT_STATES, '; default OUT_OF_SERVICE, in a window MAINTENANCE'),
    { flags: '--from <time>', help: `a window that begins then: ${COMING_RULE}` },
    { flags: '--until <time>', help: 'the window ends then, and each node goes back to where it was; as --from' },
  ],
  call: 'node.drain',
  changesNodes: true,
  purpose: `For administrators. A node that is taken out of service takes no new work; what runs on it goes on. It says why, and who did
it, until \`csm node resume\`. With \`--from\` or \`--until\` it is a maintenance window: the master begins and ends it by itself,
also when it was started again or another one leads meanwhile. \`csm node windows\` lists and cancels them.`,
  examples: [
    { title: 'A broken node', line: "csm node drain n001 --reason 'fan 3 stands still'" },
    {
      title: 'Some nodes for two hours of work, beginning in ten minutes',
      line: "csm node drain 'n[001-008]' --from +10m --until +130m --reason 'new firmware'",
    },
  ],
  exits: [
    [8, 'no reason is given'],
    [27, 'some nodes could not be changed'],
  ],
  run: async (session, given) => {
    const nodes = nodeset(given);
    const input = {
      nodes,
      reason: reasonOf(given),
      state: stateOption(given, OUT_STATES),
      from: coming(session, given, 'from'),
      until: coming(session, given, 'until'),
    };
    const answer = await session.client.call('node.drain', input, session.callOptions);
    const total = NodeSet.parse(nodes).size;
    const words = answer.window === null ? 'drained' : `in window ${answer.window}`;
    return showChanged(session, 'update', answer, { done: answer.updated, words, total });
  },
};
