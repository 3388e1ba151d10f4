/** Runs `csmd` for what no daemon can do while it runs: its output is ours, its exit code too. */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { code, fail } from '@csm/model';
import type { Option } from './command.ts';
import type { Session } from './session.ts';

/** In a clone: packages/cli/dist/src/csmd.js → packages/daemon/bin. */
const IN_CLONE = fileURLToPath(new URL('../../../daemon/bin/csmd.mjs', import.meta.url));
const CONFIG = '/etc/csm/csm_master.cfg';

export const CONFIG_OPTION: Option = {
  flags: '--config <file>',
  help: `configuration of the master whose database it is; default ${CONFIG}`,
};

/** The program: beside `csm`, in the clone that `csm` is of, or on the path. Throws code 8. */
export function findCsmd(env: Session['io']['env'], script: string | undefined = process.argv[1]): string {
  const beside = script === undefined ? [] : [...new Set([dirname(script), dirname(realOf(script))])];
  const path = (env['PATH'] ?? '').split(':').filter((directory) => directory !== '');
  const places = [
    ...beside.flatMap((directory) => [join(directory, 'csmd'), join(directory, 'csmd.mjs')]),
    IN_CLONE,
    ...path.map((directory) => join(directory, 'csmd')),
  ];
  const found = places.find((file) => existsSync(file));
  const allowed = 'csmd beside csm, or on the PATH';
  return found ?? fail(code.MISSING_PARAMETER, 'the program csmd is not found', { field: 'csmd', allowed });
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Runs `csmd --role master --db …` to its end; resolves with its exit code. An interrupt is passed on. */
export function runCsmd(session: Session, config: string | undefined, words: readonly string[]): Promise<number> {
  const { io, format } = session;
  if (format !== 'table' && format !== 'json') {
    fail(code.INVALID_PARAMETER, `the outcome cannot be told as ${format}`, {
      field: '--output',
      allowed: 'table or json',
    });
  }
  const program = findCsmd(io.env);
  const args = ['--role', 'master', '--file', config ?? CONFIG, ...words, ...(format === 'json' ? ['--json'] : [])];
  const argv = program.endsWith('.mjs') ? [process.execPath, program, ...args] : [program, ...args];
  return new Promise((resolve, reject) => {
    const own = (stream: Writable, of: Writable) => (stream === of ? 'inherit' : 'pipe');
    const stdio = ['ignore' as const, own(io.stdout, process.stdout), own(io.stderr, process.stderr)] as const;
    const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: [...stdio] });
    child.stdout?.pipe(io.stdout, { end: false });
    child.stderr?.pipe(io.stderr, { end: false });
    const pass = (): void => {
      child.kill(io.interrupt?.reason === 'SIGTERM' ? 'SIGTERM' : 'SIGINT');
    };
    io.interrupt?.addEventListener('abort', pass, { once: true });
    child.once('error', reject);
    child.once('close', (status) => {
      io.interrupt?.removeEventListener('abort', pass);
      resolve(status ?? code.GENERIC);
    });
  });
}
