/** A source of groups, and the kind of it that is a table read from a file. */
import { code, fail } from '@csm/model';
import { ALL } from '@csm/nodeset';
import { printable } from '../text.ts';

export interface Definition {
  /** A node set, which may name groups. */
  readonly text: string;
  /** `/etc/csm/groups.cfg:12` */
  readonly where: string;
}

export interface Source {
  readonly name: string;
  /** The file or what else it comes from, in words. */
  readonly from: string;
  /** undefined for a group that it does not know; `*` are all nodes. */
  find(group: string): Promise<Definition | undefined>;
  /** All its groups; undefined where it cannot tell. */
  list(): Promise<readonly string[] | undefined>;
  /** The groups of a node, where a source has a way of its own to tell. */
  readonly reverse?: (node: string) => Promise<readonly string[]>;
}

/** Group → what each line about it says. */
export type Groups = ReadonlyMap<string, readonly Definition[]>;

/** Several lines about one group add up. */
function joined(definitions: readonly Definition[]): Definition {
  const [first] = definitions;
  return { text: definitions.map(({ text }) => text).join(' '), where: first?.where ?? '' };
}

/** A source that was read whole. `*` is its group `all`, or else everything that is in any group. */
export function tableSource(name: string, from: string, groups: Groups): Source {
  return {
    name,
    from,
    list: async () => [...groups.keys()].filter((group) => group !== ALL),
    find: async (group) => {
      const found = groups.get(group === ALL && groups.has('all') ? 'all' : group);
      if (found !== undefined) return joined(found);
      return group === ALL ? joined([...groups.values()].flat()) : undefined;
    },
  };
}

/** Collects the lines of a file. */
export class GroupsBuilder {
  readonly #groups = new Map<string, Definition[]>();

  add(group: string, definition: Definition): void {
    const known = this.#groups.get(group);
    if (known === undefined) this.#groups.set(group, [definition]);
    else known.push(definition);
  }

  get groups(): Groups {
    return this.#groups;
  }
}

/** Code 9 with file and line. */
export function faulty(file: string, line: number, what: string, allowed: string): never {
  return fail(code.INVALID_PARAMETER, `${printable(file)}:${line}: ${printable(what)}`, { field: file, allowed });
}
