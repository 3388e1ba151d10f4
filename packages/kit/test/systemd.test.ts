import { execFile, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { memoryLog, startWatchdog, systemdNotify } from '../src/index.ts';
import { datagramSender, socketAddress } from '../src/systemd/datagram.ts';
import { needs, scratch, until } from './scratch.ts';

const hasPython = spawnSync('python3', ['-V']).status === 0;
const hasProgram = spawnSync('systemd-notify', ['--version']).status === 0;

/** A real datagram socket; python3 holds it, Node cannot. Each message is printed as one line of JSON. */
const RECEIVER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind('\\0' + name[1:] if name[0] == '@' else name)
print('"bound"', flush=True)
while True:
    print(json.dumps(s.recv(4096).decode()), flush=True)
`;

function receiver(name: string) {
  const child = spawn('python3', ['-c', RECEIVER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += String(chunk);
  });
  const messages = (): string[] =>
    out
      .split('\n')
      .filter(Boolean)
      .slice(1)
      .map((line) => JSON.parse(line) as string);
  const ended = new Promise((resolve) => child.once('close', resolve));
  return {
    messages,
    bound: () => until('the receiver is bound', () => out.includes('bound')),
    got: (count: number) => until(`${count} messages`, () => messages().length >= count),
    async close() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe('sd_notify', () => {
  const dir = scratch();
  let hears: ReturnType<typeof receiver> | undefined;
  afterEach(async () => {
    await hears?.close();
    hears = undefined;
  });

  async function listen(name: string): Promise<ReturnType<typeof receiver>> {
    hears = receiver(name);
    await hears.bound();
    return hears;
  }

  for (const [kind, name] of [
    ['a path', () => join(dir.path, 'notify')],
    ['an abstract name', () => `@csm-kit-test-${process.pid}`],
  ] as const) {
    it(`tells a real socket with ${kind} the whole life`, async function () {
      needs(this, hasPython, 'python3', 'python3');
      const socket = await listen(name());
      const notify = await systemdNotify({ env: { NOTIFY_SOCKET: name() } });
      await notify.ready('serves 3\nnodes');
      await notify.status('well');
      await notify.reloading();
      await notify.stopping();
      await socket.got(4);
      const messages = socket.messages();
      expect(messages[0]).to.equal('READY=1\nSTATUS=serves 3 nodes\n');
      expect(messages[1]).to.equal('STATUS=well\n');
      const micros = Number(/^RELOADING=1\nMONOTONIC_USEC=(\d+)\n$/.exec(messages[2] ?? '')?.[1]);
      expect(micros / 1e6).to.be.closeTo(Number(process.hrtime.bigint()) / 1e9, 60);
      expect(messages[3]).to.equal('STOPPING=1\n');
    });
  }

  it('is carried by systemd-notify where koffi cannot be loaded', async function () {
    needs(this, hasPython, 'python3', 'python3');
    needs(this, hasProgram, 'systemd-notify', 'systemd');
    const name = join(dir.path, 'program');
    const socket = await listen(name);
    const { send, why } = await datagramSender(name, () => Promise.reject(new Error('no such module')));
    expect(why).to.equal('koffi cannot be loaded (no such module); systemd-notify is used instead');
    await send('READY=1\nSTATUS=two words\n');
    await socket.got(1);
    expect(socket.messages()[0]).to.match(/READY=1\nSTATUS=two words/);
  });

  it('feeds the watchdog at half the period of a whole daemon, and stops when it is ill', async function () {
    needs(this, hasPython, 'python3', 'python3');
    const program = fileURLToPath(new URL('./fixtures/life-child.js', import.meta.url));
    const name = join(dir.path, 'watchdog');
    const socket = await listen(name);
    const env = { ...process.env, NOTIFY_SOCKET: name, WATCHDOG_USEC: '200000' };
    const well = spawn(process.execPath, [program], { env, stdio: 'ignore' });
    try {
      await until('four feedings', () => socket.messages().filter((one) => one === 'WATCHDOG=1\n').length >= 4);
      expect(socket.messages()[0]).to.equal('READY=1\n');
    } finally {
      well.kill('SIGTERM');
    }
    await until('it says that it stops', () => socket.messages().at(-1) === 'STOPPING=1\n');
  });

  it('is silent outside systemd, and removes the variables from the environment of children', async () => {
    const notify = await systemdNotify({ env: {} });
    expect(notify.isActive).to.equal(false);
    await notify.ready();
    notify.watch(() => true);
    notify.close();
    const script = `import { systemdNotify } from ${JSON.stringify(new URL('../src/index.js', import.meta.url).href)};
      await systemdNotify(); console.log(process.env.NOTIFY_SOCKET, process.env.WATCHDOG_USEC);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, NOTIFY_SOCKET: '@nobody', WATCHDOG_USEC: '1000000' },
    });
    expect(stdout).to.equal('undefined undefined\n');
  });

  it('logs a socket that cannot be used once, and never throws', async () => {
    const log = memoryLog();
    const notify = await systemdNotify({ env: { NOTIFY_SOCKET: join(dir.path, 'nobody') }, log });
    await notify.ready();
    await notify.status('x');
    expect(log.events.map(({ message }) => message)).to.deep.equal(['systemd was not told']);
    for (const bad of ['vsock:2:1', `/${'x'.repeat(200)}`]) {
      expect((await systemdNotify({ env: { NOTIFY_SOCKET: bad }, log })).isActive).to.equal(false);
    }
    expect(log.events.at(-1)?.message).to.equal('systemd cannot be told anything');
  });

  it('gives the kernel an abstract name of exactly its length and a path with its zero', () => {
    expect([...socketAddress('@ab')]).to.deep.equal([1, 0, 0, 97, 98]);
    expect([...socketAddress('/ab')]).to.deep.equal([1, 0, 47, 97, 98, 0]);
    expect(() => socketAddress(`/${'x'.repeat(107)}`)).to.throw(/107 bytes/);
    expect(socketAddress(`/${'x'.repeat(106)}`)).to.have.length(110);
  });

  it('does not feed another process’s watchdog', async () => {
    const sent: string[] = [];
    const send = async (message: string): Promise<void> => void sent.push(message);
    const other = { NOTIFY_SOCKET: '@x', WATCHDOG_USEC: '1000', WATCHDOG_PID: String(process.pid + 1) };
    (await systemdNotify({ env: other, send })).watch(() => true);
    expect(sent).to.deep.equal([]);
  });
});

