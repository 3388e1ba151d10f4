/** The options that every command has, and their values. */
import type { Option } from './command.ts';
import { oneOf, readNumber } from './given.ts';
import { COLOR_TIMES } from './print/colors.ts';
import { type CommonOptions, FORMATS } from './session.ts';
import { TARGET_OPTIONS } from './target.ts';
import { either } from './text.ts';

export const COMMON_OPTIONS: readonly Option[] = [
  { flags: '-o, --output <format>', help: `${either(FORMATS)}; default table`, values: FORMATS },
  ...TARGET_OPTIONS,
  {
    flags: '--timeout <seconds>',
    help: 'for the whole call; the daemon gives at least 5 and at most what the call may take',
  },
  { flags: '--no-header', help: 'no heads above tables, CSV and outputs' },
  {
    flags: '--color <when>',
    help: `${either(COLOR_TIMES)}; default auto: on a terminal, and not under NO_COLOR`,
    values: COLOR_TIMES,
  },
  { flags: '-v, --verbose', help: 'tell more on stderr: the key of an order, the trace of an error' },
];

export const YES_OPTION: Option = {
  flags: '-y, --yes',
  help: `go on without a question, however many nodes would change (see CSM_CONFIRM)`,
};
export const DRY_RUN_OPTION: Option = {
  flags: '--dry-run',
  help: 'print which call would be made, with what, for which nodes, and change nothing',
};

const DAY = 86_400;

/** Throws code 9 for a value that is not allowed. */
export function readCommon(options: { readonly [name: string]: unknown }): CommonOptions {
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  const format = text('output');
  const timeout = text('timeout');
  const color = text('color');
  return {
    format: format === undefined ? 'table' : oneOf(format, FORMATS, '--output'),
    target: {
      socket: text('socket'),
      url: text('url'),
      cert: text('cert'),
      certKey: text('certKey'),
      ca: text('ca'),
    },
    timeout: timeout === undefined ? undefined : readNumber(timeout, '--timeout', 0.001, DAY, 'seconds'),
    header: options['header'] !== false,
    color: color === undefined ? 'auto' : oneOf(color, COLOR_TIMES, '--color'),
    verbose: options['verbose'] === true,
    dryRun: options['dryRun'] === true,
  };
}

/** Whether JSON is asked for, however wrong the rest of the line is: the error is told in it. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  return own.some((word, i) => {
    const value = /^(?:--output=|-o=?)(.*)$/.exec(word)?.[1];
    return value === 'json' || (/^(?:-o|--output)$/.test(word) && own[i + 1] === 'json');
  });
}
