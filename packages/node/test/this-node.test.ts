import { realHost } from '@csm/host';
import { isObject, wall } from '@csm/model';
import { expect } from 'chai';
import { collectInventory, inventoryHash } from '../src/inventory/index.ts';
import { Cluster } from './cluster.ts';

describe('the inventory of this machine', () => {
  it('is stored whole, and taken a second time it is no news', async () => {
    const cluster = await Cluster.open();
    try {
      const host = realHost();
      const first = await collectInventory({ host, now: wall(1) });
      expect(await cluster.take('here', inventoryHash(first), first)).to.equal(0);
      const parts = await cluster.hardware();
      expect(parts).to.have.length(first.hardware.length);
      const again = await collectInventory({ host, now: wall(2) });
      expect(await cluster.take('here', inventoryHash(again), again)).to.equal(0);
      expect(await cluster.history()).to.deep.equal([]);
      const [row] = await cluster.store.query<{ document: string }>('SELECT document FROM inventory');
      const stored: unknown = JSON.parse(row?.document ?? 'null');
      expect(isObject(stored) && stored['hardware']).to.deep.equal(JSON.parse(JSON.stringify(again.hardware)));
    } finally {
      await cluster.store.close();
    }
  }).timeout(60_000);
});
