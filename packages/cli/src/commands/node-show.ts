import type { NodeShowOutput } from '@csm/client';
import type { CommandSpec } from '../command.ts';
import { nodeName } from '../given.ts';
import { answerText } from '../print/answer.ts';
import type { Session } from '../session.ts';
import { age, gib, printable } from '../text.ts';

/** How the node is, in one sentence. */
function inWords(node: NodeShowOutput, now: number): string {
  const seen = age(node.last_seen, now);
  const state = `state ${node.state}, ${seen === null ? 'never seen' : `last seen ${seen} ago`}`;
  const primary = node.primary_aggregator ?? 'no aggregator';
  if (!node.connected) return `${node.name} is down: it was served by ${primary}; ${state}`;
  const reserve =
    node.secondary_aggregator === null
      ? node.type === 'compute'
        ? ', nothing in reserve'
        : ''
      : `, ${node.secondary_aggregator} in reserve`;
  return `${node.name} is up: served by ${primary}${reserve}; ${state}`;
}

function showText(session: Session, node: NodeShowOutput): string {
  const { good, bad } = session.colors;
  const keys = Object.keys(node) as (keyof NodeShowOutput)[];
  const room = Math.max(...keys.map((key) => key.length)) + 1;
  const lines = keys.map((key) => `${`${key}:`.padEnd(room)} ${value(node, key)}\n`);
  const first = printable(inWords(node, session.now()));
  return `${(node.connected ? good : bad)(first)}\n${lines.join('')}`;
}

function value(node: NodeShowOutput, key: keyof NodeShowOutput): string {
  const found = node[key];
  if (found === null) return '-';
  const isMemory = key === 'installed_memory' || key === 'installed_swap';
  return printable(isMemory ? `${String(found)} kB (${gib(Number(found))} GiB)` : String(found));
}

export const nodeShow: CommandSpec = {
  path: ['node', 'show'],
  arguments: [{ name: 'node', required: true, help: 'name of one node' }],
  options: [],
  call: 'node.show',
  purpose: `Everything the master knows of one node. The first line says in words how it is; the others are the fields of its record, with
the names that the API and the database use. A field that is not known is shown as \`-\`.`,
  examples: [
    { title: 'One node', line: 'csm node show n001' },
    { title: 'Its record as YAML', line: 'csm node show n001 -o yaml' },
  ],
  exits: [[46, 'no node has this name']],
  run: async (session, given) => {
    const name = nodeName(given, 'node');
    const node = await session.client.call('node.show', { name }, session.callOptions);
    await session.print(answerText(session, node, () => showText(session, node), 'record'));
    return 0;
  },
};
