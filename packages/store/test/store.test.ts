import { code, fail, wall } from '@csm/model';
import { expect } from 'chai';
import { overEngines, problemOf, until } from './fixtures/engines.ts';

overEngines('store', ({ open, engine }) => {
  const unlessPostgres = (title: string, test: () => Promise<void>): void => {
    if (engine !== 'PostgreSQL') it(title, test);
  };
  const entries = async (store: Awaited<ReturnType<typeof open>>): Promise<number[]> =>
    (await store.query<{ n: number }>('SELECT n FROM entry ORDER BY id')).map((row) => row.n);

  it('runs a procedure in one transaction and gives its answer', async () => {
    const store = await open({ clock: () => wall(1_700_000_000_000) });
    expect(await store.call('ledger.add', { n: 7 })).to.deep.equal({ n: 7, time: 1_700_000_000_000 });
    expect(await store.call('ledger.add', { n: 8 }, { now: wall(5) })).to.deep.equal({ n: 8, time: 5 });
    expect(await entries(store)).to.deep.equal([7, 8]);
    expect(await store.call('ledger.account', { account: 'a', parent: null })).to.equal(null);
  });

  it('runs calls in the order they were made, many to a commit', async () => {
    const store = await open();
    const answers = await Promise.all(
      Array.from({ length: 2_000 }, (_, n) => store.call<{ n: number }>('ledger.add', { n })),
    );
    expect(answers.map((a) => a.n)).to.deep.equal(answers.map((_, i) => i));
    expect(await entries(store)).to.deep.equal(answers.map((_, i) => i));
    const { commits, done, averageBatch, queue } = await store.stats();
    expect(done).to.equal(2_000);
    expect(commits).to.be.lessThan(500);
    expect(averageBatch).to.equal(2_000 / commits);
    expect(queue).to.include({ calls: 0, bytes: 0, refused: 0 });
  });

  it('undoes a failed call alone and keeps its problem whole', async () => {
    const store = await open();
    const [one, refused, two, thrown, three] = await Promise.allSettled([
      store.call('ledger.add', { n: 1 }),
      store.call('ledger.addThenRefuse', { n: 2 }),
      store.call('ledger.add', { n: 3 }),
      store.call('ledger.addThenThrow', { n: 4 }),
      store.call('ledger.add', { n: 5 }),
    ]);
    expect([one, two, three].map((r) => r.status)).to.deep.equal(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(refused.status === 'rejected' && refused.reason.problem).to.deep.equal({
      code: code.NODES_OCCUPIED,
      name: 'NODES_OCCUPIED',
      detail: 'n001 is in use',
      field: 'nodes',
      allowed: 'free nodes',
      trace: 't1',
    });
    expect(thrown.status === 'rejected' && thrown.reason.problem).to.include({
      code: code.DATABASE,
      detail: 'out of cheese',
    });
    expect(await entries(store)).to.deep.equal([1, 3, 5]);
    expect(await store.changes.head()).to.equal(0);
  });

  it('finds the call that breaks a constraint at the commit', async () => {
    const store = await open();
    const results = await Promise.allSettled([
      store.call('ledger.account', { account: 'child', parent: 'nobody' }),
      store.call('ledger.add', { n: 1 }),
    ]);
    expect(results.map((r) => r.status)).to.deep.equal(['rejected', 'fulfilled']);
    expect(results[0]?.status === 'rejected' && results[0].reason.problem.detail).to.match(/foreign key/i);
    expect(await store.query('SELECT * FROM account')).to.deep.equal([]);
    expect(await entries(store)).to.deep.equal([1]);
  });

  it('undoes an attempt and nothing else', async () => {
    const store = await open();
    expect(await store.call('ledger.attempts', { n: 10 })).to.equal('undo');
    expect(await entries(store)).to.deep.equal([10, 13]);
    const { code: c, detail } = await problemOf(store.call('ledger.outerWithinAttempt', null));
    expect([c, detail]).to.deep.equal([
      code.BAD_STATE,
      'a transaction was used while an attempt within it was running',
    ]);
  });

  it('ends a procedure that hangs, and lets nobody use its transaction later', async () => {
    const store = await open({ limits: { procedureMs: 30 } });
    const [hung, next] = await Promise.allSettled([
      store.call('ledger.hang', { n: 1 }),
      store.call('ledger.add', { n: 2 }),
    ]);
    expect(hung.status === 'rejected' && hung.reason.problem).to.include({ code: code.TIMEOUT, allowed: '30 ms' });
    expect(next.status).to.equal('fulfilled');
    expect((await problemOf(store.call('ledger.useLeft', { n: 3 }))).code).to.equal(code.BAD_STATE);
    await store.call('ledger.leaveBehind', null);
    expect((await problemOf(store.call('ledger.useLeft', { n: 4 }))).code).to.equal(code.BAD_STATE);
    expect(await entries(store)).to.deep.equal([2]);
  });

  it('refuses what it does not know or cannot take, in words', async () => {
    const store = await open();
    expect(await problemOf(store.call('ledger.ad', null))).to.include({
      code: code.UNKNOWN_COMMAND,
      detail: 'there is no procedure ledger.ad',
      allowed: 'did you mean ledger.add?',
    });
    expect((await problemOf(store.call('ledger.add', { n: 1n }))).field).to.equal('the input of ledger.add');
    for (const sql of ['COMMIT', 'ROLLBACK', ' /* x */ pragma user_version', "ATTACH 'x' AS y", 'SAVEPOINT s']) {
      expect((await problemOf(store.call('ledger.run', { sql }))).code, sql).to.equal(code.INVALID_PARAMETER);
    }
    const bad = await problemOf(store.call('ledger.run', { sql: 'INSERT INTO nope VALUES (1)' }));
    const words = engine === 'PostgreSQL' ? 'relation "nope" does not exist' : 'no such table: nope';
    expect([bad.code, bad.detail]).to.deep.equal([code.DATABASE, `${words}, at: INSERT INTO nope VALUES (1)`]);
    const unsafe = await problemOf(
      store.call('ledger.run', { sql: 'INSERT INTO entry (n, time) VALUES ($1, 0)', params: [2 ** 53] }),
    );
    expect(unsafe).to.include({
      code: code.INVALID_PARAMETER,
      detail: 'value $1 is 9007199254740992',
      field: 'params[0]',
    });
    expect(await entries(store)).to.deep.equal([]);
  });

  // Only SQLite has a statement that does: a trigger's ROLLBACK.
  unlessPostgres('keeps the rest of a batch when a statement ends the transaction', async () => {
    const store = await open();
    const trigger = `CREATE TRIGGER bad BEFORE INSERT ON account BEGIN SELECT raise(ROLLBACK, 'gone'); END`;
    await store.call('ledger.run', { sql: trigger });
    const results = await Promise.allSettled([
      store.call('ledger.add', { n: 1 }),
      store.call('ledger.account', { account: 'a', parent: null }),
      store.call('ledger.add', { n: 2 }),
    ]);
    expect(results.map((r) => r.status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled']);
    expect(await entries(store)).to.deep.equal([1, 2]);
  });

  it('binds numbers as SQL means them, and gives Buffers back', async () => {
    const store = await open();
    expect(
      await store.call('ledger.sql', {
        sql: {
          sqlite: 'SELECT $1 / 2 AS half, typeof($2) AS t',
          postgresql: `SELECT $1 / 2 AS half, CASE pg_typeof($2)::text WHEN 'double precision' THEN 'real' END AS t`,
        },
        params: [5, 1.5],
      }),
    ).to.deep.equal([{ half: 2, t: 'real' }]);
    // Each value has its own type, whatever the statement was first asked with.
    for (const value of [2 ** 40 + 1, 'text', null, 0.5, -7]) {
      const [given] = await store.query('SELECT $1 AS a, 1 = 1 AS yes', [value]);
      expect(given).to.deep.equal({ a: value, yes: 1 });
    }
    const large = Number.MAX_SAFE_INTEGER;
    expect(await store.query('SELECT $1 / 2 AS half', [large - 1])).to.deep.equal([{ half: (large - 1) / 2 }]);
    await store.call('ledger.add', { n: large });
    await store.call('ledger.add', { n: -large });
    const sums = 'SELECT count(*) AS n, sum(n) AS total, max(n) AS most, min(n) AS least FROM entry';
    expect(await store.query(sums)).to.deep.equal([{ n: 2, total: 0, most: large, least: -large }]);
    const [row] = await store.query('SELECT $2 AS a, $1 AS b, $2 AS c, $3 AS d, $4 AS e', [
      1,
      Buffer.from('x€'),
      null,
      -5n,
    ]);
    expect(row).to.deep.equal({ a: Buffer.from('x€'), b: 1, c: Buffer.from('x€'), d: null, e: -5 });
    expect(Buffer.isBuffer(row?.['a'])).to.equal(true);
  });

  it('gives every value as it is, and rows by the names of their columns', async () => {
    const store = await open();
    const told = ['', '"\\\n\u0001', "it's", 'grüße', '\u2028', '😀', '{"a":[1]}'];
    for (const text of told) expect(await store.query('SELECT $1 AS a', [text])).to.deep.equal([{ a: text }]);
    for (const n of [0.1, 1e-300, -123456.789, 5e-324])
      expect(await store.query('SELECT $1 AS a', [n])).to.deep.equal([{ a: n }]);
    // JSON has no word for these.
    const endless = { sqlite: 'SELECT 9e999 AS a, $1 AS b', postgresql: "SELECT 'infinity'::float8 AS a, $1 AS b" };
    for (const b of ['x', null, Buffer.from('x')]) {
      const rows = await store.query(endless, [b]);
      expect(rows).to.deep.equal([{ a: Number.POSITIVE_INFINITY, b }]);
      expect(Buffer.isBuffer(rows[0]?.['b'])).to.equal(Buffer.isBuffer(b));
    }
    expect(await store.query('SELECT 1 AS a WHERE 1 = 0')).to.deep.equal([]);
    await store.call('ledger.add', { n: 7 });
    const [row] = await store.query<Record<string, unknown>>('SELECT time, n, n + 1 AS m FROM entry');
    expect(Object.keys(row ?? {})).to.deep.equal(['time', 'n', 'm']);
    expect([row?.['n'], row?.['m']]).to.deep.equal([7, 8]);
  });

  it('bounds queries and lets them change nothing', async () => {
    const store = await open({ limits: { queryBytes: 10_000, queryMs: 50 } });
    const count = (n: number): string =>
      `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${n}) SELECT i, $1 AS t FROM c`;
    expect(await store.query(count(20), [''], { limit: 20 })).to.have.length(20);
    expect(await problemOf(store.query(count(21), [''], { limit: 20 }))).to.include({
      code: code.BUFFER_OVERFLOW,
      detail: 'the query gives more than 20 rows',
    });
    expect((await problemOf(store.query(count(100), ['x'.repeat(200)]))).detail).to.include('larger than 10000 bytes');
    const slow =
      'WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT NULL AS a FROM c WHERE i % 5000 = 0';
    expect((await problemOf(store.query(slow))).code).to.be.oneOf([code.TIMEOUT, code.BUFFER_OVERFLOW]);
    for (const sql of [
      'DELETE FROM entry',
      'INSERT INTO entry (n, time) VALUES (1, 1) RETURNING n',
      'CREATE TABLE x (a INT)',
    ]) {
      expect((await problemOf(store.query(sql))).code, sql).to.equal(code.DATABASE);
    }
    await store.call('ledger.add', { n: 1 });
    expect(await entries(store)).to.deep.equal([1]);
  });

  it('gives texts page by page, all of them in order and as of one moment', async () => {
    const store = await open();
    const count = (n: number): string =>
      `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${n}) SELECT CAST(i AS TEXT) || $1 FROM c`;
    const pages: (readonly string[])[] = [];
    await store.texts(count(3_000), ['x'.repeat(100)], (page) => pages.push(page));
    expect(pages.flat()).to.deep.equal(Array.from({ length: 3_000 }, (_, i) => `${i + 1}${'x'.repeat(100)}`));
    if (engine === 'SQLite') expect(pages.length).to.be.within(4, 6);
    const none: (readonly string[])[] = [];
    await store.texts("SELECT 'a' WHERE 1 = 0", [], (page) => none.push(page));
    expect(none.flat()).to.deep.equal([]);
  });

  it('bounds texts as it does rows, and ends where what takes them throws', async () => {
    const store = await open({ limits: { queryBytes: 200_000 } });
    const count = (n: number): string =>
      `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${n}) SELECT CAST(i AS TEXT) || $1 FROM c`;
    const none = (): void => undefined;
    const { detail } = await problemOf(store.texts(count(21), [''], none, { limit: 20 }));
    expect(detail).to.equal('the query gives more than 20 rows');
    expect((await problemOf(store.texts(count(3_000), ['x'.repeat(100)], none))).code).to.equal(code.BUFFER_OVERFLOW);
    for (const sql of ['SELECT 1', "SELECT 'a' AS a, 'b' AS b", 'SELECT NULL', 'DELETE FROM entry'])
      expect((await problemOf(store.texts(sql, [], none))).code, sql).to.equal(code.DATABASE);
    const thrown = await store
      .texts(count(1_000), ['x'.repeat(100)], () => fail(code.CONTEXT_LOST, 'called off'))
      .catch((error: Error) => error.message);
    expect(thrown).to.equal('called off');
    expect(await store.query("SELECT 'a' AS a")).to.deep.equal([{ a: 'a' }]);
    await store.close();
    expect((await problemOf(store.texts('SELECT 1', [], none))).code).to.equal(code.DATABASE_UNAVAILABLE);
  });

  it('shows queries what is committed, never the inside of a transaction', async () => {
    const store = await open({ limits: { procedureMs: 50 } });
    const hung = problemOf(store.call('ledger.hang', { n: 1 }));
    expect(await entries(store)).to.deep.equal([]);
    expect((await hung).code).to.equal(code.TIMEOUT);
    expect(await entries(store)).to.deep.equal([]);
  });

  it('turns calls away at once when the queue is full', async () => {
    const store = await open({ limits: { queueCalls: 3, queueBytes: 1_000 } });
    const results = await Promise.allSettled([1, 2, 3, 4].map((n) => store.call('ledger.add', { n })));
    expect(results.map((r) => r.status)).to.deep.equal(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    expect(results[3]?.status === 'rejected' && results[3].reason.problem).to.include({
      code: code.MEMORY,
      field: 'queueCalls',
      allowed: '3 calls',
    });
    const large = await problemOf(store.call('ledger.add', { n: 5, more: 'x'.repeat(1_000) }));
    expect(large).to.include({ code: code.MEMORY, field: 'queueBytes', allowed: '1000 bytes' });
    await store.call('ledger.add', { n: 6 });
    expect((await store.stats()).queue.refused).to.equal(2);
    expect(await entries(store)).to.deep.equal([1, 2, 3, 6]);
  });

  it('inserts many rows at once, whatever is in them', async () => {
    const store = await open();
    const texts = ['plain', null, '', 'NULL', '"', '\\', '{a,b}', "it's", 'ä€😀', ' x ', 'a\nb', '$1'];
    expect(await store.call('ledger.insertMany', { values: texts, text: true })).to.deep.equal({
      changes: texts.length,
    });
    const rows = await store.query('SELECT daemon, seq, value FROM report ORDER BY id');
    expect(rows).to.deep.equal(texts.map((value, seq) => ({ daemon: null, seq, value })));
    expect(await store.call('ledger.insertMany', { values: [1, 2] })).to.deep.equal({ changes: 2 });
    expect(await store.call('ledger.insertMany', { values: [1, 2, 3], passOver: true })).to.deep.equal({ changes: 1 });
    expect((await problemOf(store.call('ledger.insertMany', { values: [4, 3] }))).code).to.equal(code.DATABASE);
    expect(await store.query('SELECT count(*) AS n FROM account')).to.deep.equal([{ n: 3 }]);
    expect(await store.call('ledger.insertMany', { values: [] })).to.deep.equal({ changes: 0 });
    await store.call('ledger.insertBlobs', { texts: ['\0\u0001"\\', null, ''] });
    await store.call('ledger.insertBlobs', { texts: [null, null] });
    const blobs = (await store.query<{ data: Buffer | null }>('SELECT data FROM blob')).map((row) => row.data);
    expect(blobs).to.deep.equal([Buffer.from('\0\u0001"\\'), null, Buffer.alloc(0), null, null]);
  });

  it('spoils a transaction with a statement that was refused, but for an attempt', async () => {
    const store = await open();
    for (const n of [-1, 1]) {
      expect((await problemOf(store.call('ledger.swallow', { n, within: false }))).code).to.equal(code.DATABASE);
    }
    expect(await store.call('ledger.swallow', { n: 5, within: true })).to.equal('all is well');
    expect(await entries(store)).to.deep.equal([5, 6]);
  });

  it('refuses text that one of the databases could not keep', async () => {
    const store = await open();
    const sql = 'SELECT $1 AS a';
    const ways = [() => store.query(sql, ['a\0b']), () => store.call('ledger.sql', { sql, params: ['a\0b'] })];
    for (const ask of ways) {
      expect(await problemOf(ask())).to.include({ code: code.INVALID_PARAMETER, field: 'params[0]' });
    }
    const all = 'ä€😀\u0001\uFFFF\t\n\\x41\'"$1';
    expect(await store.query(sql, [all])).to.deep.equal([{ a: all }]);
  });

  // PostgreSQL has no such bound; a disk that is full stands in its own tests.
  unlessPostgres('fails what does not fit, keeps what does, and works on', async () => {
    const store = await open({ limits: { fileBytes: 400 * 4096 } });
    const results = await Promise.allSettled([
      store.call('ledger.add', { n: 1 }),
      store.call('ledger.fill', { bytes: 4_000_000 }),
      store.call('ledger.add', { n: 2 }),
      store.call('ledger.fillAndSwallow', { bytes: 4_000_000 }),
      store.call('ledger.add', { n: 3 }),
    ]);
    expect(results.map((r) => r.status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']);
    for (const r of [results[1], results[3]]) {
      expect(r?.status === 'rejected' && r.reason.problem.code).to.equal(code.DATABASE_UNAVAILABLE);
      expect(r?.status === 'rejected' && r.reason.problem.detail).to.include('full');
    }
    await store.call('ledger.fill', { bytes: 1_000_000 });
    expect((await problemOf(store.call('ledger.fill', { bytes: 1_000_000 }))).code).to.equal(code.DATABASE_UNAVAILABLE);
    await store.call('ledger.run', { sql: 'DELETE FROM blob' });
    await store.call('ledger.fill', { bytes: 1_000_000 });
    expect(await entries(store)).to.deep.equal([1, 2, 3]);
    const { fileBytes, walBytes } = await store.stats();
    expect(fileBytes).to.be.most(400 * 4096);
    expect(fileBytes + walBytes).to.be.least(1_000_000);
  });

  it('finishes what waits when it closes, and takes nothing after', async () => {
    const store = await open();
    let closed: unknown = 'open';
    void store.closed.then((reason) => {
      closed = reason;
    });
    const calls = Array.from({ length: 600 }, (_, n) => store.call('ledger.add', { n }));
    const closing = store.close();
    expect((await Promise.allSettled(calls)).every((r) => r.status === 'fulfilled')).to.equal(true);
    await closing;
    await until('closed', () => closed === undefined);
    expect((await problemOf(store.call('ledger.add', { n: 1 }))).code).to.equal(code.DATABASE_UNAVAILABLE);
    expect((await problemOf(store.query('SELECT 1'))).code).to.equal(code.DATABASE_UNAVAILABLE);
    await store.close();
  });
});
