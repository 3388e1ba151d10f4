/** A call under a key changes once, however often it is made and whoever is killed meanwhile. */
import { code, wall } from '@csm/model';
import { expect } from 'chai';
import { ONCE_KEEP_MS, openStore, type PostgresServer, type Store } from '../src/index.ts';
import { ONCE_ANSWER_MAX } from '../src/once.ts';
import { directoryForTests, LEDGER, overEngines, problemOf, until } from './fixtures/engines.ts';
import { keyOf } from './fixtures/key.ts';
import { Cluster, needsPostgres } from './fixtures/postgres.ts';
import { CANDIDATE, children } from './fixtures/process.ts';

overEngines('calls under a key', ({ open }) => {
  const BEGIN = 1_700_000_000_000;
  const at = (ms: number) => wall(BEGIN + ms);
  const entries = async (store: Store): Promise<number[]> =>
    (await store.query<{ n: number }>('SELECT n FROM entry ORDER BY id')).map((row) => row.n);
  const keys = async (store: Store): Promise<string[]> =>
    (await store.query<{ key: string }>('SELECT key FROM call_key ORDER BY id')).map((row) => row.key);
  const add = (store: Store, n: number, more: object = {}, key = keyOf(n)): Promise<{ n: number; time: number }> =>
    store.call('ledger.add', { n }, { once: key, ...more });

  it('answers a repetition with what the first was answered, and changes nothing', async () => {
    const store = await open();
    const first = await add(store, 1, { now: at(0) });
    expect(await add(store, 1, { now: at(5_000) })).to.deep.equal(first);
    expect(first).to.deep.equal({ n: 1, time: BEGIN });
    expect(await entries(store)).to.deep.equal([1]);
    // Also an answer that is none.
    for (let i = 0; i < 2; i++) {
      const input = { account: 'a', parent: null };
      expect(await store.call('ledger.account', input, { once: keyOf(2) })).to.equal(null);
    }
  });

  it('lets repetitions wait for the first, made at the same moment', async () => {
    const store = await open();
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        store.call<{ seq: number }>('ledger.addWithChange', { n: i % 3 }, { once: keyOf(i % 3) }),
      ),
    );
    expect(answers.map(({ seq }) => seq)).to.deep.equal(answers.map((_, i) => (i % 3) + 1));
    expect(await entries(store)).to.deep.equal([0, 1, 2]);
    expect(await store.changes.head()).to.equal(3);
  });

  it('refuses another call under a key, and keeps it for each owner apart', async () => {
    const store = await open();
    await add(store, 1);
    const refused = { code: code.INVALID_PARAMETER, field: 'Idempotency-Key', allowed: 'a new key for a new call' };
    expect(await problemOf(add(store, 2, {}, { ...keyOf(1), hash: 'other' }))).to.include(refused);
    expect(await problemOf(store.call('ledger.double', { value: 1 }, { once: keyOf(1) }))).to.include(refused);
    await add(store, 3, {}, { ...keyOf(1), owner: 'other' });
    await store.call('ledger.add', { n: 4 });
    expect(await entries(store)).to.deep.equal([1, 3, 4]);
    expect(await keys(store)).to.deep.equal(['k1', 'k1']);
  });

  it('keeps no key of a call that failed: it may be made again', async () => {
    const store = await open();
    const refuse = () => store.call('ledger.addThenRefuse', { n: 1 }, { once: keyOf(1) });
    for (let i = 0; i < 2; i++) expect((await problemOf(refuse())).code).to.equal(code.NODES_OCCUPIED);
    expect((await problemOf(store.call('ledger.addThenThrow', { n: 1 }, { once: keyOf(1) }))).code).to.equal(
      code.DATABASE,
    );
    expect((await problemOf(store.call('ledger.nope', { n: 1 }, { once: keyOf(1) }))).code).to.equal(
      code.UNKNOWN_COMMAND,
    );
    expect([await entries(store), await keys(store)]).to.deep.equal([[], []]);
    await add(store, 1);
    expect(await entries(store)).to.deep.equal([1]);
  });

  it('forgets a key after 24 h, and removes old ones with new ones', async () => {
    const store = await open();
    for (let n = 1; n <= 20; n++) await add(store, n, { now: at(n) });
    await add(store, 1, { now: at(ONCE_KEEP_MS) });
    expect(await entries(store)).to.have.length(20);
    await add(store, 1, { now: at(ONCE_KEEP_MS + 1) });
    expect(await entries(store)).to.have.length(21);
    for (let n = 31; n <= 34; n++) await add(store, n, { now: at(ONCE_KEEP_MS + 18) });
    expect(await keys(store)).to.deep.equal(['k19', 'k20', 'k1', 'k31', 'k32', 'k33', 'k34']);
    await add(store, 1, { now: at(ONCE_KEEP_MS + 18) });
    expect(await entries(store)).to.have.length(25);
  });

  it('changes nothing when the answer is too long to be kept', async () => {
    const store = await open();
    const sql = {
      sqlite: `INSERT INTO entry (n, time) VALUES (1, 1) RETURNING hex(zeroblob(${ONCE_ANSWER_MAX / 2})) AS long`,
      postgresql: `INSERT INTO entry (n, time) VALUES (1, 1) RETURNING repeat('0', ${ONCE_ANSWER_MAX}) AS long`,
    };
    const asked = problemOf(store.call('ledger.sql', { sql }, { once: keyOf(1) }));
    expect((await asked).code).to.equal(code.BUFFER_OVERFLOW);
    expect([await entries(store), await keys(store)]).to.deep.equal([[], []]);
  });

  it('refuses keys that are none', async () => {
    const store = await open();
    for (const wrong of [{ owner: '' }, { key: 'k'.repeat(129) }, { hash: '' }]) {
      const field = `once.${Object.keys(wrong)[0]}`;
      const asked = problemOf(add(store, 1, {}, { ...keyOf(1), ...wrong }));
      expect(await asked).to.include({ code: code.INVALID_PARAMETER, field });
    }
  });
});

