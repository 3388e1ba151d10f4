/**
 * PostgreSQL that is away: killed, stopped, silent, read-only, full. Each time calls are answered with code 24 and not
 * kept waiting, the store comes back by itself, and what was acknowledged is there, once.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { code } from '@csm/model';
import { expect } from 'chai';
import { type CommitReportsResult, openPostgresStore, type PostgresServer, type Store } from '../src/index.ts';
import { atOnce, LEDGER, problemOf, until } from './fixtures/engines.ts';
import { Cluster, needsPostgres } from './fixtures/postgres.ts';
import { mountSmall, unmount } from './fixtures/process.ts';

/** Until it must work again once the database does. */
const RETURN_MS = 30_000;

describe('PostgreSQL that is away', () => {
  let cluster: Cluster;
  let server: PostgresServer;
  let store: Store;
  let faults: string[];

  before(async function () {
    needsPostgres.call(this);
    cluster = new Cluster();
    await cluster.start();
  });
  after(() => cluster?.remove());
  beforeEach(async () => {
    ({ server } = await cluster.fresh());
    faults = [];
    store = await open();
  });
  afterEach(() => store.close());

  const open = (limits = {}): Promise<Store> =>
    openPostgresStore({
      server,
      modules: [LEDGER],
      limits: { procedureMs: 1_000, queryMs: 500, ...limits },
      onFault: (where, { code: c, detail }) => faults.push(`${where}: ${c} ${detail}`),
    });
  const entries = async (): Promise<number[]> =>
    (await store.query<{ n: number }>('SELECT n FROM entry ORDER BY id', [], { limit: 100_000 })).map((row) => row.n);
  const works = async (n: number): Promise<boolean> =>
    store.call('ledger.addWithChange', { n }).then(
      () => true,
      () => false,
    );
  const back = (n: number): Promise<void> => until('the store works again', () => works(n), RETURN_MS);
  const backends = (): Promise<{ pid: number; application_name: string }[]> =>
    cluster.admin(
      `SELECT pid, application_name FROM pg_stat_activity WHERE datname = '${server.database}' AND pid <> pg_backend_pid()`,
    ) as Promise<never>;
  const pidOf = async (part: 'lease' | 'writer'): Promise<number> => {
    const [row] = (await backends()).filter((b) => b.application_name.startsWith(`csm ${part}`));
    expect(row, `one ${part}`).to.not.equal(undefined);
    return row?.pid ?? 0;
  };
  const locksOf = async (pid: number): Promise<number> => {
    const sql = `SELECT CAST(count(*) AS INTEGER) AS n FROM pg_locks WHERE locktype = 'advisory' AND pid = ${pid}`;
    return Number((await cluster.admin(sql))[0]?.['n']);
  };
  /** All calls of a moment are answered, quickly, with code 24. */
  const refusedAtOnce = async (): Promise<void> => {
    const asked = () => Array.from({ length: 50 }, (_, n) => problemOf(store.call('ledger.add', { n: -n })));
    const problems = await atOnce(() => Promise.all(asked()));
    for (const { code: c } of problems) expect(c).to.equal(code.DATABASE_UNAVAILABLE);
  };

  /**
   * Adds numbers from many callers until `stop` is called; gives what was acknowledged. A call that failed is not
   * repeated: its number may be there or not.
   */
  function adding(): { readonly acknowledged: number[]; readonly failed: number[]; stop(): Promise<void> } {
    const acknowledged: number[] = [];
    const failed: number[] = [];
    let next = 1;
    let stopped = false;
    const caller = async (): Promise<void> => {
      while (!stopped) {
        const n = next++;
        const answer = await store.call('ledger.addWithChange', { n }).then(
          () => undefined,
          (thrown: { readonly code: number }) => thrown.code,
        );
        if (answer === undefined) acknowledged.push(n);
        else {
          expect(answer).to.equal(code.DATABASE_UNAVAILABLE);
          failed.push(n);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    };
    const callers = Array.from({ length: 20 }, caller);
    return {
      acknowledged,
      failed,
      stop: async () => {
        stopped = true;
        await Promise.all(callers);
      },
    };
  }

  /** Nothing acknowledged is lost, nothing is doubled, and each entry has its change. */
  async function checkEntries(acknowledged: readonly number[]): Promise<void> {
    const there = await entries();
    expect(new Set(there).size, 'doubled').to.equal(there.length);
    const set = new Set(there);
    expect(acknowledged.filter((n) => !set.has(n))).to.deep.equal([]);
    const [changes] = await store.query('SELECT count(*) AS n, max(seq) AS head FROM change');
    expect(changes).to.deep.equal({ n: there.length, head: there.length });
  }

  async function through(fault: () => Promise<void>, rounds: number): Promise<void> {
    const load = adding();
    for (let round = 1; round <= rounds; round++) {
      const before = load.acknowledged.length;
      await until('calls are acknowledged', () => load.acknowledged.length > before + 100, RETURN_MS);
      await fault();
    }
    const before = load.acknowledged.length;
    await until('calls are acknowledged again', () => load.acknowledged.length > before + 100, RETURN_MS);
    await load.stop();
    await checkEntries(load.acknowledged);
  }

  it('survives kill -9 of a server process, with which the server ends all', async () => {
    await through(async () => void process.kill(await pidOf('writer'), 'SIGKILL'), 3);
    expect(faults.length).to.be.least(3);
  });

  it('survives the end of its backends, writing and reading', async () => {
    await through(async () => {
      await cluster.admin(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${server.database}' AND pid <> pg_backend_pid()`,
      );
    }, 5);
    await until('queries work', () => entries().then(() => true), RETURN_MS);
  });

  it('answers at once while the server is stopped, and returns when it is started', async () => {
    const got: number[] = [];
    const delivery = store.deliver({
      name: 'f',
      from: 'oldest',
      backoff: { firstMs: 5, maxMs: 50 },
      send: async (rows) => void got.push(...rows.map((row) => row.seq)),
    });
    for (const [round, signal] of (['SIGINT', 'SIGQUIT', 'SIGKILL'] as const).entries()) {
      await back(round * 10 + 1);
      await cluster.stop(signal);
      await until('it is away', () => store.away !== undefined);
      await refusedAtOnce();
      const refused = await atOnce(() => problemOf(store.query('SELECT 1')));
      expect(refused.code).to.equal(code.DATABASE_UNAVAILABLE);
      await cluster.start();
      await back(round * 10 + 2);
      expect(store.away).to.equal(undefined);
    }
    expect(await entries()).to.deep.equal([1, 2, 11, 12, 21, 22]);
    await until('the follower has them all', () => got.at(-1) === 6);
    expect([...new Set(got)]).to.deep.equal([1, 2, 3, 4, 5, 6]);
    await delivery.stop();
  });

  it('gives a silent server up after the time of a procedure, and comes back', async () => {
    await back(1);
    await entries();
    cluster.signal('SIGSTOP');
    try {
      const asked = [store.call('ledger.add', { n: 2 }), store.call('ledger.add', { n: 3 }), store.query('SELECT 1')];
      for (const { code: c } of await Promise.all(asked.map(problemOf))) {
        // A call whose time is up on our own clock says so; the connection is cut a little later.
        expect(c).to.be.oneOf([code.DATABASE_UNAVAILABLE, code.TIMEOUT]);
      }
      await until('it is away', () => store.away !== undefined);
      await refusedAtOnce();
    } finally {
      cluster.signal('SIGCONT');
    }
    await back(4);
    const there = await entries();
    expect(there.filter((n) => n !== 2 && n !== 3)).to.deep.equal([1, 4]);
  });

  // The backend is stopped alone: it cannot notice that its connection was cut, and holds what it holds.
  for (const [part, words] of [
    ['lease', 'is in use by csm lease'],
    ['writer', 'holds a lock in the database (55P03'],
  ] as const) {
    it(`takes its lock back from a backend of its ${part} that has lost its client`, async () => {
      await back(1);
      const pid = await pidOf(part);
      // The writer's is stopped in the midst of a transaction, with the term in its hands.
      const hanging = part === 'writer' ? problemOf(store.call('ledger.addThenWait', { n: 2, ms: 900 })) : undefined;
      await until('it holds a lock', async () => (await locksOf(pid)) > 0);
      process.kill(pid, 'SIGSTOP');
      try {
        await hanging;
        await until('it is held up by its old backend', () => (store.away?.detail ?? '').includes(words));
        await refusedAtOnce();
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await back(3);
      expect((await entries()).filter((n) => n !== 2)).to.deep.equal([1, 3]);
      expect(store.term, 'nobody else has led').to.equal(1);
    });
  }

  it('answers with code 24 while the database is read-only', async () => {
    await back(1);
    await cluster.admin('ALTER SYSTEM SET default_transaction_read_only = on');
    await cluster.admin('SELECT pg_reload_conf()');
    try {
      await until('changes are refused', async () => !(await works(2)));
      await refusedAtOnce();
      await until('it says why', () => (store.away?.detail ?? '').includes('takes no changes'), RETURN_MS);
      expect(faults[0]).to.include('may not be written (25006');
      const batches = [
        { daemon: 'compute/n001', incarnation: 'i1', first: 1, items: [{ kind: 'sample', time: 0, body: 1 }] },
      ];
      const { code: c } = await problemOf(store.call('store.commitReports', { batches }));
      expect(c, 'no report is set aside').to.equal(code.DATABASE_UNAVAILABLE);
    } finally {
      await cluster.admin('ALTER SYSTEM RESET default_transaction_read_only');
      await cluster.admin('SELECT pg_reload_conf()');
    }
    await back(5);
    expect(await entries()).to.deep.equal([1, 5]);
  });

  it('writes again when sessions begun meanwhile were read-only', async () => {
    await back(1);
    // Such a session stays as it was begun.
    await cluster.admin(`ALTER DATABASE ${server.database} SET default_transaction_read_only = on`);
    await cluster.admin(`SELECT pg_terminate_backend(${await pidOf('writer')})`);
    await until('it says why', () => (store.away?.detail ?? '').includes('takes no changes'), RETURN_MS);
    await cluster.admin(`ALTER DATABASE ${server.database} RESET default_transaction_read_only`);
    await back(2);
    expect(await entries()).to.deep.equal([1, 2]);
  });

  it('fails what does not fit on a full disk, keeps what does, and works on', async function () {
    const small = `${cluster.directory}/small`;
    mkdirSync(small);
    if (!mountSmall(small, 8 * 1024 * 1024)) {
      console.log('      skipped: needs root and mount (apt-get install mount)');
      if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error('a file system could not be mounted');
      return this.skip();
    }
    // Filling a disk takes its time where the machine is busy.
    await store.close();
    store = await open({ procedureMs: 30_000 });
    try {
      cluster.give(small);
      await cluster.admin(`CREATE TABLESPACE small LOCATION '${small}'`);
      await cluster.admin('ALTER TABLE blob SET TABLESPACE small', server.database);
      const results = await Promise.allSettled([
        store.call('ledger.add', { n: 1 }),
        store.call('ledger.fill', { bytes: 20_000_000 }),
        store.call('ledger.add', { n: 2 }),
        store.call('ledger.fillAndSwallow', { bytes: 20_000_000 }),
        store.call('ledger.add', { n: 3 }),
      ]);
      expect(results.map((r) => r.status)).to.deep.equal([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      for (const r of [results[1], results[3]]) {
        const { code: c, detail } = r?.status === 'rejected' ? r.reason.problem : {};
        expect(c).to.equal(code.DATABASE_UNAVAILABLE);
        expect(detail).to.include('is full (53100');
      }
      expect(await entries()).to.deep.equal([1, 2, 3]);
      expect((await store.stats()).failure?.problem.detail).to.include('is full (53100');
      expect(store.away).to.equal(undefined);
      spawnSync('mount', ['-o', 'remount,size=64M', small]);
      await store.call('ledger.fill', { bytes: 20_000_000 });
    } finally {
      await store.close();
      await cluster.admin(`DROP DATABASE ${server.database} WITH (FORCE)`);
      await cluster.admin('DROP TABLESPACE IF EXISTS small').catch(() => {});
      unmount(small);
    }
  });

  it('fails a batch, not a report, when a statement takes too long', async () => {
    await store.close();
    store = await open({ procedureMs: 200 });
    const slow = { sql: { sqlite: 'SELECT 1', postgresql: 'SELECT pg_sleep(600)' } };
    const [late, next] = await Promise.allSettled([store.call('ledger.sql', slow), store.call('ledger.add', { n: 1 })]);
    expect(late.status === 'rejected' && late.reason.problem.code).to.equal(code.TIMEOUT);
    expect(next.status, 'though the statement would have gone on').to.equal('fulfilled');
  });

  it('takes a connection that ends between two statements for a database that is away', async () => {
    const pid = await pidOf('writer');
    const ending = store.call('ledger.addThenWait', { n: 1, ms: 500 });
    await cluster.admin(`SELECT pg_terminate_backend(${pid})`);
    const { code: c, detail } = await problemOf(ending);
    expect([c, detail]).to.satisfy(
      ([given, words]: [number, string]) => given === code.DATABASE_UNAVAILABLE && words.includes('57P01'),
    );
    await back(2);
    expect(await entries()).to.deep.equal([2]);
  });

  it('keeps reports exactly once over a commit that nobody answered', async () => {
    const stream = { daemon: 'compute/n001', incarnation: 'i1' };
    let known = 0;
    let failures = 0;
    const sender = async (): Promise<void> => {
      while (known < 3_000) {
        const items = Array.from({ length: 10 }, (_, i) => ({ kind: 'sample', time: 0, body: known + 1 + i }));
        const batches = [{ ...stream, first: known + 1, items }];
        try {
          const { results } = await store.call<CommitReportsResult>('store.commitReports', { batches });
          known = results[0]?.cursor ?? known;
        } catch (thrown) {
          expect((thrown as { readonly code: number }).code).to.equal(code.DATABASE_UNAVAILABLE);
          failures += 1;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    };
    const sending = sender();
    for (let round = 1; round <= 8; round++) {
      await until('reports are stored', () => known >= round * 300, RETURN_MS);
      await cluster.admin(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${server.database}' AND application_name LIKE 'csm writer%'`,
      );
    }
    await sending;
    expect(failures).to.be.least(1);
    const rows = await store.query<{ seq: number }>('SELECT seq FROM report ORDER BY id', [], { limit: 100_000 });
    expect(rows.map((row) => row.seq)).to.deep.equal(Array.from({ length: known }, (_, i) => i + 1));
    expect(await store.query('SELECT * FROM rejected_report')).to.deep.equal([]);
  });

  it('can be closed while the database is away', async () => {
    await cluster.stop();
    try {
      await until('it is away', () => store.away !== undefined);
      // Nobody is waited for who cannot come: the test would not end.
      await store.close();
      expect((await problemOf(open())).detail).to.match(/cannot be opened: .*(ENOENT|ECONNREFUSED)/);
    } finally {
      await cluster.start();
    }
    store = await open();
  });
});
