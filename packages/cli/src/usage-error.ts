/** What commander refuses, as a problem with a code and the nearest known word. */
import { type Code, CsmError, code, problem } from '@csm/model';
import type { Command, CommanderError } from 'commander';
import { didYouMean } from './given.ts';
import { printable } from './text.ts';

/** Help or the version was shown; all is well. */
export class Shown extends Error {}

const CODES: { readonly [name: string]: Code } = {
  'commander.missingArgument': code.MISSING_PARAMETER,
  'commander.missingMandatoryOptionValue': code.MISSING_PARAMETER,
  'commander.optionMissingArgument': code.MISSING_PARAMETER,
};

/** Always throws: `Shown`, or a `CsmError` with code 8 or 9. */
export function refuseUsage(error: CommanderError, command: Command): never {
  if (error.exitCode === 0 || error.code === 'commander.help') throw new Shown();
  const said = error.message.replace(/^error: /, '');
  const quoted = /'([^']*)'/.exec(said)?.[1] ?? '';
  const path = fullName(command);
  const words = known(error.code, command);
  const detail = `${printable(reworded(error.code, said))}${didYouMean(quoted, words)}`;
  const field = { 'commander.missingArgument': quoted, 'commander.unknownOption': quoted }[error.code];
  throw new CsmError(
    problem(CODES[error.code] ?? code.INVALID_PARAMETER, detail, {
      ...(field === undefined ? {} : { field }),
      allowed: `${hint(error.code, command)}see ${path} --help`,
    }),
  );
}

function reworded(kind: string, said: string): string {
  const name = /'([^']*)'/.exec(said)?.[1] ?? '';
  switch (kind) {
    case 'commander.missingArgument':
      return `the argument '${name}' is missing`;
    case 'commander.optionMissingArgument':
      return `the option '${name}' needs a value`;
    case 'commander.excessArguments':
      return said.replace(/\. Expected (\d+) arguments? but got (\d+)\.$/, ': $2 instead of $1');
    default:
      return said;
  }
}

/** What is most often the reason. */
function hint(kind: string, command: Command): string {
  const isTooMuch = kind === 'commander.excessArguments' || kind === 'commander.unknownOption';
  if (isTooMuch && command.usage().includes(' -- ')) return "the program and its options behind '--'; ";
  const takesNodes = command.registeredArguments.some((argument) => argument.name() === 'nodeset');
  return kind === 'commander.excessArguments' && takesNodes ? "one node set, such as 'n1,n2'; " : '';
}

/** What might have been meant. */
function known(kind: string, command: Command): readonly string[] {
  if (kind === 'commander.unknownCommand') return command.commands.map((sub) => sub.name());
  if (kind !== 'commander.unknownOption') return [];
  return ['--help', ...command.options.flatMap(({ long }) => (typeof long === 'string' ? [long] : []))];
}

function fullName(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}
