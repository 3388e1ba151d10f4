/**
 * Which components GET State/Components is asked for, and which of their fields: repeated parameters are alternatives,
 * `!` before a value leaves out what has it. Pure.
 */
import type { HsmTerm } from '../store/queries.ts';
import type { HsmComponent } from '../types.ts';
import { typeNamed, xnameOf } from '../xname/index.ts';
import { refuse } from './fields.ts';
import { normaliseFlag, normaliseState } from './rules.ts';
import { normaliseArch, normaliseClass, normaliseRole, normaliseSubRole } from './words.ts';

type Field = keyof HsmComponent;

export interface ComponentFilter {
  /** For the database. */
  readonly terms: readonly HsmTerm[];
  /** What remains to be looked at. */
  readonly wants: (component: HsmComponent) => boolean;
  /** The component, or what of it is asked for. */
  readonly shown: (component: HsmComponent) => Partial<HsmComponent>;
}

interface Rule {
  readonly field: Field;
  /** As it is stored; undefined for what is not allowed. */
  readonly read: (text: string) => string | number | boolean | undefined;
  /** What the refusal says it should be. */
  readonly what: string;
  /** An empty value asks for components that have none. */
  readonly mayBeEmpty?: boolean;
}

/** As long lists may be; each value costs a comparison. */
const VALUES_MAX = 1_000;

const argument = (kind: string): string => `Argument was not a valid ${kind}`;

const RULES: Readonly<Record<string, Rule>> = {
  id: { field: 'ID', read: xnameOf, what: argument('xname ID') },
  type: { field: 'Type', read: typeNamed, what: argument('HMS Type'), mayBeEmpty: true },
  state: { field: 'State', read: normaliseState, what: argument('HMS State') },
  // Nobody can set it, but a component may have it.
  flag: {
    field: 'Flag',
    read: (text) => (/^unknown$/i.test(text) ? 'Unknown' : normaliseFlag(text)),
    what: argument('HMS Flag'),
  },
  enabled: { field: 'Enabled', read: readBool, what: 'a required argument did not match any valid input' },
  softwarestatus: { field: 'SoftwareStatus', read: (text) => text, what: argument('text'), mayBeEmpty: true },
  role: { field: 'Role', read: normaliseRole, what: argument('HMS Role'), mayBeEmpty: true },
  subrole: { field: 'SubRole', read: normaliseSubRole, what: argument('HMS SubRole'), mayBeEmpty: true },
  subtype: { field: 'Subtype', read: alphanumeric, what: argument('HMS Subtype'), mayBeEmpty: true },
  arch: { field: 'Arch', read: normaliseArch, what: argument('HMS Arch'), mayBeEmpty: true },
  class: { field: 'Class', read: normaliseClass, what: argument('HMS Class'), mayBeEmpty: true },
};

/** What is shown beside ID and Type; the first that is asked for counts. */
const ONLY: readonly (readonly [parameter: string, fields: readonly Field[]])[] = [
  ['stateonly', ['State', 'Flag']],
  ['flagonly', ['Flag']],
  ['roleonly', ['Role', 'SubRole']],
  ['nidonly', ['NID']],
];

/** Throws `Refused` for a value that is none. Parameters that do not stand here are left alone, as smd does. */
export function readFilter(query: URLSearchParams): ComponentFilter {
  const values = new Map<string, string[]>();
  for (const [name, value] of query) {
    const key = name.toLowerCase();
    const known = values.get(key);
    if (known === undefined) values.set(key, [value]);
    else if (known.length < VALUES_MAX) known.push(value);
    else refuse(`bad query param: too many values of ${name}; allowed: ${VALUES_MAX}`);
  }
  const terms: HsmTerm[] = [];
  for (const [name, rule] of Object.entries(RULES)) {
    const given = values.get(name);
    if (given !== undefined) terms.push(termOf(rule, given));
  }
  const nid = readNids(values);
  const isNone = isOutside(values.get('group')) || isOutside(values.get('partition'));
  return {
    terms: [...terms, ...nid.terms],
    wants: isNone ? () => false : nid.wants,
    shown: readShown(values),
  };
}

function termOf({ field, read, what, mayBeEmpty = false }: Rule, given: readonly string[]): HsmTerm {
  const value = (text: string): string | number | boolean =>
    text === '' && mayBeEmpty ? '' : (read(text) ?? refuse(`bad query param: ${what}`));
  const { is, not } = sides(given);
  return {
    field,
    ...(is.length === 0 ? {} : { is: is.map(value) }),
    ...(not.length === 0 ? {} : { not: not.map(value) }),
  };
}

/** Values, and those with `!` before them. */
function sides(given: readonly string[]): { readonly is: readonly string[]; readonly not: readonly string[] } {
  const is = given.filter((text) => !text.startsWith('!'));
  const not = given.filter((text) => text.startsWith('!')).map((text) => text.replace(/^!+/, ''));
  return { is, not };
}

interface NidFilter {
  readonly terms: readonly HsmTerm[];
  readonly wants: (component: HsmComponent) => boolean;
}

/** Single numbers and ranges are alternatives of each other. */
function readNids(values: ReadonlyMap<string, readonly string[]>): NidFilter {
  const { is, not } = sides(values.get('nid') ?? []);
  const starts = (values.get('nid_start') ?? []).map(readNid);
  const ends = (values.get('nid_end') ?? []).map(readNid);
  const ranges = is.map(readNid).map((n): readonly [number, number] => [n, n]);
  for (let i = 0; i < Math.max(starts.length, ends.length); i++) {
    ranges.push([starts[i] ?? 0, ends[i] ?? Number.MAX_SAFE_INTEGER]);
  }
  const terms: HsmTerm[] = not.length === 0 ? [] : [{ field: 'NID', not: not.map(readNid) }];
  if (ranges.length === 0) return { terms, wants: () => true };
  const from = Math.min(...ranges.map(([first]) => first));
  const to = Math.max(...ranges.map(([, last]) => last));
  terms.push({ field: 'NID', from, to });
  const wants = ({ NID }: HsmComponent): boolean =>
    NID !== undefined && ranges.some(([first, last]) => NID >= first && NID <= last);
  return { terms, wants };
}

function readNid(text: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : refuse('bad query param: a required argument was not an integer');
}

/** There are no groups and partitions here: every component is outside of all, which `NULL` asks for. */
const isOutside = (names: readonly string[] | undefined): boolean =>
  names !== undefined && !names.some((name) => name.toUpperCase() === 'NULL');

function readShown(values: ReadonlyMap<string, readonly string[]>): ComponentFilter['shown'] {
  const only = ONLY.find(([name]) => readBool(values.get(name)?.[0] ?? '') === true);
  if (only === undefined) return (component) => component;
  const fields: readonly Field[] = ['ID', 'Type', ...only[1]];
  return (component) =>
    Object.fromEntries(Object.entries(component).filter(([name]) => fields.includes(name as Field)));
}

function readBool(text: string): boolean | undefined {
  if (/^(1|t|true)$/i.test(text)) return true;
  return /^(0|f|false)$/i.test(text) ? false : undefined;
}

function alphanumeric(text: string): string | undefined {
  return /^[0-9a-z_-]{1,256}$/i.test(text) ? text : undefined;
}
