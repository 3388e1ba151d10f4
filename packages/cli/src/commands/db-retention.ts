import type { DbRetentionOutput } from '@csm/client';
import type { CommandSpec } from '../command.ts';
import { answerText } from '../print/answer.ts';
import { type Column, table } from '../print/table.ts';
import { age } from '../text.ts';
import { mib } from './db-status.ts';

type Row = DbRetentionOutput[number];

export const dbRetention: CommandSpec = {
  path: ['db', 'retention'],
  arguments: [],
  options: [],
  call: 'db.retention',
  purpose: `For administrators. A row for each table: how many rows it has, what they take with their indexes, how old the oldest is, and
the rule and setting by which they go. DUE is what the next pruning removes; pruning runs by itself, so that it is seldom
much. To keep rows longer or shorter, change the setting and restart the master. Every row is counted, which on a large
database takes a while; the master is not held up.`,
  examples: [
    { title: 'What is kept how long', line: 'csm db retention' },
    { title: 'For a spreadsheet', line: 'csm db retention -o csv' },
  ],
  run: async (session) => {
    const rows = await session.client.call('db.retention', {}, session.callOptions);
    const columns: Column<Row>[] = [
      { head: 'TABLE', cell: (r) => r.table },
      { head: 'ROWS', align: 'right', cell: (r) => r.rows },
      { head: 'MiB', align: 'right', cell: (r) => mib(r.bytes) },
      { head: 'OLDEST', cell: (r) => age(r.oldest, session.now()) },
      { head: 'DUE', align: 'right', cell: (r) => r.due },
      { head: 'SETTING', cell: (r) => r.setting },
      { head: 'KEPT', cell: (r) => r.rule },
    ];
    await session.print(answerText(session, rows, () => table(rows, columns, session.header), 'records'));
    return 0;
  },
};
