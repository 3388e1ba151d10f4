/** Groups of nodes that need no file: what the record says of a node puts it into them. */
import type { Handler } from '@csm/api';
import type { MasterPorts } from '@csm/feature';
import { code, fail, type Json, nearest, ROLES } from '@csm/model';
import { compareNames, isGroupName, NodeSet } from '@csm/nodeset';
import type { NodeRecord } from './api-records.ts';
import type { GroupSource } from './groups-api.ts';
import { listNodes } from './records.ts';
import { NODE_STATES } from './states/table.ts';

export interface Group {
  readonly name: string;
  /** Folded. */
  readonly nodes: string;
  readonly count: number;
}

/** Groups named when one is not known. */
const NAMED_MAX = 20;

interface Source {
  /** Groups that there are without any node, too. */
  readonly fixed: (nodes: readonly NodeRecord[]) => readonly string[];
  /** The group of a node; null for none. */
  readonly of: (node: NodeRecord) => string | null;
}

/** A location is free text such as `R07 U12`: where it stands begins it. */
const rackOf = ({ location }: NodeRecord): string | null => location?.split(/[\s,;]/)[0] ?? null;

/** One that serves nobody now, as after it was drained, is still one: by what it is, or by whose reserve it is. */
const aggregatorsOf = (nodes: readonly NodeRecord[]): readonly string[] =>
  nodes.flatMap(({ name, type, secondary_aggregator: reserve }) => {
    if (type === 'aggregator') return [name];
    return type === 'compute' && reserve !== null ? [reserve] : [];
  });

const SOURCES: { readonly [source in GroupSource]: Source } = {
  state: { fixed: () => NODE_STATES, of: ({ state }) => state },
  // Hubs stand in their own records as their hub; whoever names the nodes of an aggregator does not mean it itself.
  agg: { fixed: aggregatorsOf, of: (node) => (node.type === 'compute' ? node.primary_aggregator : null) },
  rack: { fixed: () => [], of: rackOf },
  profile: { fixed: () => [], of: ({ profile }) => profile },
  role: { fixed: () => ROLES, of: ({ type }) => type },
};

/**
 * The groups of a source, or the one that is named, in natural order. What cannot be named in a node set is no group.
 * Throws code 9 for a name that is not known.
 */
export function groupsOf(source: GroupSource, nodes: readonly NodeRecord[], wanted?: string): Group[] {
  const { fixed, of } = SOURCES[source];
  // Words of people: R07 and r07 are one rack, by the name that came first.
  const groups = new Map(fixed(nodes).map((name) => [name.toLowerCase(), { name, names: [] as string[] }]));
  for (const node of nodes) {
    const name = of(node);
    if (name === null || !isGroupName(name)) continue;
    const key = name.toLowerCase();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { name, names: [node.name] });
    else group.names.push(node.name);
  }
  const found = wanted === undefined ? [...groups.values()] : [groups.get(wanted.toLowerCase()) ?? unknown()];
  return found
    .sort((a, b) => compareNames(a.name, b.name))
    .map(({ name, names }) => ({ name, nodes: NodeSet.of(names).toString(), count: names.length }));

  function unknown(): never {
    const known = [...groups.values()].map(({ name }) => name).sort(compareNames);
    const near = nearest(wanted ?? '', known);
    const more = known.length > NAMED_MAX ? ` and ${known.length - NAMED_MAX} more` : '';
    return fail(
      code.INVALID_PARAMETER,
      `there is no group @${source}:${wanted}${near === undefined ? '' : `; did you mean @${source}:${near}?`}`,
      {
        field: 'name',
        allowed:
          known.length === 0
            ? 'none: no node is in such a group yet'
            : `${known.slice(0, NAMED_MAX).join(', ')}${more}`,
      },
    );
  }
}

export const groupHandler =
  (ports: Pick<MasterPorts, 'store' | 'tree'>): Handler<{ source: GroupSource; name?: string }> =>
  async ({ source, name }) =>
    groupsOf(source, await listNodes(ports.store, ports.tree(), undefined, undefined), name) as unknown as Json;
