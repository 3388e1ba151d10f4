/** What a real csmd tells systemd, on a real datagram socket. */
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { at, type Daemon, freePorts, needs, Site, until } from './support/daemons.ts';
import { bare } from './support/peer.ts';

const hasPython = spawnSync('python3', ['-V']).status === 0;

/** Node has no datagram sockets of this kind. Each message is one line: milliseconds, sender's pid, text. */
const RECEIVER = `
import array, json, socket, struct, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind(sys.argv[1])
print('"bound"', flush=True)
while True:
    data, control, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(struct.calcsize('3i')))
    pid = struct.unpack('3i', control[0][2])[0]
    print(json.dumps([time.monotonic() * 1000, pid, data.decode()]), flush=True)
`;

interface Message {
  readonly ms: number;
  readonly pid: number;
  readonly text: string;
}

describe('systemd', function () {
  this.timeout(60_000);
  let site: Site;
  let receiver: ReturnType<typeof spawn> | undefined;
  let out = '';
  let name = '';

  before(async function () {
    needs(this, 'python3', hasPython);
    site = await Site.open();
    name = join(site.root, 'notify');
    const child = spawn('python3', ['-c', RECEIVER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', (chunk: Buffer) => {
      out += String(chunk);
    });
    receiver = child;
    await until('the receiver is bound', () => out.includes('bound'));
  });
  after(async () => {
    await site?.close();
    if (receiver === undefined) return;
    const ended = new Promise((resolve) => receiver?.once('close', resolve));
    receiver.kill('SIGKILL');
    await ended;
  });

  const messages = (daemon: Daemon): Message[] =>
    out
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line) as [number, number, string])
      .map(([ms, pid, text]) => ({ ms, pid, text }))
      .filter(({ pid }) => pid === daemon.child.pid);
  const saying = (daemon: Daemon, text: string): Message[] => messages(daemon).filter((m) => m.text.includes(text));
  const hears = (daemon: Daemon, text: string, count = 1) =>
    until(`${text} ${count} times`, () => {
      const found = saying(daemon, text);
      return found.length >= count ? found : undefined;
    });

  /** The daemon is not to run longer without a word than this. */
  const WATCHDOG_MS = 2000;
  const FEEDS = 4;
  const env = () => ({ NOTIFY_SOCKET: name, WATCHDOG_USEC: String(WATCHDOG_MS * 1000), WATCHDOG_PID: '' });

  it('hears READY=1 from a compute daemon when it serves, the watchdog, a reload, and the end', async () => {
    const [port = 0] = await freePorts(1);
    const daemon = await site.start('compute', 'n1', { net: { aggregatorA: at(port) }, env: env() });
    await hears(daemon, 'READY=1');
    // At that moment, not a while later, its socket answers.
    const connection = await bare(daemon.socket);
    connection.socket.write('GET /csm/v1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await until('it is answered', () => connection.isClosed());
    expect(connection.received()).to.match(/^HTTP\/1\.1 200 /);

    const before = saying(daemon, 'WATCHDOG=1').length;
    const fed = (await hears(daemon, 'WATCHDOG=1', before + FEEDS)).slice(before);
    const gaps = fed.slice(1).map(({ ms }, i) => ms - (fed[i]?.ms ?? 0));
    expect(Math.max(...gaps), `gaps ${gaps.join(', ')}`).to.be.below(WATCHDOG_MS);

    daemon.signal('SIGHUP');
    const [reloading] = await hears(daemon, 'RELOADING=1');
    expect(reloading?.text).to.match(/^RELOADING=1\nMONOTONIC_USEC=\d+\n$/);
    const [, ready] = await hears(daemon, 'READY=1', 2);
    expect(ready?.ms).to.be.at.least(reloading?.ms ?? Number.POSITIVE_INFINITY);

    // A reload of a bad file is over too: systemd must not wait for it.
    writeFileSync(daemon.file, '{');
    daemon.signal('SIGHUP');
    await hears(daemon, 'READY=1', 3);

    const { code } = await daemon.stop();
    expect(code).to.equal(0);
    const [stopping] = await hears(daemon, 'STOPPING=1');
    expect(stopping?.ms).to.be.above(ready?.ms ?? Number.POSITIVE_INFINITY);
    expect(saying(daemon, 'READY=1')).to.have.length(3);
  });

  it('hears READY=1 from a master only when its ports are open', async () => {
    const [p = 0, q = 0] = await freePorts(2);
    const daemon = await site.start('master', 'm', {
      net: { aggregator_listen: at(p), utility_listen: at(q) },
      env: env(),
    });
    await hears(daemon, 'READY=1');
    for (const port of [p, q]) (await bare(port)).socket.destroy();
    expect((await daemon.client.call('health', {})).master.reachable).to.equal(true);
    await daemon.stop();
  });

  it('hears no READY=1 from a daemon that cannot start', async () => {
    const [port = 0] = await freePorts(1);
    const failing = await site.start('compute', 'n2', {
      net: { aggregatorA: at(port), local_client_listen: { socket: join(site.root, 'no', 'such', 'socket') } },
      env: env(),
    });
    expect((await failing.ended).code).to.equal(1);
    expect(saying(failing, 'READY=1')).to.deep.equal([]);
  });

  it('hears no watchdog from a daemon that hangs, and hears it again after', async () => {
    const [port = 0] = await freePorts(1);
    const hanging = await site.start('compute', 'n3', { net: { aggregatorA: at(port) }, env: env() });
    await hears(hanging, 'WATCHDOG=1', 2);
    hanging.signal('SIGSTOP');
    const before = saying(hanging, 'WATCHDOG=1').length;
    const since = performance.now();
    await until('two periods have passed', () => performance.now() - since > 2 * WATCHDOG_MS);
    expect(saying(hanging, 'WATCHDOG=1').length).to.be.at.most(before + 1);
    hanging.signal('SIGCONT');
    await hears(hanging, 'WATCHDOG=1', before + 3);
    await hanging.stop();
  });

  it('is not passed on to what a daemon starts', async () => {
    const [p = 0, q = 0] = await freePorts(2);
    const daemon = await site.start('master', 'm2', {
      net: { aggregator_listen: at(p), utility_listen: at(q) },
      env: env(),
    });
    await daemon.started();
    const parts = [];
    const argv = ['sh', '-c', 'echo "[$NOTIFY_SOCKET$WATCHDOG_USEC]"'];
    await until('it takes commands', async () => (await daemon.client.call('node.list', {})).some((n) => n.connected));
    for await (const part of daemon.client.stream('run', { nodes: 'm2', argv })) parts.push(part);
    expect(parts[0]?.body).to.include({ output: '[]\n' });
    await daemon.stop();
  });
});
