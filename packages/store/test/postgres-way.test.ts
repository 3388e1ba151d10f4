/** A master whose way to PostgreSQL fails in part: what it holds, it gives up or takes back, and nobody waits for ever. */
import { code } from '@csm/model';
import { expect } from 'chai';
import { Client } from 'pg';
import { openPostgresStore, type PostgresServer, type StandOptions, type Store, standForLeader } from '../src/index.ts';
import { atOnce, LEDGER, problemOf, until } from './fixtures/engines.ts';
import { Cluster, needsPostgres } from './fixtures/postgres.ts';
import { Way } from './fixtures/way.ts';

const SLOW = new URL('./fixtures/slow.js', import.meta.url).href;
const PATIENCE_MS = 30_000;
const LONG_LEASE_MS = 60_000;

describe('a way to PostgreSQL that fails in part', () => {
  let cluster: Cluster;
  let server: PostgresServer;
  let way: Way;
  const undo: (() => Promise<unknown>)[] = [];

  before(async function () {
    needsPostgres.call(this);
    cluster = new Cluster();
    await cluster.start();
  });
  after(() => cluster?.remove());
  beforeEach(async () => {
    ({ server } = await cluster.fresh());
    way = await Way.to(server);
    undo.push(() => way.close());
  });
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  async function open(more: Partial<StandOptions> = {}): Promise<Store> {
    const store = await openPostgresStore({ server: way.server, modules: [LEDGER], onFault: () => {}, ...more });
    undo.push(() => store.close());
    return store;
  }
  const works = (store: Store, n: number): Promise<boolean> =>
    store.call('ledger.add', { n }).then(
      () => true,
      () => false,
    );
  const backends = async (part: string): Promise<number[]> => {
    const sql = `SELECT pid FROM pg_stat_activity WHERE datname = '${server.database}' AND application_name LIKE 'csm ${part}%'`;
    return (await cluster.admin(sql)).map(({ pid }) => Number(pid));
  };
  const end = async (part: string): Promise<void> => {
    for (const pid of await backends(part)) await cluster.admin(`SELECT pg_terminate_backend(${pid})`);
  };

  it('gives up the lock of a leader that has its lease and can write no more', async () => {
    const first = await open({ lease: 1_000, master: 'm1' });
    const candidacy = await standForLeader({ server, modules: [LEDGER], lease: 1_000, master: 'm2' });
    undo.push(() => candidacy.close());
    await until('it stands by', () => candidacy.status().leader !== undefined, PATIENCE_MS);
    way.isShut = true;
    await end('writer');
    const second = await candidacy.elected;
    undo.push(() => second.close());
    expect(second.term).to.equal(2);
    await second.call('ledger.add', { n: 2 });
    way.isShut = false;
    expect((await first.closed)?.detail).to.include('is in use by csm lease');
  });

  it('takes the lock anew when it gave it up and nobody else wanted it', async () => {
    const store = await open({ lease: 500 });
    way.isShut = true;
    await end('writer');
    await until('it has given up the lock', async () => (await backends('lease')).length === 0, PATIENCE_MS);
    way.isShut = false;
    await until('it is back', () => works(store, 1), PATIENCE_MS);
    expect(store.term).to.equal(1);
  });

  it('knows a session of its own that took the lock when nobody heard the answer', async () => {
    const store = await open({ lease: LONG_LEASE_MS });
    const lost = way.lose('pg_try_advisory_lock');
    await end('lease');
    await lost;
    await until('it is back', () => works(store, 1), PATIENCE_MS);
    expect(store.term).to.equal(1);
  });

  it('leaves no connection behind when it cannot be known what became of a COMMIT', async () => {
    const store = await open({ lease: LONG_LEASE_MS, limits: { procedureMs: 500 } });
    await store.call('ledger.add', { n: 1 });
    const lost = way.lose('COMMIT');
    const call = store.call('ledger.add', { n: 2 });
    await lost;
    const holder = new Client(server);
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE commit_mark');
      const before = way.came;
      await until('it has tried to ask several times', () => way.came > before + 6, PATIENCE_MS);
      expect(way.through.size, 'the lease, and one that asks').to.be.at.most(2);
    } finally {
      await holder.end();
    }
    await call;
    const rows = await store.query<{ n: number }>('SELECT n FROM entry ORDER BY n');
    expect(rows.map(({ n }) => n)).to.deep.equal([1, 2]);
  });

  it('answers queries at once with code 24 while it cannot write, also those under way', async () => {
    const store = await open({ lease: LONG_LEASE_MS, readers: 1, limits: { queryMs: PATIENCE_MS } });
    const asleep = problemOf(store.query({ sqlite: 'SELECT 1', postgresql: 'SELECT pg_sleep(20) IS NULL AS n' }));
    const waiting = problemOf(store.query('SELECT 1'));
    await until('it is asked', async () => (await backends('reader')).length === 1, PATIENCE_MS);
    way.isShut = true;
    await end('writer');
    await until('it is away', () => store.away !== undefined, PATIENCE_MS);
    const problems = await atOnce(() => Promise.all([asleep, waiting, problemOf(store.query('SELECT 1'))]));
    expect(problems.map((problem) => problem.code)).to.deep.equal(problems.map(() => code.DATABASE_UNAVAILABLE));
    way.isShut = false;
    await until('it is back', () => works(store, 1), PATIENCE_MS);
    expect(await store.query('SELECT 1 AS n')).to.deep.equal([{ n: 1 }]);
  });

  it('ends a long migration when the lease it began under is lost', async () => {
    const candidacy = await standForLeader({ server, modules: [LEDGER, SLOW], lease: 1_000, master: 'm1' });
    const migrating = async (): Promise<number | undefined> => {
      const sql = `SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND state = 'active' AND datname = '${server.database}'`;
      return (await cluster.admin(sql))[0]?.['pid'] as number | undefined;
    };
    try {
      await until('it migrates', async () => (await migrating()) !== undefined, PATIENCE_MS);
      const first = await migrating();
      await end('lease');
      const anew = async (): Promise<boolean> => ![first, undefined].includes(await migrating());
      await until('it begins anew', anew, PATIENCE_MS);
    } finally {
      let isClosed = false;
      const closing = candidacy.close().then(() => {
        isClosed = true;
      });
      await until('it stands no more', async () => end('').then(() => isClosed), PATIENCE_MS);
      await closing;
    }
  });
});
