import { code, wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { Client } from 'pg';
import { halfwayWithin } from '../src/change-table.ts';
import { openPostgresStore, type PostgresServer, type Store } from '../src/index.ts';
import { covers, gapAround, type Range, spanAround } from '../src/postgresql/partitions.ts';
import { LEDGER, problemOf, until } from './fixtures/engines.ts';
import { freshDatabase, needsPostgres } from './fixtures/postgres.ts';

describe('ranges of partitions', () => {
  it('take the wanted range, cut back by what is there', () => {
    expect(spanAround(250, 100)).to.deep.equal({ from: 200, to: 300 });
    expect(gapAround([], 250, { from: 200, to: 300 })).to.deep.equal({ from: 200, to: 300 });
    expect(gapAround([{ from: 0, to: 220 }], 250, { from: 200, to: 300 })).to.deep.equal({ from: 220, to: 300 });
    expect(gapAround([{ from: 251, to: 900 }], 250, { from: 200, to: 300 })).to.deep.equal({ from: 200, to: 251 });
    expect(gapAround([{ from: 240, to: 251 }], 250, { from: 200, to: 300 })).to.equal(undefined);
  });

  it('are made in the middle of the one before, whether that comes first, last or between', () => {
    const looks = [
      [1, 49_999],
      [50_000, 50_000],
      [50_001, 149_999],
      [140_000, 150_000],
      [149_999, 159_998],
    ] as const;
    expect(looks.map(([first, last]) => halfwayWithin(first, last))).to.deep.equal([
      undefined,
      50_000,
      undefined,
      150_000,
      150_000,
    ]);
  });

  it('cover every key exactly once, whatever spans were wanted in what order', () => {
    const wish = fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 1, max: 400 }));
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 40 }), (wishes) => {
        const there: Range[] = [];
        for (const [key, span] of wishes) {
          const gap = gapAround(there, key, spanAround(key, span));
          if (gap !== undefined) there.push(gap);
          expect(there.filter((range) => covers(range, key))).to.have.length(1);
        }
        for (let key = 0; key <= 1400; key += 7) {
          expect(there.filter((range) => covers(range, key)).length).to.be.most(1);
        }
      }),
    );
  });
});

