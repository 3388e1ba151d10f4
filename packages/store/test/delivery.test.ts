import { CsmError, code, type Problem, problem, wall } from '@csm/model';
import { expect } from 'chai';
import { type ChangeRow, type Follower, openStore, type Store } from '../src/index.ts';
import { directoryForTests, LEDGER, overEngines, problemOf, until } from './fixtures/engines.ts';

const QUICK = { backoff: { firstMs: 1, maxMs: 4 }, from: 'oldest' } as const;
const silent = { onFault: () => {} };
const addAll = (store: Store, count: number, kind = 'entry'): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, n) => store.call('ledger.addWithChange', { n, kind })));
const seqs = (rows: readonly ChangeRow[]): number[] => rows.map((row) => row.seq);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

overEngines('delivery', ({ open }) => {
  it('sends what is there and what comes, in order, each once', async () => {
    const store = await open();
    await addAll(store, 250);
    const got: number[] = [];
    const delivery = store.deliver({ ...QUICK, name: 'f', send: async (rows) => void got.push(...seqs(rows)) });
    await until('the first rows', () => got.length === 250);
    await addAll(store, 30);
    await until('the later rows', () => got.length === 280);
    expect(got).to.deep.equal(upTo(280));
    await until('the cursor', () => delivery.status().cursor === 280);
    expect(delivery.status()).to.deep.equal({ name: 'f', cursor: 280, sent: 280, failures: 0, skipped: 0, lost: 0 });
    await delivery.stop();
    await addAll(store, 1);
    expect(got).to.have.length(280);
  });

  it('goes on after a stop where it was; a new name begins at the head', async () => {
    const store = await open();
    await addAll(store, 3);
    const got: number[] = [];
    const follower: Follower = { name: 'f', send: async (rows) => void got.push(...seqs(rows)) };
    const first = store.deliver(follower);
    await until('it is open', () => first.status().cursor === 3);
    await addAll(store, 2);
    await until('rows', () => got.length === 2);
    expect(() => store.deliver(follower)).to.throw(CsmError, 'name is f');
    await until('the cursor', () => first.status().cursor === 5);
    await first.stop();
    await addAll(store, 2);
    const second = store.deliver(follower);
    await until('the rest', () => got.length === 4);
    expect(got).to.deep.equal([4, 5, 6, 7]);
    expect((await problemOf(store.forgetFollower('f'))).code).to.equal(code.INVALID_PARAMETER);
    await second.stop();
    await store.forgetFollower('f');
    expect(await store.query('SELECT * FROM follower')).to.deep.equal([]);
  });

  it('passes over other kinds, however many', async () => {
    const store = await open();
    await store.call('ledger.manyChanges', { count: 12_000 });
    await addAll(store, 2, 'rare');
    await store.call('ledger.manyChanges', { count: 1_100 });
    const got: number[] = [];
    const delivery = store.deliver({
      ...QUICK,
      name: 'f',
      kinds: ['rare', 'other'],
      send: async (rows) => void got.push(...seqs(rows)),
    });
    await until('the rare ones', () => delivery.status().cursor === 13_102);
    expect(got).to.deep.equal([12_001, 12_002]);
  });

  it('retries until it succeeds, and sends no later row before', async () => {
    const faults: Problem[] = [];
    const store = await open({ onFault: (_, p) => faults.push(p) });
    await addAll(store, 40);
    const got: number[] = [];
    let failing = 12;
    const delivery = store.deliver({
      ...QUICK,
      name: 'f',
      send: async (rows) => {
        // Row 17 fails a dozen times, with whatever comes before it in the same send.
        if (rows.some((row) => row.seq === 17) && failing-- > 0) throw new Error('no answer');
        got.push(...seqs(rows));
      },
    });
    await until('all rows', () => delivery.status().cursor === 40);
    expect(got).to.deep.equal(upTo(40));
    expect(faults).to.have.length(12);
    expect(delivery.status()).to.include({ failures: 0, sent: 40 });
    expect(delivery.status().lastProblem?.detail).to.equal('no answer');
  });

  it('skips a row that keeps failing only where the follower allows it', async () => {
    const store = await open(silent);
    await addAll(store, 9);
    const got: number[] = [];
    const send = async (rows: readonly ChangeRow[]): Promise<void> => {
      if (rows.some((row) => row.seq === 4)) throw new CsmError(problem(code.INVALID_PARAMETER, 'bad row'));
      got.push(...seqs(rows));
    };
    const patient = store.deliver({ ...QUICK, name: 'patient', send });
    await until('it is stuck', () => patient.status().cursor === 3 && patient.status().failures > 5);
    await patient.stop();
    got.length = 0;
    const delivery = store.deliver({ ...QUICK, name: 'f', maxAttempts: 3, send });
    await until('the end', () => delivery.status().cursor === 9);
    expect(got).to.deep.equal([1, 2, 3, 5, 6, 7, 8, 9]);
    expect(delivery.status()).to.deep.include({ skipped: 1, sent: 8 });
  });

  it('ends an attempt that hangs, and tells it so', async () => {
    const store = await open(silent);
    await addAll(store, 2);
    let attempts = 0;
    const aborted: boolean[] = [];
    const delivery = store.deliver({
      ...QUICK,
      name: 'f',
      attemptMs: 15,
      send: async (_, signal) => {
        attempts += 1;
        if (attempts > 1) return;
        signal.addEventListener('abort', () => aborted.push(true));
        await new Promise(() => {});
      },
    });
    await until('the rows', () => delivery.status().cursor === 2);
    expect(aborted).to.deep.equal([true]);
    expect(delivery.status().lastProblem?.code).to.equal(code.TIMEOUT);
  });

  it('aborts the attempt under way when it stops', async () => {
    const store = await open();
    await addAll(store, 2);
    let started = false;
    const delivery = store.deliver({
      ...QUICK,
      name: 'f',
      send: (_, signal) =>
        new Promise((_resolve, reject) => {
          started = true;
          signal.addEventListener('abort', () => reject(new Error('stopped')));
        }),
    });
    await until('it sends', () => started);
    await delivery.stop();
    expect(await store.query('SELECT cursor FROM follower')).to.deep.equal([{ cursor: 0 }]);
  });

  it('stops at once, at whatever moment', async () => {
    const store = await open();
    await addAll(store, 2);
    for (let turns = 0; turns < 40; turns++) {
      const delivery = store.deliver({
        ...QUICK,
        name: `f${turns}`,
        send: (_, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('stopped')));
          }),
      });
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      await delivery.stop();
    }
  });

  it('keeps rows a follower has yet to get, up to the hard bound, and counts what it lost', async () => {
    const faults: string[] = [];
    const store = await open({ onFault: (_, { detail }) => faults.push(detail) });
    await addAll(store, 100);
    let broken = true;
    const got: number[] = [];
    const delivery = store.deliver({
      ...QUICK,
      name: 'f',
      send: async (rows) => {
        if (broken) throw new Error('down');
        got.push(...seqs(rows));
      },
    });
    await until('it fails', () => delivery.status().failures > 0);
    expect(await store.changes.prune({ keepRows: 10 })).to.equal(0);
    expect(await store.changes.prune({ keepRows: 10, hardRows: 60 })).to.equal(40);
    broken = false;
    await until('the rest', () => got.at(-1) === 100 && delivery.status().cursor === 100);
    expect(got.filter((seq) => seq > 40)).to.deep.equal(upTo(100).slice(40));
    // What it had read before they were pruned it may still have delivered, and it may have looked between two slices of
    // the pruning: each of the first forty was delivered, or is told as lost.
    const early = got.filter((seq) => seq <= 40);
    const lost = faults.flatMap((words) => {
      const [, gone, after] = /^(\d+) changes after (\d+) were pruned before f had them$/.exec(words) ?? [];
      return upTo(Number(gone ?? 0)).map((i) => Number(after) + i);
    });
    expect([...early, ...lost].sort((x, y) => x - y)).to.deep.equal(upTo(40));
    expect(delivery.status().lost).to.equal(lost.length);
    expect(await store.changes.prune({ keepRows: 10 })).to.equal(50);
  });

  it('tells a follower what was pruned by age before it goes on, until it has heard', async () => {
    const store = await open(silent);
    await store.call('ledger.manyChanges', { count: 30 }, { now: wall(1_000) });
    await store.call('store.openFollower', { name: 'f', from: 'oldest' });
    await store.call('ledger.manyChanges', { count: 5 }, { now: wall(2_000) });
    expect(await store.changes.prune({ olderThan: wall(2_000) })).to.equal(0);
    expect(await store.changes.prune({ hardOlderThan: wall(2_000) })).to.equal(30);
    const heard: (readonly [number, number])[] = [];
    const got: number[] = [];
    let deaf = 3;
    const delivery = store.deliver({
      ...QUICK,
      name: 'f',
      send: async (rows) => void got.push(...seqs(rows)),
      lost: async (from, to) => {
        if (deaf-- > 0) throw new Error('not now');
        heard.push([from, to]);
      },
    });
    await until('what is left', () => delivery.status().cursor === 35);
    expect(heard).to.deep.equal([[1, 30]]);
    expect(got).to.deep.equal([31, 32, 33, 34, 35]);
    expect(delivery.status()).to.include({ lost: 30, sent: 5 });
  });

  it('refuses a follower that cannot be', async () => {
    const store = await open();
    const send = async (): Promise<void> => {};
    expect(() => store.deliver({ name: '', send })).to.throw(CsmError, 'name is ');
    expect(() => store.deliver({ name: 'f', send, batch: 0 })).to.throw(CsmError, 'batch is 0');
    expect(() => store.deliver({ name: 'f', send, kinds: [] })).to.throw(CsmError, 'kinds is 0');
  });
});

describe('delivery over a restart', () => {
  const directory = directoryForTests();

  it('goes on where the last process was', async () => {
    const file = `${directory()}/csm.db`;
    const got: number[] = [];
    const follower: Follower = { ...QUICK, name: 'f', batch: 7, send: async (rows) => void got.push(...seqs(rows)) };
    let total = 0;
    for (const more of [20, 30, 0, 10]) {
      const store = await openStore({ file, modules: [LEDGER] });
      const delivery = store.deliver(follower);
      await addAll(store, more);
      total += more;
      await until('all rows', () => delivery.status().cursor === total);
      await store.close();
    }
    expect(got).to.deep.equal(upTo(60));
  });
});
