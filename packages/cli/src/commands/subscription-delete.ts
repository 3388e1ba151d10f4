import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { answerText } from '../print/answer.ts';
import { printable } from '../text.ts';

export const subscriptionDelete: CommandSpec = {
  path: ['subscription', 'delete'],
  arguments: [{ name: 'id', required: true, help: 'id of the subscription, as `csm subscription list` shows it' }],
  options: [],
  call: 'subscription.delete',
  purpose: `Ends a subscription. What its receiver has not taken by then is not sent any more. Of other users' subscriptions it is for
administrators.`,
  examples: [
    { title: 'A receiver that is gone', line: 'csm subscription delete 0123456789ab', exits: [code.NO_RESULTS] },
  ],
  exits: [[4, 'there is no such subscription']],
  run: async (session, given) => {
    const id = given.arguments['id'] ?? '';
    if (!/^[a-z0-9]{12}$/.test(id)) {
      fail(code.INVALID_PARAMETER, `'${printable(id.slice(0, 20))}' is not the id of a subscription`, {
        field: 'id',
        allowed: '12 small letters and digits, as `csm subscription list` shows them',
      });
    }
    const answer = await session.client.call('subscription.delete', { id }, session.callOptions);
    await session.print(answerText(session, answer, () => `subscription ${answer.id} is ended\n`, 'record'));
    return 0;
  },
};
