import { quote } from './limits.ts';
import { countNames, expandPattern, type Pattern } from './pattern.ts';

/** A group as it is written: `@rack1`, `@genders:compute`, `@*`. */
export interface GroupName {
  /** Where it is looked up; undefined is for the resolver to choose. */
  readonly source: string | undefined;
  /** `*` are all nodes of the source. */
  readonly group: string;
}

/** All nodes of a source. */
export const ALL = '*';

/** Groups that brackets of one operand may spell out: `@rack[1-100]`. */
const SPELLED_MAX = 1000;

const SOURCE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
// Nothing here means anything to a shell: names are put into the commands of a site's own group sources.
const GROUP = /^[A-Za-z0-9_][A-Za-z0-9_.=+/%:-]{0,254}$/;

/** What `isSourceName` and `isGroupName` accept, in words. */
export const GROUP_RULE =
  "a group is named by 1 to 255 letters, digits and characters of _ . = + / % : -, a source by at most 64 of letters, digits, '_', '.' and '-'; both begin with a letter, digit or '_'; '@*' are all nodes";

export const isSourceName = (text: string): boolean => SOURCE.test(text);
export const isGroupName = (text: string): boolean => GROUP.test(text);

/** `@genders:compute` */
export const groupText = ({ source, group }: GroupName): string =>
  `@${source === undefined ? '' : `${source}:`}${group}`;

/** The groups that an operand behind `@` names, each once. */
export function groupsOf(pattern: Pattern, refuse: (what: string, allowed: string) => never): readonly GroupName[] {
  const count = countNames(pattern);
  if (count > SPELLED_MAX) refuse(`${count} groups are spelled out`, `at most ${SPELLED_MAX} groups`);
  return [...new Set(expandPattern(pattern))].map((name) => {
    const colon = name.indexOf(':');
    const source = colon < 0 ? undefined : name.slice(0, colon);
    const group = name.slice(colon + 1);
    const isGood = (source === undefined || isSourceName(source)) && (group === ALL || isGroupName(group));
    return isGood ? { source, group } : refuse(`${quote(`@${name}`)} is not a group`, GROUP_RULE);
  });
}
