import { constants } from 'node:fs';
import { access, lstat, readlink, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CallOff } from './call-off.ts';
import { type Looked, Lookups, PATH_DEFAULT } from './lookups.ts';

/** How the command of a child is found, in the way and with the codes of the shell: 127 not found, 126 not runnable. */

export type Found =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly code: 126 | 127; readonly why: string };

/** What is asked of the file system, by the functions of fs/promises; each may take for ever. */
export interface Files {
  lstat(path: string): Promise<{ isSymbolicLink(): boolean }>;
  stat(path: string): Promise<{ isDirectory(): boolean }>;
  access(path: string, mode: number): Promise<void>;
  readlink(path: string): Promise<string>;
}

/** As many symbolic links one after the other as the kernel follows: path_resolution(7). */
const LINKS_MAX = 40;

type State = 'runs' | 'missing' | 'is a directory' | 'permission denied';

/**
 * Finds what children run and where. A directory that does not answer ends the search: what stands behind it may not be
 * what was meant.
 */
export class Commands {
  readonly #files: Files;
  readonly #lookups: Lookups;

  constructor(files: Files = { lstat, stat, access, readlink }, lookups: Lookups = new Lookups()) {
    this.#files = files;
    this.#lookups = lookups;
  }

  /** `search` is the PATH of the child; a command with a slash is taken as it is, relative to `cwd`. Never rejects. */
  async find(command: string, callOff: CallOff, search: string = PATH_DEFAULT, cwd = '/'): Promise<Found> {
    if (command === '') return { ok: false, code: 127, why: 'the command is empty' };
    const places = command.includes('/')
      ? [command.startsWith('/') ? command : join(cwd, command)]
      : search.split(':').map((dir) => join(dir === '' || !dir.startsWith('/') ? join(cwd, dir) : dir, command));
    let blocked: string | undefined;
    for (const path of places) {
      const looked = await this.#look(path, callOff);
      if (!looked.ok) return { ok: false, code: 126, why: `${command}: ${looked.why}` };
      if (looked.value === 'runs') return { ok: true, path };
      if (looked.value !== 'missing') blocked ??= `${path}: ${looked.value}`;
    }
    if (blocked !== undefined) return { ok: false, code: 126, why: blocked };
    return { ok: false, code: 127, why: `${command}: not found` };
  }

  /** Never rejects. */
  async isDirectory(path: string, callOff: CallOff): Promise<Looked<boolean>> {
    // Always one; and not to be held up by a dead mount in it.
    if (path === '/') return { ok: true, value: true };
    const look = async (): Promise<boolean> => (await this.#files.stat(path)).isDirectory();
    return this.#lookups.in(path, () => look().catch(() => false), callOff);
  }

  /**
   * Links are followed one by one: a link from /usr/local/bin to a file system that does not answer hangs there, and
   * must not close /usr/local/bin. The kernel has the last word, because links such as /proc/self/exe are not what
   * they read.
   */
  async #look(path: string, callOff: CallOff): Promise<Looked<State>> {
    let at = path;
    for (let links = 0; links <= LINKS_MAX; links++) {
      const place = at;
      const step = await this.#lookups.in(dirname(place), () => this.#step(path, place), callOff);
      if (!step.ok) return step;
      if (typeof step.value === 'string') return { ok: true, value: step.value };
      at = step.value.link.startsWith('/') ? step.value.link : `${dirname(place)}/${step.value.link}`;
    }
    return { ok: true, value: 'missing' };
  }

  /** What `path` is, or where `place`, to which its links led so far, points. */
  async #step(path: string, place: string): Promise<State | { readonly link: string }> {
    const isLink = await this.#files.lstat(place).then(
      (found) => found.isSymbolicLink(),
      () => false,
    );
    try {
      if (isLink) return { link: await this.#files.readlink(place) };
      if ((await this.#files.stat(path)).isDirectory()) return 'is a directory';
      await this.#files.access(path, constants.X_OK);
      return 'runs';
    } catch (thrown) {
      return (thrown as NodeJS.ErrnoException).code === 'EACCES' ? 'permission denied' : 'missing';
    }
  }
}
