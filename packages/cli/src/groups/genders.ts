/** The genders database: a line names nodes and their attributes; a group is an attribute, or an attribute with a value. */
import { ALL, GROUP_RULE, isGroupName, NodeSet } from '@csm/nodeset';
import { type Definition, faulty, type Groups, GroupsBuilder } from './source.ts';

const RULE = "lines such as 'n[1-16] compute,rack=r1', with comments behind '#'";

/** `%n` in a value is the name of the node, `%%` a percent sign. Throws code 9. */
export function readGenders(text: string, file: string): Groups {
  const builder = new GroupsBuilder();
  for (const [i, line] of text.split('\n').entries()) {
    const said = line.replace(/#.*$/, '').trim();
    if (said === '') continue;
    const [nodes = '', attributes = '', ...more] = said.split(/\s+/);
    if (more.length > 0)
      faulty(file, i + 1, `'${more[0]}' is too much: attributes have commas between and no blanks`, RULE);
    const set = NodeSet.tryParse(nodes);
    if (!set.ok) return faulty(file, i + 1, set.error.detail, set.error.allowed ?? RULE);
    const where = `${file}:${i + 1}`;
    builder.add(ALL, { text: nodes, where });
    for (const attribute of attributes.split(',').filter((one) => one !== '')) {
      const [name = ''] = attribute.split('=');
      if (!isGroupName(name)) faulty(file, i + 1, `'${name.slice(0, 80)}' cannot name a group`, GROUP_RULE);
      builder.add(name, { text: nodes, where });
      if (attribute !== name) addValues(builder, attribute, set.value, { text: nodes, where });
    }
  }
  return builder.groups;
}

/** A value that no node set can name, such as text with blanks or quotes, makes no group of its own. */
function addValues(builder: GroupsBuilder, attribute: string, nodes: NodeSet, definition: Definition): void {
  const value = (node: string): string => attribute.replace(/%[n%]/g, (found) => (found === '%n' ? node : '%'));
  if (value('') === value('x')) {
    if (isGroupName(value(''))) builder.add(value(''), definition);
    return;
  }
  for (const node of nodes)
    if (isGroupName(value(node))) builder.add(value(node), { text: node, where: definition.where });
}
