/** The sources that a site has defined for ClusterShell: by commands in groups.conf, and by group files. */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { CsmError, code } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { fillIn, type GroupsConf, readConf, type SourceConf } from './conf.ts';
import { readSmall } from './file.ts';
import { readFlat } from './flat.ts';
import { type Definition, type Source, tableSource } from './source.ts';
import { upcall } from './upcall.ts';
import { readYaml } from './yaml.ts';

export interface ClusterShell {
  /** The source of groups without a source. */
  readonly default: string | undefined;
  readonly sources: ReadonlyMap<string, Source>;
}

type Env = { readonly [name: string]: string | undefined };

/** Directories of its configuration, the least important first. CLUSTERSHELL_CFGDIR stands in for the first of them. */
export function configDirs(env: Env, home: string = homedir()): readonly string[] {
  const own = env['XDG_CONFIG_HOME'] ?? '';
  const system = env['CLUSTERSHELL_CFGDIR'] ?? '';
  return [
    system === '' ? '/etc/clustershell' : system,
    join(home, '.local/etc/clustershell'),
    join(own === '' ? join(home, '.config') : own, 'clustershell'),
  ];
}

const AUTODIRS = ['$CFGDIR/groups.d'];
const CONFDIRS = ['$CFGDIR/groups.conf.d'];

/**
 * Reads all there is; nothing is run. A source defined later takes the place of one of its name; commands come before
 * group files. Throws code 9 with file and line for what is not understood.
 */
export function openClusterShell(env: Env, signal?: AbortSignal): ClusterShell {
  const sources = new Map<string, Source>();
  const commands = new Map<string, Source>();
  let chosen: string | undefined;
  for (const dir of configDirs(env)) {
    const file = join(dir, 'groups.conf');
    const conf = existsSync(file) ? readConf(readSmall(file), file) : undefined;
    chosen = conf?.default ?? chosen;
    const places = (given: readonly string[] | undefined, otherwise: readonly string[]): readonly string[] =>
      (given === undefined || given.length === 0 ? otherwise : given)
        .map((place) => fillIn(place, { CFGDIR: dir }))
        .map((place) => (isAbsolute(place) ? place : join(dir, place)));
    for (const place of places(conf?.autodir, AUTODIRS)) addFiles(place, sources);
    addCommands(conf, file, commands, signal);
    for (const place of places(conf?.confdir, CONFDIRS)) {
      for (const more of filesOf(place, '.conf')) addCommands(readConf(readSmall(more), more), more, commands, signal);
    }
  }
  for (const [name, source] of commands) sources.set(name, source);
  return { default: chosen ?? (sources.has('local') ? 'local' : undefined), sources };
}

function filesOf(dir: string, ending: string): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith(ending) && !name.startsWith('.'))
    .sort()
    .map((name) => join(dir, name));
}

function addFiles(dir: string, into: Map<string, Source>): void {
  for (const file of filesOf(dir, '.cfg')) {
    const name = basename(file, '.cfg');
    into.set(name, tableSource(name, file, readFlat(readSmall(file), file)));
  }
  for (const file of filesOf(dir, '.yaml')) {
    for (const [name, groups] of readYaml(readSmall(file), file)) into.set(name, tableSource(name, file, groups));
  }
}

function addCommands(
  conf: GroupsConf | undefined,
  file: string,
  into: Map<string, Source>,
  signal: AbortSignal | undefined,
): void {
  for (const source of conf?.sources ?? []) into.set(source.name, commandSource(source, dirname(file), signal));
}

/** Answers are kept: a command runs once for each question. */
export function commandSource(conf: SourceConf, dir: string, signal?: AbortSignal): Source {
  const answers = new Map<string, Promise<string>>();
  const ask = (key: keyof SourceConf, template: string, more: { readonly [name: string]: string }): Promise<string> => {
    const command = fillIn(template, { ...more, SOURCE: conf.name, CFGDIR: dir });
    let answer = answers.get(command);
    if (answer === undefined) {
      answer = upcall(command, { cwd: dir, where: `${conf.where} (${key})`, signal });
      answers.set(command, answer);
    }
    return answer;
  };
  const words = (text: string): readonly string[] => [...new Set(text.split(/\s+/).filter((word) => word !== ''))];
  const list = async (): Promise<readonly string[] | undefined> =>
    conf.list === undefined ? undefined : words(await ask('list', conf.list, {}));
  const map = async (group: string): Promise<Definition | undefined> => {
    const text = await ask('map', conf.map, { GROUP: group }).catch(async (error: unknown) => {
      // A command may fail for a group that there is not; only a list can tell.
      const isFailure = error instanceof CsmError && error.code === code.SCRIPT_FAILURE;
      if (isFailure && (await list())?.includes(group) === false) return '';
      throw error;
    });
    // So may no nodes.
    const isKnown = text.trim() !== '' || (await list())?.includes(group) === true;
    return isKnown ? { text: text.trim(), where: `${conf.where} (map)` } : undefined;
  };
  const all = async (): Promise<Definition | undefined> => {
    if (conf.all !== undefined) return { text: (await ask('all', conf.all, {})).trim(), where: `${conf.where} (all)` };
    const names = await list();
    if (names === undefined) return undefined;
    const texts: string[] = [];
    for (const name of names) texts.push((await map(name))?.text ?? '');
    return { text: texts.join(' '), where: conf.where };
  };
  const { reverse } = conf;
  return {
    name: conf.name,
    from: conf.where,
    list,
    find: (group) => (group === '*' ? all() : map(group)),
    ...(reverse === undefined
      ? {}
      : {
          reverse: async (node: string) =>
            words(await ask('reverse', reverse, { NODE: NodeSet.of([node]).toString() })),
        }),
  };
}
