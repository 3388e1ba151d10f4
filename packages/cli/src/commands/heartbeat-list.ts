import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { flag, optionalNodeset, text, whole } from '../given.ts';
import { type Alike, Folder } from '../heartbeat/fold.ts';
import { type Component, componentsArgument, FLAGS, paintOf, past, STATES, words } from '../heartbeat/words.ts';
import { MOMENT_RULE } from '../moment.ts';
import { Items } from '../print/items.ts';
import { type Column, table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { age, duration, nodesWords } from '../text.ts';

const LIMIT_MAX = 1_000_000;
const COLUMNS = [
  'name',
  'source',
  'state',
  'flag',
  'since',
  'last_seen',
  'interval_ms',
  'status',
  'timestamp',
  'gap',
  'warntime',
  'errtime',
] as const satisfies readonly (keyof Component)[];

const thresholds = ({ warntime, errtime, source }: Pick<Component, 'warntime' | 'errtime' | 'source'>): string =>
  source === 'csm' ? 'by links' : `${warntime}/${errtime} s`;

function alikeTable(session: Session, rows: readonly Alike[]): string {
  const now = session.now();
  const since = ({ first, last }: Alike): string => {
    const [old, young] = [age(first, now), age(last, now)];
    return old === young ? `${old}` : `${young} to ${old}`;
  };
  return table<Alike>(
    rows,
    [
      { head: 'STATE', cell: (r) => ({ text: r.state, paint: paintOf(session.colors, r.state) }) },
      { head: 'FLAG', cell: (r) => r.flag },
      { head: 'COUNT', align: 'right', cell: (r) => r.count },
      { head: 'SINCE', cell: since },
      { head: 'SILENT AT MOST', cell: (r) => age(r.oldest, now) },
      { head: 'LATE/DEAD', cell: thresholds },
      { head: 'WHY', cell: (r) => (r.gap ? 'nobody watched' : null) },
      { head: 'COMPONENTS', cell: (r) => nodesWords(r.components) },
    ],
    session.header,
  );
}

function eachTable(session: Session, rows: readonly Component[]): string {
  const now = session.now();
  const columns: readonly Column<Component>[] = [
    { head: 'NAME', cell: (r) => r.name },
    { head: 'STATE', cell: (r) => ({ text: r.state, paint: paintOf(session.colors, r.state) }) },
    { head: 'FLAG', cell: (r) => r.flag },
    { head: 'SINCE', cell: (r) => age(r.since, now) },
    { head: 'LAST BEAT', cell: (r) => age(r.last_seen, now) },
    {
      head: 'INTERVAL',
      align: 'right',
      cell: (r) => (r.interval_ms === null ? null : interval(r.interval_ms)),
    },
    { head: 'LATE/DEAD', cell: thresholds },
    { head: 'STATUS', cell: (r) => r.status },
  ];
  return table(rows, columns, session.header);
}

/** `3.0 s` */
const interval = (ms: number): string => (ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms));

export const heartbeatList: CommandSpec = {
  path: ['heartbeat', 'list'],
  arguments: [componentsArgument(false)],
  options: [
    { flags: '--state <states>', help: `only in these states: ${STATES.join(',')}` },
    { flags: '--flag <flags>', help: `only with these flags: ${FLAGS.join(',')}` },
    { flags: '--seen-since <time>', help: `only those whose last beat came since: ${MOMENT_RULE}` },
    { flags: '--seen-before <time>', help: 'only those whose last beat came before; as --seen-since' },
    { flags: '--after <name>', help: 'begin behind this component' },
    { flags: '--limit <number>', help: 'so many at most; all when left out' },
    { flags: '--each', help: 'a line a component; else those alike are one line' },
  ],
  call: 'heartbeat.list',
  purpose: `Whatever sends heartbeats, and the nodes of this cluster by what their links say. Components in one state with the same
thresholds are one line, the worst first; \`--each\` gives a line a component, in the order of their names, and so do the other
formats. LATE/DEAD are the seconds without a beat after which a component is late and dead. A component that is \`left\` said that
it goes away, one that is \`off\` is so by the state manager: neither is an alarm.`,
  examples: [
    { title: 'How all are', line: 'csm heartbeat list', exits: [0, code.NO_RESULTS] },
    {
      title: 'Who is late or dead in a cabinet',
      line: "csm heartbeat list 'x3000c[0-7]s[0-7]b0n0' --state late,dead --each",
      exits: [0, code.NO_RESULTS],
    },
    {
      title: 'Who was not seen for an hour, for a spreadsheet',
      line: 'csm heartbeat list --seen-before 1h -o csv',
      exits: [0, code.NO_RESULTS],
    },
  ],
  exits: [[4, 'no component matches']],
  run: async (session, given) => {
    const input = {
      nodes: optionalNodeset(given),
      states: words(given, 'state', STATES),
      flags: words(given, 'flag', FLAGS),
      seen_since: past(session, given, '--seen-since'),
      seen_before: past(session, given, '--seen-before'),
      after: text(given, 'after'),
      limit: whole(given, 'limit', 1, LIMIT_MAX),
    };
    const stream = session.client.stream('heartbeat.list', input, session.callOptions);
    let shown = 0;
    if (session.format !== 'table') {
      const items = new Items<Component>(session, { text: () => '', csv: COLUMNS, lines: false });
      for await (const item of stream) {
        await items.add(item);
        shown++;
      }
      if (shown > 0) await items.end();
    } else if (flag(given, 'each')) {
      const rows: Component[] = [];
      for await (const item of stream) rows.push(item);
      shown = rows.length;
      await session.print(eachTable(session, rows));
    } else {
      const folder = new Folder();
      for await (const item of stream) {
        folder.add(item);
        shown++;
      }
      await session.print(alikeTable(session, folder.alike()));
    }
    if (shown === 0) fail(code.NO_RESULTS, 'no component matches');
    return 0;
  },
};
