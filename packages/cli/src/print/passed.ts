/** Lists that go from the daemon to a program without being read on the way. */
import type { ApiTypes } from '@csm/client';
import { CsmError, code, problem } from '@csm/model';
import type { Session } from '../session.ts';
import { passedLines } from './json.ts';

/** Whether a list is shown as it came: as JSON, once, where no person looks. */
export const passesLists = ({ format, io, repeats }: Session): boolean => format === 'json' && !io.isTTY && !repeats;

/** Makes a call whose answer is a list; gives it with an item a line. Throws code 31 for what is no JSON. */
export async function passedList<N extends keyof ApiTypes>(
  session: Session,
  name: N,
  input: ApiTypes[N]['input'],
): Promise<Buffer> {
  const bytes = await session.client.bytes(name, input, session.callOptions);
  try {
    return Buffer.concat([passedLines(bytes ?? Buffer.from('[]')), Buffer.from('\n')]);
  } catch (error) {
    throw new CsmError(problem(code.UNPACK, 'the daemon answered what is no list in JSON'), { cause: error });
  }
}
