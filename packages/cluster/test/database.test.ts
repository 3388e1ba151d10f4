/** The calls about the database on a store of their own: what is archived and removed, what is kept how long. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { CallContext } from '@csm/api';
import { type MasterPorts, Once } from '@csm/feature';
import { CsmError, code, type Json, mono, wall } from '@csm/model';
import { openStore, type Store } from '@csm/store';
import { expect } from 'chai';
import { archiveChanges } from '../src/db/archive.ts';
import { dbHandlers } from '../src/db/handlers.ts';
import { retention } from '../src/db/retention.ts';
import { status } from '../src/db/status.ts';
import { databaseState } from '../src/health.ts';

const DAY = 86_400_000;
/** 21 November 2026, noon. */
const NOON = Date.UTC(2026, 10, 21, 12);
const MIDNIGHT = NOON - DAY / 2;
const MAKES_CHANGES = new URL('./fixtures/changes.js', import.meta.url).href;

describe('the calls about the database', () => {
  let directory = '';
  let store: Store;
  let now = NOON;
  let ports: MasterPorts;
  const never = new AbortController().signal;

  beforeEach(async () => {
    now = NOON;
    directory = mkdtempSync(join(tmpdir(), 'csm-db-'));
    const modules = [MAKES_CHANGES, new URL('../src/store.js', import.meta.url).href];
    store = await openStore({ file: join(directory, 'csm.db'), modules, clock: () => wall(now) });
    const clock = { now: () => ({ mono: mono(0), wall: wall(now) }) };
    ports = { store, clock, config: { db: { change_keep: DAY } } } as unknown as MasterPorts;
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** So many changes at each of these moments. */
  const make = async (count: number, ...times: readonly number[]): Promise<void> => {
    for (const time of times) await store.call('changes.make', { count }, { now: wall(time) });
  };
  const archive = (before: number, remove = false, signal = never) =>
    archiveChanges(ports, { directory: join(directory, 'archive'), before, remove }, signal) as Promise<{
      readonly path: string;
      readonly rows: number;
      readonly removed: number;
      readonly held: number;
    }>;
  const codeOf = (thrown: unknown): unknown => (thrown instanceof CsmError ? thrown.code : thrown);
  const refused = (asked: Promise<unknown>): Promise<unknown> => asked.then(() => 'nothing', codeOf);

  it('tells for six seconds that a commit failed, though others succeed', async () => {
    await store.close();
    const modules = [MAKES_CHANGES, new URL('../src/store.js', import.meta.url).href];
    const file = join(directory, 'small.db');
    store = await openStore({ file, modules, clock: () => wall(now), limits: { fileBytes: 1_048_576 } });
    ports = { ...ports, store };
    expect((await databaseState(ports)).state).to.equal('ok');
    expect(await refused(store.call('changes.make', { count: 100_000 }))).to.equal(code.DATABASE_UNAVAILABLE);
    await store.call('changes.make', { count: 1 });
    expect((await databaseState(ports)).state).to.match(/^a commit failed at 2026-11-21T12:00:00.000Z: .*full/);
    now += 5_999;
    expect((await databaseState(ports)).state).to.match(/^a commit failed/);
    now += 1;
    expect((await databaseState(ports)).state).to.equal('ok');
  });

  it('names the master that has written an archive', async () => {
    await make(1, NOON - 2 * DAY);
    const log = { info: () => undefined, error: () => undefined };
    const handlers = dbHandlers({ ...ports, log, self: { node: 'm1' } } as unknown as MasterPorts);
    const ctx = { caller: { user: 'root' }, trace: 't', signal: never } as unknown as CallContext;
    const input = { directory: join(directory, 'archive'), before: MIDNIGHT - DAY };
    const archived = handlers['db.archive'] as unknown as (input: object, ctx: CallContext) => Promise<object>;
    expect(await archived(input, ctx)).to.include({ master: 'm1', rows: 1 });
    const file = join(directory, 'one.backup');
    const backedUp = handlers['db.backup'] as unknown as (input: object, ctx: CallContext) => Promise<object>;
    expect(await backedUp({ file }, { ...ctx, trace: 'u' })).to.include({ master: 'm1', file });
  });

  it('writes a file a day, counted, and takes nothing away unless asked', async () => {
    await make(150, NOON - 3 * DAY, NOON - 2 * DAY, NOON - DAY, NOON);
    const told = await archive(MIDNIGHT - DAY);
    expect(told).to.include({ rows: 300, files: 2, removed: 0, held: 0 });
    expect(told.path).to.equal(join(directory, 'archive/changes-before-2026-11-20'));
    expect(readdirSync(told.path).sort()).to.deep.equal([
      '2026-11-18.jsonl.gz',
      '2026-11-19.jsonl.gz',
      'manifest.json',
    ]);
    const lines = gunzipSync(readFileSync(join(told.path, '2026-11-19.jsonl.gz')))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).to.have.length(150);
    expect(lines[0]).to.deep.equal({
      seq: 151,
      time: '2026-11-19T12:00:00.000Z',
      kind: 'made',
      subject: 'n0',
      body: { n: 0, text: 'ä\n"' },
    });
    const manifest = JSON.parse(readFileSync(join(told.path, 'manifest.json'), 'utf8')) as {
      rows: number;
      files: { rows: number; sha256: string }[];
    };
    expect(manifest.rows).to.equal(300);
    expect(manifest.files.map(({ rows }) => rows)).to.deep.equal([150, 150]);
    expect(await store.changes.oldest()).to.equal(1);
    expect(await refused(archive(MIDNIGHT - DAY)), 'it is there already').to.equal(code.INVALID_PARAMETER);
  });

  it('removes what was written, but not what a follower has yet to get', async () => {
    await make(100, NOON - 2 * DAY, NOON);
    await store.call('store.openFollower', { name: 'slow', from: 'oldest' });
    await store.call('store.moveFollower', { name: 'slow', cursor: 40 });
    expect(await archive(MIDNIGHT, true)).to.include({ rows: 100, removed: 40, held: 60 });
    expect(await store.changes.oldest()).to.equal(41);
    await store.forgetFollower('slow');
    rmSync(join(directory, 'archive'), { recursive: true });
    expect(await archive(MIDNIGHT, true)).to.include({ rows: 60, removed: 60, held: 0 });
    expect(await store.changes.oldest()).to.equal(101);
    rmSync(join(directory, 'archive'), { recursive: true });
    expect(await refused(archive(MIDNIGHT)), 'nothing is as old').to.equal(code.NO_RESULTS);
  });

  it('goes on with the removal where the archive is there already, and only with what is in it', async () => {
    await make(100, NOON - 2 * DAY, NOON - DAY, NOON);
    const first = await archive(MIDNIGHT - DAY);
    expect(first).to.include({ rows: 100, removed: 0 });
    expect(await archive(MIDNIGHT - DAY, true)).to.deep.equal({ ...first, removed: 100, held: 0 });
    expect(await store.changes.oldest()).to.equal(101);
    expect(await archive(MIDNIGHT - DAY, true), 'once more').to.deep.equal({ ...first, removed: 0, held: 0 });
    writeFileSync(join(first.path, '2026-11-19.jsonl.gz'), 'x');
    expect(await refused(archive(MIDNIGHT - DAY, true)), 'a damaged one').to.equal(code.INVALID_PARAMETER);
  });

  it('removes nothing that came with an older time after the archive was written', async () => {
    await make(100, NOON - 2 * DAY);
    const first = await archive(MIDNIGHT);
    await make(10, NOON - 2 * DAY);
    expect(await archive(MIDNIGHT, true)).to.deep.equal({ ...first, removed: 0, held: 100 });
    expect(await store.changes.oldest()).to.equal(1);
  });

  it('ends with the first that is not old, as pruning does, and never looks at those after it', async () => {
    await make(10, NOON - 3 * DAY, NOON, NOON - 2 * DAY);
    const asked: string[] = [];
    const query = store.query.bind(store);
    store.query = (sql, ...rest) => {
      asked.push(typeof sql === 'string' ? sql : sql.sqlite);
      return query(sql, ...rest);
    };
    expect(await archive(MIDNIGHT, true)).to.include({ rows: 10, removed: 10, held: 0 });
    expect(await store.changes.oldest()).to.equal(11);
    expect(asked.filter((sql) => /time </.test(sql))).to.deep.equal([]);
    rmSync(join(directory, 'archive'), { recursive: true });
    expect(await refused(archive(MIDNIGHT)), 'what comes next is not old').to.equal(code.NO_RESULTS);
  });

  it('refuses what is no day, or one to come, and leaves nothing when it is called off', async () => {
    await make(1, NOON - 2 * DAY);
    for (const before of [MIDNIGHT + 1, MIDNIGHT + DAY]) {
      expect(await refused(archive(before))).to.equal(code.INVALID_PARAMETER);
    }
    const words = await archive(MIDNIGHT + 1).catch((thrown: CsmError) => [thrown.message, thrown.problem.allowed]);
    expect(words).to.deep.equal([
      'before is 2026-11-21T00:00:00.001Z',
      'the beginning of a day (UTC) that has begun, such as 2026-11-21T00:00:00.000Z',
    ]);
    expect(await refused(archive(MIDNIGHT, true, AbortSignal.abort()))).to.equal(code.CONTEXT_LOST);
    expect(readdirSync(join(directory, 'archive'))).to.deep.equal([]);
    expect(await store.changes.oldest()).to.equal(1);
  });

  it('tells what is kept how long, and what goes next', async () => {
    await make(10, NOON - 2 * DAY, NOON);
    await store.call('store.openFollower', { name: 'slow', from: 'oldest' });
    await store.call('store.moveFollower', { name: 'slow', cursor: 4 });
    const rows = (await retention(ports)) as { table: string; bytes: number }[];
    const { bytes, ...change } = rows.find(({ table }) => table === 'change') ?? { bytes: 0 };
    expect(change).to.deep.equal({
      table: 'change',
      rows: 20,
      oldest: '2026-11-19T12:00:00.000Z',
      rule: 'by age; never what a follower has yet to get, nor the newest',
      setting: 'csm.db.change_keep',
      due: 4,
    });
    expect(bytes).to.be.above(0);
    expect(rows.map(({ table }) => table)).to.include.members(['begun_order', 'stream', 'schema_migration']);
    await store.changes.prune({ olderThan: wall(NOON - DAY) });
    const after = (await retention(ports)) as { table: string; rows: number; due: number | null }[];
    expect(after.find(({ table }) => table === 'change')).to.include({ rows: 16, due: 0 });
  });

  it('tells how the database is', async () => {
    await make(3, NOON);
    await store.call('store.openFollower', { name: 'sink', from: 'oldest' });
    const told = (await status(ports)) as Record<string, Json>;
    expect(told).to.include({ engine: 'sqlite', place: join(directory, 'csm.db'), term: 1, queued: 0 });
    expect(told['changes']).to.deep.equal({ oldest: 1, newest: 3 });
    expect(told['followers']).to.deep.equal([{ name: 'sink', behind: 3, updated: new Date(NOON).toISOString() }]);
  });
});

describe('long work', () => {
  const call = (key: string, signal = new AbortController().signal): CallContext =>
    ({ caller: { user: 'root' }, trace: 't', idempotencyKey: key, signal }) as unknown as CallContext;
  /** Work that ends when it is told to, or called off. */
  const work = () => {
    let end: (answer: Json) => void = () => {};
    const begun: AbortSignal[] = [];
    const run = (signal: AbortSignal): Promise<Json> => {
      begun.push(signal);
      return new Promise((resolve, reject) => {
        end = resolve;
        signal.addEventListener('abort', () => reject(new Error('called off')));
      });
    };
    return { run, begun, end: (answer: Json) => end(answer) };
  };
  const failure = (asked: Promise<unknown>): Promise<string> =>
    asked.then(
      () => 'none',
      (e: Error) => e.message,
    );

  const A = { what: 'a', input: { before: 1 } };

  it('is done once for one key, however often it is asked for', async () => {
    const once = new Once('one thing at a time');
    const { run, begun, end } = work();
    const first = once.run(A, call('k'), run);
    const second = once.run(A, call('k'), run);
    expect(await failure(once.run({ what: 'b', input: {} }, call('other'), run))).to.equal('a is under way');
    end(7);
    expect([await first, await second, await once.run(A, call('k'), run)]).to.deep.equal([7, 7, 7]);
    expect(begun).to.have.length(1);
    const other = failure(once.run({ ...A, input: { before: 2 } }, call('k'), run));
    expect(await other).to.equal('this Idempotency-Key was used for another order');
    expect(begun).to.have.length(1);
  });

  it('ends when the last that waited has gone, and can be asked for again', async () => {
    const once = new Once('one thing at a time');
    const { run, begun, end } = work();
    const [one, other] = [new AbortController(), new AbortController()];
    const first = failure(once.run(A, call('k', one.signal), run));
    const second = failure(once.run(A, call('k', other.signal), run));
    one.abort();
    expect(begun[0]?.aborted).to.equal(false);
    other.abort();
    expect(begun[0]?.aborted).to.equal(true);
    const again = once.run(A, call('k'), run);
    expect([await first, await second]).to.deep.equal(['called off', 'called off']);
    while (begun.length < 2) await new Promise((resolve) => setImmediate(resolve));
    end(8);
    expect(await again).to.equal(8);
  });
});
