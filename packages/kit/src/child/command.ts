import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** How the command of a child is found, in the way and with the codes of the shell: 127 not found, 126 not runnable. */

export type Found =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly code: 126 | 127; readonly why: string };

const PATH_DEFAULT = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `search` is the PATH of the child; a command with a slash is taken as it is, relative to `cwd`. */
export function findCommand(command: string, search = PATH_DEFAULT, cwd = '/'): Found {
  if (command === '') return { ok: false, code: 127, why: 'the command is empty' };
  const places = command.includes('/')
    ? [command.startsWith('/') ? command : join(cwd, command)]
    : search.split(':').map((dir) => join(dir === '' || !dir.startsWith('/') ? join(cwd, dir) : dir, command));
  let blocked: string | undefined;
  for (const path of places) {
    const state = look(path);
    if (state === 'runs') return { ok: true, path };
    if (state !== 'missing') blocked ??= `${path}: ${state}`;
  }
  if (blocked !== undefined) return { ok: false, code: 126, why: blocked };
  return { ok: false, code: 127, why: `${command}: not found` };
}

function look(path: string): 'runs' | 'missing' | 'is a directory' | 'permission denied' {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return 'is a directory';
    accessSync(path, constants.X_OK);
    return 'runs';
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EACCES' ? 'permission denied' : 'missing';
  }
}
