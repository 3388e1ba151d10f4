/** A dial that is ended before its time, and what a node makes of it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mono, wall } from '@csm/model';
import { initCa, issue, readPem } from '@csm/pki';
import { VERSION } from '@csm/protocol';
import { expect } from 'chai';
import type { TlsSettings } from 'tls-json-stream';
import { LeafShell, type Log } from '../src/index.ts';
import { HubDialer } from '../src/net/hub-dialer.ts';
import { type Wire, wirePair } from '../src/net/wire.ts';

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('a dial that is called off', () => {
  let site: string;
  let tls: TlsSettings;
  /** It takes connections and says nothing, as a hub does whose queue is long. */
  let mute: Server;
  let port: number;
  let open: Set<Socket>;
  let came: number;

  before(async () => {
    site = await mkdtemp(join(tmpdir(), 'csm-dial-'));
    await initCa(site, { name: 'test' });
    const { file } = await issue(site, { role: 'compute', node: 'n1' });
    const { cert, key } = await readPem(file);
    tls = { ca: await readFile(join(site, 'ca.pem'), 'utf8'), cert, key };
  });
  after(() => rm(site, { recursive: true }));
  beforeEach(async () => {
    open = new Set();
    came = 0;
    mute = createServer((socket) => {
      came++;
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
      socket.resume();
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    ({ port } = mute.address() as AddressInfo);
  });
  afterEach(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  });

  it('is hung up; those of other candidates and later ones are not', async () => {
    const options = {
      hubRole: 'aggregator',
      tls: () => tls,
      connectTimeout: 20_000,
      handshakeTimeout: 20_000,
    } as const;
    const dialer = new HubDialer(options);
    const ends: string[] = [];
    const dial = (index: number): Promise<void> =>
      dialer
        .dial(index, { host: '127.0.0.1', port }, () => undefined)
        .then(
          () => expect.fail('nobody answers'),
          (error: { readonly code: string }) => void ends.push(`${index} ${error.code}`),
        );
    const [first, second] = [dial(0), dial(1)];
    await until(() => came === 2, 'both are connected');
    dialer.hangUp(0);
    await first;
    await until(() => open.size === 1, 'one connection is closed');
    const again = dial(0);
    await until(() => came === 3, 'it is dialled again');
    expect(ends).to.deep.equal(['0 ABORTED']);
    dialer.stop();
    await Promise.all([second, again]);
    expect(ends.toSorted()).to.deep.equal(['0 ABORTED', '0 ABORTED', '1 ABORTED']);
  });

  it('a node whose second choice answers first leaves the queue of its first, without a complaint', async () => {
    const warnings: string[] = [];
    const log: Log = {
      error: () => undefined,
      warn: (t) => warnings.push(t),
      info: () => undefined,
      debug: () => undefined,
    };
    const leaf = await LeafShell.start({
      role: 'compute',
      node: 'n1',
      candidates: [
        { name: 'a', host: '127.0.0.1', port },
        { name: 'b', connect: welcoming },
      ],
      tls: () => tls,
      revoked: () => new Set(),
      journal: join(site, 'leaf.journal'),
      intervalMs: 300,
      returnAfterMs: 60_000,
      outboxBytes: 1024 * 1024,
      clock: { now: () => ({ mono: mono(performance.now()), wall: wall(Date.now()) }) },
      log,
      random: () => 0,
      commands: {},
    });
    try {
      await until(() => open.size === 1, 'it stands in the queue of the first');
      await until(() => leaf.leaf.failover.primary === 1, 'it claims at the second');
      await until(() => open.size === 0, 'it has left the queue');
      expect(leaf.leaf.failover.candidates[0]).to.include({ phase: 'idle', attempt: 1 });
      expect(came).to.equal(1);
      expect(warnings).to.deep.equal([]);
    } finally {
      await leaf.stop('done');
    }
  });
});

/** A hub within this process that greets and no more. */
function welcoming(): Wire {
  const [near, far] = wirePair('b');
  const welcome = {
    kind: 'welcome',
    version: VERSION,
    node: 'b',
    session: 's',
    interval: 300,
    leader: true,
    credit: 0,
  };
  far.start({
    onMessage: (value) => {
      if ((value as { readonly kind: string }).kind === 'hello') far.send(welcome);
    },
    onBatchEnd: () => undefined,
    onClose: () => undefined,
  });
  return near;
}