/** Answers by number, from lines `N SEQ`; a number that is told twice was told the same. */
function answersOf(lines: readonly string[], answers: Map<number, number> = new Map()): Map<number, number> {
  for (const line of lines) {
    const [n = 0, seq = 0] = line.split(' ').map(Number);
    expect(seq, `the answer for ${n}`).to.equal(answers.get(n) ?? seq);
    answers.set(n, seq);
  }
  return answers;
}

/** Where whoever repeats all that was not answered goes on: the first such number. */
function firstUnanswered(answers: ReadonlyMap<number, number>): number {
  let n = 1;
  while (answers.has(n)) n++;
  return n;
}

/** Each number once, with the seq its caller was told. */
function checkRows(rows: readonly { readonly n: number; readonly seq: number }[], answers: Map<number, number>): void {
  const there = new Map(rows.map(({ n, seq }) => [n, seq]));
  expect(there.size, 'doubled').to.equal(rows.length);
  for (const [n, seq] of answers) expect(there.get(n), `the change of ${n}`).to.equal(seq);
}

describe('a call under a key, and kill -9', () => {
  const directory = directoryForTests();
  const child = children();

  it('changes once on SQLite, whenever the process is killed', async () => {
    const file = `${directory()}/csm.db`;
    const answers = new Map<number, number>();
    for (let round = 0; round < 6; round++) {
      // From well before the first that is open, so that some repeat what was answered.
      const process = child(file, 'keyed', String(Math.max(1, firstUnanswered(answers) - 10)));
      await process.said(60 + round * 37);
      await process.kill();
      answersOf(process.lines.slice(1), answers);
    }
    const store = await openStore({ file, modules: [LEDGER] });
    const open = firstUnanswered(answers);
    for (let n = Math.max(1, open - 5); n < open + 60; n++) {
      const { seq } = await store.call<{ seq: number }>('ledger.addWithChange', { n }, { once: keyOf(n) });
      answersOf([`${n} ${seq}`], answers);
    }
    const rows = await store.query<{ n: number; seq: number }>(
      `SELECT CAST(json_extract(body, '$.n') AS INTEGER) AS n, seq FROM change`,
      [],
      { limit: 100_000 },
    );
    checkRows(rows, answers);
    expect(await store.query('SELECT count(*) AS n FROM entry')).to.deep.equal([{ n: rows.length }]);
    await store.close();
  });

  for (const point of ['before', 'after']) {
    it(`changes once when the process dies just ${point} a commit`, async () => {
      const file = `${directory()}/csm.db`;
      const env = `CSM_FAILPOINT=store.commit.${point}:7`;
      const dying = child('sh', '-c', `${env} exec "$0" "$@"`, ...childWords(file, 'keyed', '1'));
      await dying.ended;
      expect(dying.process.signalCode).to.equal('SIGKILL');
      const answers = answersOf(dying.lines.slice(1));
      const store = await openStore({ file, modules: [LEDGER] });
      for (let n = 1; n <= 300; n++) {
        const { seq } = await store.call<{ seq: number }>('ledger.addWithChange', { n }, { once: keyOf(n) });
        answersOf([`${n} ${seq}`], answers);
      }
      expect(await store.query('SELECT count(*) AS n, count(DISTINCT n) AS d FROM entry WHERE n <= 300')).to.deep.equal(
        [{ n: 300, d: 300 }],
      );
      await store.close();
    });
  }

  it('changes once on PostgreSQL, whoever leads', async function () {
    needsPostgres.call(this);
    const cluster = new Cluster();
    await cluster.start();
    try {
      const { server } = await cluster.fresh();
      await throughLeaders(cluster, server);
    } finally {
      await cluster.remove();
    }
  });

  async function throughLeaders(cluster: Cluster, server: PostgresServer): Promise<void> {
    const answers = new Map<number, number>();
    const stand = (master: string, from: number) =>
      child(CANDIDATE, JSON.stringify(server), master, '2000', 'keyed', String(from));
    const keyed = (lines: readonly string[]) =>
      lines.filter((line) => line.startsWith('keyed ')).map((line) => line.slice(6));
    // Both begin at 1: the second repeats all that the first was answered, and what it was not.
    const first = stand('m1', 1);
    await first.tells('leads');
    const second = stand('m2', 1);
    await second.tells('stands');
    await until('the first has changed', () => keyed(first.lines).length > 150);
    await first.kill();
    answersOf(keyed(first.lines), answers);
    await second.tells('leads', 60_000);
    await until('the second has come further', () => keyed(second.lines).length > answers.size + 100, 60_000);
    await second.kill();
    answersOf(keyed(second.lines), answers);
    const sql = `SELECT CAST(body AS json)->>'n' AS n, seq FROM change`;
    const rows = (await cluster.admin(sql, server.database)) as { n: string; seq: string }[];
    checkRows(
      rows.map(({ n, seq }) => ({ n: Number(n), seq: Number(seq) })),
      answers,
    );
  }
});

/** `child.js` as a shell may be told to run it. */
const childWords = (file: string, ...args: readonly string[]): readonly string[] => [
  process.execPath,
  new URL('./fixtures/child.js', import.meta.url).pathname,
  file,
  ...args,
];
