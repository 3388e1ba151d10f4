/** Reads a command line. */
import { API } from '@csm/client';
import { code, fail } from '@csm/model';
import { Command, Option as CommanderOption, type Help } from 'commander';
import { type CommandSpec, commandName, type Given, type Option, placeOf } from './command.ts';
import { loaderOf } from './commands/loaders.ts';
import { COMMON_OPTIONS, DRY_RUN_OPTION, YES_OPTION } from './common.ts';
import { refuseUsage } from './usage-error.ts';
import { VERSION } from './version.ts';

export interface Chosen {
  readonly spec: CommandSpec;
  readonly given: Given;
}

export interface ParseOutput {
  /** Takes help and the version. */
  readonly write: (text: string) => void;
  readonly columns: number;
}

export const summaryOf = (spec: CommandSpec): string =>
  spec.summary ?? (spec.call === undefined ? '' : API[spec.call].summary);

/** Lines of the source are no lines of the text; only an empty line is. */
export const purposeOf = (spec: CommandSpec): string =>
  spec.purpose
    .split('\n\n')
    .map((paragraph) => paragraph.replaceAll('\n', ' '))
    .join('\n\n');

/** The command's own options, and those that follow from what it is. */
export function optionsOf(spec: CommandSpec): readonly Option[] {
  const changesNodes = spec.changesNodes !== undefined;
  const isChange = changesNodes || (spec.call !== undefined && API[spec.call].changes);
  return [...spec.options, ...(changesNodes ? [YES_OPTION] : []), ...(isChange ? [DRY_RUN_OPTION] : [])];
}

/** `[options] <nodeset> -- <command...>` */
export function usageOf(spec: CommandSpec): string {
  const words = spec.arguments.map(placeOf);
  return ['[options]', ...words, ...(spec.takesProgram ? ['--', '<command...>'] : [])].join(' ');
}

/**
 * Finds the command and what was given to it. Throws `Shown` after help was written, a `CsmError` (8 or 9) for what
 * is no command.
 */
export async function parse(argv: readonly string[], output: ParseOutput): Promise<Chosen> {
  // What stands behind `--` is a program's, whatever it looks like.
  const dashes = argv.indexOf('--');
  const behind = dashes < 0 ? undefined : argv.slice(dashes + 1);
  let chosen: Chosen | undefined;
  const root = build(await known(argv), output, (spec, args, options) => {
    chosen = { spec, given: { arguments: args, options, behind } };
  });
  await root.parseAsync(dashes < 0 ? [...argv] : argv.slice(0, dashes), { from: 'user' });
  if (chosen === undefined) return root.help();
  if (behind !== undefined && chosen.spec.takesProgram !== true) {
    fail(code.INVALID_PARAMETER, `${commandName(chosen.spec)} takes nothing behind '--'`, { field: '--' });
  }
  return chosen;
}

type Choose = (spec: CommandSpec, args: Given['arguments'], options: Given['options']) => void;

/** What a line may name: all commands, or the only one that it does. */
interface Known {
  readonly specs: readonly CommandSpec[];
  /** What each noun is about. */
  readonly nouns: { readonly [noun: string]: string };
}

/** Help of a noun, and what to say of a slip, take all commands; most lines begin with the words of one. */
async function known(argv: readonly string[]): Promise<Known> {
  const load = loaderOf(argv);
  if (load !== undefined) return { specs: [await load()], nouns: {} };
  const { allCommands, NOUNS } = await import('./commands/index.ts');
  return { specs: await allCommands(), nouns: NOUNS };
}

