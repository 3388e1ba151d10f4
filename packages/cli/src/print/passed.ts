/** Lists that go from the daemon to a program without being read on the way. */
import type { ApiTypes } from '@csm/client';
import { CsmError, code, problem } from '@csm/model';
import type { Session } from '../session.ts';
import { PassedLines } from './json.ts';

/** Whether a list is shown as it came: as JSON, once, where no person looks. */
export const passesLists = ({ format, io, repeats }: Session): boolean => format === 'json' && !io.isTTY && !repeats;

/**
 * Makes a call whose answer is a list, and prints it with an item a line, each part as it comes. What the reader of our
 * output does not take yet waits here: a daemon cuts off who leaves an answer unread. Throws code 29 for what is no JSON.
 * Behind a part that was printed an error means that the list is not whole.
 */
export async function printPassed<N extends keyof ApiTypes>(
  session: Session,
  name: N,
  input: ApiTypes[N]['input'],
): Promise<void> {
  const gone = new AbortController();
  let printed = Promise.resolve();
  const lines = new PassedLines((bytes) => {
    printed = printed.then(() => session.print(bytes));
    // Nobody reads any more: then nothing more is fetched.
    printed.catch((error: unknown) => gone.abort(error));
  });
  const { signal = gone.signal, ...options } = session.callOptions;
  try {
    await session.client.pass(name, input, (part) => lines.add(part), {
      ...options,
      signal: AbortSignal.any([signal, gone.signal]),
    });
    lines.end();
  } catch (error) {
    await printed;
    if (!(error instanceof SyntaxError)) throw error;
    throw new CsmError(problem(code.UNPACK, 'the daemon answered what is no list in JSON'), { cause: error });
  }
  await printed;
}
