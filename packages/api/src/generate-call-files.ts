import { type Access, DEFAULT_TIMEOUT_SECONDS, MINIMUM_TIMEOUT_SECONDS } from './row.ts';
import type { ApiTable } from './table.ts';

/** A permission file in which every call stands in the class of its row: the beginning of a site's own. */
export function generateAcl(table: ApiTable): string {
  const of = (access: Access): readonly string[] =>
    table.offered
      .filter((row) => row.access === access)
      .map((row) => row.name)
      .sort();
  return json({
    '#': 'Who may make which calls, in the format of IBM CSM. Keys and names with a # do not count. Every call stands here in the class it has without this file; a call that stands in no list is privileged. Names are ours or those of IBM CSM, in any case.',
    '#in force':
      'where csm.api_permission_file names it. csmd --check says what is wrong in it, SIGHUP reads it again. A call is judged where it enters and again at the master: give all daemons the same file.',
    '#privileged_user_id': 'Users, by name or number, that may make every call; a text or a list. Root always may.',
    privileged_user_id: ['root'],
    '#privileged_group_id':
      'Groups, by name or number, whose members may make every call; supplementary groups count. Group root always may.',
    privileged_group_id: ['root'],
    '#public': 'Calls that everybody may make.',
    public: of('public'),
    '#private': 'Calls that the owner of what they name may make, and who is privileged.',
    private: of('private'),
    '#privileged': 'Calls of root and of the users and groups above. What stands in no list is privileged too.',
    privileged: of('privileged'),
  });
}

/** A time-out file with the times the table gives; those of the default are left out, and so are endless streams. */
export function generateTimeouts(table: ApiTable): string {
  const rows = table.offered.filter(
    (row) => row.timeoutSeconds !== 0 && row.timeoutSeconds !== DEFAULT_TIMEOUT_SECONDS,
  );
  return json({
    '#': `Seconds each call may take, in the format of IBM CSM: whole seconds from ${MINIMUM_TIMEOUT_SECONDS}. Keys with a # do not count. A call that is not named has the time of its table: those here, ${DEFAULT_TIMEOUT_SECONDS} where nothing else is said, none for streams that go on. Names are ours or those of IBM CSM, in any case.`,
    '#in force':
      'where csm.api_configuration_file names it: at the daemon where a call enters, which carries what is left of the time to the master and the nodes. csmd --check says what is wrong in it, SIGHUP reads it again.',
    ...Object.fromEntries(
      rows.map((row): [string, number] => [row.name, row.timeoutSeconds]).sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  });
}

const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
