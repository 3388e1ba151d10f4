import type { AggregatorDrainOutput } from '@csm/client';
import type { CommandSpec } from '../command.ts';
import { nodeName, text, whole } from '../given.ts';
import { answerText } from '../print/answer.ts';
import type { Session } from '../session.ts';
import { REASON_OPTION, reasonOf } from '../states/words.ts';
import { count, printable } from '../text.ts';

const NAME = { name: 'aggregator', required: true, help: 'name of one aggregator', values: 'aggregator' } as const;
const RATE_MAX = 10_000;

async function show(session: Session, answer: AggregatorDrainOutput): Promise<number> {
  const { node, drained, serves, problem, changed } = answer;
  const how = drained === null ? 'drained no longer' : 'drained';
  const line = () =>
    `${printable(node)} is ${changed ? '' : 'already '}${how}; ${count(serves, 'node')} served there now\n`;
  await session.print(answerText(session, answer, line, 'record'));
  if (problem !== null)
    await session.note(`it could not be told yet, and is told until it answers: ${printable(problem)}`);
  return 0;
}

export const aggregatorDrain: CommandSpec = {
  path: ['aggregator', 'drain'],
  arguments: [NAME],
  options: [
    REASON_OPTION,
    { flags: '--rate <nodes>', help: `nodes a second that leave, 1 to ${RATE_MAX}; default 50` },
  ],
  call: 'aggregator.drain',
  purpose: `For administrators, before an aggregator is worked on. Its nodes go to their other aggregators, so many a second; one that has no
other stays. They are kept away, also when the aggregator or the master is started again, until \`csm aggregator undrain\`.
\`csm aggregator list\` shows how many are still there, and \`csm health\` that it is drained.`,
  examples: [{ title: 'Before its repair', line: "csm aggregator drain agg-A --reason 'new memory'" }],
  exits: [
    [8, 'no reason is given'],
    [44, 'no other aggregator could serve the nodes'],
    [46, 'no aggregator has this name'],
  ],
  run: async (session, given) => {
    const input = {
      name: nodeName(given, 'aggregator'),
      reason: reasonOf(given),
      rate: whole(given, 'rate', 1, RATE_MAX),
    };
    return show(session, await session.client.call('aggregator.drain', input, session.callOptions));
  },
};

export const aggregatorUndrain: CommandSpec = {
  path: ['aggregator', 'undrain'],
  arguments: [NAME],
  options: [REASON_OPTION],
  call: 'aggregator.undrain',
  purpose: `For administrators. Nodes whose first choice the aggregator is come back by themselves once it has been stable for a while
(\`csm.net.return_after\`), or at once with \`csm tree rebalance\`.`,
  examples: [{ title: 'After its repair', line: 'csm aggregator undrain agg-A' }],
  exits: [[46, 'no aggregator has this name']],
  run: async (session, given) => {
    const input = { name: nodeName(given, 'aggregator'), reason: text(given, 'reason') };
    return show(session, await session.client.call('aggregator.undrain', input, session.callOptions));
  },
};
