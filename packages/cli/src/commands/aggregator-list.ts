import type { AggregatorListOutput } from '@csm/client';
import type { CommandSpec } from '../command.ts';
import { answerText } from '../print/answer.ts';
import { type Column, table } from '../print/table.ts';
import { onceOrWatch, WATCH_OPTION } from '../repeat.ts';
import type { Session } from '../session.ts';
import { age } from '../text.ts';

/** Health tells of aggregators too, and not whether they are drained. */
type Aggregator = Omit<AggregatorListOutput[number], 'drained'> &
  Partial<Pick<AggregatorListOutput[number], 'drained'>>;

/** `root: new memory` */
const drainedWords = ({ drained }: Aggregator): string | null =>
  drained == null ? null : `${drained.by}: ${drained.reason ?? ''}`;

export function aggregatorTable(session: Session, rows: readonly Aggregator[]): string {
  const { good, bad, warn } = session.colors;
  const lost = (n: number) => (n === 0 ? n : { text: String(n), paint: warn });
  const columns: Column<Aggregator>[] = [
    { head: 'NODE', cell: (a) => a.node },
    { head: 'LINK', cell: (a) => (a.connected ? { text: 'up', paint: good } : { text: 'lost', paint: bad }) },
    { head: 'SINCE', cell: (a) => age(a.since, session.now()) },
    { head: 'PRIMARY', align: 'right', cell: (a) => a.primary.active },
    { head: 'UNRESPONSIVE', align: 'right', cell: (a) => lost(a.primary.unresponsive) },
    { head: 'SECONDARY', align: 'right', cell: (a) => a.secondary.active },
    { head: 'UNRESPONSIVE', align: 'right', cell: (a) => lost(a.secondary.unresponsive) },
    { head: 'BOUNCED', align: 'right', cell: (a) => a.bounced },
    ...(rows.some((row) => row.drained !== undefined) ? [{ head: 'DRAINED', cell: drainedWords }] : []),
    { head: 'REASON', cell: (a) => a.reason },
  ];
  return table(rows, columns, session.header);
}

export const aggregatorList: CommandSpec = {
  path: ['aggregator', 'list'],
  arguments: [],
  options: [WATCH_OPTION],
  call: 'aggregator.list',
  purpose: `Shows whether the master has the link of each aggregator, since when, and how many nodes it serves: PRIMARY are the nodes
that send their reports through it, SECONDARY those that keep it as their reserve. UNRESPONSIVE are nodes it is known to
serve that are not linked to it now. DRAINED tells who sent its nodes away, and why. BOUNCED counts how often it linked anew while this master runs.`,
  examples: [
    { title: 'All aggregators', line: 'csm aggregator list' },
    { title: 'Their links, for a script', line: 'csm aggregator list -o csv --no-header' },
  ],
  run: (session, given) =>
    onceOrWatch(session, given, async () => {
      const rows = await session.client.call('aggregator.list', {}, session.callOptions);
      return { text: answerText(session, rows, () => aggregatorTable(session, rows), 'records'), exit: 0 };
    }),
};
