import type { NodeAvailabilityItem } from '@csm/client';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { flag, optionalNodeset } from '../given.ts';
import { Items } from '../print/items.ts';
import { PAST_RULE, past } from '../states/words.ts';
import { count, nodesWords, printable } from '../text.ts';

type Item = NodeAvailabilityItem;

const hours = (value: number | null): string => (value === null ? '-' : `${value} h`);

/** A node or many: a line about failures, and one for each state. */
function itemText({ nodes, from, to, hours: spent, percent, failures, mtbf_hours, mttr_hours }: Item): string {
  const states = Object.entries(spent).map(
    ([state, value]) =>
      `  ${printable(state).padEnd(16)} ${`${(percent[state] ?? 0).toFixed(3)} %`.padStart(10)} ${`${value} h`.padStart(16)}\n`,
  );
  const failed = `${count(failures, 'failure')}, MTBF ${hours(mtbf_hours)}, MTTR ${hours(mttr_hours)}`;
  return `${nodesWords(nodes)}: ${failed}; ${from} to ${to}\n${states.join('')}`;
}

export const nodeAvailability: CommandSpec = {
  path: ['node', 'availability'],
  arguments: [nodesetArgument(false)],
  options: [
    { flags: '--from <time>', help: `begin of the period: ${PAST_RULE}; default 30 days before its end` },
    { flags: '--to <time>', help: 'end of the period, as --from; default now' },
    { flags: '--each', help: 'node by node, instead of all together' },
  ],
  call: 'node.availability',
  purpose: `How many hours nodes were in each state, and what part of the period that is. A failure begins with SOFT_FAILURE or HARD_FAILURE
and ends when the node is IN_SERVICE or DISCOVERED again, so that its repair counts. MTBF is the mean time between failures:
time without failure over their number; MTTR the mean time to repair: time with failure over their number.`,
  examples: [
    { title: 'The machine in the last 30 days', line: 'csm node availability' },
    {
      title: 'Node by node in the last year, for a spreadsheet',
      line: 'csm node availability --each --from 365d -o csv',
    },
  ],
  exits: [[4, 'no such node was known then']],
  run: async (session, given) => {
    const input = {
      nodes: optionalNodeset(given),
      from: past(session, given, 'from'),
      to: past(session, given, 'to'),
      each: flag(given, 'each') ? true : undefined,
    };
    const csv = ['nodes', 'count', 'from', 'to', 'failures', 'mtbf_hours', 'mttr_hours', 'hours', 'percent'];
    const items = new Items<Item>(session, { text: itemText, csv, lines: false });
    try {
      for await (const item of session.client.stream('node.availability', input, session.callOptions))
        await items.add(item);
    } finally {
      await items.end();
    }
    return 0;
  },
};
