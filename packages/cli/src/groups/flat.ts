/** Files of lines `name: nodeset`, such as our own groups.cfg and ClusterShell's local.cfg. */
import { GROUP_RULE, isGroupName } from '@csm/nodeset';
import { faulty, type Groups, GroupsBuilder } from './source.ts';

const RULE = "lines such as 'gpu: n[001-016]', and comments that begin with '#'";

/** `#` begins a comment at the start of a line or behind a blank. Throws code 9. */
export function readFlat(text: string, file: string): Groups {
  const builder = new GroupsBuilder();
  for (const [i, line] of text.split('\n').entries()) {
    const said = line.replace(/(?:^|\s)#.*$/, '').trim();
    if (said === '') continue;
    const [, name, nodes] = /^([^\s:]+)\s*:\s*(.*)$/.exec(said) ?? [];
    if (name === undefined || nodes === undefined)
      return faulty(file, i + 1, `'${said.slice(0, 80)}' is no definition of a group`, RULE);
    if (!isGroupName(name)) faulty(file, i + 1, `'${name.slice(0, 80)}' cannot name a group`, GROUP_RULE);
    builder.add(name, { text: nodes, where: `${file}:${i + 1}` });
  }
  return builder.groups;
}
