/** The options that every command has, and their values. */
import type { Option } from './command.ts';
import { oneOf, readNumber } from './given.ts';
import { type CommonOptions, FORMATS } from './session.ts';
import { DEFAULT_SOCKETS } from './socket.ts';
import { either } from './text.ts';

export const COMMON_OPTIONS: readonly Option[] = [
  { flags: '-o, --output <format>', help: `${either(FORMATS)}; default table` },
  {
    flags: '--socket <path>',
    help: `socket of the daemon to ask; default CSM_SOCKET, else the first that exists of ${DEFAULT_SOCKETS.join(', ')}`,
  },
  {
    flags: '--timeout <seconds>',
    help: 'for the whole call; the daemon gives at least 5 and at most what the call may take',
  },
  { flags: '--no-header', help: 'no heads above tables, CSV and outputs' },
  { flags: '-v, --verbose', help: 'tell more on stderr: the key of an order, the trace of an error' },
];

const DAY = 86_400;

/** Throws code 9 for a value that is not allowed. */
export function readCommon(options: { readonly [name: string]: unknown }): CommonOptions {
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  const format = text('output');
  const timeout = text('timeout');
  return {
    format: format === undefined ? 'table' : oneOf(format, FORMATS, '--output'),
    socket: text('socket'),
    timeout: timeout === undefined ? undefined : readNumber(timeout, '--timeout', 0.001, DAY, 'seconds'),
    header: options['header'] !== false,
    verbose: options['verbose'] === true,
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
