import { code } from '@csm/model';
import { caCertFile, DEFAULT_CA_DAYS, initCa } from '@csm/pki';
import type { CommandSpec } from '../command.ts';
import { text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { printable } from '../text.ts';
import { DIR_OPTION, day, daysOf, daysOption, dirOf } from './directory.ts';

export const certInitCa: CommandSpec = {
  path: ['cert', 'init-ca'],
  arguments: [],
  options: [
    DIR_OPTION,
    { flags: '--name <name>', help: 'name of the CA, for people, at most 64 characters; default CSM' },
    daysOption(DEFAULT_CA_DAYS),
  ],
  summary: 'Makes a certificate authority in a directory',
  purpose: `Once per cluster, on a machine that only administrators enter. The directory is made with mode 0700 and holds \`ca.pem\` (copy it to
every node), \`ca.key\` (copy it nowhere), the lists \`issued.json\` and \`revoked.json\`, and the certificates made later. A CA
that exists is never overwritten. No daemon is needed.`,
  examples: [{ title: 'A CA for twenty years', line: "csm cert init-ca --name 'Rack 7' --days 7300" }],
  codes: [code.INVALID_PARAMETER, code.PERMISSION, code.BAD_STATE],
  run: async (session, given) => {
    const dir = dirOf(given);
    const { serial, validTo } = await initCa(dir, { name: text(given, 'name') ?? 'CSM', ...daysOf(given) });
    const made = { dir, file: caCertFile(dir), serial, valid_to: new Date(validTo).toISOString() };
    const words = () => `made a CA in ${printable(dir)}: ${printable(made.file)}, valid to ${day(made.valid_to)}\n`;
    await session.print(answerText(session, made, words, 'record'));
    return 0;
  },
};
