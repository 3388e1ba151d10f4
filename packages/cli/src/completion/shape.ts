/** The command line as a completion needs it, made from the definitions of the commands. */
import { API } from '@csm/client';
import { ROLES } from '@csm/model';
import { type Argument, type CommandSpec, type Option, optionKey, type Values } from '../command.ts';
import { NOUNS } from '../commands/index.ts';
import { COMMON_OPTIONS } from '../common.ts';
import { optionsOf, summaryOf } from '../program.ts';

/** `=a b` are words to choose from, `*` is free text, anything else a kind that somebody knows the members of. */
export type Offer = `=${string}` | '*' | Exclude<Values, readonly string[]>;

export interface OptionShape {
  /** `-o`, `--output` */
  readonly names: readonly string[];
  readonly help: string;
  /** What follows it; undefined for one that takes nothing, or need not. */
  readonly value: Offer | undefined;
}

export interface CommandShape {
  /** `node list` */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionShape[];
  /** What each place takes. */
  readonly places: readonly Offer[];
  /** The last place goes on. */
  readonly goesOn: boolean;
  readonly takesProgram: boolean;
}

export interface Shape {
  /** Nouns with verbs. */
  readonly nouns: readonly { readonly name: string; readonly summary: string }[];
  readonly commands: readonly CommandShape[];
  /** Options of every command. */
  readonly common: readonly OptionShape[];
}

const HELP: Option = { flags: '-h, --help', help: 'show this help' };

/** By what stands between `<` and `>`, or by the name of an argument. */
const BY_WORD: { readonly [word: string]: Offer } = {
  nodeset: 'nodeset',
  node: 'node',
  file: 'file',
  path: 'file',
  directory: 'directory',
  aggregator: 'aggregator',
  role: `=${ROLES.join(' ')}`,
};

export function commandLine(specs: readonly CommandSpec[]): Shape {
  return {
    nouns: Object.entries(NOUNS).map(([name, summary]) => ({ name, summary })),
    commands: specs.map((spec) => ({
      name: spec.path.join(' '),
      summary: summaryOf(spec),
      options: optionsOf(spec).map((option) => optionShape(option, spec)),
      places: spec.arguments.map((argument) => placeOffer(argument, spec)),
      goesOn: spec.arguments.at(-1)?.many === true,
      takesProgram: spec.takesProgram === true,
    })),
    common: [...COMMON_OPTIONS, HELP].map((option) => optionShape(option, undefined)),
  };
}

function optionShape(option: Option, spec: CommandSpec | undefined): OptionShape {
  const names = option.flags.match(/(?<![\w-])--?[a-z][a-z0-9-]*/gi) ?? [];
  const word = /<([\w-]+)(?:\.\.\.)?>/.exec(option.flags)?.[1];
  const value = word === undefined ? undefined : offer(option.values, optionKey(option.flags), word, spec);
  return { names, help: option.help, value };
}

const placeOffer = (argument: Argument, spec: CommandSpec): Offer =>
  offer(argument.values, argument.name, argument.name, spec);

/** What was said of it, else the words that the call takes in a field of that name, else what its name means. */
function offer(values: Values | undefined, field: string, word: string, spec: CommandSpec | undefined): Offer {
  if (typeof values === 'string') return values;
  if (values !== undefined) return `=${values.join(' ')}`;
  const words = wordsOf(spec, field);
  return words.length > 0 ? `=${words.join(' ')}` : (BY_WORD[word] ?? '*');
}

/** `'a' | 'b'` of the API table. */
function wordsOf(spec: CommandSpec | undefined, name: string): readonly string[] {
  if (spec?.call === undefined) return [];
  const fields: readonly { readonly name: string; readonly type: string }[] = API[spec.call].fields;
  const type = fields.find((one) => one.name === name)?.type ?? '';
  return /^'[\w.-]+'(?: \| '[\w.-]+')*$/.test(type) ? (type.match(/[\w.-]+/g) ?? []) : [];
}
