import { code, wall } from '@csm/model';
import { expect } from 'chai';
import { type BatchResult, type CommitReportsResult, judgeBatch, type ReportBatch, type Store } from '../src/index.ts';
import { overEngines, problemOf } from './fixtures/engines.ts';

describe('judgeBatch', () => {
  const table: readonly (readonly [number, number, number, string, number])[] = [
    // cursor, first, count, kind, skip
    [0, 1, 3, 'store', 0],
    [0, 2, 3, 'gap', 0],
    [5, 6, 1, 'store', 0],
    [5, 7, 1, 'gap', 0],
    [5, 1, 5, 'repeat', 5],
    [5, 5, 1, 'repeat', 1],
    [5, 1, 3, 'repeat', 3],
    [5, 4, 4, 'store', 2],
    [5, 5, 2, 'store', 1],
    [5, 6, 0, 'repeat', 0],
    [5, 7, 0, 'gap', 0],
    [0, 1, 0, 'repeat', 0],
  ];
  for (const [cursor, first, count, kind, skip] of table) {
    it(`cursor ${cursor}, ${count} from ${first}: ${kind}, ${skip} skipped`, () => {
      expect(judgeBatch(cursor, first, count)).to.deep.equal({ kind, skip });
    });
  }
});

const NODE = { daemon: 'compute/n001', incarnation: 'i1' };
const batch = (first: number, bodies: readonly unknown[], kind = 'sample', stream = NODE): ReportBatch => ({
  ...stream,
  first,
  items: bodies.map((body, i) => ({ kind, time: 1_000 + first + i, body })),
});

