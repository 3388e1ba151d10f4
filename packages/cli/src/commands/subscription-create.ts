import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { kinds, nodeset, text, whole } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { printable } from '../text.ts';

const SECRET_RULE = '16 to 128 visible ASCII characters';

/** Not on the command line, where everybody on the machine could read it. */
function secret(session: {
  readonly io: { readonly env: { readonly [name: string]: string | undefined } };
}): string | undefined {
  const value = session.io.env['CSM_WEBHOOK_SECRET'];
  if (value === undefined || /^[\x21-\x7e]{16,128}$/.test(value)) return value;
  return fail(code.INVALID_PARAMETER, `the secret is not ${SECRET_RULE}`, {
    field: 'CSM_WEBHOOK_SECRET',
    allowed: SECRET_RULE,
  });
}

export const subscriptionCreate: CommandSpec = {
  path: ['subscription', 'create'],
  arguments: [{ name: 'url', required: true, help: 'receiver of the changes, http or https' }],
  options: [
    { flags: '--kinds <kinds>', help: 'only changes of these kinds, such as node,link; default all' },
    { flags: '--nodes <nodeset>', help: 'only what concerns these nodes', values: 'nodeset' },
    { flags: '--since <seq>', help: 'begin behind this change instead of with what comes next' },
  ],
  call: 'subscription.create',
  purpose: `Has each change sent to a URL as one POST of JSON, signed, in order for each node, and tried again until the receiver takes it.
The secret by which the receiver knows the requests is printed once; one of your own is taken from the environment,
\`CSM_WEBHOOK_SECRET\` (${SECRET_RULE}). Who is no administrator may only name URLs that the master is configured to call.`,
  examples: [
    {
      title: 'States of all nodes',
      line: 'csm subscription create https://hooks.example.org/csm --kinds node',
    },
    {
      title: 'All about a rack, behind change 1000',
      line: "csm subscription create http://127.0.0.1:9/r7 --nodes 'n[001-018]' --since 1000 -o json",
      exits: [code.INVALID_PARAMETER, code.CONTEXT_LOST],
    },
  ],
  exits: [
    [16, 'the URL is not one that the master calls for you'],
    [37, 'changes since the one named are no longer kept'],
  ],
  run: async (session, given) => {
    const nodes = text(given, 'nodes');
    const input = {
      url: given.arguments['url'] ?? '',
      kinds: kinds(given),
      nodes: nodes === undefined ? undefined : nodeset({ ...given, arguments: { nodeset: nodes } }),
      since: whole(given, 'since', 0, 999_999_999_999_999),
      secret: secret(session),
    };
    const answer = await session.client.call('subscription.create', input, session.callOptions);
    const told = () =>
      `subscription ${answer.id} to ${printable(answer.url)}\nsecret ${printable(answer.secret)}  (it is not shown again)\n`;
    await session.print(answerText(session, answer, told, 'record'));
    return 0;
  },
};
