/**
 * What outboxes have accepted, on disk: one line `<node> <number>` for each, synced in groups. The oracle holds it
 * against the database. A number counts as listed once its line is on disk; a process that is killed between an
 * acceptance and that leaves numbers that are stored and not listed, which is no fault.
 */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

/** A number is `life * LIFE + k`: none is offered twice, also by a process that was killed. */
export const LIFE = 10_000_000;

export class AcceptedList {
  /** How often this process was begun, from 1. */
  readonly life: number;
  readonly #accepted: FileHandle;
  readonly #refused: FileHandle;
  #lines = '';
  #refusals = '';
  #flushing: Promise<void> | undefined;

  /** `name` tells the lists of several processes in one directory apart. */
  static async open(directory: string, name: string): Promise<AcceptedList> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = (what: string): string => join(directory, `${name}.${what}`);
    const life = beginLife(path('lives'));
    return new AcceptedList(life, await open(path('list'), 'a'), await open(path('refused'), 'a'));
  }

  private constructor(life: number, accepted: FileHandle, refused: FileHandle) {
    this.life = life;
    this.#accepted = accepted;
    this.#refused = refused;
  }

  accepted(node: string, n: number): void {
    this.#lines += `${node} ${n}\n`;
    this.#kick();
  }

  refused(node: string, n: number): void {
    this.#refusals += `${node} ${n}\n`;
    this.#kick();
  }

  /** Resolves when all that was told so far is on disk. */
  async flush(): Promise<void> {
    // What is being written now, and then what waits behind it.
    await this.#flushing;
    this.#kick();
    await this.#flushing;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#accepted.close();
    await this.#refused.close();
  }

  /** One write at a time; what comes meanwhile goes with the next. */
  #kick(): void {
    if (this.#flushing !== undefined || (this.#lines === '' && this.#refusals === '')) return;
    this.#flushing = this.#write().finally(() => {
      this.#flushing = undefined;
      this.#kick();
    });
    // A disk that fails is told where the list is flushed or closed.
    this.#flushing.catch(() => undefined);
  }

  async #write(): Promise<void> {
    const [lines, refusals] = [this.#lines, this.#refusals];
    this.#lines = '';
    this.#refusals = '';
    if (lines !== '') {
      await this.#accepted.appendFile(lines);
      await this.#accepted.datasync();
    }
    if (refusals !== '') {
      await this.#refused.appendFile(refusals);
      await this.#refused.datasync();
    }
  }
}

function beginLife(path: string): number {
  let lives = '';
  try {
    lives = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const life = lives.split('\n').length;
  appendFileSync(path, `${life}\n`, { flush: true });
  return life;
}
