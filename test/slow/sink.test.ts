/**
 * Copies of all samples at a real receiver, Debian's rsyslog with JSON parsing: whatever is stopped, killed, frozen or
 * full, every sample in the master's database stands in the received file at least once, in a line that parses.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type Daemon,
  freePorts,
  needs,
  type SmallCluster,
  type StartOptions,
  smallCluster,
  until,
} from '../support/daemons.ts';

const RSYSLOGD = '/usr/sbin/rsyslogd';

interface Document {
  readonly type: string;
  readonly source: string;
  readonly timestamp: string;
  readonly id: string;
}

/** rsyslogd on a TCP port: what parses as JSON goes to one file, what does not to another. */
class Receiver {
  readonly port: number;
  readonly file: string;
  readonly bad: string;
  readonly #dir: string;
  #child: ChildProcess | undefined;

  constructor(dir: string, port: number) {
    mkdirSync(dir);
    this.#dir = dir;
    this.port = port;
    this.file = join(dir, 'received');
    this.bad = join(dir, 'bad');
    const config = `
global(workDirectory="${dir}" maxMessageSize="256k")
module(load="imtcp")
module(load="mmjsonparse")
template(name="document" type="string" string="%$!all-json%\\n")
template(name="raw" type="string" string="%rawmsg%\\n")
ruleset(name="csm") {
  action(type="mmjsonparse" cookie="" useRawMsg="on")
  if $parsesuccess == "OK" then { action(type="omfile" file="${this.file}" template="document") }
  else { action(type="omfile" file="${this.bad}" template="raw") }
}
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="csm")
`;
    writeFileSync(join(dir, 'conf'), config);
    writeFileSync(this.file, '');
  }

