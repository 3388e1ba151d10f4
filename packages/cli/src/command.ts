/** What a command is: everything that its parsing, its help and its page in the reference are made from. */
import type { ApiTypes } from '@csm/client';
import type { Code } from '@csm/model';
import type { Session } from './session.ts';

/** Words to choose from, or a source of them. */
export type Values = readonly string[] | 'node' | 'nodeset' | 'group' | 'source' | 'aggregator' | 'file' | 'directory';

export interface Argument {
  readonly name: string;
  readonly required: boolean;
  readonly help: string;
  /** The last one may take several words, which are given with blanks between. */
  readonly many?: true;
  /** Default: `nodeset` for an argument of that name, `node` for one named `node`, else nothing is offered. */
  readonly values?: Values;
}

export interface Option {
  /** As commander reads it, such as `--deadline <seconds>`. */
  readonly flags: string;
  readonly help: string;
  /** What may stand there, for completion: words, or what the cluster knows of. Default: nothing is offered. */
  readonly values?: Values;
}

export interface Example {
  readonly title: string;
  /** One line for a POSIX shell, beginning with `csm`. */
  readonly line: string;
  /** How it may end on a cluster where all is well; default with 0. */
  readonly exits?: readonly number[];
}

export interface Given {
  /** By the names of `arguments`; those not given are absent. */
  readonly arguments: { readonly [name: string]: string };
  /** What stood behind `--`; absent when there was no `--`. */
  readonly behind: readonly string[] | undefined;
  /** By the long name in camel case. */
  readonly options: { readonly [name: string]: unknown };
}

export interface CommandSpec {
  /** `['node', 'list']` */
  readonly path: readonly string[];
  readonly arguments: readonly Argument[];
  /** The command takes a program and its arguments behind `--`. */
  readonly takesProgram?: true;
  readonly options: readonly Option[];
  /** The call it makes; its summary and its codes are told with the command. */
  readonly call?: keyof ApiTypes;
  /** Further calls it makes. */
  readonly also?: readonly (keyof ApiTypes)[];
  /** For a command that makes no call, or does something else with its answer. */
  readonly summary?: string;
  /** When one wants it, and what to know. Markdown, read as plain text in help. */
  readonly purpose: string;
  readonly examples: readonly Example[];
  /**
   * It changes nodes: it takes `--yes` and `--dry-run`, and is not begun for more nodes than CSM_CONFIRM before somebody
   * said yes. That is done before it runs, by its argument `nodeset`; `itself`: it learns of its nodes otherwise, and calls
   * `confirmed` of confirm.ts itself before it changes anything.
   */
  readonly changesNodes?: true | 'itself';
  /** What exit codes mean here, beyond what the codes themselves say. */
  readonly exits?: readonly (readonly [number, string])[];
  /** Codes of a command that makes no call. */
  readonly codes?: readonly Code[];
  /** Resolves with the exit code; throws a `CsmError` for it otherwise. */
  readonly run: (session: Session, given: Given) => Promise<number>;
}

export const nodesetArgument = (required: boolean, what = 'node set'): Argument => ({
  name: 'nodeset',
  required,
  help: `${what} such as n[001-128],login1 or @rack:r1${required ? '' : '; all nodes when left out'}`,
});

/** What an argument's place takes, as help shows it: `<nodeset>`, `[source]`, `[expression...]` */
export const placeOf = ({ name, required, many }: Argument): string => {
  const word = many === true ? `${name}...` : name;
  return required ? `<${word}>` : `[${word}]`;
};

/** Whether an option takes a node set, in which groups are put as their nodes. */
export const takesNodes = ({ flags, values }: Option): boolean => values === 'nodeset' || flags.endsWith('<nodeset>');

/** The name under which an option is given: `dryRun` of `--dry-run`, `header` of `--no-header`. */
export function optionKey(flags: string): string {
  const long = /--(?:no-)?([a-z][a-z0-9-]*)/.exec(flags)?.[1] ?? '';
  return long.replace(/-([a-z0-9])/g, (_all, c: string) => c.toUpperCase());
}

/** `csm node list` */
export const commandName = (spec: CommandSpec): string => ['csm', ...spec.path].join(' ');