describe('changes in partitions', function () {
  this.timeout(60_000);
  before(needsPostgres);
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  interface Opened {
    readonly store: Store;
    readonly server: PostgresServer;
    /** Runs a statement as somebody else would. */
    readonly admin: (sql: string) => Promise<void>;
  }
  const open = async (): Promise<Opened> => {
    const { server, drop } = await freshDatabase();
    undo.push(drop);
    const store = await openPostgresStore({ server, modules: [LEDGER], limits: { queryMs: 60_000 } });
    undo.push(() => store.close());
    const admin = async (sql: string): Promise<void> => {
      const client = new Client(server);
      await client.connect();
      await client.query(sql);
      await client.end();
    };
    return { store, server, admin };
  };
  const partitions = async (store: Store): Promise<string[]> => {
    const sql = `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = to_regclass('change') ORDER BY c.oid`;
    return (await store.query<{ name: string }>(sql)).map(({ name }) => name);
  };
  /** The next change gets the number behind this one. */
  const jump = (admin: Opened['admin'], seq: number): Promise<void> =>
    admin(`INSERT INTO change (seq, time, kind, subject, body) VALUES (${seq}, 5, 'entry', 's', '{}')`);
  const add = async (store: Store): Promise<number> =>
    (await store.call<{ seq: number }>('ledger.addWithChange', { n: 1 })).seq;

  it('are numbered on over the end of a partition, whose successor is there long before', async () => {
    const { store, admin } = await open();
    expect(await partitions(store)).to.deep.equal(['change_0_100000', 'change_100000_200000']);
    await jump(admin, 149_998);
    expect(await add(store)).to.equal(149_999);
    // Undone with the call that made it, and made by the next one that comes by.
    expect((await problemOf(store.call('ledger.addThenRefuse', { n: 2 }))).code).to.equal(code.NODES_OCCUPIED);
    expect(await partitions(store)).to.have.length(2);
    expect(await add(store)).to.equal(150_000);
    expect((await partitions(store)).slice(2)).to.deep.equal(['change_200000_300000']);
    await jump(admin, 199_999);
    expect([await add(store), await add(store)]).to.deep.equal([200_000, 200_001]);
    expect((await store.changes.since(199_998, 10)).map(({ seq }) => seq)).to.deep.equal([199_999, 200_000, 200_001]);
    expect((await problemOf(store.changes.since(5, 10))).code).to.equal(code.CONTEXT_LOST);
  });

  it('are numbered on when many come at once, over the middle and over the end', async () => {
    const { store, admin } = await open();
    await jump(admin, 149_990);
    const many = (count: number): Promise<number> => store.call<number>('ledger.changesAtOnce', { count });
    expect(await many(9)).to.equal(149_991);
    expect(await partitions(store)).to.have.length(2);
    expect(await many(1)).to.equal(150_000);
    expect(await partitions(store)).to.have.length(3);
    expect(await many(110_000)).to.equal(150_001);
    expect((await partitions(store)).slice(2)).to.deep.equal(['change_200000_300000', 'change_300000_400000']);
    expect(await add(store)).to.equal(260_001);
    const [rows] = await store.query('SELECT count(*) AS n FROM change');
    expect(rows).to.deep.equal({ n: 110_012 });
  });

  it('are pruned exactly by the rule, and dropped with their partition', async () => {
    const { store, admin } = await open();
    await store.call('ledger.manyChanges', { count: 300 }, { now: wall(1_000) });
    expect(await store.changes.prune({ keepRows: 200 })).to.equal(100);
    expect([await store.changes.oldest(), await store.changes.head()]).to.deep.equal([101, 300]);
    await jump(admin, 100_007);
    expect(await store.changes.prune({ olderThan: wall(2_000) })).to.equal(200);
    expect(await store.changes.oldest()).to.equal(100_007);
    expect(await partitions(store)).to.deep.equal(['change_100000_200000']);
    expect(await add(store)).to.equal(100_008);
    const [rows] = await store.query('SELECT count(*) AS n FROM change');
    expect(rows).to.deep.equal({ n: 2 });
  });

  it('stay in their partition while a follower has not had them', async () => {
    const { store, admin } = await open();
    await store.call('ledger.manyChanges', { count: 300 }, { now: wall(1_000) });
    await store.call('store.openFollower', { name: 'slow', from: 'oldest' });
    await store.call('store.moveFollower', { name: 'slow', cursor: 299 });
    await jump(admin, 100_007);
    expect(await store.changes.prune({ keepRows: 1 })).to.equal(299);
    expect(await partitions(store)).to.have.length(2);
    await store.call('store.moveFollower', { name: 'slow', cursor: 300 });
    expect(await store.changes.prune({ keepRows: 1 })).to.equal(1);
    expect(await partitions(store)).to.deep.equal(['change_100000_200000']);
  });

  it('are not dropped while somebody reads, and nobody waits for that', async () => {
    const { store, admin } = await open();
    await store.call('ledger.manyChanges', { count: 3 }, { now: wall(1_000) });
    await jump(admin, 100_007);
    // A query that goes on until it is called off.
    const slow = problemOf(store.query('SELECT count(*) AS n, pg_sleep(600) AS slept FROM change'));
    const running = `FROM pg_stat_activity
      WHERE query LIKE '%pg_sleep(600) AS slept%' AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()`;
    await until('it reads', async () => (await store.query(`SELECT pid ${running}`)).length === 1);
    expect(await store.changes.prune({ keepRows: 1 })).to.equal(3);
    expect(await store.changes.oldest()).to.equal(100_007);
    expect(await partitions(store)).to.have.length(2);
    expect(await add(store)).to.equal(100_008);
    await admin(`SELECT pg_cancel_backend(pid) ${running}`);
    await slow;
    expect(await store.changes.prune({ keepRows: 2 })).to.equal(0);
    expect(await partitions(store)).to.have.length(1);
  });

  it('find a partition after an opening, whatever was put there by other ways', async () => {
    const { store, server, admin } = await open();
    await store.close();
    await admin('DROP TABLE change_100000_200000');
    await admin('CREATE TABLE change_450000_600000 PARTITION OF change FOR VALUES FROM (450000) TO (600000)');
    await jump(admin, 599_999);
    const again = await openPostgresStore({ server, modules: [LEDGER] });
    undo.push(() => again.close());
    expect([await add(again), await add(again)]).to.deep.equal([600_000, 600_001]);
  });
});