  start(): void {
    const args = ['-n', '-f', join(this.#dir, 'conf'), '-i', join(this.#dir, 'pid')];
    this.#child = spawn(RSYSLOGD, args, { stdio: 'ignore' });
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async stop(name: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(name);
    await ended;
    rmSync(join(this.#dir, 'pid'), { force: true });
  }

  documents(): Document[] {
    const lines = readFileSync(this.file, 'utf8').split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Document);
  }

  badLines(): string {
    return statSync(this.bad, { throwIfNoEntry: false }) === undefined ? '' : readFileSync(this.bad, 'utf8');
  }
}

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('copies of samples at rsyslog', function () {
  this.timeout(240_000);
  let cluster: SmallCluster;
  let receiver: Receiver;
  let mount: string | undefined;
  let a: Daemon;

  const optionsOf = (who: string, port: number): StartOptions => {
    if (who.startsWith('agg')) return { more: { bds: { host: '127.0.0.1', port, reconnect_interval_max: 1 } } };
    const buckets = [{ execution_interval: 1, item_list: ['cpu', 'memory', 'network'] }];
    return who.startsWith('n') ? { more: { data_collection: { buckets } } } : {};
  };

  before(async function () {
    needs(this, 'rsyslogd', statSync(RSYSLOGD, { throwIfNoEntry: false }) !== undefined, 'rsyslog');
    const [port = 0] = await freePorts(1);
    cluster = await smallCluster(['n1', 'n2'], (who) => optionsOf(who, port));
    a = cluster.a;
    receiver = new Receiver(join(cluster.site.root, 'rsyslog'), port);
    receiver.start();
  });

  after(async () => {
    await receiver?.stop('SIGKILL');
    await cluster?.site.close().catch(() => undefined);
    if (mount !== undefined) spawnSync('umount', [mount]);
    if (cluster !== undefined) rmSync(cluster.site.root, { recursive: true, force: true });
  });

  /** `node time` of all samples in the database. */
  async function stored(): Promise<string[]> {
    const samples = cluster.master.client.stream('env.query', { item: 'cpu', nodes: 'n[1-2]' });
    const all: string[] = [];
    for await (const { node, time } of samples) all.push(`${node} ${time}`);
    return all;
  }

  /** Everything that is stored now is received within a while; more must have been stored than the last time. */
  let last = 0;
  async function allReceived(): Promise<void> {
    const wanted = await until('more samples are stored', async () => {
      const all = await stored();
      return all.length > last + 5 ? all : undefined;
    });
    last = wanted.length;
    await until(
      'every stored sample is received',
      () => {
        const got = new Set(
          receiver.documents().flatMap((d) => (d.type === 'csm-cpu-env' ? [`${d.source} ${d.timestamp}`] : [])),
        );
        const lost = wanted.filter((one) => !got.has(one));
        if (lost.length === 0) return true;
        throw new Error(`${lost.length} of ${wanted.length} are missing, such as ${lost.slice(0, 3).join(', ')}`);
      },
      60_000,
    );
    expect(receiver.badLines()).to.equal('');
  }

  const problems = async (daemon: Daemon): Promise<string> => {
    const health = await daemon.client.call('health', {}, { timeoutSeconds: 5 });
    return JSON.stringify(health);
  };

  it('arrive, each with the id of its report, the documents of a report numbered', async () => {
    await allReceived();
    const ids = receiver.documents().map(({ id }) => id);
    for (const id of ids) expect(id).to.match(/^(n[12]|agg-[ab]|login|master):[^:]+:\d+(:\d+)?$/);
    expect(ids.some((id) => id.endsWith(':1'))).to.equal(true);
    expect(await problems(a))
      .to.include('"receiver"')
      .and.to.include(String(receiver.port));
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`the receiver ends by ${signal}, and is started again`, async () => {
      const from = a.lines(/does not take environmental data/).length;
      await receiver.stop(signal);
      await a.says(/does not take environmental data/, { from, ms: 20_000 });
      await pass(4000);
      receiver.start();
      await allReceived();
    });
  }

  it('the receiver is frozen, and goes on', async () => {
    const noticed = () => [a, cluster.b].map((one) => one.lines(/did not close|took nothing/).length);
    const before = noticed();
    receiver.signal('SIGSTOP');
    // A sender waits ten seconds for it.
    await until('it is noticed', () => noticed().some((lines, i) => lines > (before[i] ?? 0)), 60_000);
    receiver.signal('SIGCONT');
    await allReceived();
  });

  it('the receiver is frozen, killed and started again', async () => {
    // More than once: whether lines were on their way just then is chance.
    for (const ms of [3000, 1700, 3600]) {
      receiver.signal('SIGSTOP');
      await pass(ms);
      await receiver.stop('SIGKILL');
      receiver.start();
      await allReceived();
    }
  });

  it('an aggregator is killed while no receiver is there, and comes back', async () => {
    await receiver.stop('SIGTERM');
    await pass(3000);
    a.signal('SIGKILL');
    await a.ended;
    await pass(3000);
    receiver.start();
    a = cluster.site.startFile('aggregator', 'agg-a', a.file, a.socket);
    await a.started();
    await allReceived();
  });

  it('aggregators are killed one after the other while all goes on', async () => {
    for (let i = 0; i < 3; i++) {
      await pass(1700);
      a.signal('SIGKILL');
      await a.ended;
      await pass(1300);
      a = cluster.site.startFile('aggregator', 'agg-a', a.file, a.socket);
      await a.started();
    }
    await allReceived();
  });

  it('a disk without room: it is said, lines go on, and all is well when there is room again', async function () {
    const dir = join(cluster.site.root, 'spool');
    mkdirSync(dir);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'csm-test', dir]);
    needs(this, 'a tmpfs of its own (root)', mounted.status === 0, 'nothing: run as root');
    mount = dir;
    await a.stop();
    const config = JSON.parse(readFileSync(a.file, 'utf8')) as { csm: { bds: object } };
    config.csm.bds = { ...config.csm.bds, spool: join(dir, 'bds') };
    writeFileSync(a.file, JSON.stringify(config));
    a = cluster.site.startFile('aggregator', 'agg-a', a.file, a.socket);
    await a.started();
    // Its nodes come back to it only after a while by themselves.
    await cluster.b.stop();
    await allReceived();
    const ballast = join(dir, 'ballast');
    fill(ballast);
    await a.says(/takes nothing, lines are kept in memory.*ENOSPC/, { ms: 30_000 });
    await allReceived();
    rmSync(ballast);
    await a.says(/takes lines again/, { ms: 30_000 });
    await allReceived();
  });
});

/** Writes until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  for (const size of [65_536, 4096, 1]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size));
    } catch {
      // A smaller piece may still fit.
    }
  }
  closeSync(file);
}
