import type { NodeDiffOutput } from '@csm/client';
import type { CommandSpec } from '../command.ts';
import { nodeName } from '../given.ts';
import { told } from '../inventory/parts.ts';
import { indent } from '../inventory/show.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { printable } from '../text.ts';

/** diff(1) does the same, and `csm health` too. */
const DIFFERENT = 1;

function diffText(session: Session, { a, b, equal, fields, parts }: NodeDiffOutput): string {
  const { good, warn, strong } = session.colors;
  const both = printable(`${a} and ${b}`);
  if (equal) return `${good(`${both} are alike`)}\n`;
  const ofFields = table(
    fields,
    [
      { head: 'FIELD', cell: (f) => f.field },
      { head: a, cell: (f) => told(f.a) },
      { head: b, cell: (f) => told(f.b) },
    ],
    session.header,
  );
  const ofParts = table(
    parts,
    [
      { head: 'KIND', cell: (p) => p.kind },
      { head: 'WHAT', cell: (p) => p.what },
      { head: a, align: 'right', cell: (p) => p.a },
      { head: b, align: 'right', cell: (p) => p.b },
    ],
    session.header,
  );
  return [
    `${warn(`${both} differ`)}\n`,
    fields.length === 0 ? '' : `${strong('FIELDS')}: ${fields.length}\n${indent(ofFields)}`,
    parts.length === 0 ? '' : `${strong('PARTS')}: ${parts.length}\n${indent(ofParts)}`,
  ].join('');
}

export const nodeDiff: CommandSpec = {
  path: ['node', 'diff'],
  arguments: [
    { name: 'a', required: true, help: 'name of the one node', values: 'node' },
    { name: 'b', required: true, help: 'name of the other', values: 'node' },
  ],
  options: [],
  call: 'node.diff',
  purpose: `Facts that are not the same, and parts of which the two have different numbers. What differs between any two nodes is left aside:
serial numbers, addresses, times, wear. As with diff(1), exit code 0 means alike and 1 different; every other code means that
they could not be compared, and then nothing is written to stdout. \`csm node profile\` shows which nodes to compare.`,
  examples: [
    { title: 'Two nodes', line: 'csm node diff n001 n002', exits: [0, DIFFERENT] },
    { title: 'For a program', line: 'csm node diff n001 n002 -o json', exits: [0, DIFFERENT] },
  ],
  exits: [
    [0, 'they are alike'],
    [DIFFERENT, 'they differ'],
    [4, 'of one of them no inventory is known yet'],
    [46, 'no node has this name'],
  ],
  run: async (session, given) => {
    const [a, b] = [nodeName(given, 'a'), nodeName(given, 'b')];
    const answer = await session.client.call('node.diff', { a, b }, session.callOptions);
    await session.print(answerText(session, answer, () => diffText(session, answer), 'document'));
    return answer.equal ? 0 : DIFFERENT;
  },
};