function build({ specs, nouns: about }: Known, output: ParseOutput, choose: Choose): Command {
  const root = configure(new Command('csm'), output)
    .description('Asks and commands the cluster through a CSM daemon of this machine.')
    .usage('<noun> <verb> [arguments] [options]')
    .version(VERSION, '--version', 'show the version')
    .enablePositionalOptions();
  addOptions(root, COMMON_OPTIONS, 'Options of every command:');
  root.addHelpText(
    'after',
    `
Exit codes are those of CSM: 0 well, 4 nothing found, 5 time over, 8 something is
missing, 9 something is not allowed, 16 permission denied, 22 no daemon answers;
of several the highest. \`csm <noun> <verb> --help\` tells more, with examples.`,
  );
  const nouns = new Map<string, Command>();
  for (const spec of specs) {
    const [first = '', second] = spec.path;
    if (second === undefined) {
      addCommand(root, spec, output, choose);
      continue;
    }
    let noun = nouns.get(first);
    if (noun === undefined) {
      noun = configure(root.command(first), output).description(`${about[first] ?? first}.`);
      noun.usage('<verb> [arguments] [options]').enablePositionalOptions();
      addOptions(noun, COMMON_OPTIONS, 'Options of every command:');
      nouns.set(first, noun);
    }
    addCommand(noun, spec, output, choose);
  }
  return root;
}

function configure(command: Command, output: ParseOutput): Command {
  return command
    .exitOverride((error) => refuseUsage(error, command))
    .showSuggestionAfterError(false)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .configureOutput({
      writeOut: output.write,
      writeErr: output.write,
      // A refusal is told by whoever catches it.
      outputError: () => undefined,
      getOutHelpWidth: () => output.columns,
      getErrHelpWidth: () => output.columns,
    })
    .configureHelp({ visibleCommands: leaves, subcommandTerm: term, subcommandDescription: (sub) => sub.summary() });
}

/** Help of `csm` shows every command, not only the nouns. */
function leaves(command: Command): Command[] {
  return command.commands.flatMap((sub) => (sub.commands.length === 0 ? [sub] : leaves(sub)));
}

function term(this: Help, command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null && at.parent !== null; at = at.parent) names.unshift(at.name());
  return [...names, command.usage().replace(/^\[options\] ?/, '')].join(' ').trim();
}

function addCommand(parent: Command, spec: CommandSpec, output: ParseOutput, choose: Choose): void {
  const command = configure(parent.command(spec.path.at(-1) ?? ''), output)
    .summary(summaryOf(spec))
    .description(`${summaryOf(spec)}.\n\n${purposeOf(spec)}`)
    .usage(usageOf(spec));
  for (const argument of spec.arguments) command.argument(placeOf(argument), argument.help);
  addOptions(command, optionsOf(spec), 'Options:');
  addOptions(command, COMMON_OPTIONS, 'Options of every command:');
  command.addHelpText('after', help(spec));
  command.action((...all: unknown[]) => {
    const args: Record<string, string> = {};
    for (const [i, { name }] of spec.arguments.entries()) {
      const value = all[i];
      if (typeof value === 'string') args[name] = value;
      else if (Array.isArray(value) && value.length > 0) args[name] = value.join(' ');
    }
    choose(spec, args, given(command));
  });
}

function help(spec: CommandSpec): string {
  const examples = spec.examples.map(({ title, line }) => `  # ${title}\n  ${line}`).join('\n');
  const exits = (spec.exits ?? []).map(([exit, meaning]) => `  ${String(exit).padStart(2)}  ${meaning}\n`).join('');
  return `\nExamples:\n${examples}${exits === '' ? '' : `\n\nExit codes:\n${exits.trimEnd()}`}`;
}

function addOptions(command: Command, options: readonly Option[], group: string): void {
  for (const { flags, help } of options) command.addOption(new CommanderOption(flags, help).helpGroup(group));
}

/** Options stand before or behind the noun and the verb; the last place wins. */
function given(command: Command): Given['options'] {
  const options: Record<string, unknown> = {};
  const levels: Command[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) levels.unshift(at);
  for (const level of levels) {
    for (const [name, value] of Object.entries(level.opts())) {
      if (level.getOptionValueSource(name) === 'cli') options[name] = value;
    }
  }
  return options;
}
