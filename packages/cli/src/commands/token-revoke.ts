import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { answerText } from '../print/answer.ts';
import { printable } from '../text.ts';

export const tokenRevoke: CommandSpec = {
  path: ['token', 'revoke'],
  arguments: [{ name: 'id', required: true, help: 'id of the token, as `csm token list` shows it' }],
  options: [],
  call: 'token.revoke',
  purpose: `Makes a token invalid for ever: at once at the master, and within 10 s where a daemon still remembers it. Calls under way
with it end. Of other users' tokens it is for administrators.`,
  examples: [{ title: 'One that leaked', line: 'csm token revoke 7c1x0q4m9zab', exits: [code.NO_RESULTS] }],
  exits: [[4, 'there is no such token']],
  run: async (session, given) => {
    const id = given.arguments['id'] ?? '';
    if (!/^[a-z0-9]{12}$/.test(id)) {
      const hint = id.startsWith('csm_') ? ' (this is a token; its id is the part between the underscores)' : '';
      fail(code.INVALID_PARAMETER, `'${printable(id.slice(0, 20))}' is not the id of a token${hint}`, {
        field: 'id',
        allowed: '12 small letters and digits, as `csm token list` shows them',
      });
    }
    const answer = await session.client.call('token.revoke', { id }, session.callOptions);
    const told = () => `token ${answer.id} of ${printable(answer.user)} is revoked\n`;
    await session.print(answerText(session, answer, told, 'record'));
    return 0;
  },
};
