/**
 * Streams of changes while the master is killed and comes back: over every skin each change is seen once and in order,
 * whatever disconnects; a receiver of webhooks that fails and hangs gets each at least once, in order for each node.
 */
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Database from 'better-sqlite3';
import { expect } from 'chai';
import { ChangeReader, SKINS } from '../support/change-readers.ts';
import { type Cluster, HUBS, withCluster } from '../support/cluster.ts';
import { type Random, random, seedOr } from '../support/random.ts';
import { pass } from '../support/wait.ts';

const OPTIONS = { computes: 2, interval: 0.5 };
const NODES = ['c1', 'c2', 'utility'];
const CHANGES = 300;
const KILLS = 3;
const READERS_EACH = 3;
const PATIENCE = 40;
const LONG_MS = 120_000;

interface Taken {
  readonly id: string;
  readonly subject: string;
  readonly isSigned: boolean;
}

/** Takes most, answers some with an error, and leaves a few without an answer. */
class MoodyReceiver {
  readonly taken: Taken[] = [];
  readonly server: Server;
  secret = '';
  faults = 0;
  moody = true;

  constructor(chance: Random) {
    this.server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const mood = this.moody ? chance.next() : 1;
        if (mood < 0.06) {
          this.faults += 1;
          // One that hangs up, one that says no; one in a hundred that says nothing at all.
          if (mood < 0.02) req.socket.destroy();
          else if (mood < 0.055) res.writeHead(503).end();
          return;
        }
        const text = Buffer.concat(chunks).toString('utf8');
        const [, t = '', v1 = ''] = /^t=(\d+),v1=([0-9a-f]+)$/.exec(String(req.headers['csm-signature'])) ?? [];
        const mac = createHmac('sha256', this.secret).update(`${t}.${text}`).digest('hex');
        const { subject } = JSON.parse(text) as { readonly subject: string };
        this.taken.push({ id: String(req.headers['csm-event-id']), subject, isSigned: mac === v1 });
        res.writeHead(204).end();
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/changes`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Sets comments, one after another, each until it is set; the master may be away meanwhile. */
async function makeChanges(cluster: Cluster, chance: Random, made: (count: number) => void): Promise<void> {
  const client = cluster.client('utility');
  for (let n = 1; n <= CHANGES; n++) {
    const input = { nodes: chance.pick(NODES), comment: `comment ${n}` };
    const idempotencyKey = `streams-${n}`;
    await cluster.until(
      async () => {
        await client.call('node.update', input, { idempotencyKey, timeoutSeconds: 20 });
        return true;
      },
      LONG_MS,
      `change ${n} is made`,
    );
    made(n);
  }
}

function rowsBehind(cluster: Cluster, since: number): { readonly seq: number; readonly subject: string }[] {
  const db = new Database(cluster.database, { readonly: true });
  try {
    const sql = `SELECT seq, subject FROM change WHERE kind = 'node' AND seq > ? ORDER BY seq`;
    return db.prepare(sql).all(since) as { seq: number; subject: string }[];
  } finally {
    db.close();
  }
}

describe('streams of changes', function () {
  this.timeout(300_000);

  it('over every skin, and by webhook, nothing is missed while the master is killed', () =>
    withCluster(OPTIONS, async (cluster) => {
      const chance = random(seedOr(53));
      const since = cluster.head();
      const sockets = ['utility', 'master', ...HUBS].map((name) => cluster.socket(name));
      const receiver = new MoodyReceiver(chance);
      const readers = SKINS.flatMap((skin) =>
        Array.from({ length: READERS_EACH }, () => new ChangeReader(skin, sockets, since, PATIENCE, chance)),
      );
      try {
        const url = await receiver.listen();
        const client = cluster.client('utility');
        const subscription = { url, kinds: ['node'], since };
        const { id, secret } = await client.call('subscription.create', subscription);
        receiver.secret = secret;

        let count = 0;
        const making = makeChanges(cluster, chance, (n) => {
          count = n;
        });
        making.catch(() => undefined);
        for (let kill = 1; kill <= KILLS; kill++) {
          await cluster.until(() => count >= (CHANGES * kill) / (KILLS + 1) || count, LONG_MS, 'some changes are made');
          await cluster.kill('master');
          await pass(chance.below(500));
          cluster.restart('master');
        }
        await making;
        await cluster.healed();

        // No state changes any more that somebody would still have to be told: nothing is killed from here on.
        const wanted = (): number[] => rowsBehind(cluster, since).map(({ seq }) => seq);
        for (const reader of readers) {
          await cluster.until(
            () => reader.seqs.at(-1) === wanted().at(-1) || `${reader.skin} is at ${reader.seqs.at(-1)}`,
            LONG_MS,
            'every reader has the last change',
          );
        }
        receiver.moody = false;
        await cluster.until(
          async () => {
            const [one] = await client.call('subscription.list', {});
            return (one?.behind === 0 && one.failures === 0) || one;
          },
          LONG_MS,
          'the receiver has the last change',
        );
        const rows = rowsBehind(cluster, since);
        const seqs = rows.map(({ seq }) => seq);
        expect(rows.length).to.be.at.least(CHANGES);
        for (const { skin, seqs: seen, connections } of readers) {
          expect(seen.slice(0, seqs.length), skin).to.deep.equal(seqs);
          expect(connections, `connections over ${skin}`).to.be.above(KILLS);
        }

        expect(receiver.taken.every(({ isSigned }) => isSigned)).to.equal(true);
        expect(receiver.faults, 'requests that were refused').to.be.above(0);
        const first = [...new Map(receiver.taken.map((one) => [one.id, one] as const)).values()];
        expect(new Set(first.map((one) => Number(one.id)))).to.deep.equal(new Set(seqs));
        for (const node of new Set(rows.map(({ subject }) => subject))) {
          const told = first.filter(({ subject }) => subject === node).map((one) => Number(one.id));
          expect(told, `changes of ${node}`).to.deep.equal(rows.filter((r) => r.subject === node).map((r) => r.seq));
        }

        await client.call('subscription.delete', { id });
        for (const reader of readers) reader.leave();
        // One more change, by which those who wait for one notice that they are to leave.
        await client.call('node.update', { nodes: 'c1', comment: 'the last one' });
        await Promise.all(readers.map((reader) => reader.stop()));
      } finally {
        for (const reader of readers) reader.leave();
        await receiver.close();
      }
    }));
});
