import { code } from '@csm/model';
import { expect } from 'chai';
import {
  readHistory,
  readIncidents,
  readLeader,
  readParams,
  readRestored,
  readThresholds,
  readWatchedUntil,
} from '../src/store/queries.ts';
import type { HistoryRow, Incident, Params, Restored, Thresholds } from '../src/types.ts';
import {
  arrival,
  at,
  change,
  incident,
  inputOf,
  NOW,
  nodeNames,
  overStores,
  problemOf,
  type World,
} from './store-world.ts';

const A = 'x0c0s0b0n0';
const B = 'x0c0s1b0n0';

overStores('what is recorded', (open) => {
  let world: World;
  beforeEach(async () => {
    world = await open();
  });

  const restored = async (): Promise<Map<string, Restored>> =>
    new Map((await readRestored(world.store)).rows.map((row) => [row.name, row]));
  const lastBeats = async (): Promise<Record<string, number | null>> =>
    Object.fromEntries([...(await restored()).values()].map(({ name, lastBeat }) => [name, lastBeat]));

  it('is a change, a row of history under its number, and the component as it is now', async () => {
    await world.record({
      changes: [
        change(A, 'started', 1_000),
        change('n001', 'dead', 2_000, { source: 'csm', lastBeat: null, timestamp: '', status: '' }),
        change(A, 'warning', 12_000, { lastBeat: at(2_000), gap: true, incident: 'i1' }),
      ],
      manager: 'none',
      watchedUntil: at(12_500),
    });
    const rows = await world.changes();
    expect(rows.map(({ seq, time, kind, subject }) => ({ seq, time, kind, subject }))).to.deep.equal([
      { seq: 1, time: NOW, kind: 'heartbeat', subject: A },
      { seq: 2, time: NOW, kind: 'heartbeat', subject: 'n001' },
      { seq: 3, time: NOW, kind: 'heartbeat', subject: A },
    ]);
    expect(rows[2]?.body).to.deep.equal({
      ...change(A, 'warning', 12_000, { lastBeat: at(2_000), gap: true, incident: 'i1' }),
      state: 'Ready',
      flag: 'Warning',
      info: 'Heartbeat stopped, node may be dead.',
    });
    const history = await readHistory(world.store);
    expect(history).to.deep.equal([
      { seq: 3, ...change(A, 'warning', 12_000, { lastBeat: at(2_000), gap: true, incident: 'i1' }) },
      { seq: 2, ...change('n001', 'dead', 2_000, { source: 'csm', lastBeat: null, timestamp: '', status: '' }) },
      { seq: 1, ...change(A, 'started', 1_000) },
    ] satisfies HistoryRow[]);
    expect([...(await restored()).values()]).to.have.deep.members([
      {
        name: A,
        source: 'beat',
        life: 'late',
        since: 12_000,
        lastBeat: 2_000,
        timestamp: 'Jan 1, 0000',
        status: 'OK',
        gap: true,
      },
      {
        name: 'n001',
        source: 'csm',
        life: 'dead',
        since: 2_000,
        lastBeat: null,
        timestamp: '',
        status: '',
        gap: false,
      },
    ]);
    expect(await readWatchedUntil(world.store)).to.equal(12_500);
  });

  it('leaves nothing of a transaction that was not committed, and stands once when it is recorded again', async () => {
    const given = inputOf({
      changes: [change(A, 'started', 1_000), change(B, 'started', 1_000)],
      arrivals: [arrival(A, 1_500)],
      incidents: [incident('i1', 900, null)],
      manager: 'builtin',
      watchedUntil: at(2_000),
    });
    for (let tries = 0; tries < 2; tries++) {
      expect((await problemOf(world.store.call('heartbeat.recordInVain', given))).code).to.be.oneOf([
        code.DATABASE,
        code.DATABASE_UNAVAILABLE,
      ]);
    }
    const tables = [
      'change',
      'heartbeat_component',
      'heartbeat_seen',
      'heartbeat_history',
      'heartbeat_incident',
      'heartbeat_watch',
      'hsm_component',
    ];
    for (const table of tables) expect(await world.count(table), table).to.equal(0);
    await world.record(given);
    expect(await world.count('heartbeat_history')).to.equal(2);
    expect((await world.changes()).map(({ kind, subject }) => `${kind} ${subject}`)).to.deep.equal([
      'heartbeat.incident i1',
      `heartbeat ${A}`,
      `hsm.scn ${A}`,
      `heartbeat ${B}`,
      `hsm.scn ${B}`,
    ]);
    expect((await readHistory(world.store)).map(({ seq }) => seq)).to.deep.equal([4, 2]);
    expect(await lastBeats()).to.deep.equal({ [A]: 1_500, [B]: 1_000 });
  });

  it('takes last beats of the components that are known, as they come', async () => {
    await world.record({ changes: [change(A, 'started', 1_000), change(B, 'started', 1_000)] });
    await world.record({ arrivals: [arrival(A, 4_000), arrival('x9c0s0b0n0', 4_000), arrival(A, 5_000)] });
    expect(await lastBeats()).to.deep.equal({ [A]: 5_000, [B]: 1_000 });
    // The clock was set back; a change that has waited is older than what was written since.
    await world.record({ arrivals: [arrival(A, 3_000), arrival(B, 6_000)] });
    await world.record({ changes: [change(B, 'restarted', 5_000)] });
    expect(await lastBeats()).to.deep.equal({ [A]: 3_000, [B]: 6_000 });
    await world.record({ changes: [change(B, 'dead', 30_000, { lastBeat: at(7_000) })] });
    expect(await lastBeats()).to.deep.equal({ [A]: 3_000, [B]: 7_000 });
    expect(await world.count('heartbeat_component')).to.equal(2);
  });

  it('keeps words that no database has, and cuts what is too long', async () => {
    const changes = [
      change(A, 'started', 1_000, { timestamp: 'a\0b', status: '\ud800"\\' }),
      change(B, 'started', 1_000, { status: 'é'.repeat(10_000) }),
    ];
    await world.record({ changes, incidents: [incident('i1', 1, null, { words: 'no\0 word' })] });
    const [b, a] = await readHistory(world.store);
    expect(a).to.include({ timestamp: 'a\uFFFDb', status: '\uFFFD"\\' });
    expect(b?.status).to.equal('é'.repeat(256));
    expect((await restored()).get(A)).to.include({ timestamp: 'a\uFFFDb', status: '\uFFFD"\\' });
    expect((await world.changes('heartbeat')).map(({ body }) => (body as HistoryRow).status)).to.deep.equal([
      '\uFFFD"\\',
      'é'.repeat(256),
    ]);
    expect((await readIncidents(world.store))[0]?.words).to.equal('no\uFFFD word');
  });

  it('has incidents once each, as they were told last', async () => {
    const many = nodeNames(20_000).join(',');
    await world.record({ incidents: [incident('i1', 1_000, null), incident('i2', 2_000, null, { scope: 'all' })] });
    await world.record({ incidents: [incident('i1', 1_000, 5_000, { components: many, count: 20_000 })] });
    expect((await readIncidents(world.store)).map(({ id, ended, count }) => ({ id, ended, count }))).to.deep.equal([
      { id: 'i2', ended: null, count: 2 },
      { id: 'i1', ended: 5_000, count: 20_000 },
    ]);
    expect((await readIncidents(world.store, { open: true })).map(({ id }) => id)).to.deep.equal(['i2']);
    expect((await readIncidents(world.store, { since: at(2_000) })).map(({ id }) => id)).to.deep.equal(['i2']);
    expect((await readIncidents(world.store, { limit: 1 })).map(({ id }) => id)).to.deep.equal(['i2']);
    const told = (await world.changes('heartbeat.incident')).map(({ body }) => body as Incident);
    expect(told.map(({ id }) => id)).to.deep.equal(['i1', 'i2', 'i1']);
    expect(told[2]?.count).to.equal(20_000);
    const components = told[2]?.components ?? '';
    expect(components.length).to.be.most(100_100);
    expect(components.endsWith(',...')).to.equal(true);
    // Cut between two names, not within one.
    expect(many.startsWith(`${components.slice(0, -3)}x`)).to.equal(true);
  });

  it('takes 20,000 that die, a thousand at a time, with as many statements as for one', async () => {
    const names = nodeNames(20_000);
    for (let from = 0; from < names.length; from += 10_000) {
      const components = names
        .slice(from, from + 10_000)
        .map((ID) => ({ ID, Type: 'Node', State: 'Ready', Flag: 'OK' }));
      await world.store.call('heartbeat.hsmCreate', { components, force: false });
    }
    const counts: number[] = [];
    for (let from = 0; from < names.length; from += 1_000) {
      const changes = names
        .slice(from, from + 1_000)
        .map((name) => change(name, 'dead', 31_000, { lastBeat: at(1_000) }));
      const input = inputOf({ changes, watchedUntil: at(31_000) });
      counts.push(await world.store.call<number>('heartbeat.counted', { procedure: 'record', input }));
    }
    expect(Math.max(...counts)).to.be.most(12);
    const one = inputOf({ changes: [change(A, 'started', 40_000)] });
    expect(await world.store.call<number>('heartbeat.counted', { procedure: 'record', input: one })).to.be.least(
      Math.max(...counts),
    );
    expect(await world.count('heartbeat_history')).to.equal(20_001);
    expect(await world.count('change')).to.equal(60_002);
    const [dead] = await world.store.query<{ n: number }>(
      "SELECT count(*) AS n FROM hsm_component WHERE state = 'Standby' AND flag = 'Alert'",
    );
    expect(dead?.n).to.equal(20_000);
    const seen = new Set<string>();
    let pages = 0;
    for (let after: number | undefined = 0; after !== undefined; pages++) {
      const page = await readRestored(world.store, after);
      for (const { name, life, lastBeat } of page.rows) {
        seen.add(name);
        if (name !== A) expect({ life, lastBeat }).to.deep.equal({ life: 'dead', lastBeat: 1_000 });
      }
      after = page.next;
    }
    expect(seen.size).to.equal(20_001);
    expect(pages).to.equal(3);
  });

  it('takes arrivals of 10,000 with two statements', async () => {
    const names = nodeNames(10_000);
    await world.record({ changes: names.map((name) => change(name, 'started', 1_000)), manager: 'none' });
    const input = inputOf({ arrivals: names.map((name, i) => arrival(name, 2_000 + i)), watchedUntil: at(20_000) });
    expect(await world.store.call<number>('heartbeat.counted', { procedure: 'record', input })).to.equal(2);
    const beats = await lastBeats();
    expect(names.every((name, i) => beats[name] === 2_000 + i)).to.equal(true);
  });
});