describe('the watchdog', () => {
  it('is not fed while the daemon is ill, or while asking fails, and again when it is well', async () => {
    let health: () => boolean = () => false;
    let fed = 0;
    let asked = 0;
    const watchdog = startWatchdog({
      periodMs: 80,
      healthy: () => {
        asked++;
        return health();
      },
      feed: () => fed++,
    });
    try {
      await until('asked 4 times', () => asked >= 4);
      expect(fed).to.equal(0);
      health = () => {
        throw new Error('broken');
      };
      asked = 0;
      await until('asked 2 times', () => asked >= 2);
      expect(fed).to.equal(0);
      health = () => true;
      await until('fed twice', () => fed >= 2);
    } finally {
      watchdog.close();
    }
  });

  it('is not fed by a loop that ran a whole period late', async () => {
    const fed: number[] = [];
    let asked = 0;
    const watchdog = startWatchdog({
      periodMs: 60,
      healthy: () => ++asked > 0,
      feed: () => fed.push(performance.now()),
    });
    try {
      const until150 = performance.now() + 150;
      while (performance.now() < until150);
      const woke = performance.now();
      await until('fed again', () => fed.length === 2);
      // The turn due while the loop was blocked is refused; the next comes an eighth of the period later.
      expect((fed[1] ?? 0) - woke).to.be.above(5);
      expect(asked).to.equal(2);
    } finally {
      watchdog.close();
    }
  });
});
