/** Who leads: one master at each moment, whatever is killed, stopped or restarted, and under a term that only rises. */
import { join } from 'node:path';
import { code } from '@csm/model';
import { expect } from 'chai';
import {
  type Candidacy,
  openPostgresStore,
  openStore,
  type PostgresServer,
  type StandOptions,
  type Store,
  standForLeader,
} from '../src/index.ts';
import { directoryForTests, LEDGER, problemOf, until } from './fixtures/engines.ts';
import { Cluster, needsPostgres } from './fixtures/postgres.ts';
import { CANDIDATE, type Child, children } from './fixtures/process.ts';

/** A busy machine needs some of it. */
const PATIENCE_MS = 30_000;
const LEASE_MS = 2_000;
const LEADER = 'SELECT term, master, lease FROM leader';

describe('who leads', () => {
  const directory = directoryForTests();

  it('begins a new term each time a SQLite file is opened', async () => {
    for (const term of [1, 2, 3]) {
      const store = await openStore({ file: join(directory(), 'csm.db'), modules: [LEDGER], master: `m${term}` });
      expect(store.term).to.equal(term);
      expect(await store.query(LEADER)).to.deep.equal([{ term, master: `m${term}`, lease: 0 }]);
      await store.close();
    }
  });

  describe('on PostgreSQL', () => {
    const child = children();
    let cluster: Cluster;
    let server: PostgresServer;
    const undo: (() => Promise<unknown>)[] = [];

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
      for (const step of undo.splice(0).reverse()) await step();
    });

    async function stand(master: string, more: Partial<StandOptions> = {}): Promise<Candidacy> {
      const options = { server, modules: [LEDGER], master, lease: LEASE_MS, onFault: () => {}, ...more };
      const candidacy = await standForLeader(options);
      void candidacy.elected.then((store) => undo.push(() => store.close()));
      undo.push(() => candidacy.close());
      return candidacy;
    }
    const isElected = (candidacy: Candidacy): Promise<boolean> =>
      Promise.race([
        candidacy.elected.then(() => true),
        new Promise<false>((resolve) => setTimeout(resolve, 50, false)),
      ]);
    const process2 = (master: string, mode: string, from: number, lease = LEASE_MS): Child =>
      child(CANDIDATE, JSON.stringify(server), master, String(lease), mode, String(from));
    const asked = async <Row>(sql: string): Promise<Row[]> => (await cluster.admin(sql, server.database)) as Row[];
    const entries = async (): Promise<number[]> =>
      (await asked<{ n: string }>('SELECT n FROM entry ORDER BY id')).map(({ n }) => Number(n));
    const added = (c: Child): number[] =>
      c.lines.filter((line) => line.startsWith('added ')).map((line) => Number(line.slice(6)));
    /** What was acknowledged is there, nothing twice, and each with its change. */
    async function check(...all: readonly Child[]): Promise<void> {
      const there = await entries();
      expect(new Set(there).size, 'doubled').to.equal(there.length);
      const set = new Set(there);
      expect(
        all.flatMap(added).filter((n) => !set.has(n)),
        'lost',
      ).to.deep.equal([]);
      const [changes] = await asked<{ n: string; head: string }>('SELECT count(*) AS n, max(seq) AS head FROM change');
      expect(changes?.n).to.equal(changes?.head);
    }

    it('lets one lead and the other stand by, which tells who leads, until the first is closed', async () => {
      const first = await (await stand('m1')).elected;
      const second = await stand('m2');
      await until('it knows who leads', () => second.status().leader !== undefined, PATIENCE_MS);
      const { why, leader } = second.status();
      expect(why.code).to.equal(code.DATABASE_UNAVAILABLE);
      expect(why.detail).to.match(/^the database csm\d+ is in use by csm lease, pid \d+ on .* since 20/);
      expect(leader).to.include({ term: 1, master: 'm1', lease: LEASE_MS });
      expect(Date.now() - (leader?.since ?? 0)).to.be.within(0, PATIENCE_MS);
      await new Promise((resolve) => setTimeout(resolve, 2 * LEASE_MS));
      expect(await isElected(second), 'a lease that is renewed does not end').to.equal(false);
      await first.call('ledger.add', { n: 1 });
      await first.close();
      const store = await second.elected;
      expect([first.term, store.term]).to.deep.equal([1, 2]);
      await store.call('ledger.add', { n: 2 });
      expect(await store.query(LEADER)).to.deep.equal([{ term: 2, master: 'm2', lease: LEASE_MS }]);
      expect(await entries()).to.deep.equal([1, 2]);
    });

    it('stands by while there is no database, and leads when there is', async () => {
      await cluster.stop();
      let candidacy: Candidacy;
      try {
        candidacy = await stand('m1');
        await until('it says why', () => candidacy.status().why.detail.includes('cannot be opened'), PATIENCE_MS);
        expect(await isElected(candidacy)).to.equal(false);
      } finally {
        await cluster.start();
      }
      expect((await candidacy.elected).term).to.equal(1);
    });

    it('stands no more once it is closed, and keeps nobody away', async () => {
      const leader = await (await stand('m1')).elected;
      const second = await stand('m2');
      await until('it knows who leads', () => second.status().leader !== undefined, PATIENCE_MS);
      await second.close();
      await leader.close();
      const third = await (await stand('m3')).elected;
      expect(third.term).to.equal(2);
      expect(await isElected(second)).to.equal(false);
    });

    it('refuses options that are none', async () => {
      const wrong = async (more: Partial<StandOptions>) => {
        const { code: c, field } = await problemOf(standForLeader({ server, modules: [LEDGER], master: 'm', ...more }));
        expect(c).to.equal(code.INVALID_PARAMETER);
        return field;
      };
      expect(await wrong({ lease: 499 })).to.equal('lease');
      expect(await wrong({ lease: 60_001 })).to.equal('lease');
      expect(await wrong({ readers: 33 })).to.equal('readers');
      expect(await wrong({ modules: ['x'] })).to.equal('modules[0]');
      expect(await wrong({ limits: { fileBytes: 1 } })).to.equal('limits.fileBytes');
    });

    it('never takes the lock with a build that is older than the database', async () => {
      await (await openPostgresStore({ server, modules: [LEDGER] })).close();
      const older = await stand('m1', { modules: [] });
      await until(
        'it says why',
        () => older.status().why.detail.includes('a module this build does not have'),
        PATIENCE_MS,
      );
      const newer = await (await stand('m2')).elected;
      expect(newer.term, 'the older one has never led').to.equal(2);
      await newer.call('ledger.add', { n: 1 });
    });

    it('follows a leader that was killed at once, and loses nothing it had acknowledged', async () => {
      const first = process2('m1', 'adds', 1, 30_000);
      await first.tells('added');
      const second = process2('m2', 'adds', 1_000_000, 30_000);
      await second.tells('stands');
      await until('there is some load', () => added(first).length > 200, PATIENCE_MS);
      await first.kill();
      expect(await second.tells('leads'), 'long before the lease has run out').to.equal('2');
      await until('it writes', () => added(second).length > 200, PATIENCE_MS);
      await second.kill();
      await check(first, second);
    });

    it('follows a leader that is stopped when its lease is over; that one ends when it wakes', async () => {
      const first = process2('m1', 'adds', 1);
      await first.tells('added');
      const second = process2('m2', 'adds', 1_000_000);
      await second.tells('stands');
      await until('there is some load', () => added(first).length > 200, PATIENCE_MS);
      first.process.kill('SIGSTOP');
      await second.tells('leads');
      await until('it writes', () => added(second).length > 200, PATIENCE_MS);
      const before = (await entries()).filter((n) => n < 1_000_000).length;
      first.process.kill('SIGCONT');
      expect(await first.tells('died')).to.match(/is in use by csm lease|another master has begun term 2/);
      await first.ended;
      await second.kill();
      await check(first, second);
      expect((await entries()).filter((n) => n < 1_000_000).length, 'nothing of the first was added').to.equal(before);
    });

    it('has one leader at each moment, whoever is killed, stopped or cut off, in any order', async function () {
      this.timeout(180_000);
      const seed = Number(process.env['CSM_TEST_SEED'] ?? 1);
      console.log(`        seed ${seed}`);
      // mulberry32
      let state = seed;
      const below = (n: number): number => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
      };
      const lease = 700;
      const all: Child[] = [];
      const begin = (): Child => {
        const one = process2(`m${all.length}`, 'adds', 1 + all.length * 1_000_000, lease);
        all.push(one);
        return one;
      };
      const standing = [begin(), begin(), begin()];
      const total = (): number => all.reduce((n, one) => n + added(one).length, 0);
      const flows = async (): Promise<void> => {
        const before = total();
        await until('numbers are added', () => total() > before + 50, PATIENCE_MS);
      };
      const hasEnded = (one: Child): boolean => one.process.exitCode !== null || one.process.signalCode !== null;
      const termOf = (one: Child): number => Number(one.lines.find((line) => line.startsWith('leads '))?.slice(6) ?? 0);
      const backends = (part: string) =>
        cluster.admin(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'csm ${part}%'`,
        );
      await flows();
      for (let round = 0; round < 8; round++) {
        // Mostly the one that leads.
        const drawn = standing[below(standing.length)] as Child;
        const victim = below(4) === 0 ? drawn : (standing.toSorted((a, b) => termOf(b) - termOf(a))[0] ?? drawn);
        const what = below(5);
        if (what === 0) await victim.kill();
        else if (what === 1) {
          victim.process.kill('SIGSTOP');
          await new Promise((resolve) => setTimeout(resolve, below(3 * lease)));
          victim.process.kill('SIGCONT');
        } else if (what === 2) await backends('lease');
        else if (what === 3) await backends('writer');
        else {
          await cluster.stop('SIGQUIT');
          await cluster.start();
        }
        await flows();
        for (const [k, one] of standing.entries()) if (hasEnded(one)) standing[k] = begin();
      }
      for (const one of standing) await one.kill();
      await check(...all);
      const terms = all.flatMap((one) => one.lines.filter((line) => line.startsWith('leads ')));
      expect(new Set(terms).size, 'nobody shares a term').to.equal(terms.length);
      console.log(`        ${total()} numbers under ${terms.length} terms`);
    });

    it('lets nobody commit what he began under an older term', async () => {
      const first = process2('m1', 'slow', 666);
      await first.tells('leads');
      const inTransaction = `SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = '${server.database}'`;
      await until(
        'it is in the midst of it',
        async () => (await cluster.admin(inTransaction)).length === 1,
        PATIENCE_MS,
      );
      first.process.kill('SIGSTOP');
      const second = await (await stand('m2')).elected;
      expect(second.term).to.equal(2);
      await second.call('ledger.add', { n: 1 });
      first.process.kill('SIGCONT');
      await first.tells('died');
      await first.ended;
      expect(added(first)).to.deep.equal([]);
      await second.call('ledger.add', { n: 2 });
      expect(await entries()).to.deep.equal([1, 2]);
    });

    it('finds at its next transaction that another term has begun, and writes nothing', async () => {
      const store = await (await stand('m1')).elected;
      await store.call('ledger.add', { n: 1 });
      await asked('UPDATE leader SET term = term + 1');
      const { code: c, detail } = await problemOf(store.call('ledger.add', { n: 2 }));
      expect([c, detail]).to.deep.equal([
        code.DATABASE_UNAVAILABLE,
        'another master has begun term 2; what this one does under term 1 counts no more',
      ]);
      expect((await store.closed)?.detail).to.equal(detail);
      expect((await problemOf(store.query('SELECT 1'))).code).to.equal(code.DATABASE_UNAVAILABLE);
      expect(await entries()).to.deep.equal([1]);
    });

    it('finds out as well when that term has the number of its own', async () => {
      const store = await (await stand('m1')).elected;
      await asked("UPDATE leader SET session = 'another'");
      expect((await problemOf(store.call('ledger.add', { n: 1 }))).code).to.equal(code.DATABASE_UNAVAILABLE);
      expect((await store.closed)?.detail).to.include('counts no more');
      expect(await entries()).to.deep.equal([]);
    });

    it('dies when another has led while it was away, though nobody does any more', async () => {
      const store = await (await stand('m1')).elected;
      await asked('UPDATE leader SET term = term + 1');
      await cluster.admin(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'csm lease%'`,
      );
      expect((await store.closed)?.detail).to.equal(
        'another master has begun term 2; what this one does under term 1 counts no more',
      );
    });

    it('leads on after the database was restarted: who stands by leaves the leader time to return', async () => {
      const store = await (await stand('m1', { lease: 20_000 })).elected;
      const other = await stand('m2', { lease: 20_000 });
      await until('it knows who leads', () => other.status().leader !== undefined, PATIENCE_MS);
      for (const [round, signal] of (['SIGINT', 'SIGKILL'] as const).entries()) {
        await cluster.stop(signal);
        await until('both are away', () => store.away !== undefined, PATIENCE_MS);
        await cluster.start();
        const works = (): Promise<boolean> =>
          store.call('ledger.add', { n: round }).then(
            () => true,
            () => false,
          );
        await until('the leader is back', works, PATIENCE_MS);
      }
      expect(store.term).to.equal(1);
      expect(await isElected(other)).to.equal(false);
      expect(new Set(await entries())).to.deep.equal(new Set([0, 1]));
    });

    it('survives the end of its lease alone, as long as nobody else wants it', async () => {
      const store: Store = await (await stand('m1')).elected;
      for (let round = 1; round <= 3; round++) {
        await cluster.admin(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'csm lease%'`,
        );
        await until('it is away', () => store.away !== undefined, PATIENCE_MS);
        const works = (): Promise<boolean> =>
          store.call('ledger.add', { n: round }).then(
            () => true,
            () => false,
          );
        await until('it is back', works, PATIENCE_MS);
      }
      expect(store.term).to.equal(1);
      expect(new Set(await entries())).to.deep.equal(new Set([1, 2, 3]));
    });
  });
});
