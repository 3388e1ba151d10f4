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
});
