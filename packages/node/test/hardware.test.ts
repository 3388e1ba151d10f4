/**
 * Inventories as the master keeps them: parts, what happened to them, profiles. One long file because every case is a
 * story on one small cluster, told over each database.
 */
import { NodeSet } from '@csm/nodeset';
import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import type { Part } from '../src/hardware.ts';
import { listHistory } from '../src/hardware-records.ts';
import { Cluster } from './cluster.ts';
import { part } from './parts.ts';

const DAY = 86_400_000;
const a = part('dimm', 'A1', 'SA');
const b = part('dimm', 'A1', 'SB');
const other = part('nic', '0000:01:00.0', null);

overEngines('parts and their history', (bench) => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.open(bench);
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
    const before = (await cluster.hardware({ serial: 'SA' }))[0]?.since;
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
    expect((await cluster.hardware({ serial: 'SA' }))[0]?.since).to.equal(before);
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
    expect((await cluster.hardware())[0]?.passing).to.deep.equal({ wear: 2 });
  });

  it('takes what could not be read this time for no change, and what is learned neither', async () => {
    await cluster.report('n1', [{ ...a, details: { size: 32 } }]);
    await cluster.report('n1', [{ ...a, serial: null, firmware: null, details: { size: null } }]);
    await cluster.report('n1', [{ ...a, details: { size: 32, speed: 3200 } }]);
    await cluster.report('n1', [a]);
    expect(await cluster.history()).to.deep.equal([]);
    expect((await cluster.hardware())[0]).to.deep.include({
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

  it('tells what goes with a deleted node, where it turns up, and that it is back', async () => {
    const two = [a, part('dimm', 'A2', 'S2'), { ...a, location: 'A3', serial: null }];
    await cluster.report('n1', two);
    await cluster.report('n2', []);
    await cluster.store.call('node.remove', { nodes: ['n1'], by: 'root' });
    expect((await cluster.history()).sort()).to.deep.equal(['removed S2 n1/A2', 'removed SA n1/A1']);
    expect(await cluster.parts()).to.deep.equal([]);
    await cluster.report('n2', [a]);
    await cluster.report('n1', two.slice(1));
    expect((await cluster.history()).sort()).to.deep.equal([
      'inserted S2 n1/A2',
      'moved SA n1/A1>n2/A1',
      'removed S2 n1/A2',
    ]);
    await cluster.report('n1', two.slice(1));
    expect(await cluster.history()).to.have.length(3);
  });

  it('removes nothing of a kind that could not be read, but where another part sits', async () => {
    const two = [a, part('dimm', 'A2', 'S2')];
    await cluster.report('n1', [...two, other]);
    await cluster.report('n1', [other], { reasons: { dimm: 'dmidecode: not found' } });
    // Of the kind, but not the kind: some field of a module could not be read, and all modules were.
    await cluster.report('n1', [...two, other], { reasons: { 'dimm.size': 'not told' } });
    expect(await cluster.history()).to.deep.equal([]);
    await cluster.report('n1', [{ ...b, serial: null, model: 'another' }, other], { reasons: { dimm: 'half of it' } });
    expect(await cluster.history()).to.deep.equal([]);
    expect((await cluster.hardware({ kind: 'dimm' })).map(({ serial }) => serial)).to.deep.equal(['SA', 'S2']);
    await cluster.report('n1', [b, other], { reasons: { dimm: 'half of it' } });
    expect(await cluster.history()).to.deep.equal(['inserted SB n1/A1', 'removed SA n1/A1']);
    await cluster.report('n1', [b, other]);
    expect((await cluster.history()).at(-1)).to.equal('removed S2 n1/A2');
  });

  it('takes the first telling of a kind as it is, however late it comes', async () => {
    await cluster.report('n1', [other], { reasons: { gpu: 'nvidia-smi: not found' } });
    await cluster.report('n1', [other, part('gpu', 'g0', 'G0')]);
    expect(await cluster.history()).to.deep.equal([]);
    await cluster.report('n1', [other, part('gpu', 'g0', 'G0'), part('gpu', 'g1', 'G1')]);
    expect(await cluster.history()).to.deep.equal(['inserted G1 n1/g1']);
  });

  describe('a poor telling between full ones', () => {
    const profile = async (): Promise<unknown> =>
      (await cluster.store.query("SELECT profile FROM node WHERE node_name = 'n1'"))[0];
    const gpu = part('gpu', '0000:01:00.0', 'G1', { vendor: 'NVIDIA', model: 'H100', details: { hbm_memory: 80 } });
    const dimms = ['A1', 'A2'].map((slot) => part('dimm', slot, `S${slot}`, { details: { size: 32 } }));
    const edac = ['mc0 0', 'mc0 1'].map((place) =>
      part('dimm', place, null, { vendor: null, model: null, details: { size: 33, type: 'DDR5' } }),
    );
    const cpu = part('cpu', 'CPU0', null, { details: { discovered_cores: 32 } });
    const cases: readonly (readonly [string, readonly Part[], readonly Part[], string])[] = [
      ['a GPU without its model', [gpu], [{ ...gpu, serial: null, model: null, vendor: 'NVIDIA Corporation' }], 'gpu'],
      [
        'a GPU by another name',
        [gpu],
        [{ ...gpu, serial: null, model: 'GH100', details: { hbm_memory: null, device_name: 'GH100' } }],
        'gpu',
      ],
      ['modules in other places, without serials', dimms, edac, 'dimm'],
      ['more modules than there are', dimms.slice(0, 1), edac, 'dimm'],
      ['modules where there were none', [], edac, 'dimm'],
      [
        'a processor in another socket',
        [cpu],
        [part('cpu', 'package 0', null, { model: 'X', details: { discovered_cores: 31 } })],
        'cpu',
      ],
      ['a processor of another size', [cpu], [{ ...cpu, details: { discovered_cores: 31, cache: 1 } }], 'cpu'],
      ['nothing', [gpu, ...dimms], [], 'gpu'],
    ];
    for (const [what, full, poor, kind] of cases) {
      it(`leaves no history and no other profile: ${what}`, async () => {
        const rest = full.filter((p) => p.kind !== kind);
        await cluster.report('n1', full);
        const [before, parts] = [await profile(), await cluster.hardware()];
        for (let i = 0; i < 2; i++) {
          await cluster.report('n1', [...poor, ...rest], { reasons: { [kind]: 'its program did not end' } });
          expect(await profile()).to.deep.equal(before);
          expect(await cluster.hardware()).to.deep.equal(parts);
        }
        await cluster.report('n1', full);
        expect(await cluster.history()).to.deep.equal([]);
        expect(await profile()).to.deep.equal(before);
        expect(await cluster.hardware()).to.deep.equal(parts);
      });
    }

    it('is not taken for the change of a part that is told without its serial, even of a kind read in full', async () => {
      await cluster.report('n1', [gpu]);
      await cluster.report('n1', [{ ...gpu, serial: null, vendor: 'NVIDIA Corporation', passing: { temp: 5 } }]);
      await cluster.report('n1', [gpu]);
      expect(await cluster.history()).to.deep.equal([]);
      expect((await cluster.hardware())[0]).to.deep.include({ vendor: 'NVIDIA', passing: { temp: 5 } });
    });

    it('is no baseline: the first full one is, without rows', async () => {
      const reasons = { dimm: 'dmidecode: not permitted' };
      await cluster.report('n1', edac.slice(0, 1), { reasons });
      expect(await cluster.parts()).to.deep.equal(['n1: dimm mc0 0 -']);
      // The same source finds one more, and another size.
      await cluster.report('n1', [{ ...edac[0], details: { size: 64 } }, edac[1]], { reasons });
      expect(await cluster.parts()).to.deep.equal(['n1: dimm mc0 0 -', 'n1: dimm mc0 1 -']);
      expect((await cluster.hardware())[0]?.details).to.deep.include({ size: 64 });
      // Another source has other names: nothing says which is which.
      await cluster.report('n1', [part('dimm', 'row 0', null)], { reasons });
      expect(await cluster.parts()).to.deep.equal(['n1: dimm mc0 0 -', 'n1: dimm mc0 1 -']);
      await cluster.report('n1', dimms);
      expect(await cluster.parts()).to.deep.equal(['n1: dimm A1 SA1', 'n1: dimm A2 SA2']);
      expect(await cluster.history()).to.deep.equal([]);
      await cluster.report('n1', dimms.slice(1));
      expect(await cluster.history()).to.deep.equal(['removed SA1 n1/A1']);
    });

    it('keeps the facts of a profile that could not be read this time', async () => {
      const facts = { machine_model: 'M', cpu_model: 'C', discovered_sockets: 2, hardware: [gpu], reasons: {} };
      await cluster.take('n1', 'a', facts);
      const before = await profile();
      for (const hash of ['b', 'c'])
        await cluster.take('n1', hash, { ...facts, machine_model: null, discovered_sockets: null, reasons: {} });
      expect(await profile()).to.deep.equal(before);
      await cluster.take('n1', 'd', { ...facts, machine_model: 'N' });
      expect(await profile()).not.to.deep.equal(before);
    });
  });

  it('pairs by place what differs only in that the model was not told', async () => {
    const cpu = part('cpu', 'CPU0', null, { model: null, details: { discovered_cores: 8 } });
    await cluster.report('n1', [cpu]);
    await cluster.report('n1', [{ ...cpu, model: 'EPYC' }]);
    await cluster.report('n1', [cpu]);
    expect(await cluster.history()).to.deep.equal([]);
    expect((await cluster.hardware())[0]?.model).to.equal('EPYC');
  });

  describe('tables that a node could fill', () => {
    const many = (name: string, count = 1000) =>
      Array.from({ length: count }, (_, i) => part('ssd', `${name}${i}`, `${name}${i}`));
    const count = async (table: string): Promise<unknown> =>
      (await cluster.store.query<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`))[0]?.n;

    it('hold at most as many parts of a node as a report may name: of those not told this time the oldest go', async () => {
      await cluster.report('n1', many('first', 24));
      for (const name of ['a', 'b', 'c'])
        await cluster.report('n1', many(name), { reasons: { ssd: 'no room for all' } });
      const parts = await cluster.hardware();
      expect(parts).to.have.length(1024);
      expect(parts.filter(({ location }) => location.startsWith('c'))).to.have.length(1000);
      expect(parts.filter(({ location }) => location.startsWith('b'))).to.have.length(24);
      expect((await cluster.history()).filter((row) => row.startsWith('removed'))).to.deep.equal([]);
    });

    it('take at most 1000 rows of history of a node and day, and the others are counted', async () => {
      await cluster.report('n1', []);
      await cluster.report('n1', many('a', 600));
      await cluster.report('n1', many('b', 600));
      await cluster.report('n2', []);
      await cluster.report('n2', many('c', 10));
      expect(await count('hardware_history')).to.equal(1010);
      const [, , change] = await cluster.store.changes.since(0, 100, { kinds: ['inventory'] });
      expect(change?.body).to.deep.include({ parts: { inserted: 600, removed: 600 }, left_out: 800 });
      expect(await cluster.hardware({ nodes: NodeSet.parse('n1') })).to.have.length(600);
      cluster.now += DAY;
      await cluster.report('n1', many('b', 1));
      expect(await count('hardware_history')).to.equal(1609);
    });

    it('keep the claims of moves whose rows are left out: a part that did not move comes back', async () => {
      await cluster.report('n1', [a]);
      await cluster.report('n2', []);
      await cluster.report('n2', many('x'));
      await cluster.report('n2', [...many('x'), a]);
      expect(await cluster.parts())
        .to.include('n2: dimm A1 SA')
        .and.not.to.include('n1: dimm A1 SA');
      await cluster.report('n1', [a]);
      expect(await cluster.parts())
        .to.include('n2: dimm A1 SA')
        .and.to.include('n1: dimm A1 SA');
      expect(await count('hardware_claim')).to.equal(0);
      expect(await count('hardware_history')).to.equal(1000);
    });

    it('forget serials that are no identity once no node told them for long, and so many a day', async () => {
      const twins = (name: string) => many(name, 500).flatMap((p) => [p, { ...p, location: `${p.location} again` }]);
      for (const name of ['a', 'b', 'c']) await cluster.report('n1', twins(name));
      expect(await count('hardware_shared')).to.be.at.most(1000);
      const prune = () => cluster.prune(cluster.now - DAY);
      cluster.now += 300 * DAY;
      await cluster.report('n1', twins('a').slice(0, 2));
      cluster.now += 200 * DAY;
      await prune();
      expect(await cluster.store.query('SELECT serial FROM hardware_shared')).to.deep.equal([{ serial: 'a0' }]);
    });

    it('keep the fields of what was removed only while it may turn up elsewhere, and claims while history is', async () => {
      await cluster.report('n1', [a, part('dimm', 'A2', 'S2')]);
      await cluster.report('n2', [a]);
      await cluster.report('n3', [b]);
      await cluster.report('n3', []);
      const open = () => cluster.store.query('SELECT serial FROM hardware_history WHERE part IS NOT NULL');
      await cluster.prune(0);
      expect(await open()).to.deep.equal([{ serial: 'SB' }]);
      expect(await count('hardware_claim')).to.equal(1);
      cluster.now += 31 * DAY;
      await cluster.prune(cluster.now - DAY);
      expect(await open()).to.deep.equal([]);
      expect(await count('hardware_claim')).to.equal(0);
    });
  });

  it('tells the same of a part that changed on its way, whichever node reports first', async () => {
    const better = { ...a, location: 'B1', firmware: '2.0', details: { speed: 3200, size: null } };
    const worse = { ...a, details: { speed: 2400, size: 32 } };
    for (const [from, to, order] of [
      ['n1', 'n2', 'from first'],
      ['n3', 'n4', 'to first'],
    ] as const) {
      const serial = `S ${order}`;
      await cluster.report(from, [{ ...worse, serial }]);
      await cluster.report(to, []);
      if (order === 'from first') await cluster.report(from, []);
      await cluster.report(to, [{ ...better, serial }]);
      await cluster.report(from, []);
      const rows = await listHistory(cluster.store, { serial, limit: 10 });
      expect(rows.map(({ event, changes }) => [event, changes])).to.deep.equal([
        ['moved', { firmware: { from: '1.0', to: '2.0' }, speed: { from: 2400, to: 3200 } }],
      ]);
      expect((await cluster.hardware({ serial }))[0]?.details).to.deep.equal({ speed: 3200, size: 32 });
    }
    expect(await cluster.store.query('SELECT seq FROM hardware_history WHERE part IS NOT NULL')).to.deep.equal([]);
  });

  it('takes fields for fields, whatever they are called', async () => {
    const odd = (value: string) =>
      JSON.parse(`{"__proto__":"${value}","constructor":"${value}","toString":"${value}"}`) as Part['details'];
    await cluster.report('n1', [{ ...a, details: odd('x') }, part('dimm', 'constructor', 'constructor')]);
    await cluster.report('n1', [{ ...a, details: odd('y') }, part('dimm', 'constructor', 'constructor')]);
    const [row] = await listHistory(cluster.store, { limit: 10 });
    const changed = { from: 'x', to: 'y' };
    expect(Object.entries(row?.changes ?? {})).to.have.deep.members([
      ['__proto__', changed],
      ['constructor', changed],
      ['toString', changed],
    ]);
    await cluster.report('n1', [{ ...a, details: {} }, part('dimm', 'constructor', 'constructor')]);
    expect(await cluster.history()).to.have.length(1);
  });

  it('cuts long values in a row of history', async () => {
    const flags = Array.from({ length: 300 }, (_, i) => `flag${i}`);
    const long = (text: string, list: readonly string[]) => ({ ...a, details: { text, flags: list.join(' ') } });
    await cluster.report('n1', [long('x'.repeat(3000), flags)]);
    await cluster.report('n1', [long('y'.repeat(3000), [...flags.slice(1), 'more'])]);
    const [row] = await listHistory(cluster.store, { limit: 1 });
    expect(row?.changes['flags']).to.deep.equal({ from: 'flag0', to: 'more' });
    expect(row?.changes['text']).to.deep.equal({ from: `${'x'.repeat(400)}…`, to: `${'y'.repeat(400)}…` });
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
    expect(await cluster.hardware({ nodes: set('n1') })).to.have.length(1);
    expect(await cluster.hardware({ nodes: set('n[1-200]'), kind: 'dimm' })).to.have.length(1);
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
      'n10',
      many.map((p) => ({ ...p, serial: `M${p.serial}` })),
    );
    for (let i = 2; i < 10; i++)
      await cluster.report(`n${i}`, [part('dimm', 'A2', `${i}`), part('dimm', 'A10', `0${i}`)]);
    const parts = await cluster.hardware();
    expect(parts).to.have.length(1816);
    expect([...new Set(parts.map(({ node }) => node))]).to.deep.equal(
      Array.from({ length: 10 }, (_, i) => `n${i + 1}`),
    );
    expect(parts.slice(900, 902).map(({ location }) => location)).to.deep.equal(['A2', 'A10']);
    expect(new Set(parts.map(({ node, location }) => `${node} ${location}`)).size).to.equal(1816);
  });

  it('prunes old history and never gives a number twice', async () => {
    await cluster.report('n1', [a]);
    await cluster.report('n1', []);
    const [old] = await listHistory(cluster.store, { limit: 1 });
    await cluster.prune(cluster.now + 1);
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
