/**
 * The two lists of a CA directory, `issued.json` and `revoked.json`: JSON arrays, changed by one writer at a time.
 * Changes asked for at once in this process are written together; other processes are kept out by a lock file.
 */
import { open, readFile, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CsmError, code, fail, isObject, isRole, problem } from '@csm/model';
import { replaceFile } from './file.ts';
import type { Subject } from './identity.ts';
import { normalSerial } from './serial.ts';

/** With role `user`, `node` is the user's name. */
export interface Issued {
  readonly serial: string;
  readonly role: Subject['role'];
  readonly node: string;
  readonly names: readonly string[];
  /** ms UTC */
  readonly validFrom: number;
  /** ms UTC */
  readonly validTo: number;
  /** ms UTC */
  readonly time: number;
}

export interface Revoked {
  readonly serial: string;
  readonly role: Subject['role'];
  readonly node: string;
  /** ms UTC */
  readonly time: number;
  readonly reason: string;
}

export interface Lists {
  readonly issued: Issued[];
  readonly revoked: Revoked[];
}

export const issuedFile = (dir: string): string => join(dir, 'issued.json');
export const revokedFile = (dir: string): string => join(dir, 'revoked.json');

/** How long another process may hold the lock before we give up. Unit: ms. */
const LOCK_PATIENCE = 10_000;
const MODE = 0o644;

const isRow = (
  row: unknown,
): row is { serial: string; role: Subject['role']; node: string } & Record<string, unknown> =>
  isObject(row) &&
  typeof row['serial'] === 'string' &&
  (isRole(row['role']) || row['role'] === 'user') &&
  typeof row['node'] === 'string';

async function readRows(file: string): Promise<readonly Record<string, unknown>[]> {
  const bad = (fault: string, cause?: unknown): never => {
    const detail = `${file} ${fault}; put back a copy of it, or repair it by hand`;
    throw new CsmError(problem(code.INVALID_PARAMETER, detail, { field: file }), { cause });
  };
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    return bad(`cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch (cause) {
    return bad(`is not whole JSON (${text.length} characters)`, cause);
  }
  if (!Array.isArray(rows)) return bad('holds no JSON array');
  for (const [index, row] of rows.entries()) {
    if (!isRow(row)) return bad(`has an entry ${index} without serial, role and node`);
    normalSerial(row.serial);
  }
  return rows;
}

/** The issued certificates, oldest first. @throws CsmError for a torn file */
export async function readIssued(dir: string): Promise<Issued[]> {
  return (await readRows(issuedFile(dir))) as unknown as Issued[];
}

/** The revoked certificates, oldest first. @throws CsmError for a torn file */
export async function readRevoked(file: string): Promise<Revoked[]> {
  return (await readRows(file)) as unknown as Revoked[];
}

/**
 * The serials of a `revoked.json`, in `normalSerial` form.
 * @throws CsmError when the file is missing, torn or not a list of revocations: an unreadable list must not admit anybody
 */
export async function loadRevoked(file: string): Promise<Set<string>> {
  return new Set((await readRevoked(file)).map((row) => normalSerial(row.serial)));
}

interface Wish {
  readonly change: (lists: Lists) => void;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

const wishes = new Map<string, Wish[]>();

/**
 * Changes the lists of a directory: `change` adds rows and may throw to refuse. Resolves when they are on disk.
 * Calls under way at the same time share one write.
 */
export function changeLists(dir: string, change: (lists: Lists) => void): Promise<void> {
  const key = resolve(dir);
  return new Promise((done, failed) => {
    const waiting = wishes.get(key);
    if (waiting !== undefined) {
      waiting.push({ change, done, failed });
      return;
    }
    wishes.set(key, [{ change, done, failed }]);
    void work(key);
  });
}

async function work(dir: string): Promise<void> {
  for (;;) {
    const unlock = await lock(dir).catch((error: unknown) => {
      for (const wish of wishes.get(dir) ?? []) wish.failed(error);
      return undefined;
    });
    if (unlock === undefined) break;
    const batch = wishes.get(dir) ?? [];
    wishes.set(dir, []);
    const tell = await apply(dir, batch);
    await unlock();
    tell();
    if (wishes.get(dir)?.length === 0) break;
  }
  wishes.delete(dir);
}

/** Carries out a batch; the returned function tells its callers, once the lock is free again. */
async function apply(dir: string, batch: readonly Wish[]): Promise<() => void> {
  const told: (() => void)[] = [];
  try {
    const lists: Lists = { issued: await readIssued(dir), revoked: await readRevoked(revokedFile(dir)) };
    const before = { issued: lists.issued.length, revoked: lists.revoked.length };
    for (const wish of batch) {
      try {
        wish.change(lists);
        told.push(wish.done);
      } catch (error) {
        told.push(() => wish.failed(error));
      }
    }
    if (lists.issued.length > before.issued) await replaceFile(issuedFile(dir), rowsText(lists.issued), MODE);
    if (lists.revoked.length > before.revoked) await replaceFile(revokedFile(dir), rowsText(lists.revoked), MODE);
    return () => {
      for (const tell of told) tell();
    };
  } catch (error) {
    return () => {
      for (const wish of batch) wish.failed(error);
    };
  }
}

/** One row a line, so that people and diff can read it. */
export function rowsText(rows: readonly unknown[]): string {
  return rows.length === 0 ? '[]\n' : `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
}

/** Takes the directory's lock file; one left by a process that is gone is taken over. */
async function lock(dir: string): Promise<() => Promise<void>> {
  const file = join(dir, '.lock');
  const giveUp = performance.now() + LOCK_PATIENCE;
  for (;;) {
    try {
      const handle = await open(file, 'wx', 0o600);
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => unlink(file).catch(() => undefined);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new CsmError(problem(code.INVALID_PARAMETER, `${dir} cannot be changed: ${why}`, { field: dir }), {
          cause,
        });
      }
    }
    const owner = Number(await readFile(file, 'utf8').catch(() => ''));
    if (owner > 0 && !alive(owner)) {
      await unlink(file).catch(() => undefined);
    } else if (performance.now() > giveUp) {
      fail(
        code.BAD_STATE,
        `${dir} is being changed by process ${owner || 'unknown'}; if that is not so, remove ${file}`,
      );
    } else {
      await pause(10);
    }
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
