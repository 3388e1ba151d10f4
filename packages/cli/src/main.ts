/** `csm`: reads the command line, runs the command, tells how it went. */
import { constants } from 'node:os';
import { toProblem } from '@csm/model';
import { asksForJson, readCommon } from './common.ts';
import { Rehearsed, rehearsedText } from './dry-run.ts';
import { withoutGroups } from './groups/expand.ts';
import { type Io, ReaderGone, write } from './io.ts';
import { parse } from './program.ts';
import { Session } from './session.ts';
import { fromSystem } from './system-error.ts';
import { problemText } from './tell.ts';
import { Shown } from './usage-error.ts';

const WIDTH = 80;

/**
 * Carries out one command line, without the words `node` and `csm`. Never throws; resolves with the exit code once
 * everything is written: a CSM code (0–55), or 130 after an interrupt that cancelled the command (143 for SIGTERM).
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const help: string[] = [];
  let session: Session | undefined;
  try {
    const columns = Math.max(40, io.columns ?? WIDTH);
    const { spec, given: written } = await parse(argv, { write: (text) => help.push(text), columns });
    session = new Session(io, readCommon(written.options));
    const given = await withoutGroups(session, spec, written);
    if (spec.changesNodes === true) await (await import('./confirm.ts')).mayChange(session, given);
    return await spec.run(session, given);
  } catch (error) {
    if (error instanceof Rehearsed && session !== undefined) return await show(io, rehearsedText(session, error));
    if (error instanceof Shown) return await show(io, help.join(''));
    return await tell(error, argv, io, session);
  } finally {
    session?.close();
  }
}

async function show(io: Io, text: string): Promise<number> {
  return write(io.stdout, text).then(
    () => 0,
    (error: unknown) => tell(error, [], io, undefined),
  );
}

async function tell(thrown: unknown, argv: readonly string[], io: Io, session: Session | undefined): Promise<number> {
  // Whoever stopped reading has what he wanted.
  if (thrown instanceof ReaderGone) return 0;
  if (io.interrupt?.aborted === true) return 128 + constants.signals[signalOf(io.interrupt.reason)];
  const error = fromSystem(thrown);
  const text = problemText(error, { json: asksForJson(argv), verbose: session?.verbose === true });
  await write(io.stderr, text).catch(() => undefined);
  // No error is a success, whatever it says of itself.
  return Math.max(1, toProblem(error).code);
}

const signalOf = (reason: unknown): 'SIGINT' | 'SIGTERM' => (reason === 'SIGTERM' ? 'SIGTERM' : 'SIGINT');
