import { code, fail } from '@csm/model';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { flag } from '../given.ts';
import { Items } from '../print/items.ts';
import { table, width } from '../print/table.ts';
import { QUERY_OPTIONS, readQuery } from '../samples/query.ts';
import { type Sample, VALUE_COLUMNS, type Value, valuesOf } from '../samples/sample.ts';
import { isUtf8, spanOf, sparkline } from '../samples/sparkline.ts';
import { ROWS_MAX, type TrendRow, Trends } from '../samples/trends.ts';
import { human } from '../samples/unit.ts';
import type { Session } from '../session.ts';

/** Characters of a sparkline. */
const TREND_MIN = 8;
const TREND_MAX = 40;
const TREND_WIDTH = 24;

/** Each sample as it comes, in a format that a program reads; resolves with their number. */
async function passOn(session: Session, samples: AsyncIterable<Sample>): Promise<number> {
  const isLong = session.format === 'csv';
  const plain = { text: () => '', lines: false };
  const items = new Items<Sample>(session, { ...plain, csv: [] });
  const values = new Items<Value>(session, { ...plain, csv: VALUE_COLUMNS });
  let seen = 0;
  try {
    for await (const { node, item, time, values: measured } of samples) {
      seen++;
      const sample = { node, item, time, values: measured };
      if (isLong) for (const value of valuesOf(sample)) await values.add(value);
      else await items.add(sample);
    }
  } finally {
    await items.end();
  }
  return seen;
}

export function trendTable(session: Session, rows: readonly TrendRow[], isAscii: boolean): string {
  const number = (head: string, of: (row: TrendRow) => number) => ({
    head,
    align: 'right' as const,
    cell: (row: TrendRow) => human(row.metric, of(row), isAscii),
  });
  const columns = [
    { head: 'NODE', cell: (row: TrendRow) => row.node },
    { head: 'METRIC', cell: (row: TrendRow) => row.metric },
    number('LAST', (row) => row.last),
    number('MIN', (row) => row.min),
    number('AVG', (row) => row.avg),
    number('MAX', (row) => row.max),
  ];
  const room = trendRoom(session, () => width(table(rows, columns, session.header).split('\n')[0] ?? ''));
  const span = spanOf(
    rows.map(({ points }) => points),
    room,
  );
  const trend = { head: 'TREND', cell: (row: TrendRow) => sparkline(row.points, span, isAscii) };
  return table(rows, [...columns, trend], session.header);
}

/** What is left of the terminal's line, within bounds. */
function trendRoom(session: Session, taken: () => number): number {
  const { columns } = session.io;
  if (columns === undefined) return TREND_WIDTH;
  return Math.max(TREND_MIN, Math.min(TREND_MAX, columns - taken() - 2));
}

export const envQuery: CommandSpec = {
  path: ['env', 'query'],
  arguments: [nodesetArgument(true)],
  options: [
    ...QUERY_OPTIONS,
    { flags: '--ascii', help: 'draw TREND in ASCII, as where the locale (LC_ALL, LC_CTYPE, LANG) is not UTF-8' },
  ],
  call: 'env.query',
  purpose: `The table has a row for each node and metric: the last value, the least, mean and greatest, and TREND, a graph from the first
sample to the last in which a blank is a time without samples. JSON and YAML give each sample as
\`{node,item,time,values:{…}}\`, CSV a line for each value: node, item, time, metric, value; both as they come, in the units
of the metrics' names. Steps of whole hours and days reach back further than samples do, for their figures are kept longer.`,
  examples: [
    { title: 'What eight CPUs did in the last hour', line: "csm env query 'n[001-008]' --item cpu" },
    {
      title: 'The greatest load of each hour of a day, for a spreadsheet',
      line: 'csm env query n001 --item cpu --since 1d --step 1h --agg max -o csv',
    },
  ],
  exits: [[4, 'no sample matches']],
  run: async (session, given) => {
    const { input, stepMs } = readQuery(given, session.now());
    const samples = session.client.stream('env.query', input, session.callOptions);
    if (session.format !== 'table') return (await passOn(session, samples)) > 0 ? 0 : nothing();
    const trends = new Trends(stepMs);
    for await (const sample of samples) trends.add(sample);
    if (trends.size === 0) nothing();
    const isAscii = flag(given, 'ascii') || !isUtf8(session.io.env);
    await session.print(trendTable(session, trends.rows(), isAscii));
    if (trends.cut > 0) {
      await session.note(`these are the first ${ROWS_MAX} rows; --metric or fewer nodes make fewer, CSV gives all`);
    }
    return 0;
  },
};

export const nothing = (): never => fail(code.NO_RESULTS, 'no sample matches');
