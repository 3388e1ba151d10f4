/** Garbage on every port and every socket of running daemons: nothing changes but counters and a few lines in the log. */
import { randomBytes } from 'node:crypto';
import type { Role } from '@csm/model';
import { expect } from 'chai';
import { encodeFrame } from 'tls-json-stream';
import { type Daemon, folded, type SmallCluster, smallCluster, until } from '../support/daemons.ts';
import { type Bare, bare, bareTls, hello, RawPeer } from '../support/peer.ts';

const RSS_GROWTH_MAX = 64 * 1024 * 1024;
/** So small that memory is what is held, not what waits to be collected; a daemon that holds more dies of it. */
const HEAP = '--max-old-space-size=96 --max-semi-space-size=4';
/** Lines that any one kind of garbage may add to a log. */
const LINES_MAX = 200;
const MESSAGES = 10_000;
const CONNECTIONS = 500;
/** What an aggregator may have under way, bytes. */
const CREDIT = 8 * 1024 * 1024;

interface Port {
  readonly name: string;
  readonly port: number;
  readonly daemon: Daemon;
  /** Who is welcome at it. */
  readonly role: Role;
  readonly cred: string;
}

describe('garbage', () => {
  let cluster: SmallCluster;
  let ports: Port[] = [];
  let untouched = '';
  let changes = 0;
  const watching = new AbortController();
  const rss = new Map<Daemon, number>();
  const lines = new Map<Daemon, number>();

  before(async () => {
    // An interval that a machine with other work keeps under floods too: nobody is to be lost here for want of time.
    cluster = await smallCluster(['n1', 'n2'], () => ({ env: { NODE_OPTIONS: HEAP }, net: { heartbeat_interval: 2 } }));
    const { site, master, a } = cluster;
    const [aggregator, utility, compute] = await Promise.all([
      site.cred('aggregator', 'evil'),
      site.cred('utility', 'evil'),
      site.cred('compute', 'evil'),
    ]);
    ports = [
      {
        name: 'aggregator_listen',
        port: cluster.ports.aggregators,
        daemon: master,
        role: 'aggregator',
        cred: aggregator,
      },
      { name: 'utility_listen', port: cluster.ports.utilities, daemon: master, role: 'utility', cred: utility },
      { name: 'compute_listen', port: cluster.ports.a, daemon: a, role: 'compute', cred: compute },
    ];
    const watch = async () => {
      for await (const item of master.client.stream('node.watch', { since: 0 }, { signal: watching.signal })) {
        // What the garbage itself is known as may be told; those who belong here may not.
        if (item.kind === 'link' && item.subject !== 'evil') changes++;
      }
    };
    watch().catch(() => undefined);
    await until('the watcher has caught up', () => changes > 0);
    await warmUp();
  });
  after(async () => {
    watching.abort();
    await cluster?.site.close();
  });

  beforeEach(async () => {
    // What is on its way is lent out of the credit, and would be missed there afterwards.
    await until('all credit is back', async () => {
      const { aggregators } = await cluster.utility.client.call('health', {});
      return aggregators.every(({ node, credit }) => node === 'evil' || credit === CREDIT);
    });
    untouched = await state();
    changes = 0;
    for (const daemon of cluster.site.daemons) {
      rss.set(daemon, await daemon.rss());
      lines.set(daemon, daemon.log.split('\n').length);
    }
  });
  afterEach(async () => {
    for (const daemon of cluster.site.daemons) {
      expect(daemon.isRunning, `${daemon.node} runs: ${daemon.log.slice(-2000)}`).to.equal(true);
      expect(daemon.log.split('\n').length - (lines.get(daemon) ?? 0), `lines of ${daemon.node}`).to.be.below(
        LINES_MAX,
      );
      // What only waits to be collected is no growth.
      const limit = (rss.get(daemon) ?? 0) + RSS_GROWTH_MAX;
      await until(`${daemon.node} holds less than ${limit} bytes`, async () => {
        const now = await daemon.rss();
        if (now >= limit) throw new Error(`it holds ${now}, before ${rss.get(daemon)}`);
        return true;
      });
    }
    // The whole tree answers, as it did, and nobody was told of any change.
    await until('the cluster is as it was', async () => {
      const now = await state();
      if (now !== untouched) throw new Error(`${untouched}\n${now}`);
      return true;
    });
    const alive = await folded(cluster.utility.client.stream('ping', { nodes: 'n[1-2]' }));
    expect(alive).to.deep.equal([{ nodes: 'n[1-2]', code: 0, text: 'alive' }]);
    expect(changes, 'tellings').to.equal(0);
  });

  /** All that is known of those who belong here, but for the time. */
  async function state(): Promise<string> {
    const nodes = await cluster.utility.client.call('node.list', {});
    const { aggregators, utilities, problems } = await cluster.utility.client.call('health', {});
    return JSON.stringify({
      nodes: nodes.filter(({ name }) => name !== 'evil').map(({ last_seen: _seen, ...rest }) => rest),
      // How many are not linked counts the stranger with a good certificate, who has left.
      aggregators: aggregators
        .filter(({ node }) => node !== 'evil')
        .map(({ primary, secondary, ...rest }) => ({ ...rest, primary: primary.active, secondary: secondary.active })),
      utilities: utilities.filter(({ node }) => node !== 'evil').map(({ last_seen: _seen, ...rest }) => rest),
      problems: problems.filter((problem) => !/evil|1 nodes? (?:are|is) not linked/.test(problem)),
    });
  }

  /** Memory that a daemon takes once, for its first stranger, is not what is measured. */
  async function warmUp(): Promise<void> {
    for (const { port } of ports) await closes(await bare(port), (socket) => socket.end('x'));
    for (const { port, cred, role } of ports) {
      const peer = await RawPeer.link(port, role, 'evil', { ca: cluster.site.ca, cred });
      peer.close();
    }
    for (const { socket } of cluster.site.daemons) await closes(await bare(socket), (s) => s.end('x\r\n\r\n'));
    for (const daemon of cluster.site.daemons)
      await Promise.all(Array.from({ length: 50 }, () => daemon.client.call('health', {})));
  }

  async function closes(connection: Bare, write: (socket: Bare['socket']) => void): Promise<string> {
    write(connection.socket);
    await until('it is closed', () => connection.isClosed());
    return connection.received();
  }

  const refused = async (by: Daemon): Promise<number> => (await by.client.call('health', {})).local.refused;

  /** Waits until the daemon has counted so many more. */
  const counts = (by: Daemon, then: number, more = 1) =>
    until(`${by.node} counts ${more} refused`, async () => {
      const now = await refused(by);
      if (now < then + more) throw new Error(`${now - then} counted`);
      return true;
    });

  const kinds: [string, () => Buffer | string, RegExp][] = [
    ['random bytes', () => Buffer.concat([Buffer.from([0]), randomBytes(4096)]), /not TLS: it begins with 0x/],
    ['a megabyte of random bytes', () => Buffer.concat([Buffer.from([0xff]), randomBytes(1024 * 1024)]), /not TLS/],
    ['a huge length header without TLS', () => '9999999999#{"kind":"hello"}', /a JSON message without TLS/],
    ['plain HTTP', () => 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /plain HTTP, not TLS/],
    ['random bytes dressed as TLS', () => Buffer.concat([Buffer.from([22, 3, 1, 2, 0]), randomBytes(512)]), /TLS/],
    ['an old TLS', () => Buffer.from('16030000310100002d0300', 'hex'), /TLS|closed|handshake/],
    ['nothing, and the end', () => '', /closed before the TLS handshake/],
  ];
  for (const [name, make, words] of kinds) {
    it(`that is ${name} is refused on every port`, async () => {
      for (const { port, daemon, name: where } of ports) {
        const then = await refused(daemon);
        const connection = await bare(port);
        expect(await closes(connection, (socket) => socket.end(make())), where).to.not.include('kind');
        await counts(daemon, then);
        await until('health says so', async () => {
          const seen = (await cluster.utility.client.call('health', {})).refused;
          return seen.some((r) => r.by === `${daemon.role}/${daemon.node}` && words.test(r.reason));
        });
      }
    });
  }

  it('that comes byte by byte, or stops in the handshake, is given up after the deadline', async () => {
    const held: Bare[] = [];
    const timers: NodeJS.Timeout[] = [];
    for (const { port } of ports) {
      const slow = await bare(port);
      const first = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
      timers.push(
        setInterval(() => {
          if (!slow.isClosed()) slow.socket.write(Buffer.from([first.shift() ?? 0]));
        }, 100),
      );
      const half = await bare(port);
      half.socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
      held.push(slow, half, await bare(port));
    }
    // While they hang, others get in.
    for (const { port, cred, role } of ports) {
      const peer = await RawPeer.link(port, role, 'evil', { ca: cluster.site.ca, cred });
      peer.close();
    }
    for (const connection of held) await until('it is closed', () => connection.isClosed());
    for (const timer of timers) clearInterval(timer);
  });

  it('that is TLS without a certificate is refused', async () => {
    for (const { port, daemon } of ports) {
      const then = await refused(daemon);
      const connection = await bareTls(port, cluster.site.ca);
      await until('it is closed', () => connection.isClosed());
      await counts(daemon, then);
    }
  });

  describe('inside valid TLS', () => {
    const inside: [string, () => Buffer | string][] = [
      ['random bytes', () => randomBytes(4096)],
      ['a megabyte of random bytes', () => randomBytes(1024 * 1024)],
      ['a huge length header', () => '9999999999#{"kind":"hello"}'],
      ['a length beyond the limit', () => '262145#{"kind":"hello"}'],
      ['HTTP', () => 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['no object', () => encodeFrame([1, 2, 3])],
      [
        'an object of a thousand levels',
        () => `${'{"a":'.length * 1000 + 1 + 1000}#${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`,
      ],
      ['bad UTF-8', () => Buffer.concat([Buffer.from('10#"'), Buffer.alloc(8, 0xff), Buffer.from('"')])],
      ['JSON that is none', () => '9#{"kind":}'],
      ['a kind nobody knows, before hello', () => encodeFrame({ kind: 'x-odd' })],
      ['a call before hello', () => encodeFrame({ kind: 'cancel', id: 'x' })],
      [
        'a roster before hello',
        () => encodeFrame({ kind: 'roster', session: 's', sequence: 0, entries: [], more: false }),
      ],
      ['a hello that is none', () => encodeFrame({ kind: 'hello', version: 1 })],
      ['a hello of an impossible interval', () => encodeFrame({ ...hello('compute', 'evil'), interval: 1 })],
      ['a hello with a wrong name', () => encodeFrame(hello('compute', '../../etc'))],
    ];
    for (const [name, make] of inside) {
      it(`${name} is refused on every port`, async () => {
        for (const { port, cred, daemon } of ports) {
          const then = await refused(daemon);
          const connection = await bareTls(port, cluster.site.ca, cred);
          await closes(connection, (socket) => socket.write(make()));
          await counts(daemon, then);
        }
      });
    }

    it('silence is given up', async () => {
      const silent = await Promise.all(ports.map(({ port, cred }) => bareTls(port, cluster.site.ca, cred)));
      for (const connection of silent) await until('it is closed', () => connection.isClosed());
    });

    it(`a frame that comes byte by byte is given up, before and after the greeting`, async () => {
      const drips = async ({ port, cred }: Port, greeting: string): Promise<void> => {
        const connection = await bareTls(port, cluster.site.ca, cred);
        connection.socket.write(greeting);
        connection.socket.write('200000#"');
        const timer = setInterval(() => !connection.isClosed() && connection.socket.write('x'), 50);
        try {
          if (greeting !== '') await until('it is welcome', () => connection.received().includes('welcome'));
          await until('it is closed', () => connection.isClosed());
        } finally {
          clearInterval(timer);
        }
      };
      // All at once: each is given up by a deadline of its own.
      await Promise.all(
        ports.flatMap((port) => [drips(port, ''), drips(port, encodeFrame(hello(port.role, 'evil')).toString())]),
      );
    });

    const floods: [string, (role: Role) => object, boolean][] = [
      ['beats', () => ({ kind: 'beat' }), true],
      ['messages of a kind nobody knows', () => ({ kind: 'x-odd', text: 'x'.repeat(50) }), true],
      ['probes', () => ({ kind: 'probe' }), true],
      ['cancels of calls that are not', () => ({ kind: 'cancel', id: 'x' }), true],
      ['hellos', (role) => hello(role, 'evil'), false],
      ['broken messages', () => ({ kind: 'claim', term: -1 }), false],
    ];
    for (const [name, make, stays] of floods) {
      it(`${MESSAGES} ${name} in one write, after a greeting, ${stays ? 'change nothing' : 'end the link once'}`, async () => {
        for (const { port, cred, role, daemon } of ports) {
          const then = await refused(daemon);
          const connection = await bareTls(port, cluster.site.ca, cred);
          connection.socket.write(encodeFrame(hello(role, 'evil')));
          await until('it is welcome', () => connection.received().includes('"welcome"'));
          const frame = encodeFrame(make(role));
          connection.socket.write(Buffer.concat(Array.from({ length: MESSAGES }, () => frame)));
          if (!stays) {
            await until('it is closed', () => connection.isClosed());
            await counts(daemon, then);
            expect(await refused(daemon)).to.equal(then + 1);
          } else {
            // Answered behind all of them: the link stands, and they were read.
            connection.socket.write(encodeFrame({ kind: 'x-last' }));
            await until(
              'it was read to the end',
              () => connection.received().includes('x-last') || connection.received().length > 90_000,
            );
            expect(connection.isClosed()).to.equal(false);
            connection.socket.destroy();
          }
        }
      });
    }

    it(`${MESSAGES} messages in one write before any greeting end at the first`, async () => {
      for (const { port, cred, daemon } of ports) {
        const then = await refused(daemon);
        const connection = await bareTls(port, cluster.site.ca, cred);
        const frame = encodeFrame({ kind: 'beat' });
        await closes(connection, (socket) =>
          socket.write(Buffer.concat(Array.from({ length: MESSAGES }, () => frame))),
        );
        await counts(daemon, then);
        expect(await refused(daemon)).to.equal(then + 1);
      }
    });

    it('reports beyond any credit end the link and store nothing', async () => {
      const { cred, port, daemon } = ports[2] as Port;
      const peer = await RawPeer.link(port, 'compute', 'evil', { ca: cluster.site.ca, cred });
      peer.stream.send({ kind: 'claim', term: 1e6, incarnation: 'evil' });
      await peer.hears('claimed');
      const then = await refused(daemon);
      const { master } = await cluster.utility.client.call('health', {});
      const items = Array.from({ length: 1000 }, () => ({ kind: 'node.inventory', time: 1, body: 'x'.repeat(100) }));
      for (let first = 1; first < 100_000; first += 1000)
        peer.stream.send({ kind: 'report', term: 1e6, incarnation: 'evil', first, bytes: 190_000, items });
      await peer.closed();
      await counts(daemon, then);
      const after = (await cluster.utility.client.call('health', {})).master;
      // The few reports between are those of refused peers.
      expect(after.reports.committed - master.reports.committed).to.be.below(1000);
    });
  });

  it(`that is ${CONNECTIONS} connections at once on each port leaves room for those who belong here`, async () => {
    const all: Bare[] = [];
    for (const { port } of ports) {
      const opened = await Promise.allSettled(Array.from({ length: CONNECTIONS }, () => bare(port)));
      all.push(...opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    }
    expect(all.length).to.be.above(CONNECTIONS);
    for (const { port, cred, role } of ports) {
      const peer = await RawPeer.link(port, role, 'evil', { ca: cluster.site.ca, cred });
      peer.close();
    }
    for (const [i, { socket }] of all.entries()) if (i % 2 === 0) socket.write(randomBytes(100));
    for (const connection of all) await until('it is closed', () => connection.isClosed());
  });

  describe('on the local sockets', () => {
    const local: [string, () => Buffer | string][] = [
      ['random bytes', () => randomBytes(4096)],
      ['a megabyte of random bytes', () => randomBytes(1024 * 1024)],
      ['a TLS greeting', () => Buffer.concat([Buffer.from([22, 3, 1, 2, 0]), randomBytes(512)])],
      ['a frame of the tree', () => encodeFrame(hello('compute', 'evil'))],
      ['headers without end', () => `GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(20_000)}`],
      ['a line without end', () => `GET /${'a'.repeat(1024 * 1024)}`],
      [
        'a huge body',
        () =>
          `POST /csm/v1/ping HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n${'x'.repeat(100_000)}`,
      ],
    ];
    for (const [name, make] of local) {
      it(`${name} is refused by every daemon`, async () => {
        await Promise.all(
          cluster.site.daemons.map(async ({ socket }) => {
            const answer = await closes(await bare(socket), (s) => s.write(make()));
            expect(answer).to.match(/^(?:HTTP\/1\.1 4\d\d |$)/);
          }),
        );
      });
    }

    it('bad requests are answered in words', async () => {
      const requests: [string, RegExp][] = [
        [
          'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
          /^HTTP\/1\.1 404 [\s\S]*there is no|^HTTP\/1\.1 404 /,
        ],
        ['DELETE /csm/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 405 /],
        [
          'POST /csm/v1/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{]',
          /^HTTP\/1\.1 400 /,
        ],
        [
          'POST /csm/v1/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"nodes":"n[1-"}',
          /^HTTP\/1\.1 400 /,
        ],
      ];
      for (const { socket } of cluster.site.daemons) {
        for (const [request, words] of requests) {
          expect(await closes(await bare(socket), (s) => s.write(request))).to.match(words);
        }
      }
    });

    it('headers left open are given up after the deadline, and others are served meanwhile', async () => {
      const held: Bare[] = [];
      const timers: NodeJS.Timeout[] = [];
      for (const { socket } of cluster.site.daemons) {
        for (let i = 0; i < 20; i++) {
          const connection = await bare(socket);
          connection.socket.write('GET /csm/v1/health HTTP/1.1\r\n');
          timers.push(setInterval(() => !connection.isClosed() && connection.socket.write('x: y\r\n'), 500));
          held.push(connection);
        }
      }
      await Promise.all(cluster.site.daemons.map((daemon) => daemon.client.call('health', {})));
      for (const connection of held) await until('it is closed', () => connection.isClosed());
      for (const timer of timers) clearInterval(timer);
    });

    it(`${CONNECTIONS + 200} connections at once are refused beyond the bound, and the socket recovers`, async () => {
      for (const daemon of cluster.site.daemons) {
        const opened = await Promise.allSettled(Array.from({ length: CONNECTIONS + 200 }, () => bare(daemon.socket)));
        for (const one of opened) if (one.status === 'fulfilled') one.value.socket.destroy();
        await until('it is served again', () => daemon.client.call('health', {}));
      }
    });

    it('1,000 streams that are left at once leave their places', async () => {
      for (const daemon of [cluster.utility, cluster.computes[0] as Daemon]) {
        for (let round = 0; round < 10; round++) {
          await Promise.all(
            Array.from({ length: 100 }, async () => {
              const leave = new AbortController();
              const stream = daemon.client.stream('node.watch', { since: 0 }, { signal: leave.signal });
              await stream.next();
              leave.abort();
              await stream.next().catch(() => undefined);
            }),
          );
        }
        await daemon.client.call('health', {});
        for await (const part of daemon.client.stream('ping', { nodes: 'n1' })) expect(part.code).to.equal(0);
      }
    });
  });
});
