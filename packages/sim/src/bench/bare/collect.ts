/** Forces a full collection: what is left in memory is then what is needed, not what nobody has swept up yet. */
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What is freed by one (sockets, their buffers) makes work for the next. */
const TIMES = 3;
const BETWEEN_MS = 200;

export async function collectAll(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < TIMES; i++) {
    collect();
    await pause(BETWEEN_MS);
  }
}
