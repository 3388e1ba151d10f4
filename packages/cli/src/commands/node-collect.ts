import { type CommandSpec, nodesetArgument } from '../command.ts';
import { nodeset, seconds } from '../given.ts';
import { plainPart, showParts, timeLimit } from '../parts.ts';

/** Seconds. */
const DEADLINE = 60;
const DEADLINE_MAX = 600;

export const nodeCollect: CommandSpec = {
  path: ['node', 'collect'],
  arguments: [nodesetArgument(true)],
  options: [
    {
      flags: '--deadline <seconds>',
      help: `seconds for all nodes and all hops, 0.1 to ${DEADLINE_MAX}; default ${DEADLINE}`,
    },
  ],
  call: 'node.collect',
  purpose: `Nodes take their inventory when they start, once a day and when a part is plugged in. This asks for it now, for example after a
repair, and says for which nodes something is new. \`csm node history\` then shows what.`,
  examples: [{ title: 'Eight nodes', line: "csm node collect 'n[001-008]'" }],
  exits: [
    [0, 'every node took its inventory'],
    [5, 'nodes did not answer in time'],
    [46, 'nodes are not known'],
    [48, 'nodes are down'],
  ],
  run: (session, given) => {
    const nodes = nodeset(given);
    const deadline = seconds(given, 'deadline', 0.1, DEADLINE_MAX);
    const options = { ...session.callOptions, ...timeLimit(session, deadline ?? DEADLINE) };
    const parts = session.client.stream('node.collect', { nodes, deadline }, options);
    const csv = ['nodes', 'code', 'text', 'body.changed'];
    return showParts(session, parts, { partial: false, text: plainPart, csv });
  },
};
