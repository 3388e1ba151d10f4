import { constants } from 'node:fs';
import { open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finding, found, missing } from './finding.ts';

/** Bytes read of a file unless a reader allows more: many times what the small files of /proc and /sys hold. */
const FILE_MAX = 64 * 1024;

/** Names taken of one directory: /proc of a busy node has many, no directory of /sys has more. */
const NAMES_MAX = 16_384;

/** The longest single fact; firmware strings are 64 bytes at most, kernel versions 65. */
const LINE_MAX = 256;

/**
 * The files below one root: `/` on a node, another directory in a container that sees its host elsewhere, or in a
 * test. Nothing here throws: what cannot be read is a finding with a reason. Paths are given and told without the root.
 */
export class RootTree {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The whole file as text, at most `limit` bytes of it; a longer file is refused rather than cut. */
  async text(path: string, limit: number = FILE_MAX): Promise<Finding<string>> {
    const bytes = await this.#read(path, limit);
    return 'reason' in bytes ? bytes : found(bytes.value.toString('utf8'));
  }

  async #read(path: string, limit: number): Promise<Finding<Buffer>> {
    try {
      // A fifo in the place of a file would block the open for good without O_NONBLOCK.
      const file = await open(join(this.root, path), constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        if (!(await file.stat()).isFile()) return missing(`${path} is not a file`);
        const chunks: Buffer[] = [];
        let size = 0;
        for (;;) {
          // Files of /proc and /sys tell no size, and may come in pieces; only an empty read ends them.
          const chunk = Buffer.allocUnsafe(Math.min(FILE_MAX, limit + 1 - size));
          const { bytesRead } = await file.read(chunk);
          if (bytesRead === 0) return found(Buffer.concat(chunks));
          chunks.push(chunk.subarray(0, bytesRead));
          size += bytesRead;
          if (size > limit) return missing(`${path} is larger than the ${limit} bytes allowed`);
        }
      } finally {
        await file.close();
      }
    } catch (e) {
      return missing(`${path} cannot be read: ${inWords(e)}`);
    }
  }

  /** A file that holds one line of printable text, without blanks and NUL bytes at its ends; at most `max` characters. */
  async line(path: string, max: number = LINE_MAX): Promise<Finding<string>> {
    const text = await this.text(path);
    return 'reason' in text ? text : soundLine(text.value, path, max);
  }

  /** A file that holds one whole number, such as `-1` or `12`. */
  async integer(path: string): Promise<Finding<number>> {
    const line = await this.line(path);
    if ('reason' in line) return line;
    if (!/^-?\d{1,15}$/.test(line.value)) return missing(`${path} holds '${line.value}', not a whole number`);
    return found(Number(line.value));
  }

  /** The names in a directory, sorted by code point. */
  async names(path: string): Promise<Finding<readonly string[]>> {
    try {
      const names = await readdir(join(this.root, path));
      if (names.length > NAMES_MAX)
        return missing(`${path} holds ${names.length} names, at most ${NAMES_MAX} are read`);
      return found(names.sort());
    } catch (e) {
      return missing(`${path} cannot be read: ${inWords(e)}`);
    }
  }

  /** Where a symbolic link points, as it stands there: in /sys often relative, such as `../../../0000:3b:00.0`. */
  async link(path: string): Promise<Finding<string>> {
    try {
      return found(await readlink(join(this.root, path)));
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      return missing(`${path} ${code === 'EINVAL' ? 'is not a symbolic link' : `cannot be read: ${inWords(e)}`}`);
    }
  }

  /** A file of raw bytes, such as PCI config space or VPD. */
  async bytes(path: string, limit: number = FILE_MAX): Promise<Finding<Buffer>> {
    return this.#read(path, limit);
  }
}

/** `text` as one fact: a device tree ends strings with NUL, firmware pads them with blanks. */
export function soundLine(text: string, source: string, max: number = LINE_MAX): Finding<string> {
  const line = text.replace(/^[\s\0]+|[\s\0]+$/g, '');
  if (line === '') return missing(`${source} is empty`);
  if (line.length > max) return missing(`${source} holds ${line.length} characters, at most ${max} are allowed`);
  if (/\p{Cc}/u.test(line)) return missing(`${source} holds control characters`);
  return found(line);
}

const ERRORS: { readonly [code: string]: string } = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ELOOP: 'too many symbolic links',
};

function inWords(e: unknown): string {
  const { code, message } = e as NodeJS.ErrnoException;
  return ERRORS[code ?? ''] ?? code ?? message;
}
