/** Opening a PostgreSQL database: who may, what is refused, and its migrations. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { code } from '@csm/model';
import { expect } from 'chai';
import { Client } from 'pg';
import { openPostgresStore, type PostgresServer, type Store } from '../src/index.ts';
import { directoryForTests, LEDGER, problemOf, until } from './fixtures/engines.ts';
import { Cluster, needsPostgres, userOfServers } from './fixtures/postgres.ts';

describe('opening PostgreSQL', () => {
  const directory = directoryForTests();
  let cluster: Cluster;
  let server: PostgresServer;
  const opened: Store[] = [];

  before(async function () {
    needsPostgres.call(this);
    cluster = new Cluster();
    await cluster.start();
  });
  after(() => cluster?.remove());
  beforeEach(async () => {
    ({ server } = await cluster.fresh());
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  const open = async (at = server, modules = [LEDGER]): Promise<Store> => {
    const store = await openPostgresStore({ server: at, modules, onFault: () => {} });
    opened.push(store);
    return store;
  };

  it('refuses a second master by the name of the first, until that is closed', async () => {
    const first = await open();
    const { code: c, detail, field } = await problemOf(open());
    expect([c, field]).to.deep.equal([code.DATABASE_UNAVAILABLE, 'database']);
    expect(detail).to.match(
      new RegExp(`^the database ${server.database} is in use by csm lease, pid ${process.pid} on .* since 20`),
    );
    expect(await first.call('ledger.add', { n: 1 })).to.include({ n: 1 });
    await first.close();
    const second = await open();
    expect(await second.query('SELECT n FROM entry')).to.deep.equal([{ n: 1 }]);
  });

  it('dies when another master has taken the database while it was away', async () => {
    const first = await open();
    await first.call('ledger.add', { n: 1 });
    // The server is down until the other waits at its door.
    await cluster.stop();
    await until('it is away', () => first.away !== undefined);
    // No user of ours may connect before the lock is the other's.
    const hba = `${cluster.directory}/data/pg_hba.conf`;
    const before = readFileSync(hba, 'utf8');
    writeFileSync(hba, 'local postgres csm trust\nlocal all other trust\n');
    try {
      await cluster.start();
      await cluster.admin('CREATE ROLE other LOGIN SUPERUSER');
      const other = new Client({ ...server, user: 'other', application_name: 'csm writer, pid 1 on elsewhere' });
      await other.connect();
      try {
        await other.query(`SELECT pg_advisory_lock(${0x43534d20}, 1)`);
        writeFileSync(hba, before);
        await cluster.admin('SELECT pg_reload_conf()');
        expect((await first.closed)?.detail).to.match(/is in use by csm writer, pid 1 on elsewhere since 20/);
        expect((await problemOf(first.call('ledger.add', { n: 2 }))).code).to.equal(code.DATABASE_UNAVAILABLE);
      } finally {
        await other.end();
      }
    } finally {
      writeFileSync(hba, before);
      await cluster.admin('SELECT pg_reload_conf()');
    }
  });

  it('refuses an encoding or collation in which text compares otherwise', async () => {
    const other = `${server.database}_sql`;
    await cluster.admin(`CREATE DATABASE ${other} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'`);
    const refused = await problemOf(open({ ...server, database: other }));
    expect([refused.code, refused.detail]).to.deep.equal([
      code.DATABASE_UNAVAILABLE,
      `the database the encoding of ${other} is SQL_ASCII`,
    ]);
    const icu = `${server.database}_icu`;
    try {
      await cluster.admin(
        `CREATE DATABASE ${icu} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LC_COLLATE 'C' LC_CTYPE 'C'`,
      );
    } catch {
      // A server without ICU, or older than 15, has no such collation to refuse.
      return;
    }
    expect((await problemOf(open({ ...server, database: icu }))).detail).to.include(
      'does not compare text by its bytes',
    );
  });

  it('says in words why a database cannot be opened', async () => {
    const missing = await problemOf(open({ ...server, database: 'nowhere' }));
    expect([missing.code, missing.detail]).to.satisfy(
      ([c, d]: [number, string]) => c === code.DATABASE_UNAVAILABLE && d.includes('there is no such database (3D000'),
    );
    const noPort = await problemOf(open({ ...server, port: 1 }));
    expect(noPort.detail).to.match(/^the database csm\d+ at .*, port 1 cannot be opened: .*ENOENT/);
    expect((await problemOf(open({ ...server, user: 'nobody' }))).detail).to.include('does not let us in (28000');
    const bounded = openPostgresStore({ server, modules: [], limits: { fileBytes: 1 } });
    expect((await problemOf(bounded)).field).to.equal('limits.fileBytes');
    expect((await problemOf(openPostgresStore({ server, modules: [], readers: 0 }))).field).to.equal('readers');
    expect((await problemOf(open(server, ['./x.js']))).field).to.equal('modules[0]');
    expect((await problemOf(open(server, ['file:///nowhere.js']))).detail).to.include('cannot be imported');
  });

  it('refuses PgBouncer in words, however it pools', async function () {
    const there = userOfServers('pgbouncer');
    if (there === undefined) {
      console.log('      skipped: needs pgbouncer (apt-get install pgbouncer)');
      if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error('pgbouncer is missing');
      return this.skip();
    }
    for (const mode of ['transaction', 'session']) {
      const place = `${cluster.directory}/pgbouncer-${mode}`;
      mkdirSync(place);
      const settings = [
        '[databases]',
        `${server.database} = host=${cluster.directory} port=5433 user=csm`,
        '[pgbouncer]',
        'listen_addr =',
        'listen_port = 6432',
        `unix_socket_dir = ${place}`,
        'auth_type = any',
        `pool_mode = ${mode}`,
      ];
      writeFileSync(`${place}/pgbouncer.ini`, `${settings.join('\n')}\n`);
      cluster.give(place);
      const bouncer = spawn(there.program, ['-q', `${place}/pgbouncer.ini`], {
        ...there.user,
        cwd: '/',
        stdio: 'ignore',
      });
      const ended = new Promise<void>((resolve) => bouncer.once('close', () => resolve()));
      try {
        const pooled = { ...server, host: place, port: 6432 };
        await until('pgbouncer answers', async () => (await problemOf(open(pooled))).detail.includes('pooler'));
        const { code: c, detail, allowed } = await problemOf(open(pooled));
        expect(c).to.equal(code.DATABASE_UNAVAILABLE);
        expect(detail).to.include('is reached through a connection pooler such as PgBouncer (the server process is');
        expect(allowed).to.equal('the address of PostgreSQL itself');
      } finally {
        bouncer.kill('SIGKILL');
        await ended;
      }
    }
    // Nothing of the refused tries holds the lock.
    await open();
  });

  describe('through a network that fails', () => {
    interface Pair {
      readonly client: Socket;
      readonly up: Socket;
    }
    const pairs = new Set<Pair>();
    let proxy: Server;
    /** Told what a client sends, before it is passed on. */
    let onSent: (bytes: Buffer, pair: Pair) => void = () => {};
    let store: Store;

    beforeEach(async () => {
      onSent = () => {};
      proxy = createServer((client) => {
        const up = createConnection(`${cluster.directory}/.s.PGSQL.5433`);
        const pair = { client, up };
        pairs.add(pair);
        client.on('data', (bytes) => onSent(bytes, pair)).pipe(up);
        up.pipe(client);
        for (const socket of [client, up]) socket.on('error', () => socket.destroy());
        client.on('close', () => pairs.delete(pair));
      });
      await new Promise<void>((resolve) => proxy.listen(`${directory()}/.s.PGSQL.5433`, resolve));
      store = await openPostgresStore({
        server: { ...server, host: directory() },
        modules: [LEDGER],
        limits: { procedureMs: 300, queryMs: 300 },
        onFault: () => {},
      });
    });
    afterEach(async () => {
      await store.close();
      for (const { client, up } of pairs) {
        client.destroy();
        up.destroy();
      }
      await new Promise((resolve) => proxy.close(resolve));
    });
    const works = (n: number): Promise<boolean> =>
      store.call('ledger.add', { n }).then(
        () => true,
        () => false,
      );
    const entries = async (): Promise<number[]> =>
      (await store.query<{ n: number }>('SELECT n FROM entry ORDER BY id')).map((row) => row.n);

    it('gives a connection up that has gone silent, and has the server end the session that holds the lock', async () => {
      await store.call('ledger.add', { n: 1 });
      for (const { client, up } of pairs) {
        client.pause();
        up.pause();
      }
      expect((await problemOf(store.call('ledger.add', { n: 2 }))).code).to.be.oneOf([
        code.DATABASE_UNAVAILABLE,
        code.TIMEOUT,
      ]);
      await until('it works again', () => works(3), 20_000);
      expect((await entries()).filter((n) => n !== 2)).to.deep.equal([1, 3]);
    });

    /** The next COMMIT reaches the server; its answer reaches nobody. */
    const swallowAnswer = (): void => {
      onSent = (bytes, { client, up }) => {
        if (!bytes.includes('COMMIT\0')) return;
        onSent = () => {};
        up.unpipe(client);
        up.once('data', () => client.destroy());
      };
    };
    /** The next COMMIT does not even reach the server. */
    const swallowCommit = (): void => {
      onSent = (bytes, { client, up }) => {
        if (!bytes.includes('COMMIT\0')) return;
        onSent = () => {};
        client.unpipe(up);
        up.destroy();
      };
    };

    it('answers a call whose COMMIT nobody answered once it is known that it was carried out', async () => {
      const heads: number[] = [];
      store.changes.subscribe((head) => heads.push(head));
      for (const n of [1, 2, 3]) {
        swallowAnswer();
        expect(await store.call('ledger.addWithChange', { n })).to.deep.equal({ seq: n });
      }
      expect(heads).to.deep.equal([1, 2, 3]);
      expect(await entries()).to.deep.equal([1, 2, 3]);
      const { queue, done, failed } = await store.stats();
      expect([queue.calls, done, failed]).to.deep.equal([0, 3, 0]);
    });

    it('fails a call whose COMMIT was not carried out, once that is known', async () => {
      swallowCommit();
      const { code: c, detail } = await problemOf(store.call('ledger.addWithChange', { n: 1 }));
      expect(c).to.equal(code.DATABASE_UNAVAILABLE);
      expect(detail).to.match(/it is known by now: they were not made$/);
      expect(await store.call('ledger.addWithChange', { n: 2 })).to.deep.equal({ seq: 1 });
      expect(await entries()).to.deep.equal([2]);
    });

    it('says that the outcome is not known when it is closed before it is', async () => {
      swallowAnswer();
      const lost = problemOf(store.call('ledger.add', { n: 1 }));
      // Nobody comes through any more.
      proxy.close();
      await until('it is away', () => store.away !== undefined);
      const closing = store.close();
      expect((await lost).detail).to.match(/whether the changes were made is not known$/);
      await closing;
    });
  });

  describe('migrations', () => {
    let files = 0;
    const url = async (name: string, steps: readonly object[]): Promise<string> => {
      const file = `${directory()}/module${files++}.mjs`;
      await writeFile(
        file,
        `export const name = '${name}'; export const migrations = ${JSON.stringify(steps)}; export const procedures = {};`,
      );
      return new URL(`file://${file}`).href;
    };
    const ONE = {
      id: 1,
      title: 'one',
      sql: { sqlite: '', postgresql: 'CREATE TABLE a (x INT); INSERT INTO a VALUES (1)' },
    };
    const TWO = { id: 2, title: 'two', sql: 'ALTER TABLE a ADD COLUMN y INTEGER' };
    const applied = (store: Store): Promise<unknown[]> =>
      store.query(
        `SELECT module || ' ' || id || ' ' || title AS m FROM schema_migration WHERE module <> 'store' ORDER BY 1`,
      );

    it('run once, in order, the later ones when the build brings them', async () => {
      const first = await open(server, [await url('feature', [ONE])]);
      expect(await first.query('SELECT * FROM a')).to.deep.equal([{ x: 1 }]);
      await first.close();
      for (let again = 0; again < 2; again++) {
        const second = await open(server, [await url('feature', [ONE, TWO])]);
        expect(await second.query('SELECT * FROM a')).to.deep.equal([{ x: 1, y: null }]);
        expect(await applied(second)).to.deep.equal([{ m: 'feature 1 one' }, { m: 'feature 2 two' }]);
        await second.close();
      }
    });

    it('refuse a database that a newer build has written, and are undone as a whole when they fail', async () => {
      await (await open(server, [await url('feature', [ONE, TWO])])).close();
      const newer = await problemOf(open(server, [await url('feature', [ONE])]));
      expect(newer.detail).to.equal(
        'the database is newer than this build: it has migration 2 (two) of module feature',
      );
      const broken = { id: 3, title: 'three', sql: 'CREATE TABLE c (x INTEGER); INSERT INTO nope VALUES (1)' };
      const { detail, field } = await problemOf(open(server, [await url('feature', [ONE, TWO, broken])]));
      expect(detail).to.match(
        /^migration 3 \(three\) of module feature failed and was undone: relation "nope" does not exist/,
      );
      expect(field).to.equal('feature');
      const ends = { ...broken, sql: 'CREATE TABLE c (x INTEGER); COMMIT' };
      expect((await problemOf(open(server, [await url('feature', [ONE, TWO, ends])]))).detail).to.include(
        'ended its own transaction',
      );
    });
  });

  it('may be used by a user who owns nothing but the database', async () => {
    await cluster.admin('DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$');
    await cluster.admin(`ALTER DATABASE ${server.database} OWNER TO plain`);
    const store = await open({ ...server, user: 'plain' });
    await store.call('ledger.addWithChange', { n: 1 });
    expect((await store.stats()).fileBytes).to.be.greaterThan(1_000_000);
  });
});
