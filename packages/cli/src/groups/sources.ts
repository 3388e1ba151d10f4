/**
 * Every source of groups that `csm` knows, in the order in which a name is looked for:
 *
 * - `csm`: our own file, /etc/csm/groups.cfg (CSM_GROUPS names another);
 * - `genders`: /etc/genders (GENDERS names another);
 * - what the site has defined for ClusterShell;
 * - `state`, `agg`, `rack`, `profile`, `role`: computed by the master, where the site has no source of that name.
 *
 * A group without a source is the first of: one of `csm`, one of ClusterShell's default source, one of `genders`. `@*` are
 * the nodes of the group `all` of `csm`, else all of ClusterShell's default source, of `genders`, or that the master knows.
 */
import { existsSync } from 'node:fs';
import { code, fail } from '@csm/model';
import { ALL, compareNames, type FoundGroup, type GroupName, type GroupResolver, groupText } from '@csm/nodeset';
import { didYouMean } from '../given.ts';
import type { Session } from '../session.ts';
import { openClusterShell } from './clustershell.ts';
import { COMPUTED, computedSource } from './computed.ts';
import { readSmall } from './file.ts';
import { readFlat } from './flat.ts';
import { readGenders } from './genders.ts';
import { type Groups, type Source, tableSource } from './source.ts';

const OWN_FILE = '/etc/csm/groups.cfg';
const GENDERS_FILE = '/etc/genders';
/** Groups named when one is not known. */
const NAMED_MAX = 20;

export class Sources implements GroupResolver {
  readonly #session: Session;
  readonly #own: Source | undefined;
  readonly #genders: Source | undefined;
  #site: ReturnType<typeof openClusterShell> | undefined;

  /** Reads our own file and the genders at once. Throws code 9 for what is not understood. */
  constructor(session: Session) {
    this.#session = session;
    const { env } = session.io;
    this.#own = fileSource('csm', env['CSM_GROUPS'], OWN_FILE, readFlat);
    this.#genders = fileSource('genders', env['GENDERS'], GENDERS_FILE, readGenders);
  }

  /** All sources, by the order above. */
  all(): readonly Source[] {
    const fixed = [this.#own, this.#genders].filter((source) => source !== undefined);
    const names = new Set(fixed.map(({ name }) => name));
    const site = [...this.#clusterShell().sources.values()].filter(({ name }) => !names.has(name));
    for (const { name } of site) names.add(name);
    const computed = COMPUTED.filter((name) => !names.has(name)).map((name) => computedSource(this.#session, name));
    return [...fixed, ...site, ...computed];
  }

  /** Throws code 9 for a source that there is not. */
  source(name: string): Source {
    if (name === this.#own?.name) return this.#own;
    if (name === this.#genders?.name) return this.#genders;
    const all = this.all();
    const names = all.map((one) => one.name);
    return (
      all.find((one) => one.name === name) ??
      fail(code.INVALID_PARAMETER, `there is no source of groups '${name}'${didYouMean(name, names)}`, {
        field: 'nodeset',
        allowed: names.join(', '),
      })
    );
  }

  /** Where groups without a source are looked for. */
  defaults(): readonly Source[] {
    const { default: chosen, sources } = this.#clusterShell();
    if (chosen !== undefined && !sources.has(chosen))
      fail(code.INVALID_PARAMETER, `the default source '${chosen}' of groups.conf is not defined`, {
        field: 'default',
        allowed: [...sources.keys()].join(', '),
      });
    const site = chosen === undefined ? undefined : sources.get(chosen);
    return [this.#own, site, this.#genders].filter((source) => source !== undefined);
  }

  async find(name: GroupName): Promise<FoundGroup> {
    const asked = name.source !== undefined ? [this.source(name.source)] : await this.#defaultsFor(name.group);
    for (const source of asked) {
      const found = await source.find(name.group);
      if (found !== undefined) return { ...found, source: source.name };
    }
    return this.#unknown(name, asked);
  }

  async #defaultsFor(group: string): Promise<readonly Source[]> {
    if (group !== ALL) return this.defaults();
    const hasAll = (await this.#own?.list())?.includes('all') === true;
    const others = this.defaults().filter((source) => hasAll || source !== this.#own);
    return [...others, computedSource(this.#session, 'role')];
  }

  async #unknown(name: GroupName, asked: readonly Source[]): Promise<never> {
    const lists = await Promise.all(asked.map((source) => source.list()));
    const known = [...new Set(lists.flatMap((names) => names ?? []))].sort(compareNames);
    const where = asked.map(({ from }) => from).join(', ');
    const shown =
      known.slice(0, NAMED_MAX).join(', ') + (known.length > NAMED_MAX ? ` and ${known.length - NAMED_MAX} more` : '');
    return fail(
      code.INVALID_PARAMETER,
      asked.length === 0
        ? `there is no group ${groupText(name)}: no source of groups is set up`
        : `there is no group ${groupText(name)} in ${where}${didYouMean(name.group, known)}`,
      {
        field: 'nodeset',
        allowed:
          shown !== '' ? shown : `groups of ${OWN_FILE}, ${GENDERS_FILE} or ClusterShell, or such as @state:IN_SERVICE`,
      },
    );
  }

  #clusterShell(): ReturnType<typeof openClusterShell> {
    this.#site ??= openClusterShell(this.#session.io.env, this.#session.io.interrupt);
    return this.#site;
  }
}

/** A file that was named must be there; the usual one need not. */
function fileSource(
  name: string,
  named: string | undefined,
  usual: string,
  read: (text: string, file: string) => Groups,
): Source | undefined {
  const file = named === undefined || named === '' ? usual : named;
  if (file === usual && !existsSync(file)) return undefined;
  return tableSource(name, file, read(readSmall(file), file));
}
