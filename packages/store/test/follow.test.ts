import { CsmError, code, type Problem } from '@csm/model';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { READER_BOUNDS, type ReaderBounds, SharedReader } from '../src/follow/reader.ts';
import { fitting, Ring } from '../src/follow/ring.ts';
import { TURN_WEIGHT, Turns } from '../src/follow/turns.ts';
import type { ChangeRow, FollowOptions, Store } from '../src/index.ts';
import { openMemoryStore } from '../src/index.ts';
import { overEngines, problemOf, until } from './fixtures/engines.ts';
import * as ledger from './fixtures/ledger.ts';

const addAll = (store: Store, count: number, kind = 'entry'): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, n) => store.call('ledger.addWithChange', { n, kind })));
const upTo = (n: number, from = 1): number[] => Array.from({ length: n - from + 1 }, (_, i) => from + i);

/** Follows until it is left; `seqs` are what it was given. */
function follower(store: Pick<Store['changes'], 'follow'>, options: Partial<FollowOptions> = {}) {
  const leaving = new AbortController();
  const seqs: number[] = [];
  const ended = store.follow({
    signal: leaving.signal,
    take: async (rows) => void seqs.push(...rows.map((row) => row.seq)),
    ...options,
  });
  ended.catch(() => undefined);
  return {
    seqs,
    ended,
    leave: async (): Promise<void> => {
      leaving.abort();
      await ended;
    },
  };
}

