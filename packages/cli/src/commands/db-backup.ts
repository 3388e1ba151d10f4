import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { flag } from '../given.ts';
import { KEY_OPTION, underKey } from '../keyed.ts';
import { answerText } from '../print/answer.ts';
import { printable } from '../text.ts';
import { mib } from './db-status.ts';

export const dbBackup: CommandSpec = {
  path: ['db', 'backup'],
  arguments: [
    { name: 'file', required: true, help: "where the backup is written: an absolute path on the master's machine" },
  ],
  options: [{ flags: '--force', help: 'replace an older backup of that name' }, KEY_OPTION],
  call: 'db.backup',
  purpose: `For administrators. The master goes on working meanwhile: the backup holds what was committed when it was begun, all of one
moment. It is opened again and counted, synced to the disk, and only then gets its name; \`<file>.manifest.json\` beside it
says what is in it and by which checksum a restore knows that it is whole. Only the master's user may read the file. Under
its systemd unit the master may write below /var/lib/csm, and where a drop-in allows it. With
PostgreSQL pg_dump must be installed where the master runs, of the server's version or later. Ctrl-C ends the backup, and
nothing is left of it.`,
  examples: [{ title: 'Before an upgrade', line: 'csm db backup /tmp/before-upgrade.backup' }],
  exits: [
    [9, 'something stands under that name, or the directory is missing'],
    [17, 'pg_dump is missing, too old, or failed'],
    [44, 'another backup or archive is under way'],
  ],
  run: (session, given) => {
    const { file } = given.arguments;
    if (file === undefined) fail(code.MISSING_PARAMETER, "the argument 'file' is missing", { field: 'file' });
    return underKey(session, given, async (idempotencyKey) => {
      const input = { file, ...(flag(given, 'force') ? { force: true } : {}) };
      const answer = await session.client.call('db.backup', input, { ...session.callOptions, idempotencyKey });
      const rows = Object.values(answer.tables).reduce((sum, n) => sum + n, 0);
      const words = `${printable(answer.master)}:${printable(answer.file)}: ${mib(answer.bytes)} MiB, ${rows} rows in ${Object.keys(answer.tables).length} tables, taken at ${answer.taken} in ${answer.seconds.toFixed(1)} s\n`;
      await session.print(answerText(session, answer, () => words, 'document'));
      return 0;
    });
  },
};
