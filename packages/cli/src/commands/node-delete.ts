import { NodeSet } from '@csm/nodeset';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { nodeset, text } from '../given.ts';
import { REASON_OPTION, showChanged } from '../states/words.ts';

export const nodeDelete: CommandSpec = {
  path: ['node', 'delete'],
  arguments: [nodesetArgument(true)],
  options: [REASON_OPTION],
  call: 'node.delete',
  changesNodes: true,
  purpose: `For administrators. Everything known of the nodes goes: record, inventory, parts; their histories stay. A node that
is still there comes back as DISCOVERED when its daemon starts or links anew.`,
  examples: [{ title: 'A node that was taken away', line: "csm node delete n003 --reason 'sold'" }],
  exits: [[26, 'some nodes could not be deleted']],
  run: async (session, given) => {
    const nodes = nodeset(given);
    const answer = await session.client.call(
      'node.delete',
      { nodes, reason: text(given, 'reason') },
      session.callOptions,
    );
    const total = NodeSet.parse(nodes).size;
    return showChanged(session, 'delete', answer, { done: answer.deleted, words: 'deleted', total });
  },
};
