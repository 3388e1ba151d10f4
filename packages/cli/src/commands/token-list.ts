import type { TokenListOutput } from '@csm/client';
import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { age, duration } from '../text.ts';

type Token = TokenListOutput[number];

function tokenTable(session: Session, rows: readonly Token[]): string {
  const now = session.now();
  const { bad, warn } = session.colors;
  const left = ({ expires }: Token) => {
    const ms = Date.parse(expires) - now;
    if (ms <= 0) return { text: 'expired', paint: bad };
    return ms < 7 * 86_400_000 ? { text: duration(ms), paint: warn } : duration(ms);
  };
  return table<Token>(
    rows,
    [
      { head: 'ID', cell: (t) => t.id },
      { head: 'USER', cell: (t) => t.user },
      { head: 'EXPIRES IN', cell: left },
      { head: 'USED', cell: (t) => age(t.last_used, now) },
      { head: 'MADE BY', cell: (t) => t.created_by },
      { head: 'SCOPES', cell: (t) => t.scopes.join(',') },
    ],
    session.header,
  );
}

export const tokenList: CommandSpec = {
  path: ['token', 'list'],
  arguments: [],
  options: [{ flags: '--user <name>', help: 'only tokens of this user' }],
  call: 'token.list',
  purpose: `Shows your own tokens; administrators see those of all users. What a token is like is not known to anybody: only its id,
which stands in the audit record, and what it gives. Expired ones are shown for a week.`,
  examples: [
    { title: 'All of mine', line: 'csm token list', exits: [0, code.NO_RESULTS] },
    { title: 'When they expire, for a script', line: 'csm token list -o csv --no-header', exits: [0, code.NO_RESULTS] },
  ],
  exits: [[4, 'there is none']],
  run: async (session, given) => {
    const rows = await session.client.call('token.list', { user: text(given, 'user') }, session.callOptions);
    if (rows.length === 0) fail(code.NO_RESULTS, 'there is no token');
    await session.print(answerText(session, rows, () => tokenTable(session, rows), 'records'));
    return 0;
  },
};
