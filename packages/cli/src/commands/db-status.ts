import type { DbStatusOutput } from '@csm/client';
import type { CommandSpec } from '../command.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import { onceOrWatch, WATCH_OPTION } from '../repeat.ts';
import type { Session } from '../session.ts';
import { age, count, printable } from '../text.ts';

const MIB = 1024 * 1024;
export const mib = (bytes: number): string => (bytes / MIB).toFixed(1);

function statusText(session: Session, s: DbStatusOutput): string {
  const schema = Object.entries(s.schema).map(([module, id]) => `${module} ${id}`);
  const rows: (readonly [string, string])[] = [
    ['database', `${s.engine} ${s.version}, ${printable(s.place)}`],
    ['size', `${mib(s.bytes)} MiB${s.log_bytes === 0 ? '' : `, log ${mib(s.log_bytes)} MiB`}`],
    ['term', String(s.term)],
    ['commits', `${s.commits}, ${s.calls_per_commit} calls each, the last took ${s.last_commit_ms} ms`],
    ['queue', `${count(s.queued, 'call')} waiting, ${s.refused} turned away`],
    ['changes', s.changes.newest === 0 ? 'none' : `${s.changes.oldest} to ${s.changes.newest}`],
    ['reports', `${count(s.streams, 'stream')}, ${s.rejected_reports} rejected`],
    ['schema', schema.join(', ')],
  ];
  const text = rows.map(([head, words]) => `${`${head}:`.padEnd(10)}${words}\n`).join('');
  const followers = table(
    s.followers,
    [
      { head: 'FOLLOWER', cell: (f) => f.name },
      { head: 'BEHIND', align: 'right', cell: (f) => f.behind },
      { head: 'MOVED', cell: (f) => age(f.updated, session.now()) },
    ],
    session.header,
  );
  return followers === '' ? text : `${text}\n${followers}`;
}

export const dbStatus: CommandSpec = {
  path: ['db', 'status'],
  arguments: [],
  options: [WATCH_OPTION],
  call: 'db.status',
  purpose: `For administrators. Where the database is and what it takes; how long its last commit took and how many calls share one; how
many calls wait; which changes are kept, and how far behind each follower of them is. A follower that stays behind keeps
old changes from being removed.`,
  examples: [
    { title: 'The database', line: 'csm db status' },
    { title: 'The same for a program', line: 'csm db status -o json' },
  ],
  run: (session, given) =>
    onceOrWatch(session, given, async () => {
      const answer = await session.client.call('db.status', {}, session.callOptions);
      return { text: answerText(session, answer, () => statusText(session, answer), 'document'), exit: 0 };
    }),
};
