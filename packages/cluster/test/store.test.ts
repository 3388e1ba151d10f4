import { CsmError, wall } from '@csm/model';
import { overEngines } from '@csm/sim';
import type { Store } from '@csm/store';
import { expect } from 'chai';
import * as clusterStore from '../src/store.ts';

const DAY = 24 * 3_600_000;

const MODULE = new URL('../src/store.js', import.meta.url).href;

overEngines('cluster store', ({ open }) => {
  let store: Store;
  let now = 1_800_000_000_000;
  before(async () => {
    store = await open(clusterStore, MODULE, { clock: () => wall(now) });
  });
  after(() => store.close());

  const begin = (id: string, hash: string) => store.call<{ begunAt: number | null }>('cluster.begin', { id, hash });

  it('knows an order that was begun before, and since when', async () => {
    expect(await begin('a', 'h')).to.deep.equal({ begunAt: null });
    const first = now;
    now += 5000;
    expect(await begin('a', 'h')).to.deep.equal({ begunAt: first });
  });

  it('refuses another order under the same key', async () => {
    const error = await begin('a', 'other').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(CsmError);
    expect((error as CsmError).problem).to.include({ code: 9, field: 'Idempotency-Key' });
  });

  it('forgets a key after 24 hours', async () => {
    now += DAY + 6000;
    expect(await begin('a', 'other')).to.deep.equal({ begunAt: null });
  });

  it('keeps one row for a peer that is refused again and again, and the newest thousand in all', async () => {
    let first = 1;
    const tell = (peers: unknown) =>
      store.call('store.commitReports', {
        batches: [
          {
            daemon: 'aggregator/sn1',
            incarnation: 'i',
            first: first++,
            items: [{ kind: 'cluster.refused', time: now, body: { peers } }],
          },
        ],
      });
    const peer = {
      daemon: 'compute/n1',
      code: 'certificate',
      address: '10.0.0.9',
      reason: 'expired',
      at: now,
      count: 1,
    };
    await tell([peer]);
    await tell([{ ...peer, count: 7, at: now + 1 }]);
    const rows = await store.query('SELECT hub, daemon, times FROM refused_peer');
    expect(rows).to.deep.equal([{ hub: 'aggregator/sn1', daemon: 'compute/n1', times: 7 }]);
    const many = Array.from({ length: 1500 }, (_, i) => ({
      ...peer,
      address: `10.1.${i >> 8}.${i & 255}`,
      at: now + 10 + i,
    }));
    await tell(many);
    const [count] = await store.query('SELECT COUNT(*) AS n FROM refused_peer');
    expect(count).to.deep.equal({ n: 1000 });
    await tell('nonsense');
    const [rejected] = await store.query('SELECT COUNT(*) AS n FROM rejected_report');
    expect(rejected).to.deep.equal({ n: 1 });
  });

  describe('of what daemons say of themselves', () => {
    const numbers = new Map<string, number>();
    const tell = (daemon: string, ...bodies: unknown[]) => {
      const items = bodies.map((body) => ({ kind: 'cluster.daemon', time: now, body }));
      const first = numbers.get(daemon) ?? 1;
      const batch = { daemon, incarnation: 'self', first, items };
      numbers.set(daemon, first + bodies.length);
      return store.call('store.commitReports', { batches: [batch] });
    };
    const rowOf = async (daemon: string) =>
      (await store.query('SELECT * FROM daemon_self WHERE daemon = $1', [daemon])).map((row) => ({ ...row }));
    const facts = {
      version: '0.1.0',
      started: 1_700_000_000_000,
      issued: 1_600_000_000_000,
      expires: 1_900_000_000_000,
      clock_ahead: -1500,
      clock_of: 'aggregator/sn1',
      dropped: 3,
      refused: 1,
      problems: ['the journal cannot be written'],
      features: { environment: { state: 'connected' } },
    };

    it('keeps the newest word of each', async () => {
      await tell('compute/n1', { ...facts, version: '0.0.9' }, facts);
      expect(await rowOf('compute/n1')).to.deep.equal([
        {
          daemon: 'compute/n1',
          ...facts,
          problems: '["the journal cannot be written"]',
          features: '{"environment":{"state":"connected"}}',
          told: now,
        },
      ]);
      await tell('compute/n1', { ...facts, clock_ahead: null, clock_of: null, dropped: 4 });
      expect((await rowOf('compute/n1'))[0]).to.include({ clock_ahead: null, clock_of: null, dropped: 4 });
    });

    it('keeps what can be told of a word that is odd, within bounds', async () => {
      await tell('compute/n2', {
        version: 7,
        started: now + DAY,
        expires: 1e300,
        clock_ahead: 0.5,
        dropped: -1,
        problems: Array.from({ length: 50 }, () => 'x'.repeat(5000)),
        features: { environment: 'x'.repeat(5000) },
      });
      const [row] = await rowOf('compute/n2');
      expect(row).to.include({
        version: '',
        started: now,
        expires: 8.64e15,
        clock_ahead: null,
        dropped: 0,
        refused: 0,
      });
      expect(row).to.include({ features: '{}' });
      const problems = JSON.parse(String(row?.['problems'])) as string[];
      expect([problems.length, problems[0]?.length]).to.deep.equal([10, 1000]);
    });

    it('forgets who has said nothing for 30 days', async () => {
      now += 30 * DAY + 1;
      await tell('compute/n3', facts);
      expect(await rowOf('compute/n1')).to.deep.equal([]);
      expect(await rowOf('compute/n3')).to.have.length(1);
    });
  });
});
