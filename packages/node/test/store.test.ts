import { wall } from '@csm/model';
import { overEngines } from '@csm/sim';
import type { Store } from '@csm/store';
import type { DaemonRecord, RosterRecord, RosterRecorded, Telling } from '@csm/tree';
import { expect } from 'chai';
import * as nodeStore from '../src/store/index.ts';

const NOW = wall(1_800_000_000_000);

function daemon(id: DaemonRecord['daemon'], more: Partial<DaemonRecord> = {}): DaemonRecord {
  return {
    daemon: id,
    told: 1,
    connected: true,
    primary: 'agg-A',
    secondary: null,
    term: 1,
    incarnation: 'i1',
    incarnationSince: NOW,
    lastSeen: NOW,
    address: '10.0.0.1:1',
    version: '1.1',
    session: 's1',
    ...more,
  };
}

const record = (more: Partial<RosterRecord>): RosterRecord => ({
  daemons: [],
  tellings: [],
  claims: [],
  hubs: [],
  ...more,
});

const MODULE = new URL('../src/store/index.js', import.meta.url).href;

overEngines('node store', ({ open }) => {
  let store: Store;
  before(async () => {
    store = await open(nodeStore, MODULE, { clock: () => NOW });
  });
  after(() => store.close());

  const report = (body: unknown, id = 'compute/n1', first = 1) =>
    store.call<{ results: readonly { cursor: number; rejected: number }[] }>('store.commitReports', {
      batches: [{ daemon: id, incarnation: 'i1', first, items: [{ kind: 'node.inventory', time: NOW, body }] }],
    });

  it('makes a node DISCOVERED at first contact, once', async () => {
    await store.call('node.record', record({ daemons: [daemon('compute/n1')] }));
    await store.call('node.record', record({ daemons: [daemon('compute/n1', { told: 2, secondary: 'agg-B' })] }));
    const nodes = await store.query('SELECT node_name, type, state, first_seen FROM node');
    expect(nodes).to.deep.equal([{ node_name: 'n1', type: 'compute', state: 'DISCOVERED', first_seen: NOW }]);
    const changes = await store.changes.since(0, 10, { kinds: ['node'] });
    expect(changes.map((c) => c.body)).to.deep.equal([
      { from: null, to: 'DISCOVERED', cause: 'inventory', reason: 'first contact', by: null, type: 'compute' },
    ]);
    const [row] = await store.query('SELECT told, secondary_agg FROM daemon');
    expect(row).to.deep.equal({ told: 2, secondary_agg: 'agg-B' });
  });

  it('gives a node the type of its main daemon, whichever comes first', async () => {
    await store.call('node.record', record({ daemons: [daemon('aggregator/sn1')] }));
    await store.call('node.record', record({ daemons: [daemon('compute/sn1'), daemon('master/sn1')] }));
    const [row] = await store.query("SELECT type FROM node WHERE node_name = 'sn1'");
    expect(row).to.deep.equal({ type: 'compute' });
  });

  it('answers claims with cursor and inventory of the claimed incarnation', async () => {
    await report({ hash: 'h1', document: { installed_memory: 1024, kernel_release: '6.1' } });
    const claim = { daemon: 'compute/n1' as const, term: 3, hub: 'agg-A' };
    const { claims } = await store.call<RosterRecorded>(
      'node.record',
      record({
        claims: [
          { ...claim, incarnation: 'i1' },
          { ...claim, incarnation: 'i2' },
        ],
      }),
    );
    expect(claims).to.deep.equal([
      { daemon: 'compute/n1', incarnation: 'i1', cursor: 1, inventory: 'h1' },
      { daemon: 'compute/n1', incarnation: 'i2', cursor: 0, inventory: 'h1' },
    ]);
    const [row] = await store.query(
      "SELECT installed_memory, kernel_release, inventory_hash FROM node WHERE node_name = 'n1'",
    );
    expect(row).to.deep.equal({ installed_memory: 1024, kernel_release: '6.1', inventory_hash: 'h1' });
  });

  it('tells a lost aggregator as one change, however many nodes it names', async () => {
    const daemons = Array.from({ length: 300 }, (_, i) => `compute/c${i + 1}` as const);
    const telling: Telling = {
      what: 'aggregator_lost',
      hub: 'agg-A',
      daemons,
      cause: 'it was lost',
      planned: false,
      at: NOW,
    };
    const before = await store.changes.head();
    await store.call('node.record', record({ tellings: [telling], hubs: [{ hub: 'agg-A', linked: false }] }));
    const changes = await store.changes.since(before, 10);
    expect(changes).to.have.length(1);
    expect(changes[0]).to.include({ kind: 'link', subject: 'agg-A' });
    expect(changes[0]?.body).to.include({ event: 'aggregator_lost', nodes: 'c[1-300]', count: 300, planned: false });
  });

  it('sets a nonsensical inventory aside and stores what follows', async () => {
    const bad = [
      { hash: 7 },
      { hash: 'h', document: { installed_memory: -1 } },
      { hash: 'h', document: { kernel_release: 5 } },
      null,
    ];
    for (const [i, body] of bad.entries()) {
      const { results } = await report(body, 'compute/n9', i + 1);
      expect(results[0]).to.include({ cursor: i + 1, rejected: 1 });
    }
    await report({ hash: 'good', document: { installed_memory: 5 } }, 'compute/n9', bad.length + 1);
    const [row] = await store.query("SELECT inventory_hash FROM node WHERE node_name = 'n9'");
    expect(row).to.deep.equal({ inventory_hash: 'good' });
    const rejected = await store.query<{ reason: string }>('SELECT reason FROM rejected_report ORDER BY id');
    expect(rejected.map((r) => r.reason)[1]).to.contain("'installed_memory' must be a whole number from 0 to");
  });

  it('does not let a lesser daemon of the node overwrite the inventory', async () => {
    await report({ hash: 'main', document: { installed_memory: 10 } }, 'compute/sn1');
    await report({ hash: 'lesser', document: { installed_memory: 20 } }, 'aggregator/sn1');
    const [row] = await store.query("SELECT inventory_hash, installed_memory FROM node WHERE node_name = 'sn1'");
    expect(row).to.deep.equal({ inventory_hash: 'main', installed_memory: 10 });
  });

  it('tells a reboot by the boot id', async () => {
    const head = await store.changes.head();
    await report({ hash: 'b1', document: { boot_id: 'one' } }, 'compute/n7', 1);
    await report({ hash: 'b2', document: { boot_id: 'two' } }, 'compute/n7', 2);
    const changes = await store.changes.since(head, 10, { kinds: ['inventory'] });
    expect(changes.map((c) => c.body)).to.deep.equal([
      { hash: 'b1', rebooted: false },
      { hash: 'b2', rebooted: true },
    ]);
  });

  it('moves last_seen forward only', async () => {
    await store.call('node.touch', { seen: [{ daemon: 'compute/n1', lastSeen: NOW + 500 }] });
    await store.call('node.touch', { seen: [{ daemon: 'compute/n1', lastSeen: NOW + 100 }] });
    const [row] = await store.query("SELECT last_seen FROM daemon WHERE daemon = 'compute/n1'");
    expect(row).to.deep.equal({ last_seen: NOW + 500 });
  });

  it('takes thousands of daemons at once, each as it was told last', async () => {
    const ids = Array.from({ length: 3000 }, (_, i) => `compute/m${i}` as const);
    const before = await store.changes.head();
    await store.call('node.record', record({ daemons: ids.map((id) => daemon(id)) }));
    expect(await store.changes.head()).to.equal(before + ids.length);
    const claims = ids.map((id) => ({ daemon: id, term: 2, hub: 'agg-A', incarnation: 'i1' }));
    const again = [...ids.map((id) => daemon(id, { term: 2, address: null })), daemon('compute/m0', { term: 3 })];
    const told = record({ daemons: again, claims: claims as unknown as RosterRecord['claims'] });
    const answer = await store.call<RosterRecorded>('node.record', told);
    expect(answer.claims.map((claim) => claim.daemon)).to.deep.equal(ids);
    const rows = await store.query(
      "SELECT term, address, count(*) AS n FROM daemon WHERE node_name LIKE 'm%' GROUP BY term, address ORDER BY term",
    );
    expect(rows).to.deep.equal([
      { term: 2, address: '10.0.0.1:1', n: 2999 },
      { term: 3, address: '10.0.0.1:1', n: 1 },
    ]);
    const seen = [...ids, ...ids].map((id, i) => ({ daemon: id, lastSeen: NOW + 1 + (i < 3000 ? 9 : 0) }));
    await store.call('node.touch', { seen: [...seen, { daemon: 'compute/unknown', lastSeen: NOW + 99 }] });
    const [last] = await store.query(
      "SELECT min(last_seen) AS least, max(last_seen) AS most FROM daemon WHERE node_name LIKE 'm%'",
    );
    expect(last).to.deep.equal({ least: NOW + 10, most: NOW + 10 });
  });
});
