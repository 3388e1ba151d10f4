/** `--watch`: the same answer again and again, until an interrupt. */
import { CsmError, code, fail } from '@csm/model';
import type { Given } from './command.ts';
import { readNumber } from './given.ts';
import type { Session } from './session.ts';
import { printable } from './text.ts';

export const WATCH_OPTION = {
  flags: '--watch [seconds]',
  help: 'show it again every so many seconds (default 2) until Ctrl-C, which exits with 0',
};

const DEFAULT_SECONDS = 2;
/** What may pass while daemons are restarted. Once an answer came, these do not end the watch. */
const PASSING: readonly number[] = [
  code.NOT_INITIALIZED,
  code.NO_RESULTS,
  code.TIMEOUT,
  code.COMMUNICATION,
  code.BAD_ADDRESS,
  code.DATABASE_UNAVAILABLE,
];

/**
 * Shows an answer once, or with `--watch` again and again. `once` resolves with the text and the exit code.
 */
export async function onceOrWatch(
  session: Session,
  given: Given,
  once: () => Promise<{ readonly text: string | Buffer; readonly exit: number }>,
): Promise<number> {
  const every = watchSeconds(given);
  if (every === undefined) {
    const { text, exit } = await once();
    await session.print(text);
    return exit;
  }
  session.repeats = true;
  for (let shown = 0; !session.interrupted; ) {
    try {
      const { text } = await once();
      await session.print(separator(session, every, shown++));
      await session.print(text);
    } catch (error) {
      if (session.interrupted) break;
      if (shown === 0 || !(error instanceof CsmError) || !PASSING.includes(error.code)) throw error;
      await session.note(error.message);
    }
    await pause(every * 1000, session.io.interrupt);
  }
  return 0;
}

function watchSeconds(given: Given): number | undefined {
  const value = given.options['watch'];
  if (value === true) return DEFAULT_SECONDS;
  if (typeof value !== 'string') return undefined;
  // An option with an optional value takes what follows it.
  if (!/^[\d.]+$/.test(value)) {
    fail(code.INVALID_PARAMETER, `'${printable(value)}' is not a number of seconds`, {
      field: '--watch',
      allowed: 'seconds; a node set stands before --watch',
    });
  }
  return readNumber(value, '--watch', 0.1, 86_400, 'seconds');
}

/** A terminal is cleared; JSON has a line each; the others are told apart. */
function separator(session: Session, every: number, shown: number): string {
  const time = new Date(session.now()).toISOString();
  switch (session.format) {
    case 'json':
      return '';
    case 'yaml':
      return '---\n';
    case 'csv':
      return shown === 0 ? '' : '\r\n';
    case 'table':
      if (session.io.isTTY) return `\x1b[H\x1b[2Jevery ${every} s, ${time}\n\n`;
      return `--- ${time}\n`;
    default:
      return session.format satisfies never;
  }
}

function pause(ms: number, interrupt: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (interrupt?.aborted === true) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      interrupt?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    interrupt?.addEventListener('abort', done);
  });
}