overEngines('following', ({ open }) => {
  it('gives what is there and what comes, in order, each once, until it is left', async () => {
    const store = await open();
    await addAll(store, 1_250);
    const all = follower(store.changes, { since: 0 });
    const some = follower(store.changes, { since: 1_200 });
    const later = follower(store.changes);
    await until('the first rows', () => all.seqs.length === 1_250 && some.seqs.length === 50);
    await addAll(store, 30);
    await until('the later rows', () => [all, some, later].every(({ seqs }) => seqs.at(-1) === 1_280));
    expect(all.seqs).to.deep.equal(upTo(1_280));
    expect(some.seqs).to.deep.equal(upTo(1_280, 1_201));
    expect(later.seqs).to.deep.equal(upTo(1_280, 1_251));
    for (const one of [all, some, later]) await one.leave();
    await addAll(store, 1);
    expect(later.seqs.at(-1)).to.equal(1_280);
    expect(store.changes.followStats()).to.include({ followers: 0, given: 1_280 + 80 + 30, ringRows: 0, size: 0 });
  });

  it('reads new rows once for all who are near', async () => {
    const store = await open();
    const all = Array.from({ length: 20 }, () => follower(store.changes));
    for (let i = 0; i < 10; i++) {
      await store.call('ledger.manyChanges', { count: 10 });
      await until('all have them', () => all.every(({ seqs }) => seqs.length === 10 * (i + 1)));
    }
    expect(store.changes.followStats()).to.deep.include({ ownReads: 0, given: 2_000 });
    expect(store.changes.followStats().sharedReads).to.be.within(1, 20);
    for (const one of all) await one.leave();
  });

  it('gives what is asked for: kinds, subjects, and more', async () => {
    const store = await open();
    await store.call('ledger.manyChanges', { count: 12_000 });
    await addAll(store, 6, 'rare');
    const rare = follower(store.changes, { since: 0, kinds: ['rare', 'other'] });
    const subject = follower(store.changes, { since: 0, kinds: ['rare'], subjects: ['entry 1'] });
    const odd = follower(store.changes, { since: 11_998, wants: ({ seq }) => seq % 2 === 1 });
    await until('the rare ones', () => rare.seqs.length === 6 && subject.seqs.length === 2 && odd.seqs.length === 4);
    await store.call('ledger.manyChanges', { count: 5 });
    await addAll(store, 6, 'rare');
    await until('what came', () => rare.seqs.length === 12 && subject.seqs.length === 4 && odd.seqs.length === 10);
    expect(rare.seqs).to.deep.equal([...upTo(12_006, 12_001), ...upTo(12_017, 12_012)]);
    expect(odd.seqs).to.deep.equal(upTo(12_017, 11_999).filter((n) => n % 2 === 1 && n > 11_998));
    for (const one of [rare, subject, odd]) await one.leave();
    const wrong = (options: Partial<FollowOptions>): Promise<Problem> =>
      problemOf(follower(store.changes, options).ended);
    expect(await wrong({ kinds: [] })).to.include({ code: code.INVALID_PARAMETER, field: 'kinds' });
    expect(await wrong({ since: -1 })).to.include({ code: code.INVALID_PARAMETER, field: 'since' });
    expect(await wrong({ stallMs: 0.5 })).to.include({ code: code.INVALID_PARAMETER, field: 'stallMs' });
  });

  it('tells whose changes are pruned, and from where it could go on', async () => {
    const store = await open();
    await store.call('ledger.manyChanges', { count: 100 });
    await store.changes.prune({ keepRows: 40 });
    expect(await problemOf(follower(store.changes, { since: 59 }).ended)).to.deep.include({
      code: code.CONTEXT_LOST,
      field: 'since',
      oldest: 60,
      detail: 'changes 60 to 60 are no longer kept',
    });
    const kept = follower(store.changes, { since: 60 });
    await until('all that are kept', () => kept.seqs.length === 40);
    await kept.leave();
    expect(await problemOf(follower(store.changes, { since: 101 }).ended)).to.include({
      code: code.CONTEXT_LOST,
      oldest: 60,
      detail: 'there is no change 101: this database ends with 100',
    });
  });

  it('ends one that is pruned past while it is slow; the others go on', async () => {
    const store = await open();
    await store.call('ledger.manyChanges', { count: 12_000, bytes: 20 });
    let free: () => void = () => {};
    const slow = follower(store.changes, {
      since: 0,
      take: () =>
        new Promise((resolve) => {
          free = resolve;
        }),
    });
    const quick = follower(store.changes, { since: 0 });
    await until('the quick one has all', () => quick.seqs.length === 12_000);
    await store.changes.prune({ keepRows: 100 });
    free();
    expect(await problemOf(slow.ended)).to.include({ code: code.CONTEXT_LOST, oldest: 11_900 });
    await addAll(store, 1);
    await until('what came', () => quick.seqs.length === 12_001);
    await quick.leave();
  });

  it('lets a slow one wait alone, and cuts it off after its time', async () => {
    const store = await open();
    const stuck = follower(store.changes, { stallMs: 50, take: () => new Promise(() => {}) });
    const quick = follower(store.changes);
    await addAll(store, 200);
    await until('the quick one has all', () => quick.seqs.length === 200);
    expect(await problemOf(stuck.ended)).to.include({ code: code.TIMEOUT });
    expect(store.changes.followStats()).to.include({ cutOff: 1, followers: 1 });
    await addAll(store, 1);
    await until('the quick one goes on', () => quick.seqs.length === 201);
    await quick.leave();
  });

  it('ends with what a follower throws, and with the store', async () => {
    const store = await open();
    const throwing = follower(store.changes, {
      take: async () => {
        throw new RangeError('no more');
      },
    });
    const waiting = follower(store.changes);
    const stuck = follower(store.changes, { take: () => new Promise(() => {}) });
    await addAll(store, 1);
    expect(await throwing.ended.catch((thrown: Error) => thrown.message)).to.equal('no more');
    await until('the others have it', () => waiting.seqs.length === 1);
    await store.close();
    expect((await problemOf(waiting.ended)).code).to.equal(code.DATABASE_UNAVAILABLE);
    expect((await problemOf(stuck.ended)).code).to.equal(code.DATABASE_UNAVAILABLE);
    expect((await problemOf(follower(store.changes).ended)).code).to.equal(code.DATABASE_UNAVAILABLE);
  });

  it('reads rows of any size', async () => {
    const store = await open();
    await store.call('ledger.manyChanges', { count: 300 });
    for (let i = 0; i < 4; i++) await store.call('ledger.manyChanges', { count: 50, bytes: 200_000 });
    await store.call('ledger.manyChanges', { count: 300 });
    const all = follower(store.changes, { since: 0 });
    await until('all of them', () => all.seqs.length === 800);
    expect(all.seqs).to.deep.equal(upTo(800));
    await all.leave();
  });
});

