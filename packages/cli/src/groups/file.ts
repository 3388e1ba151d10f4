/** Reads a configuration file, which is small. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { code, fail } from '@csm/model';
import { printable } from '../text.ts';

const SIZE_MAX = 16 * 1024 * 1024;

/** Throws code 9 for what is no file or too large, and the system's error for one that may not be read. */
export function readSmall(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > SIZE_MAX)
      fail(code.INVALID_PARAMETER, `${printable(path)} is no file of groups`, {
        field: path,
        allowed: `a file of at most ${SIZE_MAX / 1024 / 1024} MiB`,
      });
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
