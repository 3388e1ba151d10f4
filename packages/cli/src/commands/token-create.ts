import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { text } from '../given.ts';
import { readStep } from '../moment.ts';
import { answerText } from '../print/answer.ts';
import { printable } from '../text.ts';

const SCOPES_MAX = 64;
const EXPIRES_RULE = 'a whole number and a unit: 12h, 90d, 52w (units s, m, h, d, w), of 1m to 366d';

function scopes(value: string | undefined): string[] {
  const words = (value ?? '').split(',').map((word) => word.trim());
  const allowed = `1 to ${SCOPES_MAX} calls (node.list), nouns (node.*) or classes (public, private, privileged), with commas between`;
  if (value === undefined)
    fail(code.MISSING_PARAMETER, 'nothing says what the token gives', { field: '--scope', allowed });
  if (words.includes('') || words.length > SCOPES_MAX) {
    fail(code.INVALID_PARAMETER, `'${printable(value.slice(0, 80))}' is not a list of scopes`, {
      field: '--scope',
      allowed,
    });
  }
  return words;
}

function lifetime(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = readStep(value, '--expires');
  if (seconds >= 60) return seconds;
  return fail(code.INVALID_PARAMETER, `'${printable(value)}' is too short`, {
    field: '--expires',
    allowed: EXPIRES_RULE,
  });
}

export const tokenCreate: CommandSpec = {
  path: ['token', 'create'],
  arguments: [],
  options: [
    { flags: '--scope <scopes>', help: 'what it gives: calls, nouns with .*, classes; commas between' },
    { flags: '--expires <time>', help: `after how long it is valid no more: ${EXPIRES_RULE}; default 90d` },
    { flags: '--user <name>', help: 'for whom; for administrators. Default: yourself' },
  ],
  call: 'token.create',
  purpose: `Makes a token for calls over HTTPS, sent as \`Authorization: Bearer …\`. The token is printed once and kept nowhere: who
loses it revokes it and makes another one. It gives no more than its user may do, and of that only what its scopes name: a
call (\`node.list\`), all calls of a noun (\`node.*\`), all of a class (\`public\`, \`private\`, \`privileged\`). One that stands
for root is made by root only.`,
  examples: [
    {
      title: 'For a script that looks at nodes, for a month',
      line: "csm token create --scope 'node.list,node.show' --expires 30d",
    },
    {
      title: 'For a monitor that may see all that everybody may, as a file',
      line: 'csm token create --scope public -o json',
    },
  ],
  run: async (session, given) => {
    const input = {
      scopes: scopes(text(given, 'scope')),
      lifetime: lifetime(text(given, 'expires')),
      user: text(given, 'user'),
    };
    const answer = await session.client.call('token.create', input, session.callOptions);
    const told = () => `${answer.token}\n`;
    await session.print(answerText(session, answer, told, 'record'));
    // A script wants the token and nothing else.
    if (session.io.isTTY) {
      await session.note(
        `token ${answer.id} of ${printable(answer.user)}, valid until ${answer.expires}; it is not shown again`,
      );
    }
    return 0;
  },
};
