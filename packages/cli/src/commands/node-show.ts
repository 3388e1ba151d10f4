import type { CommandSpec } from '../command.ts';
import { flag, nodeName } from '../given.ts';
import { showText } from '../inventory/show.ts';
import { answerText } from '../print/answer.ts';

export const nodeShow: CommandSpec = {
  path: ['node', 'show'],
  arguments: [{ name: 'node', required: true, help: 'name of one node' }],
  options: [{ flags: '--full', help: 'with the whole inventory document: every part, and why something is not known' }],
  call: 'node.show',
  purpose: `Everything the master knows of one node. The first line says its state, since when and why, and what the system will do with it
next and when; the second how it is linked. Then come the fields of its record in groups, with the names that the API and the database use; ADMIN is what people said of it with \`csm node update\`. A field that is
not known is shown as \`-\`, and \`--full\` says why.`,
  examples: [
    { title: 'One node', line: 'csm node show n001' },
    { title: 'All of its inventory', line: 'csm node show n001 --full' },
    { title: 'Its record as YAML', line: 'csm node show n001 -o yaml' },
  ],
  exits: [[46, 'no node has this name']],
  run: async (session, given) => {
    const name = nodeName(given, 'node');
    const full = flag(given, 'full') ? true : undefined;
    const node = await session.client.call('node.show', { name, full }, session.callOptions);
    const shape = full === undefined ? 'record' : 'document';
    await session.print(answerText(session, node, () => showText(session, node), shape));
    return 0;
  },
};