overEngines('report intake', ({ open, engine }) => {
  const commit = async (store: Store, ...batches: ReportBatch[]): Promise<readonly BatchResult[]> =>
    (await store.call<CommitReportsResult>('store.commitReports', { batches })).results;
  const stored = async (store: Store): Promise<string[]> =>
    (
      await store.query<{
        d: string;
      }>(`SELECT daemon || ' ' || incarnation || ' ' || seq || ' ' || kind || ' ' || value AS d
       FROM report ORDER BY id`)
    ).map((row) => row.d);

  it('stores what is new, passes over repeats, stores nothing of a gap', async () => {
    const store = await open();
    const result = (cursor: number, gap: boolean, n: number, repeated: number): BatchResult => ({
      ...NODE,
      cursor,
      gap,
      stored: n,
      repeated,
      rejected: 0,
    });
    expect(await commit(store, batch(2, ['b']))).to.deep.equal([result(0, true, 0, 0)]);
    expect(await commit(store, batch(1, ['a', 'b']))).to.deep.equal([result(2, false, 2, 0)]);
    expect(await commit(store, batch(1, ['a', 'b']), batch(2, ['b', 'c']), batch(5, ['e']))).to.deep.equal([
      result(2, false, 0, 2),
      result(3, false, 1, 1),
      result(3, true, 0, 0),
    ]);
    expect(await stored(store)).to.deep.equal(['a', 'b', 'c'].map((v, i) => `compute/n001 i1 ${i + 1} sample "${v}"`));
  });

  it('keeps a cursor for each daemon and incarnation', async () => {
    const store = await open({ clock: () => wall(50) });
    const again = { ...NODE, incarnation: 'i2' };
    const other = { daemon: 'utility/n001', incarnation: 'i1' };
    await commit(store, batch(1, ['a', 'b']), batch(1, ['c'], 'event', again), batch(1, ['d'], 'sample', other));
    const asked = { streams: [NODE, again, other, { daemon: 'compute/n002', incarnation: 'i1' }] };
    const { cursors } = await store.call<{ cursors: { cursor: number }[] }>('store.cursors', asked);
    expect(cursors.map((c) => c.cursor)).to.deep.equal([2, 1, 1, 0]);
    expect(await store.call('store.forgetStreams', { streams: [other] })).to.deep.equal({ forgotten: 1 });
    expect(await store.call('store.forgetStreams', { unusedSince: 50 })).to.deep.equal({ forgotten: 0 });
    expect(await store.call('store.forgetStreams', { unusedSince: 51 })).to.deep.equal({ forgotten: 2 });
  });

  it('sets a poisoned report aside, with its reason, and stores the rest in order', async () => {
    const store = await open({ clock: () => wall(99) });
    const bodies = Array.from({ length: 20 }, (_, i) => (i === 3 || i === 17 ? 'poison' : i));
    const [result] = await commit(store, batch(1, bodies));
    expect(result).to.include({ cursor: 20, stored: 18, rejected: 2, repeated: 0, gap: false });
    expect((await stored(store)).map((line) => Number(line.split(' ')[2]))).to.deep.equal(
      bodies.flatMap((b, i) => (b === 'poison' ? [] : [i + 1])),
    );
    expect(await store.query('SELECT * FROM rejected_report ORDER BY id')).to.deep.equal(
      [4, 18].map((seq, i) => ({
        id: i + 1,
        time: 99,
        ...NODE,
        seq,
        kind: 'sample',
        reason: '9 INVALID_PARAMETER: a poisoned report',
        body: '"poison"',
      })),
    );
    expect(await commit(store, batch(1, bodies))).to.deep.equal([
      { ...NODE, cursor: 20, gap: false, stored: 0, repeated: 20, rejected: 0 },
    ]);
  });

  it('sets reports of an unknown kind aside and cuts their bodies', async () => {
    const store = await open();
    const [result] = await commit(store, batch(1, ['a', 'x'.repeat(100_000)], 'nonsense'));
    expect(result).to.include({ cursor: 2, stored: 0, rejected: 2 });
    const rows = await store.query<{ reason: string; body: string }>('SELECT reason, body FROM rejected_report');
    expect(rows.map((r) => [r.reason, r.body.length])).to.deep.equal([
      ['21 BAD_EVENT_TYPE: no feature stores reports of kind nonsense', 3],
      ['21 BAD_EVENT_TYPE: no feature stores reports of kind nonsense', 64 * 1024],
    ]);
  });

  it('sets a report aside whatever its kind is made of', async () => {
    const store = await open();
    const [result] = await commit(store, batch(1, ['a'], 'k\0'));
    expect(result).to.include({ cursor: 1, rejected: 1 });
    expect(await store.query('SELECT kind FROM rejected_report')).to.deep.equal([{ kind: 'k\uFFFD' }]);
  });

  it('rejects no report because the disk is full: the call fails, and a later one stores it', async () => {
    const store = await open(engine === 'PostgreSQL' ? {} : { limits: { fileBytes: 200 * 4096 } });
    const mixed = batch(1, ['a', 'full', 'b']);
    expect((await problemOf(commit(store, mixed))).code).to.equal(code.DATABASE_UNAVAILABLE);
    expect(await stored(store)).to.deep.equal([]);
    expect(await store.query('SELECT * FROM rejected_report')).to.deep.equal([]);
    expect(await store.query('SELECT * FROM stream')).to.deep.equal([]);
    const [result] = await commit(store, batch(1, ['a', 'b', 'c']));
    expect(result).to.include({ cursor: 3, stored: 3 });
  });

  it('gives each kind its items, those of one daemon in order', async () => {
    const store = await open();
    const kinds = ['event', 'sample', 'event', 'sample', 'sample'];
    const items = kinds.map((kind, i) => ({ kind, time: i, body: i }));
    const other = { daemon: 'compute/n002', incarnation: 'i9' };
    await commit(store, { ...NODE, first: 1, items }, { ...other, first: 1, items });
    const lines = await stored(store);
    for (const { daemon } of [NODE, other]) {
      for (const kind of ['event', 'sample']) {
        const seqs = lines.filter((l) => l.startsWith(daemon) && l.includes(kind)).map((l) => Number(l.split(' ')[2]));
        expect(seqs).to.deep.equal(kinds.flatMap((k, i) => (k === kind ? [i + 1] : [])));
      }
    }
  });

  const malformed: readonly (readonly [unknown, string])[] = [
    [null, 'batches'],
    [{ batches: {} }, 'batches'],
    [{ batches: [{ ...batch(1, []), daemon: 'n001' }] }, 'batches[0].daemon'],
    [{ batches: [{ ...batch(1, []), incarnation: '' }] }, 'batches[0].incarnation'],
    [{ batches: [{ ...batch(1, []), incarnation: 'a\0' }] }, 'batches[0].incarnation'],
    [{ batches: [{ ...batch(1, []), first: 0 }] }, 'batches[0].first'],
    [{ batches: [{ ...batch(1, []), items: [{ kind: 1 }] }] }, 'batches[0].items[0].kind'],
    [{ batches: [{ ...batch(1, []), items: [{ kind: 'sample' }] }] }, 'batches[0].items[0].time'],
  ];
  it('refuses what is not a batch, naming the field', async () => {
    const store = await open();
    for (const [input, field] of malformed) {
      expect(await problemOf(store.call('store.commitReports', input))).to.include({
        code: code.INVALID_PARAMETER,
        field,
      });
    }
  });
});
