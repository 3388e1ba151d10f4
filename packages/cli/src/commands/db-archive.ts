import { code, fail } from '@csm/model';
import type { CommandSpec, Given } from '../command.ts';
import { flag, text } from '../given.ts';
import { KEY_OPTION, underKey } from '../keyed.ts';
import { readMoment } from '../moment.ts';
import { answerText } from '../print/answer.ts';
import type { Session } from '../session.ts';
import { count, printable } from '../text.ts';
import { mib } from './db-status.ts';

const DAY_MS = 86_400_000;

/** `--before` as the beginning of its day, ms UTC. */
export function readBefore(session: Session, given: Given): number {
  const moment = text(given, 'before');
  if (moment === undefined) fail(code.MISSING_PARAMETER, '--before is missing', { field: '--before' });
  return Math.floor(readMoment(moment, '--before', session.now()) / DAY_MS) * DAY_MS;
}

export const dbArchive: CommandSpec = {
  path: ['db', 'archive'],
  arguments: [
    { name: 'directory', required: true, help: "where the archive is made: an absolute path on the master's machine" },
  ],
  options: [
    {
      flags: '--before <moment>',
      help: 'changes older than the beginning of this day (UTC): 2026-10-01, or 30d for so long ago',
    },
    { flags: '--remove', help: 'remove from the database what was written' },
    KEY_OPTION,
  ],
  call: 'db.archive',
  purpose: `For administrators. Changes are what \`csm node watch\` shows: states of nodes, links, inventory, events. They are written to
\`<directory>/changes-before-<date>\`: for each day a gzipped file with one JSON object a line, and \`manifest.json\` with the
number of rows, bytes and SHA-256 of each. The directory gets its name when all is written and synced. With \`--remove\` the
rows go after that, but for those a follower has yet to get, and the newest change. Samples: \`csm env archive\`.`,
  examples: [
    {
      title: 'What is older than thirty days',
      line: 'csm db archive /tmp/csm-archive --before 30d',
      exits: [0, 4],
    },
  ],
  exits: [
    [4, 'no change is as old'],
    [9, 'such an archive is there already, or the directory is missing'],
    [44, 'another backup or archive is under way'],
  ],
  run: (session, given) => {
    const { directory } = given.arguments;
    if (directory === undefined)
      fail(code.MISSING_PARAMETER, "the argument 'directory' is missing", { field: 'directory' });
    const before = readBefore(session, given);
    return underKey(session, given, async (idempotencyKey) => {
      const input = { directory, before, ...(flag(given, 'remove') ? { remove: true } : {}) };
      const answer = await session.client.call('db.archive', input, { ...session.callOptions, idempotencyKey });
      const { master, path, rows, bytes, files, removed, held } = answer;
      const gone = input.remove === true ? `; ${removed} removed${held > 0 ? `, ${held} stay for now` : ''}` : '';
      const words = `${printable(master)}:${printable(path)}: ${count(rows, 'change')} of ${count(files, 'day')}, ${mib(bytes)} MiB${gone}\n`;
      await session.print(answerText(session, answer, () => words, 'document'));
      return 0;
    });
  },
};
