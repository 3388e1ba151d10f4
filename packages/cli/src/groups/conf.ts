/** ClusterShell's groups.conf: which sources there are, and the commands that answer for them. */
import { isSourceName } from '@csm/nodeset';
import { faulty } from './source.ts';

export interface SourceConf {
  readonly name: string;
  /** Where the section begins: `/etc/clustershell/groups.conf:12` */
  readonly where: string;
  /** Command templates. */
  readonly map: string;
  readonly all?: string;
  readonly list?: string;
  readonly reverse?: string;
}

export interface GroupsConf {
  readonly default?: string;
  /** Further files *.conf like this one, and group files; as written, `$CFGDIR` not yet put in. */
  readonly confdir: readonly string[];
  readonly autodir: readonly string[];
  readonly sources: readonly SourceConf[];
}

const MAIN_KEYS = ['default', 'confdir', 'groupsdir', 'autodir'];
const SOURCE_KEYS = ['map', 'all', 'list', 'reverse', 'cache_time'];

interface Section {
  readonly name: string;
  readonly line: number;
  readonly values: Map<string, { text: string; readonly line: number }>;
}

/** Reads the INI of Python's ConfigParser, without its interpolation, as ClusterShell does. Throws code 9. */
export function readConf(text: string, file: string): GroupsConf {
  const all = sections(text, file);
  const main = all.find(({ name }) => name.toLowerCase() === 'main');
  const words = (key: string): readonly string[] => {
    const value = main?.values.get(key)?.text ?? '';
    return (value.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));
  };
  const chosen = main?.values.get('default')?.text;
  return {
    ...(chosen === undefined || chosen === '' ? {} : { default: chosen }),
    confdir: [...words('confdir'), ...words('groupsdir')],
    autodir: words('autodir'),
    sources: all.filter((section) => section !== main).flatMap((section) => sourcesOf(section, file)),
  };
}

/** A section may define several sources that differ by `$SOURCE` only. */
function sourcesOf({ name, line, values }: Section, file: string): SourceConf[] {
  const map = values.get('map')?.text;
  if (map === undefined || map === '')
    return faulty(file, line, `the source [${name}] has no 'map'`, 'map: a command that prints the nodes of $GROUP');
  const more = Object.fromEntries(
    ['all', 'list', 'reverse'].flatMap((key) => {
      const command = values.get(key)?.text ?? '';
      return command === '' ? [] : [[key, command]];
    }),
  );
  return name.split(',').map((one) => {
    const source = one.trim();
    if (!isSourceName(source))
      faulty(file, line, `'${source.slice(0, 80)}' cannot name a source`, "letters, digits, '_', '.' and '-'");
    return { name: source, where: `${file}:${line}`, map, ...more };
  });
}

function sections(text: string, file: string): Section[] {
  const found: Section[] = [];
  let current: Section | undefined;
  let last: { text: string } | undefined;
  for (const [i, raw] of text.split('\n').entries()) {
    const line = i + 1;
    const content = raw.replace(/\r$/, '');
    if (/^\s*(?:[#;].*)?$/.test(content)) continue;
    if (/^\s/.test(content)) {
      if (last === undefined) return faulty(file, line, 'an indented line continues nothing', 'key: value');
      last.text += `\n${content.trim()}`;
      continue;
    }
    const header = /^\[([^\]]+)\]\s*(?:[#;].*)?$/.exec(content)?.[1];
    if (header !== undefined) {
      if (found.some(({ name }) => name === header))
        faulty(file, line, `[${header}] stands twice`, 'each section once');
      current = { name: header, line, values: new Map() };
      last = undefined;
      found.push(current);
      continue;
    }
    const [, key, value = ''] = /^([^:=\s][^:=]*?)\s*[:=]\s*(.*)$/.exec(content) ?? [];
    if (key === undefined)
      return faulty(file, line, `'${content.slice(0, 80)}' is not understood`, '[section] or key: value');
    if (current === undefined)
      return faulty(file, line, `'${key}' stands in no section`, 'a section such as [Main] before it');
    const known = current.name.toLowerCase() === 'main' ? MAIN_KEYS : SOURCE_KEYS;
    const low = key.toLowerCase();
    if (!known.includes(low))
      faulty(file, line, `[${current.name}] has no setting '${key.slice(0, 80)}'`, known.join(', '));
    const entry = { text: value.trim(), line };
    current.values.set(low, entry);
    last = entry;
  }
  return found;
}

/** Puts `$GROUP`, `$NODE`, `$SOURCE` and `$CFGDIR` in; `$$` is a dollar sign, and any other `$` is the shell's. */
export function fillIn(template: string, values: { readonly [name: string]: string }): string {
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (all, braced?: string, plain?: string) =>
    all === '$$' ? '$' : (values[braced ?? plain ?? ''] ?? all),
  );
}
