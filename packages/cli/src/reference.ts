/** The reference page of commands, made from the same definitions as the commands. */
import { API } from '@csm/client';
import { code, codeName, codeText, isCode } from '@csm/model';
import { type CommandSpec, commandName, type Option, placeOf } from './command.ts';
import { COMMON_OPTIONS } from './common.ts';
import { optionsOf, purposeOf, summaryOf, usageOf } from './program.ts';

/** Codes of a call that only a faulty program meets; the page of errors has them. */
const COMMON_CODES: readonly number[] = [
  code.TIMEOUT,
  code.MISSING_PARAMETER,
  code.INVALID_PARAMETER,
  code.COMMUNICATION,
  code.MEMORY,
  code.PERMISSION,
];

/** A Markdown page: every command with usage, purpose, options, examples and exit codes. */
export function commandReference(specs: readonly CommandSpec[]): string {
  const list = specs.map((spec) => `| [\`${commandName(spec)}\`](#${anchor(spec)}) | ${summaryOf(spec)} |\n`);
  return `# Commands

<!-- Generated from the definitions of the commands; do not edit. -->

\`csm <noun> <verb>\` asks a daemon of this machine, which passes the question on to the master. Node sets such as
\`n[001-128],login1\` are taken everywhere and shown folded: \`,\` joins, \`!\` takes away, \`&\` keeps what is in both, \`^\` what
is in one of both. Quote them, for the shell has brackets of its own. Groups such as \`@gpu\`, \`@genders:rack=r1\` and
\`@state:SOFT_FAILURE\` stand wherever nodes can: [the command line](../operate/command-line.md).

| command | purpose |
|---|---|
${list.join('')}
## Options of every command

${optionTable(COMMON_OPTIONS)}
JSON is the answer of the API as it is; YAML says the same; CSV (RFC 4180) has a line for each record, and fields of nested
objects as \`primary.active\`. Colours appear on terminals only, and not under \`NO_COLOR\`.

## Errors and exit codes

An error is a sentence on stderr, with the field and what is allowed where that helps; with \`-o json\` it is one JSON object on
stderr. The exit code is the code of the error:

| exit | name | meaning |
|---|---|---|
${[0, 4, ...COMMON_CODES, code.BAD_ADDRESS]
  .sort((a, b) => a - b)
  .map((c) => `| ${c} | ${nameOf(c)} | ${meaningOf(c)} |\n`)
  .join('')}| 130 | | Ctrl-C cancelled the command (143: SIGTERM did) |

Where nodes answer differently, the highest code is the exit code. When the reader of a pipe goes away (\`csm … | head\`) the
command ends with 0. All codes are in [errors](errors.md), the calls behind the commands in [api](api.md).

${specs.map(section).join('\n')}`;
}

const nameOf = (c: number): string => (isCode(c) ? codeName(c) : '');
const meaningOf = (c: number): string => (isCode(c) ? codeText(c) : '');

/** As GitHub makes them from headings. */
const anchor = (spec: CommandSpec): string => commandName(spec).replaceAll(' ', '-');

function section(spec: CommandSpec): string {
  const parts = [
    `## ${commandName(spec)}\n`,
    `\`\`\`\n${commandName(spec)} ${usageOf(spec)}\n\`\`\`\n`,
    `${summaryOf(spec)}. ${purposeOf(spec)}\n`,
    argumentTable(spec),
    optionsOf(spec).length === 0 ? '' : optionTable(optionsOf(spec)),
    ...spec.examples.map(({ title, line }) => `${title}:\n\n\`\`\`sh\n${line}\n\`\`\`\n`),
    exits(spec),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

/** A bar would end the cell. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

function argumentTable(spec: CommandSpec): string {
  const rows = spec.arguments.map((argument) => `| \`${placeOf(argument)}\` | ${cell(argument.help)} |\n`);
  if (spec.takesProgram) rows.push('| `-- <command...>` | the program and its arguments, one word each |\n');
  return rows.length === 0 ? '' : `| argument | meaning |\n|---|---|\n${rows.join('')}`;
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map(({ flags, help }) => `| \`${flags}\` | ${cell(help)} |\n`);
  return `| option | meaning |\n|---|---|\n${rows.join('')}`;
}

function exits(spec: CommandSpec): string {
  const own = new Map(spec.exits ?? []);
  const codes: readonly number[] = spec.call === undefined ? (spec.codes ?? []) : API[spec.call].codes;
  for (const c of codes) {
    if (!own.has(c) && (spec.call === undefined || !COMMON_CODES.includes(c))) own.set(c, meaningOf(c));
  }
  const words = [...own].sort(([a], [b]) => a - b).map(([c, meaning]) => `${c} ${meaning}`);
  return words.length === 0 ? '' : `Exit codes: ${words.join('; ')}.\n`;
}

/** The example lines of every command, each beginning with `csm`, and the exit codes they may end with; a test runs them. */
export const commandExamples = (
  specs: readonly CommandSpec[],
): readonly {
  readonly command: string;
  readonly line: string;
  readonly exits: readonly number[];
}[] =>
  specs.flatMap((spec) => spec.examples.map(({ line, exits = [0] }) => ({ command: commandName(spec), line, exits })));