describe('the reader of changes', () => {
  const TIGHT: ReaderBounds = {
    ring: { rows: 12, size: 2_500 },
    page: 5,
    chunk: { least: 300, most: 900, all: 3_000 },
    held: 1_500,
    window: 20,
    followers: 30,
  };

  /** Numbers in [0, 1) that follow from a seed. */
  const chance = (seed: number) => (): number => {
    seed = (Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((seed ^ (seed >>> 13)) >>> 0) / 2 ** 32;
  };
  const turnsOfLoop = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  };

  it('gives each of many the rows of its filter, once and in order, whatever disconnects and is pruned', async () => {
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      const random = chance(seed);
      const whole = (most: number): number => Math.floor(random() * (most + 1));
      const store = await openMemoryStore({ modules: [ledger] });
      let known = 0;
      const listeners = new Set<() => void>();
      const unsubscribe = store.changes.subscribe((head) => {
        known = head;
        for (const listener of listeners) listener();
      });
      const reader = new SharedReader(
        {
          query: (...args) => store.query(...args),
          head: () => known,
          subscribe: (listener) => {
            listeners.add(listener);
            return () => listeners.delete(listener);
          },
        },
        TIGHT,
      );
      const rows: ChangeRow[] = [];
      let isOver = false;
      const KINDS = ['a', 'b', 'c'];

      const subscriber = async (): Promise<void> => {
        const kinds = random() < 0.4 ? undefined : KINDS.filter(() => random() < 0.5).concat('a');
        const odd = random() < 0.3;
        const wants = ({ seq }: ChangeRow): boolean => !odd || seq % 2 === 1;
        const pace = whole(3);
        let at = random() < 0.5 ? 0 : known;
        const begin = at;
        const got: number[] = [];
        const lost: (readonly [number, number])[] = [];
        for (;;) {
          const leaving = new AbortController();
          let patience = 1 + whole(25);
          try {
            await reader.follow({
              since: at,
              ...(kinds && { kinds }),
              wants,
              signal: leaving.signal,
              take: async (given) => {
                if (isOver) patience = Number.POSITIVE_INFINITY;
                for (const row of given) {
                  // What is on its way when it leaves is given again.
                  if (leaving.signal.aborted) return;
                  got.push(row.seq);
                  at = row.seq;
                  if (--patience <= 0) leaving.abort();
                }
                await turnsOfLoop(pace);
                if (isOver && at >= lastWanted()) leaving.abort();
              },
            });
          } catch (thrown) {
            if (!(thrown instanceof CsmError) || thrown.problem.oldest === undefined) throw thrown;
            expect(thrown.code).to.equal(code.CONTEXT_LOST);
            expect(thrown.problem.oldest).to.be.greaterThan(at);
            lost.push([at, thrown.problem.oldest]);
            at = thrown.problem.oldest;
          }
          if (isOver && at >= lastWanted()) break;
          await turnsOfLoop(whole(4));
        }
        const isLost = (seq: number): boolean => lost.some(([from, to]) => seq > from && seq <= to);
        const isWanted = (row: ChangeRow): boolean => (kinds === undefined || kinds.includes(row.kind)) && wants(row);
        const expected = rows.filter((row) => row.seq > begin && isWanted(row) && !isLost(row.seq));
        expect(got, `seed ${seed}`).to.deep.equal(expected.map((row) => row.seq));
        function lastWanted(): number {
          return rows.findLast((row) => (kinds === undefined || kinds.includes(row.kind)) && wants(row))?.seq ?? 0;
        }
      };

      const subscribers = Array.from({ length: 1 + whole(7) }, () => subscriber());
      try {
        for (let i = 0; i < 25; i++) {
          await Promise.all(
            Array.from({ length: whole(12) }, async (_, n) => {
              const kind = KINDS[whole(2)] ?? 'a';
              const { seq } = await store.call<{ seq: number }>('ledger.addWithChange', { n, kind });
              rows.push({ seq, kind } as ChangeRow);
            }),
          );
          if (random() < 0.3) await store.changes.prune({ keepRows: whole(40) });
          await turnsOfLoop(whole(6));
        }
        isOver = true;
        // One more of a kind and a number that everybody wants, for those who wait for news.
        for (let n = 0; n < 2; n++) {
          const { seq } = await store.call<{ seq: number }>('ledger.addWithChange', { n, kind: 'a' });
          rows.push({ seq, kind: 'a' } as ChangeRow);
        }
        rows.sort((a, b) => a.seq - b.seq);
        await Promise.all(subscribers);
        expect(reader.stats()).to.include({ followers: 0, size: 0 });
      } finally {
        unsubscribe();
        await store.close();
      }
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it('keeps no more than it may, however many are stuck', async () => {
    const store = await openMemoryStore({ modules: [ledger] });
    await store.call('ledger.manyChanges', { count: 2_000, bytes: 1_000 });
    const bounds = { ...READER_BOUNDS, held: 500_000, followers: 100 };
    const reader = new SharedReader(
      { query: (...args) => store.query(...args), head: () => 2_000, subscribe: () => () => undefined },
      bounds,
    );
    let stuck = 0;
    let free = false;
    const seen = Array.from({ length: 100 }, () => 0);
    const all = seen.map((_, i) =>
      follower(reader, {
        since: 0,
        take: async (rows) => {
          seen[i] = (seen[i] ?? 0) + rows.length;
          if (free) return;
          stuck++;
          await until('they are freed', () => free);
        },
      }),
    );
    await until('all are stuck', () => stuck === 100);
    // On top of what is allowed: the page of the last one, and what each is just given.
    expect(reader.stats().size).to.be.at.most(bounds.held + 300_000 + 100 * bounds.chunk.most);
    expect(await problemOf(follower(reader).ended)).to.include({ code: code.MEMORY });
    free = true;
    await until('all have all', () => seen.every((count) => count === 2_000));
    for (const one of all) await one.leave();
    expect(reader.stats()).to.include({ followers: 0, size: 0 });
    await store.close();
  });
});

describe('the ring of changes', () => {
  const sized = (seq: number, size = 1) => ({ row: { seq } as ChangeRow, size });
  const seqs = (rows: readonly ChangeRow[]): number[] => rows.map((row) => row.seq);

  it('holds the newest, by number and by size', () => {
    const ring = new Ring({ rows: 4, size: 10 }, 7);
    expect([ring.from, ring.last, ring.length]).to.deep.equal([7, 7, 0]);
    ring.add([8, 9, 10, 11, 12].map((seq) => sized(seq)));
    expect([ring.from, ring.last, ring.length, ring.size]).to.deep.equal([8, 12, 4, 4]);
    ring.add([sized(13, 9)]);
    expect([ring.from, ring.last, ring.size]).to.deep.equal([11, 13, 10]);
    ring.add([sized(14, 50)]);
    expect([ring.from, ring.last, ring.size]).to.deep.equal([13, 14, 50]);
    expect([ring.joins(12), ring.joins(13), ring.joins(14), ring.joins(15)]).to.deep.equal([false, true, true, false]);
    ring.restart(20);
    expect([ring.from, ring.last, ring.size, ring.length]).to.deep.equal([20, 20, 0, 0]);
  });

  it('gives what follows a cursor, at least a row and no more than fits', () => {
    const ring = new Ring({ rows: 100, size: 1_000 }, 0);
    for (let seq = 1; seq <= 250; seq++) ring.add([sized(seq, 5)]);
    expect(ring.from).to.equal(150);
    expect(seqs(ring.after(150, 12))).to.deep.equal([151, 152]);
    expect(seqs(ring.after(200, 1))).to.deep.equal([201]);
    expect(seqs(ring.after(248, 1_000))).to.deep.equal([249, 250]);
    expect(ring.after(250, 10)).to.deep.equal([]);
    expect(ring.after(149, 10)).to.deep.equal([]);
    expect(seqs(fitting([sized(1, 9), sized(2, 1)], 1, 3))).to.deep.equal([2]);
  });
});

describe('turns', () => {
  it('go in order, in slices, and give what the work gave or threw', async () => {
    let now = 0;
    const turns = new Turns(() => now);
    const order: string[] = [];
    const work = (name: string, ms: number, weight = 1) =>
      turns.take(weight, () => {
        order.push(name);
        now += ms;
        return name;
      });
    const all = [work('a', 0.4), work('b', 0.7), work('c', 9), work('d', 0, TURN_WEIGHT), work('e', 0)];
    const failed = turns.take(1, () => {
      throw new Error('no');
    });
    failed.catch(() => undefined);
    // Each slice ends when its time is over; what else the loop has to do comes between them.
    const between: number[] = [];
    await new Promise<void>((resolve) => {
      const look = (): void => {
        between.push(order.length);
        if (order.length < 5) setImmediate(look);
        else resolve();
      };
      setImmediate(look);
    });
    expect(between).to.deep.equal([2, 3, 4, 5]);
    expect(await Promise.all(all)).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    expect(await failed.catch((thrown: Error) => thrown.message)).to.equal('no');
  });
});
