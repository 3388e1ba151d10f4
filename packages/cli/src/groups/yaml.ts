/**
 * ClusterShell's group files in YAML, in the form its manual shows: sources, in each its groups, and for each group a
 * node set or a list of them. What YAML has beyond that (anchors, tags, texts over several lines) is refused by line.
 */
import { GROUP_RULE, isGroupName, isSourceName } from '@csm/nodeset';
import { faulty, type Groups, GroupsBuilder } from './source.ts';

const RULE = "a source such as 'racks:', and indented below it groups such as 'r1: n[1-16]' or a list of node sets";

/** A group that may go on as a list in the next lines. */
interface Open {
  readonly group: string;
  readonly indent: number;
}

/** Source → its groups. Throws code 9 with file and line. */
export function readYaml(text: string, file: string): ReadonlyMap<string, Groups> {
  const sources = new Map<string, GroupsBuilder>();
  let source: GroupsBuilder | undefined;
  let groupIndent = 0;
  let open: Open | undefined;
  for (const [i, raw] of text.split('\n').entries()) {
    const line = i + 1;
    const where = `${file}:${line}`;
    const bad = (what: string, allowed = RULE): never => faulty(file, line, what, allowed);
    const content = raw.replace(/\r$/, '');
    if (/^\s*(?:#.*)?$/.test(content) || /^(?:---|\.\.\.)\s*(?:#.*)?$/.test(content)) continue;
    const indent = /^ */.exec(content)?.[0].length ?? 0;
    const said = content.slice(indent).trimEnd();
    if (said.startsWith('\t')) bad('a tab stands before the text', 'blanks');
    if (said === '-' || said.startsWith('- ')) {
      if (open === undefined || source === undefined || indent < open.indent)
        return bad('a list stands below no group');
      source.add(open.group, { text: scalar(said.slice(1).trim(), bad), where });
      continue;
    }
    const [, key = '', rest = ''] =
      /^((?:'[^']*'|"[^"]*"|[^\s'"#:[\]{},&*!|>%@`][^\s:]*(?::[^\s:]+)*))\s*:(?:\s+(.*))?$/.exec(said) ??
      bad(`'${said.slice(0, 80)}' is not understood`);
    const name = key.replace(/^(['"])(.*)\1$/, '$2');
    const value = rest.replace(/^#.*$/, '');
    if (indent === 0) {
      if (!isSourceName(name)) bad(`'${name.slice(0, 80)}' cannot name a source`, GROUP_RULE);
      if (value !== '' && !/^(?:\{\s*\}|null|~)$/.test(value)) bad(`the source '${name}' has a value`);
      source = sources.get(name) ?? new GroupsBuilder();
      sources.set(name, source);
      open = undefined;
      groupIndent = 0;
      continue;
    }
    if (source === undefined) return bad('a group stands in no source');
    if (groupIndent === 0) groupIndent = indent;
    if (indent !== groupIndent) bad('groups of a source are indented alike', `${groupIndent} blanks, as the first`);
    if (!isGroupName(name)) bad(`'${name.slice(0, 80)}' cannot name a group`, GROUP_RULE);
    for (const nodes of values(value, bad)) source.add(name, { text: nodes, where });
    open = value === '' ? { group: name, indent } : undefined;
  }
  return new Map([...sources].map(([name, { groups }]) => [name, groups]));
}

type Bad = (what: string, allowed?: string) => never;

/** A scalar, or a list in brackets. Nothing at all is an empty group, unless a list follows. */
function values(text: string, bad: Bad): readonly string[] {
  if (!text.startsWith('[')) return [scalar(text, bad)];
  const inner = /^\[(.*)\]\s*(?:#.*)?$/.exec(text)?.[1] ?? bad(`'${text.slice(0, 80)}' does not end with ']'`);
  if (inner.trim() === '') return [''];
  const item = /\s*('(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[^\s,[\]{}'"#][^,[\]{}#]*?)\s*(?:,|$)/y;
  const items: string[] = [];
  while (item.lastIndex < inner.length) {
    const [, found] =
      item.exec(inner) ??
      bad(
        `'${text.slice(0, 80)}' is not understood`,
        "a list such as ['n[1-4]', n7]: what has brackets stands in quotes",
      );
    items.push(scalar(found ?? '', bad));
  }
  return items;
}

function scalar(text: string, bad: Bad): string {
  const quoted = /^('(?:[^']|'')*'|"(?:[^"\\]|\\.)*")\s*(?:#.*)?$/.exec(text)?.[1];
  if (quoted?.startsWith("'")) return quoted.slice(1, -1).replaceAll("''", "'");
  if (quoted !== undefined) return unescaped(quoted, bad);
  const plain = text.replace(/(?:^|\s)#.*$/, '').trim();
  if (/^(?:null|~)?$/.test(plain)) return '';
  if (/^[@&*!|>%`'"{}[\],?]/.test(plain) || /:(?:\s|$)/.test(plain))
    return bad(`'${plain.slice(0, 80)}' is not understood`, `a node set; in quotes when it begins with ${plain[0]}`);
  return plain;
}

/** Of the escapes of YAML those that JSON has too. */
function unescaped(quoted: string, bad: Bad): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return bad(`${quoted.slice(0, 80)} is not understood`, 'text in quotes, with the escapes of JSON');
  }
}
