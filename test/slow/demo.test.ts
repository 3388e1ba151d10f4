/**
 * `npm start` as a new user has it: the cluster gets ready, shows this machine truly, every example of the command page
 * works on it, what is killed comes back, and Ctrl-C leaves nothing behind.
 */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { hostname, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allCommands, commandExamples } from '@csm/cli';
import { Client } from '@csm/client';
import { expect } from 'chai';
import { waitFor } from '../support/wait.ts';

const COMMANDS = await allCommands();
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CSM = join(ROOT, 'packages/cli/bin/csm.cjs');
/** Nodes enough for the names in the examples: n001 … */
const NODES = 128;

class Demo {
  readonly dir: string;
  readonly process: ChildProcess;
  output = '';

  constructor(dir: string, nodes: number) {
    this.dir = dir;
    const env = { ...process.env, CSM_DEMO_DIR: dir };
    this.process = spawn(process.execPath, [join(ROOT, 'packages/sim/bin/start.mjs'), '--nodes', String(nodes)], {
      env,
      cwd: ROOT,
    });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', (chunk) => (this.output += String(chunk)));
  }

  /** Waits for a line that begins with ready, and for the sockets, which stand behind it. */
  ready(): Promise<number> {
    return waitFor(
      () => (/^ready/m.test(this.output) && this.socket('utility') !== '') || this.output.slice(-2000),
      90_000,
      'a line that begins with ready, and the sockets',
    );
  }

  socket(name: string): string {
    return new RegExp(`^  ${name} +(/.*\\.sock)$`, 'm').exec(this.output)?.[1] ?? '';
  }

  async end(): Promise<number | null> {
    const gone = new Promise<number | null>((resolve) => this.process.once('exit', resolve));
    if (this.process.exitCode !== null) return this.process.exitCode;
    this.process.kill('SIGINT');
    return gone;
  }

  /** Processes whose command line names this demo's directory. */
  processes(): string[] {
    return readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        } catch {
          return '';
        }
      })
      .filter((line) => line.includes(this.dir));
  }
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('npm start', function () {
  this.timeout(180_000);
  let dir: string;
  let demo: Demo;

  /** Examples that only look on for some seconds: they do so while the others run. */
  const lasting = new Map<string, Promise<Ended>>();

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'csm-demo-'));
    demo = new Demo(dir, NODES);
    await demo.ready();
    // On a busy machine a node may yet be without its second link, and the examples about health would say so.
    await healthy();
    for (const { line } of commandExamples(COMMANDS))
      if (/ watch .*--(?:timeout|for) /.test(line)) lasting.set(line, shell(line));
  });
  after(async () => {
    await demo.end();
    rmSync(dir, { recursive: true, force: true });
  });

  const commandOf = (line: string) => line.replace(/^csm /, `${process.execPath} ${CSM} `);
  const envOf = (socket: string) => ({ ...process.env, CSM_SOCKET: socket });
  const csm = (line: string, socket = demo.socket('utility')) =>
    spawnSync('sh', ['-c', commandOf(line)], { env: envOf(socket), encoding: 'utf8', timeout: 60_000 });
  const healthy = () =>
    waitFor(
      () => {
        const { status, stdout } = csm('csm health');
        return status === 0 || stdout.slice(0, 500);
      },
      60_000,
      'the cluster is healthy',
    );

  it('shows this machine truly', () => {
    const { stdout } = csm(`csm node list -o json`);
    const nodes = JSON.parse(stdout) as Record<string, unknown>[];
    expect(nodes).to.have.length(NODES + 5);
    const real = nodes.find((node) => node['name'] === hostname());
    const kilobytes = Number(/^MemTotal:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
    expect(kilobytes).to.equal(totalmem() / 1024);
    expect(real).to.include({
      type: 'compute',
      state: 'DISCOVERED',
      connected: true,
      installed_memory: kilobytes,
      kernel_release: execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim(),
      boot_id: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    });
    const lscpu = spawnSync('lscpu', ['-p=SOCKET,CORE'], { encoding: 'utf8' });
    if (lscpu.status !== 0) return;
    const cores = new Set(lscpu.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#')));
    expect(real?.['discovered_cores']).to.equal(cores.size);
  });

  it('answers at every socket', async () => {
    for (const name of ['master', 'agg-A', 'agg-B', 'utility', 'compute']) {
      const client = new Client({ socket: demo.socket(name) });
      const health = await client.call('health', {});
      client.close();
      expect(health.local.daemon, name).to.match(/\//);
      expect(health.master.reachable, name).to.equal(true);
      expect(health.aggregators.map((a) => a.node)).to.deep.equal(['agg-A', 'agg-B']);
    }
  });

  it('refuses a privileged call that enters through a compute daemon', () => {
    const { status, stderr } = csm(`csm run n001 -- true`, demo.socket('compute'));
    expect(status).to.equal(16);
    expect(stderr).to.contain('only by a daemon of role master, aggregator, utility');
  });

  const shell = (line: string): Promise<Ended> =>
    new Promise((resolve) => {
      const done = (error: Error | null, stdout: string, stderr: string) => {
        const { code = 0 } = (error ?? {}) as { readonly code?: number };
        resolve({ status: code, stdout, stderr });
      };
      execFile('sh', ['-c', commandOf(line)], { env: envOf(demo.socket('utility')), timeout: 60_000 }, done);
    });

  for (const { line, exits } of commandExamples(COMMANDS)) {
    it(line, async () => {
      const pki = join(dir, 'example-pki');
      const isCert = line.startsWith('csm cert ') && !line.startsWith('csm cert csr');
      const { status, stderr, stdout } =
        (await lasting.get(line)) ??
        csm(isCert ? `${line.replace('/tmp', dir)} --dir ${pki}` : line.replace('/tmp', dir));
      expect(exits, `exit ${status}: ${stderr}${stdout}`).to.include(status);
    });
  }

  it('starts a killed daemon again, as systemd would', async () => {
    const before = demo.processes().find((line) => line.includes('csm_agg-B.cfg'));
    expect(before).to.be.a('string');
    execFileSync('pkill', ['-9', '-f', `${dir}.*csm_agg-B.cfg`]);
    await waitFor(() => demo.output.includes('agg-B ended (SIGKILL); it is started again'), 30_000, 'the demo says so');
    await healthy();
  });

  it('stops all of it at Ctrl-C and leaves no process and no socket', async () => {
    const socket = demo.socket('utility');
    expect(statSync(join(dir, '.csm')).mode & 0o777).to.equal(0o700);
    expect(await demo.end()).to.equal(0);
    await waitFor(() => demo.processes().length === 0 || demo.processes(), 30_000, 'no process of the demo');
    expect(existsSync(socket)).to.equal(false);
  });
});

describe('npm start in a directory with a long path', function () {
  this.timeout(180_000);

  it('puts the sockets into a 0700 directory elsewhere', async () => {
    const base = mkdtempSync(join(tmpdir(), 'csm-demo-'));
    const dir = join(
      base,
      'a-directory-whose-name-is-so-long-that-no-socket-path-below-it-fits-into-the-kernel-interface',
    );
    const demo = new Demo(dir, 2);
    try {
      await demo.ready();
      const socket = demo.socket('utility');
      expect(Buffer.byteLength(socket)).to.be.at.most(100);
      expect(socket.startsWith(dir)).to.equal(false);
      expect(statSync(join(socket, '..')).mode & 0o777).to.equal(0o700);
      await demo.end();
      expect(existsSync(join(socket, '..'))).to.equal(false);
    } finally {
      await demo.end();
      rmSync(base, { recursive: true, force: true });
    }
  });
});
