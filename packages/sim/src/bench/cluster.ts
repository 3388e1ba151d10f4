/**
 * The daemons of a benchmark, each its own process, in a directory of their own: certificates, configurations, state.
 * Nothing of it is left behind, however the benchmark ends.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Role } from '@csm/model';

const PACKAGES = fileURLToPath(new URL('../../../../', import.meta.url));
const CSMD = join(PACKAGES, 'daemon/bin/csmd.mjs');
const CSM = join(PACKAGES, 'cli/bin/csm.mjs');
const STOP_MS = 15_000;
/** Nodes first, the master last: nobody is lost. */
const STOP_ORDER: readonly string[] = ['bare', 'compute', 'aggregator', 'master'];

const runProgram = promisify(execFile);

export interface Started {
  readonly name: string;
  readonly kind: string;
  readonly child: ChildProcess;
  /** File of everything it writes. */
  readonly log: string;
}

/** What is under `csm` of a configuration; sections may be given in part. */
export type Settings = Readonly<Record<string, unknown>> & { readonly net?: Readonly<Record<string, unknown>> };

export class BenchSite {
  readonly root: string;
  readonly #started: Started[] = [];
  readonly #atExit: () => void;

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), 'csm-b-'));
    for (const name of ['etc', 'log', 'pki', 'run']) mkdirSync(join(this.root, name), { mode: 0o700 });
    // Also where an exception ends this process: what it started must not outlive it.
    this.#atExit = () => {
      for (const { child } of this.#started) child.kill('SIGKILL');
      rmSync(this.root, { recursive: true, force: true });
    };
    process.once('exit', this.#atExit);
  }

  get caFile(): string {
    return join(this.root, 'pki/ca.pem');
  }

  credFile(role: Role, node: string): string {
    return join(this.root, 'pki', `${role}-${node}.pem`);
  }

  socket(node: string): string {
    return join(this.root, 'run', `${node}.sock`);
  }

  /** Makes the CA and a certificate for each daemon. */
  async certify(daemons: readonly (readonly [Role, string])[]): Promise<void> {
    const cert = (...args: string[]) =>
      runProgram(process.execPath, [CSM, 'cert', ...args, '--dir', join(this.root, 'pki')]);
    await cert('init-ca', '--name', 'CSM benchmark CA');
    for (const [role, node] of daemons)
      await cert('issue', role, node, '--names', 'localhost,127.0.0.1', '--days', '30');
  }

  /** Starts a daemon; `settings` go over what every daemon of the site has. */
  daemon(role: Role, node: string, settings: Settings): Started {
    const { net = {}, ...rest } = settings;
    const csm = {
      ...rest,
      role,
      node_name: node,
      state_dir: join(this.root, 'state', node),
      net: {
        ...net,
        local_client_listen: { socket: this.socket(node) },
        ssl: { ca_file: this.caFile, cred_pem: this.credFile(role, node) },
      },
    };
    const file = join(this.root, 'etc', `${node}.cfg`);
    writeFileSync(file, JSON.stringify({ csm }), { mode: 0o600 });
    return this.program(role, node, [CSMD, '--role', role, '--file', file]);
  }

  /** Starts a Node program. */
  program(kind: string, name: string, args: readonly string[]): Started {
    const log = join(this.root, 'log', name);
    writeFileSync(log, '');
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => appendFileSync(log, text));
    const started = { name, kind, child, log };
    this.#started.push(started);
    return started;
  }

  /** Throws with the last words of a process that has ended. */
  checkAlive(): void {
    for (const { name, child, log } of this.#started) {
      if (child.exitCode === null && child.signalCode === null) continue;
      const how = child.signalCode ?? `exit ${child.exitCode}`;
      throw new Error(`${name} ended (${how}): ${readFileSync(log, 'utf8').slice(-1500)}`);
    }
  }

  /** Ends everything in order and removes the directory. */
  async close(): Promise<void> {
    for (const kind of STOP_ORDER)
      await Promise.all(this.#started.filter((one) => one.kind === kind).map(({ child }) => end(child)));
    process.off('exit', this.#atExit);
    this.#atExit();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(late);
}

/** Ports nobody uses at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
