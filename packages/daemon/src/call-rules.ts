/** The two files about calls: who may make which, and how long each may take. Read at start and anew on SIGHUP. */
import { readFile, stat } from 'node:fs/promises';
import {
  type ApiTable,
  classesOf,
  DEFAULT_POLICY,
  type FileFault,
  groupName,
  type Policy,
  readAcl,
  readTimeouts,
  type TableRow,
} from '@csm/api';
import { ConfigError, type ConfigFault, parseJson } from '@csm/kit';

/** What the configuration says about calls. */
export interface CallSettings {
  readonly api_permission_file: string | undefined;
  readonly api_configuration_file: string | undefined;
  readonly privileged_user_id: readonly string[];
  readonly privileged_group_id: readonly string[];
}

export interface CallRules {
  readonly policy: Policy;
  readonly secondsOf: (row: TableRow) => number;
}

const FILE_MAX = 1024 * 1024;

/** Reads and judges the files. Throws a `ConfigError` with every fault of the first file that has one. */
export async function readCallRules(csm: CallSettings, table: ApiTable): Promise<CallRules> {
  const { api_permission_file: permissions, api_configuration_file: times } = csm;
  const acl =
    permissions === undefined
      ? undefined
      : await read('csm.api_permission_file', permissions, (value) => {
          const { acl, faults } = readAcl(value, table);
          return { result: acl, faults };
        });
  const seconds =
    times === undefined
      ? undefined
      : await read('csm.api_configuration_file', times, (value) => {
          const { seconds, faults } = readTimeouts(value, table);
          return { result: seconds, faults };
        });
  const groups = [...csm.privileged_group_id, ...(acl?.groups ?? [])];
  return {
    policy: {
      ...DEFAULT_POLICY,
      privilegedUsers: [...csm.privileged_user_id, ...(acl?.users ?? [])],
      privilegedGroups: [...new Set([...groups, ...(await namesOf(groups))])],
      ...(acl === undefined ? {} : { classOf: classesOf(acl.classes) }),
    },
    secondsOf: (row) => seconds?.get(row.name) ?? row.timeoutSeconds,
  };
}

/** Callers come with the names of their supplementary groups: a group given by number counts by its name too. */
function namesOf(groups: readonly string[]): Promise<readonly string[]> {
  return Promise.all(groups.filter((group) => /^\d{1,10}$/.test(group)).map((gid) => groupName(Number(gid))));
}

async function read<T>(
  setting: string,
  file: string,
  judge: (value: unknown) => { readonly result: T; readonly faults: readonly FileFault[] },
): Promise<T> {
  const { value, places, faults: syntax } = parseJson(await textOf(setting, file));
  if (value === undefined) throw new ConfigError(file, syntax);
  const { result, faults } = judge(value);
  const all: ConfigFault[] = [...syntax, ...faults.map((fault) => ({ ...fault, ...places.get(fault.key) }))];
  if (all.length === 0) return result;
  throw new ConfigError(
    file,
    all.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)),
  );
}

async function textOf(setting: string, file: string): Promise<string> {
  const refuse = (why: string): never => {
    const allowed = `a readable JSON file of at most ${FILE_MAX} bytes; without the setting the table's own values hold`;
    throw new ConfigError(file, [{ key: setting, value: JSON.stringify(file), allowed, hint: why }]);
  };
  try {
    const found = await stat(file);
    // A pipe would be waited for, a device read for ever.
    if (!found.isFile()) return refuse('it is no file');
    if ((found.mode & 0o002) !== 0) return refuse('everybody may write it, and so make himself an administrator');
    return found.size > FILE_MAX ? refuse(`it has ${found.size} bytes`) : await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return refuse(`it cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
