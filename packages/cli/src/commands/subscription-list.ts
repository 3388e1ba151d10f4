import type { SubscriptionListOutput } from '@csm/client';
import { code } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';

type Subscription = SubscriptionListOutput[number];

function subscriptionTable(session: Session, rows: readonly Subscription[]): string {
  const { bad, warn } = session.colors;
  const state = ({ failures, problem }: Subscription) =>
    failures === 0 ? 'ok' : { text: `${failures} failed: ${problem ?? ''}`, paint: bad };
  return table<Subscription>(
    rows,
    [
      { head: 'ID', cell: (s) => s.id },
      { head: 'OWNER', cell: (s) => s.owner },
      { head: 'URL', cell: (s) => s.url },
      { head: 'KINDS', cell: (s) => s.kinds?.join(',') ?? 'all' },
      { head: 'NODES', cell: (s) => s.nodes ?? 'all' },
      { head: 'BEHIND', align: 'right', cell: (s) => s.behind },
      { head: 'LOST', align: 'right', cell: (s) => (s.lost === 0 ? 0 : { text: String(s.lost), paint: warn }) },
      { head: 'STATE', cell: state },
    ],
    session.header,
  );
}

export const subscriptionList: CommandSpec = {
  path: ['subscription', 'list'],
  arguments: [],
  options: [],
  call: 'subscription.list',
  purpose: `Shows your own subscriptions; administrators see those of all users. BEHIND counts the changes that are yet to be looked at,
LOST those that were removed before the receiver had taken them.`,
  examples: [
    { title: 'All of mine', line: 'csm subscription list', exits: [0, code.NO_RESULTS] },
    { title: 'For a script', line: 'csm subscription list -o json', exits: [0, code.NO_RESULTS] },
  ],
  exits: [[4, 'there is none']],
  run: async (session) => {
    const rows = await session.client.call('subscription.list', {}, session.callOptions);
    await session.print(answerText(session, rows, () => subscriptionTable(session, rows), 'records'));
    return 0;
  },
};
