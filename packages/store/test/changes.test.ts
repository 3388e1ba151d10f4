import { code, wall } from '@csm/model';
import { expect } from 'chai';
import type { Store } from '../src/index.ts';
import { overEngines, problemOf, until } from './fixtures/engines.ts';

overEngines('changes', ({ open }) => {
  const addAll = (store: Store, count: number, from = 1): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, (_, i) => store.call('ledger.addWithChange', { n: from + i })));

  it('numbers changes in commit order, without those that were undone', async () => {
    const store = await open({ clock: () => wall(3) });
    expect([await store.changes.head(), await store.changes.oldest()]).to.deep.equal([0, 0]);
    const results = await Promise.allSettled([
      store.call('ledger.addWithChange', { n: 1 }),
      store.call('ledger.addThenRefuse', { n: 2 }),
      store.call('ledger.addWithChange', { n: 3 }),
    ]);
    expect(results.map((r) => r.status === 'fulfilled' && r.value)).to.deep.equal([{ seq: 1 }, false, { seq: 2 }]);
    expect(await store.changes.since(0, 10)).to.deep.equal([
      { seq: 1, time: 3, kind: 'entry', subject: 'entry 1', body: { n: 1 } },
      { seq: 2, time: 3, kind: 'entry', subject: 'entry 0', body: { n: 3 } },
    ]);
    expect([await store.changes.head(), await store.changes.oldest()]).to.deep.equal([2, 1]);
  });

  it('adds many at once, numbered on in their order, all or none', async () => {
    const store = await open({ clock: () => wall(3) });
    const heads: number[] = [];
    store.changes.subscribe((head) => heads.push(head));
    expect(await store.call('ledger.changesAtOnce', { count: 0 })).to.equal(1);
    await store.call('ledger.addWithChange', { n: 1 });
    expect(await store.call('ledger.changesAtOnce', { count: 3 })).to.equal(2);
    expect(await store.call('ledger.addWithChange', { n: 2 })).to.deep.equal({ seq: 5 });
    expect(await store.changes.since(1, 3)).to.deep.equal(
      [0, 1, 2].map((i) => ({ seq: 2 + i, time: 3, kind: 'many', subject: `s${i}`, body: '' })),
    );
    expect(await problemOf(store.call('ledger.changesAtOnce', { count: 2, bytes: 300_000 }))).to.include({
      code: code.BUFFER_OVERFLOW,
      field: 'body',
    });
    expect(await store.call('ledger.changesAtOnce', { count: 25_000 })).to.equal(6);
    expect(await store.changes.head()).to.equal(25_005);
    await until('the last head', () => heads.at(-1) === 25_005);
  });

  it('gives a part, by kind and subject', async () => {
    const store = await open();
    for (const kind of ['a', 'b', 'c']) {
      for (const n of [1, 2, 3]) await store.call('ledger.addWithChange', { n, kind });
    }
    const seqs = async (...args: Parameters<Store['changes']['since']>): Promise<number[]> =>
      (await store.changes.since(...args)).map((row) => row.seq);
    expect(await seqs(0, 2)).to.deep.equal([1, 2]);
    expect(await seqs(7, 10)).to.deep.equal([8, 9]);
    expect(await seqs(9, 10)).to.deep.equal([]);
    expect(await seqs(0, 10, { kinds: ['a', 'c'] })).to.deep.equal([1, 2, 3, 7, 8, 9]);
    expect(await seqs(1, 10, { kinds: ['a', 'c'], subjects: ['entry 0'] })).to.deep.equal([3, 9]);
    expect((await problemOf(store.changes.since(-1, 1))).field).to.equal('seq');
    expect((await problemOf(store.changes.since(0, 10_001))).field).to.equal('limit');
    expect((await problemOf(store.changes.since(0, 1, { kinds: [] }))).field).to.equal('kinds');
  });

  it('tells each listener the new head, after the answer can be read', async () => {
    const store = await open();
    const faults: string[] = [];
    const loud = await open({ onFault: (where, { detail }) => faults.push(`${where}: ${detail}`) });
    const heads: number[] = [];
    const end = store.changes.subscribe((head) => heads.push(head));
    await addAll(store, 20);
    await store.call('ledger.add', { n: 0 });
    await until('the last head', () => heads.at(-1) === 20);
    expect([...heads].sort((a, b) => a - b)).to.deep.equal(heads);
    end();
    await addAll(store, 1);
    expect(heads.at(-1)).to.equal(20);
    loud.changes.subscribe(() => {
      throw new Error('oops');
    });
    await addAll(loud, 1);
    await until('the fault', () => faults.length === 1);
    expect(faults).to.deep.equal(['a listener to changes: oops']);
  });

  it('refuses a body, kind or subject that is too long', async () => {
    const store = await open();
    const tooLong = await problemOf(store.call('ledger.manyChanges', { count: 1, bytes: 300_000 }));
    expect(tooLong).to.include({ code: code.BUFFER_OVERFLOW, field: 'body' });
    expect(await problemOf(store.call('ledger.addWithChange', { n: 1, kind: 'x'.repeat(65) }))).to.include({
      code: code.INVALID_PARAMETER,
      field: 'kind',
    });
  });

  it('prunes by number and age, keeps the newest row, and says what is gone', async () => {
    const store = await open();
    await store.call('ledger.manyChanges', { count: 1_200 }, { now: wall(1_000) });
    await store.call('ledger.manyChanges', { count: 100 }, { now: wall(2_000) });
    expect(await store.changes.prune({ keepRows: 1_250 })).to.equal(50);
    expect(await store.changes.oldest()).to.equal(51);
    expect(await store.changes.prune({ olderThan: wall(2_000) })).to.equal(1_150);
    expect([await store.changes.oldest(), await store.changes.head()]).to.deep.equal([1_201, 1_300]);
    expect(await problemOf(store.changes.since(1_199, 5))).to.include({
      code: code.CONTEXT_LOST,
      detail: 'changes 1200 to 1200 are no longer kept',
    });
    expect(await store.changes.since(1_200, 5)).to.have.length(5);
    expect(await store.changes.prune({ keepRows: 0 })).to.equal(99);
    await store.call('ledger.addWithChange', { n: 1 });
    expect(await store.changes.head()).to.equal(1_301);
    expect((await problemOf(store.changes.prune({ keepRows: -1 }))).field).to.equal('keepRows');
  });

  it('prunes in slices, each a call of its own', async () => {
    const store = await open();
    // More than one slice takes, however quick the machine.
    for (let i = 0; i < 10; i++) await store.call('ledger.manyChanges', { count: 1_500 });
    const slice = await store.call<{ deleted: number; more: boolean }>('store.pruneChanges', { keepRows: 10 });
    expect(slice.more).to.equal(true);
    expect(await store.changes.oldest()).to.equal(slice.deleted + 1);
    expect(await store.changes.prune({ keepRows: 10 })).to.equal(15_000 - 10 - slice.deleted);
    expect(await store.changes.oldest()).to.equal(14_991);
  });

  it('prunes what no follower waits for, and what is beyond the hard bound', async () => {
    const store = await open();
    await store.call('ledger.manyChanges', { count: 100 });
    await store.call('store.openFollower', { name: 'slow', from: 'oldest' });
    await store.call('store.moveFollower', { name: 'slow', cursor: 30 });
    expect(await store.changes.prune({ keepRows: 10 })).to.equal(30);
    expect(await store.changes.prune({ keepRows: 10, hardRows: 20 })).to.equal(50);
    expect(await store.changes.oldest()).to.equal(81);
    expect(await store.call('store.openFollower', { name: 'new', from: 'oldest' })).to.deep.equal({ cursor: 80 });
    await store.forgetFollower('slow');
    expect(await store.changes.prune({ keepRows: 10 })).to.equal(0);
    await store.forgetFollower('new');
    expect(await store.changes.prune({ keepRows: 10 })).to.equal(10);
  });
});
