import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { KEY_OPTION, underKey } from '../keyed.ts';
import { answerText } from '../print/answer.ts';
import { count, printable } from '../text.ts';
import { readBefore } from './db-archive.ts';
import { mib } from './db-status.ts';

export const envArchive: CommandSpec = {
  path: ['env', 'archive'],
  arguments: [
    { name: 'directory', required: true, help: "where the archive is made: an absolute path on the master's machine" },
  ],
  options: [
    {
      flags: '--before <moment>',
      help: 'samples older than the beginning of this day (UTC): 2026-10-01, or 2d for so long ago',
    },
    KEY_OPTION,
  ],
  call: 'env.archive',
  purpose: `For administrators. Samples are written to \`<directory>/samples-before-<date>\`: for each day a gzipped file with one JSON
object a line (\`node\`, \`item\`, \`time\`, \`values\`), and \`manifest.json\` with the number of rows, bytes and SHA-256 of each.
The directory gets its name when all is written and synced. Nothing is removed: samples go by \`environment.keep_samples\`, so
archive more often than that.`,
  examples: [
    { title: 'What is older than two days', line: 'csm env archive /tmp/csm-samples --before 2d', exits: [0, 4] },
  ],
  exits: [
    [4, 'no sample is as old'],
    [9, 'such an archive is there already, or the directory is missing'],
    [44, 'another archive of samples is under way'],
  ],
  run: (session, given) => {
    const { directory } = given.arguments;
    if (directory === undefined)
      fail(code.MISSING_PARAMETER, "the argument 'directory' is missing", { field: 'directory' });
    const before = readBefore(session, given);
    return underKey(session, given, async (idempotencyKey) => {
      const input = { directory, before };
      const answer = await session.client.call('env.archive', input, { ...session.callOptions, idempotencyKey });
      const { path, rows, bytes, files } = answer;
      const words = `${printable(path)}: ${count(rows, 'sample')} of ${count(files, 'day')}, ${mib(bytes)} MiB\n`;
      await session.print(answerText(session, answer, () => words, 'document'));
      return 0;
    });
  },
};
