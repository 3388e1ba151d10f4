import { type CommandSpec, nodesetArgument } from '../command.ts';
import { nodeset, seconds } from '../given.ts';
import { KEY_OPTION, underKey } from '../keyed.ts';
import { plainPart, showParts } from '../parts.ts';

export const treeRebalance: CommandSpec = {
  path: ['tree', 'rebalance'],
  arguments: [nodesetArgument(true)],
  options: [
    { flags: '--spread <seconds>', help: 'the nodes move within so many seconds, 0 to 3600; default 5' },
    KEY_OPTION,
  ],
  call: 'tree.rebalance',
  purpose: `After an aggregator was away its nodes are served by another one, and go back by themselves once it has been stable for a while.
This asks them to go back now, for example before maintenance of the other one. Choose a larger spread for more nodes.`,
  examples: [{ title: 'Eight nodes, over ten seconds', line: "csm tree rebalance 'n[001-008]' --spread 10" }],
  exits: [[48, 'nodes are down']],
  run: (session, given) => {
    const nodes = nodeset(given);
    const spread = seconds(given, 'spread', 0, 3600);
    return underKey(session, given, (idempotencyKey) => {
      const parts = session.client.stream(
        'tree.rebalance',
        { nodes, spread },
        { ...session.callOptions, idempotencyKey },
      );
      return showParts(session, parts, { partial: false, text: plainPart, csv: ['nodes', 'code', 'text'] });
    });
  },
};
