import { type CommandSpec, nodesetArgument } from '../command.ts';
import { nodeset, seconds } from '../given.ts';
import { DEADLINE_MAX, DEADLINE_OPTION, plainPart, showParts, timeLimit } from '../parts.ts';

const DEADLINE = 5;

export const ping: CommandSpec = {
  path: ['ping'],
  arguments: [nodesetArgument(true)],
  options: [DEADLINE_OPTION(DEADLINE)],
  call: 'ping',
  purpose: `Sends a command that does nothing down the tree to each node and shows who answered. It proves the whole way there and back,
where \`csm node list\` shows what the master believes. A node known to be down is told at once.`,
  examples: [
    { title: 'Eight nodes', line: "csm ping 'n[001-008]'" },
    { title: 'The same for a script, with two seconds for all', line: "csm ping 'n[001-008]' --deadline 2 -o json" },
  ],
  exits: [
    [0, 'every node answered'],
    [5, 'nodes did not answer in time'],
    [46, 'nodes are not known'],
    [48, 'nodes are down'],
  ],
  run: (session, given) => {
    const nodes = nodeset(given);
    const deadline = seconds(given, 'deadline', 0.1, DEADLINE_MAX);
    const options = { ...session.callOptions, ...timeLimit(session, deadline ?? DEADLINE) };
    const parts = session.client.stream('ping', { nodes, deadline }, options);
    return showParts(session, parts, { partial: false, text: plainPart, csv: ['nodes', 'code', 'text'] });
  },
};
