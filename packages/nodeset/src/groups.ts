import { CsmError, code, problem } from '@csm/model';
import { type GroupName, groupText } from './group-name.ts';
import { NODESET_TEXT_MAX, refuse } from './limits.ts';
import { NodeSet, type ParseOptions } from './node-set.ts';
import { groupNames } from './parse.ts';

/** What a source says a group is. */
export interface FoundGroup {
  /** The source it was found in: groups that the text names without a source are looked up there. */
  readonly source: string;
  /** A node set, which may name further groups. */
  readonly text: string;
  /** Where it is defined, for errors: `/etc/csm/groups.cfg:12`. */
  readonly where: string;
}

/**
 * Knows groups. It is asked once for each group of an expression, never twice at a time. Rejects with a `CsmError` that
 * names the group for one that it does not know: a group that is known and empty has an empty text.
 */
export interface GroupResolver {
  find(name: GroupName): Promise<FoundGroup>;
}

/** Groups within groups within groups. */
export const GROUP_DEPTH_MAX = 16;
/** Groups looked up for one expression. */
export const GROUPS_MAX = 4096;
/** Characters of one group's definition. */
export const GROUP_TEXT_MAX = 4 * 1024 * 1024;

export const hasGroups = (text: string): boolean => text.includes('@');

/**
 * A node set that may name groups. Beside what `NodeSet.parse` refuses: groups that contain themselves (the error names
 * the way round), more than `GROUP_DEPTH_MAX` within each other, more than `GROUPS_MAX` in all; code 9, field `nodeset`.
 * A fault within a group's definition is told with where that stands.
 */
export async function parseWithGroups(
  text: string,
  resolver: GroupResolver,
  options: ParseOptions = {},
): Promise<NodeSet> {
  const maxText = options.maxText ?? NODESET_TEXT_MAX;
  return new Lookup(resolver).evaluate(text, maxText, undefined, []);
}

/** One expression being resolved. What was found is kept: a group named a hundred times is asked for once. */
class Lookup {
  readonly #resolver: GroupResolver;
  readonly #found = new Map<string, FoundGroup>();
  readonly #members = new Map<string, NodeSet>();
  /** Errors that say where they come from. */
  readonly #placed = new WeakSet<object>();

  constructor(resolver: GroupResolver) {
    this.#resolver = resolver;
  }

  /** `within` is the source whose definition the text is, `path` the groups around it, outermost first. */
  async evaluate(text: string, maxText: number, within: string | undefined, path: readonly string[]): Promise<NodeSet> {
    const members = new Map<string, ReadonlySet<string>>();
    for (const written of groupNames(text, maxText)) {
      const key = groupText(written);
      if (members.has(key)) continue;
      members.set(key, new Set(await this.#group({ ...written, source: written.source ?? within }, path)));
    }
    const known = (name: GroupName): ReadonlySet<string> =>
      members.get(groupText(name)) ?? refuse(`${groupText(name)} was not looked up`, 'groups that the text names');
    return NodeSet.parse(text, { maxText, members: known });
  }

  async #group(name: GroupName, path: readonly string[]): Promise<NodeSet> {
    const asked = groupText(name);
    const found = this.#found.get(asked) ?? (await this.#find(name, asked));
    // The same group may be written with and without its source.
    const key = groupText({ source: found.source, group: name.group });
    const known = this.#members.get(key);
    if (known !== undefined) return known;
    if (path.includes(key)) {
      const way = [...path.slice(path.indexOf(key)), key].join(' → ');
      this.#refuse(
        `the group ${key} contains itself: ${way} (${found.where})`,
        'groups that do not contain themselves',
      );
    }
    if (path.length >= GROUP_DEPTH_MAX)
      this.#refuse(
        `more than ${GROUP_DEPTH_MAX} groups stand within each other: ${[...path, key].join(' → ')}`,
        `at most ${GROUP_DEPTH_MAX}`,
      );
    const set = await this.evaluate(found.text, GROUP_TEXT_MAX, found.source, [...path, key]).catch((error: unknown) =>
      this.#place(error, `${key} (${found.where})`),
    );
    this.#members.set(key, set);
    return set;
  }

  async #find(name: GroupName, asked: string): Promise<FoundGroup> {
    if (this.#found.size >= GROUPS_MAX)
      refuse(`more than ${GROUPS_MAX} groups are looked up`, `at most ${GROUPS_MAX} for one node set`);
    const found = await this.#resolver.find(name);
    this.#found.set(asked, found);
    return found;
  }
  /** A refusal whose words say where. */
  #refuse(detail: string, allowed: string): never {
    const error = new CsmError(problem(code.INVALID_PARAMETER, detail, { field: 'nodeset', allowed }));
    this.#placed.add(error);
    throw error;
  }

  /** Says in which definition a fault stands; the innermost is enough. */
  #place(error: unknown, where: string): never {
    const isFault = error instanceof CsmError && error.code === code.INVALID_PARAMETER;
    if (!isFault || this.#placed.has(error)) throw error;
    return this.#refuse(`in the group ${where}: ${error.message}`, error.problem.allowed ?? 'a node set');
  }
}
