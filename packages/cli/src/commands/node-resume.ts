import { NodeSet } from '@csm/nodeset';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { nodeset, text } from '../given.ts';
import { REASON_OPTION, showChanged } from '../states/words.ts';

export const nodeResume: CommandSpec = {
  path: ['node', 'resume'],
  arguments: [nodesetArgument(true)],
  options: [REASON_OPTION],
  call: 'node.resume',
  changesNodes: true,
  purpose: `For administrators. Puts nodes into service, whether they are new (DISCOVERED), drained, or failed. A node that lost contact and
is not back becomes SOFT_FAILURE again after the grace time.`,
  examples: [{ title: 'After a repair', line: "csm node resume n001 --reason 'fan replaced'" }],
  exits: [[27, 'some nodes could not be changed']],
  run: async (session, given) => {
    const nodes = nodeset(given);
    const answer = await session.client.call(
      'node.resume',
      { nodes, reason: text(given, 'reason') },
      session.callOptions,
    );
    const total = NodeSet.parse(nodes).size;
    return showChanged(session, 'update', answer, { done: answer.updated, words: 'put into service', total });
  },
};
