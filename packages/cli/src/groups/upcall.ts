/** Runs the commands by which a site's own programs tell groups. */
import { spawn } from 'node:child_process';
import { code, fail } from '@csm/model';
import { GROUP_TEXT_MAX } from '@csm/nodeset';
import { printable } from '../text.ts';

export const UPCALL_TIMEOUT_MS = 10_000;

export interface UpcallOptions {
  readonly cwd: string;
  /** Where the command stands, for errors. */
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/**
 * What the command prints. Runs in a process group of its own, which is killed at the time-out, at too much output and
 * at an interrupt. Rejects with code 5, 30 or 17, or the interrupt's reason.
 */
export async function upcall(command: string, options: UpcallOptions): Promise<string> {
  const { cwd, where, signal, timeoutMs = UPCALL_TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  const child = spawn('/bin/sh', ['-c', command], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  let size = 0;
  let complaint = '';
  let ended: 'time' | 'size' | 'interrupt' | undefined;
  const end = (why: typeof ended): void => {
    ended ??= why;
    try {
      // The negative number is the whole group: what the command started goes with it.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
    // Whoever left the group may hold them open for ever.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const timer = setTimeout(() => end('time'), timeoutMs);
  const interrupted = (): void => end('interrupt');
  signal?.addEventListener('abort', interrupted, { once: true });
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > GROUP_TEXT_MAX) end('size');
    else out.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < 1000) complaint += chunk.toString();
  });
  const said = `the command of ${printable(where)}`;
  try {
    const [status, killer] = await new Promise<readonly [number | null, string | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...how) => resolve(how));
    });
    if (ended === 'interrupt') throw signal?.reason as Error;
    if (ended === 'time') fail(code.TIMEOUT, `${said} did not end within ${timeoutMs / 1000} s and was killed`);
    if (ended === 'size')
      fail(code.BUFFER_OVERFLOW, `${said} prints too much`, { allowed: `at most ${GROUP_TEXT_MAX} bytes` });
    if (status !== 0) {
      const why = printable(complaint.trim().split('\n')[0]?.slice(0, 200) ?? '');
      fail(code.SCRIPT_FAILURE, `${said} ended with ${status ?? killer}${why === '' ? '' : `: ${why}`}`);
    }
    return Buffer.concat(out).toString();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', interrupted);
  }
}
