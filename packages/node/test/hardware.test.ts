import { NodeSet } from '@csm/nodeset';
import { expect } from 'chai';
import type { Part } from '../src/hardware.ts';
import { listHardware, listHistory } from '../src/hardware-records.ts';
import { Cluster } from './cluster.ts';
import { part } from './parts.ts';

const DAY = 86_400_000;
const a = part('dimm', 'A1', 'SA');
const b = part('dimm', 'A1', 'SB');
const other = part('nic', '0000:01:00.0', null);

describe('parts and their history', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.open();
  });
  afterEach(() => cluster.store.close());

  it('takes the first inventory as it is, and a repetition after a restart as no news', async () => {
    await cluster.report('n1', [a, other]);
    await cluster.report('n1', [{ ...a, details: { y: 1, x: 2 } }, other], { hash: 'x' });
    await cluster.report('n1', [other, { ...a, details: { x: 2, y: 1 } }], { hash: 'x' });
    expect(await cluster.history()).to.deep.equal([]);
    expect(await cluster.parts()).to.deep.equal(['n1: dimm A1 SA', 'n1: nic 0000:01:00.0 -']);
    const changes = await cluster.store.changes.since(0, 100, { kinds: ['inventory'] });
    expect(changes.map(({ body }) => body)).to.deep.equal([
      { hash: 'h0', rebooted: false },
      { hash: 'x', rebooted: false },
    ]);
  });

  it('tells what is inserted, changed and removed, and since when a part is there', async () => {
    await cluster.report('n1', [a, other]);
    const before = (await listHardware(cluster.store, { serial: 'SA' }))[0]?.since;
    await cluster.report('n1', [
      { ...a, location: 'B1', firmware: '1.1', details: { size: 32 } },
      part('gpu', 'g0', 'G'),
    ]);
    expect(await cluster.history()).to.deep.equal([
      'changed SA n1/B1',
      'inserted G n1/g0',
      'removed - n1/0000:01:00.0',
    ]);
    const [changed] = await listHistory(cluster.store, { limit: 10 });
    expect(changed?.changes).to.deep.equal({
      location: { from: 'A1', to: 'B1' },
      firmware: { from: '1.0', to: '1.1' },
    });
    expect((await listHardware(cluster.store, { serial: 'SA' }))[0]?.since).to.equal(before);
    await cluster.report('n1', [
      { ...a, location: 'B1', firmware: '1.1', details: { size: 64 } },
      part('gpu', 'g0', 'G'),
    ]);
    const [last] = (await listHistory(cluster.store, { limit: 1 })).slice(-1);
    expect(last?.changes).to.deep.equal({ size: { from: 32, to: 64 } });
    const [change] = (await cluster.store.changes.since(0, 100, { kinds: ['inventory'] })).slice(-1);
    expect(change?.body).to.deep.include({ parts: { changed: 1 } });
  });

  it('lets parts change places within a node', async () => {
    const [one, two] = [part('dimm', 'A1', 'S1'), part('dimm', 'A2', 'S2')];
    await cluster.report('n1', [one, two]);
    await cluster.report('n1', [
      { ...one, location: 'A2' },
      { ...two, location: 'A1' },
    ]);
    expect(await cluster.parts()).to.deep.equal(['n1: dimm A1 S2', 'n1: dimm A2 S1']);
    expect((await cluster.history()).sort()).to.deep.equal(['changed S1 n1/A2', 'changed S2 n1/A1']);
  });

  it('updates what passes without a row', async () => {
    await cluster.report('n1', [{ ...a, passing: { wear: 1 } }]);
    await cluster.report('n1', [{ ...a, passing: { wear: 2 } }], { hash: 'h0' });
    expect(await cluster.history()).to.deep.equal([]);
    expect((await listHardware(cluster.store, {}))[0]?.passing).to.deep.equal({ wear: 2 });
  });

  it('takes what could not be read this time for no change, and what is learned neither', async () => {
    await cluster.report('n1', [{ ...a, details: { size: 32 } }]);
    await cluster.report('n1', [{ ...a, serial: null, firmware: null, details: { size: null } }]);
    await cluster.report('n1', [{ ...a, details: { size: 32, speed: 3200 } }]);
    await cluster.report('n1', [a]);
    expect(await cluster.history()).to.deep.equal([]);
    expect((await listHardware(cluster.store, {}))[0]).to.deep.include({
      serial: 'SA',
      firmware: '1.0',
      details: { size: 32, speed: 3200 },
    });
  });

  it('holds a part of another model in the same place for another part, though no serial is told', async () => {
    await cluster.report('n1', [a]);
    await cluster.report('n1', [{ ...a, serial: null, model: 'another' }]);
    expect(await cluster.history()).to.deep.equal(['inserted - n1/A1', 'removed SA n1/A1']);
  });

  it('removes nothing of a kind that could not be read, but where another part sits', async () => {
    const two = [a, part('dimm', 'A2', 'S2')];
    await cluster.report('n1', [...two, other]);
    await cluster.report('n1', [other], { reasons: { 'hardware.dimm': 'dmidecode: not found' } });
    await cluster.report('n1', [other], { reasons: { dimm: 'dmidecode: not found' } });
    expect(await cluster.history()).to.deep.equal([]);
    await cluster.report('n1', [b, other], { reasons: { 'hardware.dimm': 'half of it' } });
    expect(await cluster.history()).to.deep.equal(['inserted SB n1/A1', 'removed SA n1/A1']);
    await cluster.report('n1', [b, other]);
    expect((await cluster.history()).at(-1)).to.equal('removed S2 n1/A2');
  });

  it('takes the first telling of a kind as it is, however late it comes', async () => {
    await cluster.report('n1', [other], { reasons: { 'hardware.gpu': 'nvidia-smi: not found' } });
    await cluster.report('n1', [other, part('gpu', 'g0', 'G0')]);
    expect(await cluster.history()).to.deep.equal([]);
    await cluster.report('n1', [other, part('gpu', 'g0', 'G0'), part('gpu', 'g1', 'G1')]);
    expect(await cluster.history()).to.deep.equal(['inserted G1 n1/g1']);
  });

  it('leaves the parts alone when an older daemon tells of none', async () => {
    await cluster.report('n1', [a]);
    await cluster.report('n1', undefined);
    await cluster.report('n1', null);
    expect(await cluster.parts()).to.deep.equal(['n1: dimm A1 SA']);
    await cluster.report('n1', [a]);
    expect(await cluster.history()).to.deep.equal([]);
  });

  describe('parts exchanged between two nodes', () => {
    const orders: readonly (readonly (readonly [string, readonly Part[]])[])[] = [
      [
        ['n1', [b]],
        ['n2', [a]],
      ],
      [
        ['n2', [a]],
        ['n1', [b]],
      ],
      [
        ['n1', []],
        ['n2', [a]],
        ['n1', [b]],
      ],
      [
        ['n1', []],
        ['n2', []],
        ['n1', [b]],
        ['n2', [a]],
      ],
      [
        ['n1', []],
        ['n2', []],
        ['n2', [a]],
        ['n1', [b]],
      ],
      [
        ['n2', []],
        ['n1', [b]],
        ['n1', [b]],
        ['n2', [a]],
      ],
    ];
    for (const order of orders) {
      it(`give exactly two rows: ${order.map(([node, parts]) => `${node} has ${parts[0]?.serial ?? 'none'}`).join(', ')}`, async () => {
        await cluster.report('n1', [a]);
        await cluster.report('n2', [b]);
        for (const [node, parts] of order) await cluster.report(node, parts);
        const expected = ['moved SA n1/A1>n2/A1', 'moved SB n2/A1>n1/A1'];
        expect((await cluster.history()).sort()).to.deep.equal(expected);
        for (const node of ['n1', 'n2']) await cluster.report(node, node === 'n1' ? [b] : [a]);
        expect((await cluster.history()).sort()).to.deep.equal(expected);
        expect(await cluster.parts()).to.deep.equal(['n1: dimm A1 SB', 'n2: dimm A1 SA']);
      });
    }
  });

  it('tells a move into a node never seen before, whether or not the part was known to be gone', async () => {
    await cluster.report('n1', [a, part('dimm', 'A2', 'S2')]);
    await cluster.report('n1', [part('dimm', 'A2', 'S2')]);
    await cluster.report('n2', [a, { ...part('dimm', 'A2', 'S2'), firmware: '2.0' }]);
    await cluster.report('n1', []);
    expect((await cluster.history()).sort()).to.deep.equal(['moved S2 n1/A2>n2/A2', 'moved SA n1/A1>n2/A1']);
    const [moved] = (await listHistory(cluster.store, { serial: 'S2', limit: 1 })).slice(-1);
    expect(moved?.changes).to.deep.equal({ firmware: { from: '1.0', to: '2.0' } });
  });

  it('does not complete a removal of more than 30 days ago, nor one of the same node', async () => {
    await cluster.report('n1', [a]);
    await cluster.report('n2', []);
    await cluster.report('n1', []);
    cluster.now += 31 * DAY;
    await cluster.report('n2', [a]);
    expect(await cluster.history()).to.deep.equal(['removed SA n1/A1', 'inserted SA n2/A1']);
    await cluster.report('n2', []);
    await cluster.report('n2', [a]);
    await cluster.report('n2', []);
    await cluster.report('n1', [a]);
    expect((await cluster.history()).slice(2)).to.deep.equal([
      'removed SA n2/A1',
      'inserted SA n2/A1',
      'moved SA n2/A1>n1/A1',
    ]);
  });

  it('follows a part from node to node and back', async () => {
    for (const node of ['n1', 'n2', 'n3']) await cluster.report(node, node === 'n1' ? [a] : []);
    for (const [to, from] of [
      ['n2', 'n1'],
      ['n3', 'n2'],
      ['n1', 'n3'],
    ] as const) {
      await cluster.report(to, [a]);
      await cluster.report(from, []);
    }
    expect(await cluster.history()).to.deep.equal([
      'moved SA n1/A1>n2/A1',
      'moved SA n2/A1>n3/A1',
      'moved SA n3/A1>n1/A1',
    ]);
  });

  it('passes over a part in a report that was made before its move was seen', async () => {
    await cluster.report('n1', [a]);
    const early = cluster.now + 10;
    cluster.now += 60_000;
    await cluster.report('n2', [a]);
    await cluster.report('n1', [a], { madeAt: early });
    expect(await cluster.parts()).to.deep.equal(['n2: dimm A1 SA']);
    await cluster.report('n1', []);
    expect(await cluster.history()).to.deep.equal(['moved SA n1/A1>n2/A1']);
  });

  it('finds out that two nodes hold one serial, and makes no row for each report', async () => {
    await cluster.report('n1', [a]);
    await cluster.report('n2', [a]);
    for (let i = 0; i < 5; i++) for (const node of ['n1', 'n2']) await cluster.report(node, [a]);
    expect(await cluster.parts()).to.deep.equal(['n1: dimm A1 SA', 'n2: dimm A1 SA']);
    expect(await cluster.history()).to.deep.equal(['inserted SA n2/A1']);
    // From then on it is its place.
    await cluster.report('n1', []);
    await cluster.report('n3', [a]);
    await cluster.report('n3', [{ ...a, location: 'B1' }]);
    expect((await cluster.history()).slice(1)).to.deep.equal([
      'removed SA n1/A1',
      'inserted SA n3/B1',
      'removed SA n3/A1',
    ]);
  });

  it('takes a serial that very many bear for none after one row', async () => {
    for (let i = 1; i <= 50; i++) await cluster.report(`n${i}`, [a]);
    for (let i = 1; i <= 50; i++) await cluster.report(`n${i}`, [a]);
    expect(await cluster.history()).to.deep.equal(['inserted SA n2/A1']);
    expect(await cluster.parts()).to.have.length(50);
  });

  it('takes two parts of one node with one serial for their places', async () => {
    const twins = [part('ssd', 'nvme0', 'X'), part('ssd', 'nvme1', 'X')];
    await cluster.report('n1', twins);
    await cluster.report('n1', twins);
    await cluster.report('n1', twins.slice(1));
    expect(await cluster.history()).to.deep.equal(['removed X n1/nvme0']);
    await cluster.report('n2', twins);
    expect(await cluster.history()).to.deep.equal(['removed X n1/nvme0']);
  });

  it('tells serials of different kinds apart', async () => {
    await cluster.report('n1', [part('hca', 'p0', 'S')]);
    await cluster.report('n2', [part('nic', 'p0', 'S')]);
    expect(await cluster.history()).to.deep.equal([]);
  });

  it('filters parts and history by node, kind, serial and time', async () => {
    await cluster.report('n1', [a, other]);
    await cluster.report('n2', []);
    await cluster.report('n2', [a]);
    const since = cluster.now + 500;
    await cluster.report('n1', [part('gpu', 'g', null)]);
    const set = (nodes: string) => NodeSet.parse(nodes);
    expect(await listHardware(cluster.store, { nodes: set('n1') })).to.have.length(1);
    expect(await listHardware(cluster.store, { nodes: set('n[1-200]'), kind: 'dimm' })).to.have.length(1);
    expect(await listHistory(cluster.store, { nodes: set('n1'), limit: 10 })).to.have.length(3);
    expect(await listHistory(cluster.store, { nodes: set('n2'), limit: 10 })).to.have.length(1);
    expect(await listHistory(cluster.store, { nodes: set('n[1-200]'), since, limit: 10 })).to.have.length(2);
    const newest = await listHistory(cluster.store, { limit: 1 });
    expect(newest.map(({ event }) => event)).to.deep.equal(['removed']);
  });

  it('reads thousands of rows page by page', async () => {
    const many = Array.from({ length: 900 }, (_, i) => part('nic', `p${i}`, `N${i}`));
    await cluster.report('n1', many);
    await cluster.report(
      'n2',
      many.map((p) => ({ ...p, serial: `M${p.serial}` })),
    );
    await cluster.report('n1', []);
    await cluster.report('n2', []);
    expect(await listHistory(cluster.store, { limit: 1500 })).to.have.length(1500);
    const all = await listHistory(cluster.store, { limit: 10_000 });
    expect(new Set(all.map(({ seq }) => seq)).size).to.equal(1800);
    await cluster.report('n1', many);
    await cluster.report(
      'n2',
      many.map((p) => ({ ...p, serial: `M${p.serial}` })),
    );
    expect(await listHardware(cluster.store, {})).to.have.length(1800);
  });

  it('prunes old history and never gives a number twice', async () => {
    await cluster.report('n1', [a]);
    await cluster.report('n1', []);
    const [old] = await listHistory(cluster.store, { limit: 1 });
    await cluster.store.call('node.prune', { olderThan: cluster.now + 1 });
    expect(await cluster.history()).to.deep.equal([]);
    await cluster.report('n1', [b]);
    const [young] = await listHistory(cluster.store, { limit: 1 });
    expect(young?.seq).to.be.greaterThan(old?.seq ?? Number.POSITIVE_INFINITY);
  });

  const bad: readonly (readonly [string, unknown, string])[] = [
    ['text', 'dimm', 'hardware is "dimm"; a list of parts is allowed'],
    ['a number in the list', [7], 'hardware[0] is 7; a part is an object'],
    [
      'an unknown kind',
      [{ ...a, kind: 'disk' }],
      'hardware[0].kind is "disk"; cpu, dimm, gpu, hca, nic, ssd are allowed',
    ],
    ['no location', [{ ...a, location: null }], 'hardware[0].location is null'],
    ['an empty serial', [{ ...a, serial: '' }], 'hardware[0].serial is ""'],
    ['a serial that is a number', [{ ...a, serial: 7 }], 'hardware[0].serial is 7'],
    ['a control character', [{ ...a, model: 'x\u0000y' }], 'hardware[0].model'],
    ['half a character', [{ ...a, location: '\ud800' }], 'hardware[0].location'],
    ['a huge text', [{ ...a, vendor: 'x'.repeat(600) }], 'hardware[0].vendor'],
    ['details that are a list', [{ ...a, details: [] }], 'hardware[0].details is []; an object is allowed'],
    ['huge details', [{ ...a, details: { x: 'y'.repeat(9000) } }], 'hardware[0].details has 9008 characters'],
    [
      'many details',
      [{ ...a, passing: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`f${i}`, 1])) }],
      '65 fields',
    ],
    ['deep details', [{ ...a, details: { x: JSON.parse(`${'['.repeat(3000)}${']'.repeat(3000)}`) } }], 'nested deeper'],
    ['two parts in one place', [a, { ...a, serial: 'Z' }], "hardware[1].location is 'A1'"],
    ['too many parts', Array.from({ length: 1025 }, (_, i) => part('nic', `p${i}`, null)), 'has 1025 parts'],
  ];
  for (const [what, hardware, reason] of bad) {
    it(`sets a report aside for ${what}, and stores the next`, async () => {
      await cluster.report('n1', [b]);
      expect(await cluster.report('n1', hardware)).to.equal(1);
      expect(await cluster.rejected()).to.contain(reason);
      expect(await cluster.parts()).to.deep.equal(['n1: dimm A1 SB']);
      expect(await cluster.report('n1', [b])).to.equal(0);
    });
  }

  it('sets a report aside whose reasons are no texts', async () => {
    expect(await cluster.report('n1', [a], { reasons: [] })).to.equal(1);
    expect(await cluster.report('n1', [a], { reasons: { dimm: 5 } })).to.equal(1);
    expect(await cluster.rejected()).to.contain('reasons.dimm is 5; text is allowed');
  });
});
