/** What a command is: everything that its parsing, its help and its page in the reference are made from. */
import type { ApiTypes } from '@csm/client';
import type { Code } from '@csm/model';
import type { Session } from './session.ts';

export interface Argument {
  readonly name: string;
  readonly required: boolean;
  readonly help: string;
}

export interface Option {
  /** As commander reads it, such as `--deadline <seconds>`. */
  readonly flags: string;
  readonly help: string;
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
  /** For a command that makes no call, or does something else with its answer. */
  readonly summary?: string;
  /** When one wants it, and what to know. Markdown, read as plain text in help. */
  readonly purpose: string;
  readonly examples: readonly Example[];
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
  help: `${what} such as n[001-128],login1${required ? '' : '; all nodes when left out'}`,
});

/** `csm node list` */
export const commandName = (spec: CommandSpec): string => ['csm', ...spec.path].join(' ');