overStores('history', (open) => {
  let world: World;
  beforeEach(async () => {
    world = await open();
  });

  const seqs = (rows: readonly HistoryRow[]): number[] => rows.map(({ seq }) => seq);

  it('is read with a cursor, back and forth, of one component, of some and of all', async () => {
    const kinds = ['started', 'warning', 'restarted', 'dead'] as const;
    await world.record({
      changes: Array.from({ length: 40 }, (_, i) =>
        change([A, B, 'x0c0s2b0n0', 'x0c0s3b0n0'][i % 4] ?? A, kinds[Math.floor(i / 4) % 4] ?? 'dead', 1_000 * i),
      ),
      manager: 'none',
    });
    const { store } = world;
    expect(seqs(await readHistory(store, { names: [B], limit: 3 }))).to.deep.equal([38, 34, 30]);
    expect(seqs(await readHistory(store, { names: [B], limit: 3, before: 30 }))).to.deep.equal([26, 22, 18]);
    expect(seqs(await readHistory(store, { names: [B], limit: 3, after: 18 }))).to.deep.equal([22, 26, 30]);
    expect(seqs(await readHistory(store, { names: [B], after: 18, before: 27 }))).to.deep.equal([26, 22]);
    expect(seqs(await readHistory(store, { names: [A, B], limit: 4 }))).to.deep.equal([38, 37, 34, 33]);
    expect(seqs(await readHistory(store, { names: [A, 'x\0', 'nobody'], limit: 1 }))).to.deep.equal([37]);
    expect(await readHistory(store, { names: [] })).to.deep.equal([]);
    expect(seqs(await readHistory(store, { limit: 2 }))).to.deep.equal([40, 39]);
    expect(seqs(await readHistory(store, { kinds: ['dead'], names: [A] }))).to.deep.equal([29, 13]);
    expect(seqs(await readHistory(store, { since: at(10_000), until: at(12_000) }))).to.deep.equal([12, 11]);
  });

  it('goes by age, a slice at a time, with the incidents that are over; what is young stays', async () => {
    const names = nodeNames(5_000);
    for (const moment of [1_000, 2_000, 3_000]) {
      await world.record({ changes: names.map((name) => change(name, 'started', moment)), manager: 'none' });
    }
    await world.record({
      incidents: [incident('old', 1_000, 1_500), incident('long', 1_000, null), incident('new', 2_600, 2_700)],
    });
    const slices: number[] = [];
    do slices.push(await world.store.call<number>('heartbeat.prune', { olderThan: 2_500 }));
    while ((slices.at(-1) ?? 0) > 0);
    expect(slices.length).to.be.least(3);
    expect(slices.reduce((sum, n) => sum + n, 0)).to.equal(10_001);
    expect(await world.count('heartbeat_history')).to.equal(5_000);
    expect((await readIncidents(world.store)).map(({ id }) => id)).to.deep.equal(['new', 'long']);
    expect(await world.count('heartbeat_component')).to.equal(5_000);
    // However young they are, only so many numbers back.
    while ((await world.store.call<number>('heartbeat.prune', { olderThan: 0, span: 100 })) > 0);
    expect(await world.count('heartbeat_history')).to.equal(100);
  });

  it('stays when a component is forgotten, and what is told late does not bring it back', async () => {
    const { store } = world;
    const forget = (name: string): Promise<boolean> => store.call<boolean>('heartbeat.forget', { name });
    const names = async (): Promise<string[]> => (await readRestored(store)).rows.map(({ name }) => name);
    await world.record({ changes: [change(A, 'started', 1_000), change(B, 'started', 1_000)], manager: 'none' });
    expect([await forget(A), await forget(A), await forget('x7')]).to.deep.equal([true, false, false]);
    expect(await names()).to.deep.equal([B]);
    expect(await readHistory(store, { names: [A] })).to.have.length(1);
    await world.record({
      changes: [change(A, 'left', 2_000), change(A, 'dead', 2_500)],
      arrivals: [arrival(A, 2_600)],
      manager: 'none',
    });
    expect(await names()).to.deep.equal([B]);
    await world.record({ changes: [change(A, 'started', 3_000)], manager: 'none' });
    expect((await names()).toSorted()).to.deep.equal([A, B]);
    expect(await readHistory(store, { names: [A] })).to.have.length(4);
    expect(await forget(A)).to.equal(true);
    while ((await store.call<number>('heartbeat.prune', { olderThan: 10_000 })) > 0);
    expect(await world.count('heartbeat_component')).to.equal(1);
    expect(await world.count('heartbeat_history')).to.equal(0);
    await world.record({ changes: [change(A, 'started', 11_000)], manager: 'none' });
    expect(await store.call<number>('heartbeat.clear', {})).to.equal(2);
    expect(await names()).to.deep.equal([]);
    expect(await readHistory(store)).to.have.length(1);
  });
});

