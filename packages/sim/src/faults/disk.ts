/** A small disk of one's own below a directory: a tmpfs, which root can make full and wide again while it is used. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What others may write while the size is being changed, bytes: a size below what is used is refused. */
const MARGIN = 4 * 1024 * 1024;
const FILLER = 'filler';

export class Disk {
  readonly directory: string;
  readonly #bytes: number;

  /** Mounts it; what is written there goes to memory, `bytes` at most. Needs root. */
  static mount(directory: string, bytes: number): Disk {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    run(['-t', 'tmpfs', '-o', `size=${bytes},mode=0711`, 'csm-faults', directory]);
    return new Disk(directory, bytes);
  }

  private constructor(directory: string, bytes: number) {
    this.directory = directory;
    this.#bytes = bytes;
  }

  /** From now on there is no room for anything more. */
  fill(): void {
    const { blocks, bfree, bsize } = statfsSync(this.directory);
    run(['-o', `remount,size=${(blocks - bfree) * bsize + MARGIN}`, this.directory]);
    const page = Buffer.alloc(bsize);
    const file = openSync(join(this.directory, FILLER), 'w', 0o600);
    try {
      for (let written = 0; written <= MARGIN; written += page.length) writeSync(file, page);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  widen(): void {
    run(['-o', `remount,size=${this.#bytes}`, this.directory]);
    rmSync(join(this.directory, FILLER), { force: true });
  }

  /** Also while files there are open. */
  unmount(): void {
    spawnSync('umount', ['-l', this.directory]);
  }
}

function run(args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
