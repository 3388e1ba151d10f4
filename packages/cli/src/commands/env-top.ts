import type { EnvTopOutput } from '@csm/client';
import { code, fail } from '@csm/model';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { flag, optionalNodeset, text, whole } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import { onceOrWatch, WATCH_OPTION } from '../repeat.ts';
import { ITEM_OPTION, neededItem, readMetric } from '../samples/query.ts';
import { isUtf8 } from '../samples/sparkline.ts';
import { human } from '../samples/unit.ts';
import type { Session } from '../session.ts';
import { age } from '../text.ts';

type Row = EnvTopOutput[number];
const LIMIT_MAX = 1000;

function topTable(session: Session, rows: readonly Row[]): string {
  const isAscii = !isUtf8(session.io.env);
  return table<Row>(
    rows,
    [
      { head: 'NODE', cell: (r) => r.node },
      { head: 'METRIC', cell: (r) => r.metric },
      { head: 'VALUE', align: 'right', cell: (r) => human(r.metric, r.value, isAscii) },
      { head: 'AGE', cell: (r) => age(r.time, session.now()) },
    ],
    session.header,
  );
}

export const envTop: CommandSpec = {
  path: ['env', 'top'],
  arguments: [nodesetArgument(false)],
  options: [
    { ...ITEM_OPTION, help: `${ITEM_OPTION.help}; needed` },
    { flags: '--metric <name>', help: "order by this one, such as user_percent; default the item's main one" },
    { flags: '--limit <number>', help: `nodes at most, 1 to ${LIMIT_MAX}; default 20` },
    { flags: '--ascending', help: 'the lowest first' },
    WATCH_OPTION,
  ],
  call: 'env.top',
  purpose: `Which nodes are the hottest, the busiest, the fullest: by the newest sample of each, the highest first. Of several disks, GPUs or
sensors in a node the highest counts and is named. AGE tells how old the sample is.`,
  examples: [
    { title: 'The busiest nodes', line: 'csm env top --item cpu' },
    {
      title: 'The three that use least memory of some',
      line: "csm env top 'n[001-008]' --item memory --ascending --limit 3",
    },
  ],
  exits: [[4, 'no sample matches']],
  run: (session, given) => {
    const nodes = optionalNodeset(given);
    const item = neededItem(given);
    const name = text(given, 'metric');
    const metric = name === undefined ? undefined : readMetric(name);
    const limit = whole(given, 'limit', 1, LIMIT_MAX);
    const ascending = flag(given, 'ascending') ? true : undefined;
    return onceOrWatch(session, given, async () => {
      const input = { item, metric, nodes, limit, ascending };
      const rows = await session.client.call('env.top', input, session.callOptions);
      if (rows.length === 0) fail(code.NO_RESULTS, 'no sample matches');
      return { text: answerText(session, rows, () => topTable(session, rows), 'records'), exit: 0 };
    });
  },
};