overStores('settings of the heartbeat service', (open) => {
  it('are kept whole, and are not there before', async () => {
    const { store } = await open();
    expect(await readParams(store)).to.equal(undefined);
    expect(await readThresholds(store)).to.deep.equal([]);
    expect(await readWatchedUntil(store)).to.equal(undefined);
    expect(await readLeader(store)).to.equal(undefined);
    const params = { Debug: '0', Warntime: '10', Errtime: '30' } as Params;
    const configured = { ...params, Warntime: '12' };
    await store.call('heartbeat.setParams', { params: configured, configured });
    await store.call('heartbeat.setParams', { params, configured });
    expect(await readParams(store)).to.deep.equal({ params, configured });
    const special: Thresholds['special'] = [
      { type: 'NodeBMC', warnMs: 60_000, errMs: 120_000 },
      { group: 'slow', components: 'x0c[0-7]', warnMs: 5_000, errMs: 9_000 },
    ];
    await store.call('heartbeat.setThresholds', { special });
    expect(await readThresholds(store)).to.deep.equal(special);
    await store.call('heartbeat.leads', { address: 'http://m1:28500', term: 1 });
    await store.call('heartbeat.leads', { address: 'http://m2:28500', term: 2 });
    expect(await readLeader(store)).to.deep.equal({ address: 'http://m2:28500', term: 2, since: NOW });
  });
});
