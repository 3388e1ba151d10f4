import type { EnvWatchItem } from '@csm/client';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { optionalNodeset, seconds } from '../given.ts';
import { Items } from '../print/items.ts';
import { ITEM_OPTION, optionalItem } from '../samples/query.ts';
import { type Sample, VALUE_COLUMNS, type Value, valuesOf } from '../samples/sample.ts';
import { isUtf8 } from '../samples/sparkline.ts';
import { human } from '../samples/unit.ts';
import type { Session } from '../session.ts';
import { count, printable } from '../text.ts';

/** Values of a line; a node may have hundreds of sensors. */
const VALUES_MAX = 12;
const FOR_MAX = 31 * 86_400;

function sampleLine({ node, item, time, values }: Sample, isAscii: boolean): string {
  const all = Object.entries(values);
  const shown = all
    .slice(0, VALUES_MAX)
    .map(([metric, value]) => printable(`${metric}=${human(metric, value, isAscii)}`));
  const more = all.length > VALUES_MAX ? `  and ${all.length - VALUES_MAX} more` : '';
  return `${printable(time)}  ${printable(node)}  ${printable(item).padEnd(11)}  ${shown.join('  ')}${more}\n`;
}

async function show(session: Session, stream: AsyncIterable<EnvWatchItem>): Promise<void> {
  const isAscii = !isUtf8(session.io.env);
  const text = (sample: Sample) => sampleLine(sample, isAscii);
  const items = new Items<Sample>(session, { text, csv: [], lines: true });
  const values = new Items<Value>(session, { text: () => '', csv: VALUE_COLUMNS, lines: true });
  for await (const item of stream) {
    if ('lost' in item) await session.note(`${count(item.lost, 'sample')} came too fast to be shown`);
    else if (session.format === 'csv') for (const value of valuesOf(item)) await values.add(value);
    else await items.add({ node: item.node, item: item.item, time: item.time, values: item.values });
  }
}

export const envWatch: CommandSpec = {
  path: ['env', 'watch'],
  arguments: [nodesetArgument(false)],
  options: [ITEM_OPTION, { flags: '--for <seconds>', help: 'end after so many seconds, with 0; default at Ctrl-C' }],
  call: 'env.watch',
  purpose: `A line for each sample as it reaches the database, until Ctrl-C (exit 0) or the end of \`--for\`. How often nodes measure stands in
their configuration, so that the first line may take as long as an interval. JSON is one object a line,
\`{node,item,time,values:{…}}\`; CSV has a line for each value. When more comes than can be written, samples are left out and
their number is told on stderr.`,
  examples: [
    { title: 'What comes within two seconds', line: 'csm env watch --for 2' },
    {
      title: 'Temperatures of some nodes, for a program',
      line: "csm env watch 'n[001-008]' --item temperature --for 2 -o json",
    },
  ],
  run: async (session, given) => {
    const nodes = optionalNodeset(given);
    const item = optionalItem(given);
    const limit = seconds(given, 'for', 0.1, FOR_MAX);
    const stream = session.client.stream('env.watch', { nodes, item }, session.callOptions);
    let isOver = false;
    const over = (): void => {
      isOver = true;
      void stream.return?.();
    };
    // A longer wait does not fit a timer.
    const timer = limit === undefined ? undefined : setTimeout(over, Math.min(limit * 1000, 2 ** 31 - 1));
    try {
      await show(session, stream);
    } catch (error) {
      if (!session.interrupted && !isOver) throw error;
    } finally {
      clearTimeout(timer);
    }
    return 0;
  },
};
