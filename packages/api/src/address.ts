import { lstat, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { code, fail } from '@csm/model';

/** The kernel keeps 108 bytes with the final zero and cuts a longer path without an error; 100 leaves a margin. */
export const SOCKET_PATH_MAX = 100;

/** Refuses a path that the kernel would cut. Throws code 9. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  const allowed = `a path of 1 to ${SOCKET_PATH_MAX} bytes`;
  if (bytes === 0 || path.includes('\0'))
    fail(code.INVALID_PARAMETER, 'the socket path is empty or has a zero byte', { allowed });
  if (bytes > SOCKET_PATH_MAX) {
    const why = 'the kernel would cut it without an error';
    fail(code.INVALID_PARAMETER, `the socket path ${path} has ${bytes} bytes: ${why}`, { field: 'socket', allowed });
  }
}

const errno = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/**
 * Makes a path free for a listener: removes a socket that nobody answers at. Throws code 9 when somebody answers
 * there, when it is no socket, or when that cannot be found out.
 */
export async function freeSocketPath(path: string): Promise<void> {
  checkSocketPath(path);
  const found = await lstat(path).catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return undefined;
    return fail(code.INVALID_PARAMETER, `the socket path ${path} cannot be used: ${errno(error)}`, { field: 'socket' });
  });
  if (found === undefined) {
    // The listener would say EACCES for a missing directory.
    const directory = dirname(path);
    const there = await stat(directory).catch(() => undefined);
    if (there?.isDirectory() !== true) {
      fail(code.INVALID_PARAMETER, `the directory ${directory} of the socket does not exist`, { field: 'socket' });
    }
    return;
  }
  if (!found.isSocket()) {
    fail(code.INVALID_PARAMETER, `${path} is there already and is no socket; it is not removed`, { field: 'socket' });
  }
  const answer = await knock(path);
  if (answer === 'ECONNREFUSED') await unlink(path).catch(() => undefined);
  else if (answer !== 'ENOENT') {
    const what = answer === 'connected' ? 'another daemon answers at it' : `it is in use (${answer})`;
    fail(code.INVALID_PARAMETER, `the socket ${path} is not free: ${what}`, { field: 'socket' });
  }
}

/** `connected`, or the error of the attempt. A full backlog (EAGAIN) means that somebody listens. */
function knock(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error) => resolve(errno(error)));
  });
}
