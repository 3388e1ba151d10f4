/** From SQLite to PostgreSQL: everything, in one piece, and what happens when it is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { code } from '@csm/model';
import { expect } from 'chai';
import { check, copyToPostgres, countRows, openReading } from '../src/admin/index.ts';
import { openPostgresStore, openStore, type Place, type PostgresServer } from '../src/index.ts';
import { LEDGER, problemOf, until } from './fixtures/engines.ts';
import { fill } from './fixtures/places.ts';
import { freshDatabase, needsPostgres } from './fixtures/postgres.ts';

const MODULES = [LEDGER];

describe('a copy to PostgreSQL', () => {
  let directory = '';
  let file = '';
  let server: PostgresServer;
  let drop: () => Promise<void>;
  const lines: string[] = [];
  const options = { modules: MODULES, clock: Date.now, tell: (line: string) => lines.push(line) };

  before(needsPostgres);
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'csm-copy-'));
    file = join(directory, 'csm.db');
    ({ server, drop } = await freshDatabase());
    lines.length = 0;
  });
  afterEach(async () => {
    await drop?.();
    await rm(directory, { recursive: true, force: true });
  });

  const rows = async (place: Place): Promise<Record<string, number>> => {
    const reading = await openReading(place);
    try {
      return await countRows(reading);
    } finally {
      await reading.close();
    }
  };
  const filled = async (n: number): Promise<void> => {
    const store = await openStore({ file, modules: MODULES });
    await fill(store, n);
    // Every kind of value, and text that a database might take for its own.
    await store.call('ledger.insertMany', {
      values: ['', null, 'ä"\\{},NULL', "i'1", '\u{1f600}\n\t', '{"a":1}'],
      text: true,
    });
    await store.call('ledger.insertBlobs', { texts: ['bytes', null, ''] });
    await store.close();
  };

  it('holds all that was there, counted and compared, and goes on where it was', async () => {
    await filled(1234);
    const before = await rows({ engine: 'sqlite', file });
    const copied = await copyToPostgres(file, server, options);
    expect(await rows({ engine: 'sqlite', file })).to.deep.equal(before);
    for (const { table, rows: n, checksum } of copied) {
      expect([table, n]).to.deep.equal([table, before[table]]);
      expect(checksum).to.match(/^[0-9a-f]{32}$/);
    }
    expect(copied.map(({ table }) => table)).to.include.members(['change', 'entry', 'stream', 'follower', 'leader']);
    expect(lines.join('\n')).to.match(/entry: 1234 rows/);
    const findings = await check({ engine: 'postgresql', server }, MODULES);
    expect(findings.flatMap(({ faults }) => faults)).to.deep.equal([]);
    const from = await openStore({ file, modules: MODULES });
    const to = await openPostgresStore({ server, modules: MODULES });
    try {
      for (const sql of [
        'SELECT * FROM change ORDER BY seq',
        'SELECT * FROM report ORDER BY id',
        'SELECT daemon, incarnation, cursor FROM stream',
      ]) {
        expect(await to.query(sql), sql).to.deep.equal(await from.query(sql));
      }
      expect(to.term, 'above that of the SQLite file').to.be.above(1);
      expect((await to.call<{ seq: number }>('ledger.addWithChange', { n: 1 })).seq).to.equal(1235);
      const [last] = await to.query<{ id: number }>('SELECT max(id) AS id FROM entry');
      expect(last?.id).to.equal(1235);
    } finally {
      await from.close();
      await to.close();
    }
  });

  it('is refused where something is, or a master is at work', async () => {
    await filled(1);
    const store = await openStore({ file, modules: MODULES });
    expect((await problemOf(copyToPostgres(file, server, options))).detail).to.match(/is in use by pid/);
    await store.close();
    const other = await openPostgresStore({ server, modules: MODULES });
    expect((await problemOf(copyToPostgres(file, server, options))).detail).to.match(/is in use by csm/);
    await other.close();
    const { code: c, detail } = await problemOf(copyToPostgres(file, server, options));
    expect([c, detail]).to.deep.equal([
      code.DATABASE_UNAVAILABLE,
      `the database ${server.database} is not empty: it has account, blob, call_key, change, change_pruned`,
    ]);
  });

  it('refuses a name that is mistyped, and leaves nothing beside it', async () => {
    const text = join(directory, 'text');
    writeFileSync(text, 'text');
    for (const [name, words] of [
      [join(directory, 'none.db'), /none\.db is no file/],
      [text, /text is no SQLite database/],
      [directory, /is no file/],
    ] as const) {
      const { code: c, field, detail } = await problemOf(copyToPostgres(name, server, options));
      expect([c, field, words.test(detail)], detail).to.deep.equal([code.INVALID_PARAMETER, 'from', true]);
    }
    expect(readdirSync(directory)).to.deep.equal(['text']);
  });

  it('leaves an empty database when it is called off', async () => {
    await filled(10);
    const off = new AbortController();
    const tell = (line: string): void => {
      if (line.startsWith('entry: ')) off.abort();
    };
    const problem = await problemOf(copyToPostgres(file, server, { ...options, tell, signal: off.signal }));
    expect(problem.code).to.equal(code.CONTEXT_LOST);
    expect(await rows({ engine: 'postgresql', server })).to.deep.equal({});
  });

  it('leaves an empty database when it fails, and says at a second try the same', async () => {
    await filled(10);
    // A row of a table that PostgreSQL will not have: the modules of another build made it.
    const problem = await problemOf(copyToPostgres(file, server, { ...options, modules: [] }));
    expect(problem.detail).to.match(/module ledger, a module this build does not have/);
    expect(await rows({ engine: 'postgresql', server })).to.deep.equal({});
    await copyToPostgres(file, server, options);
    expect((await problemOf(copyToPostgres(file, server, options))).detail).to.match(/is not empty/);
  });

  it('killed in the middle it says so to a master, and is begun anew', async () => {
    await filled(10);
    const many = await openStore({ file, modules: MODULES });
    for (let i = 0; i < 20; i++) await many.call('ledger.manyChanges', { count: 1000 });
    await many.close();
    const child = copying(file, server);
    await until('rows are on their way', () => child.told().includes('change: '), 30_000);
    child.process.kill('SIGKILL');
    await child.ended;
    expect(child.told()).to.not.include('done');
    let detail = '';
    await until('the server has seen that it is gone', async () => {
      ({ detail } = await problemOf(openPostgresStore({ server, modules: MODULES, onFault: () => {} })));
      return !detail.includes('in use');
    });
    expect(detail).to.match(/a copy of .*csm\.db, begun at .*, has not ended and must be begun anew/);
    const copied = await copyToPostgres(file, server, options);
    expect(copied.find(({ table }) => table === 'change')?.rows).to.equal(20_010);
    await (await openPostgresStore({ server, modules: MODULES })).close();
  }).timeout(120_000);
});

/** The copy in a process of its own, which waits for nothing but is slow enough to be met. */
function copying(
  file: string,
  server: PostgresServer,
): { readonly process: ChildProcess; readonly told: () => string; readonly ended: Promise<void> } {
  const index = new URL('../src/admin/index.js', import.meta.url).href;
  const script = `
    const { copyToPostgres } = await import(${JSON.stringify(index)});
    const tell = (line) => process.stdout.write(line + '\\n');
    await copyToPostgres(${JSON.stringify(file)}, ${JSON.stringify(server)},
      { modules: ${JSON.stringify(MODULES)}, clock: Date.now, tell });
    tell('done');`;
  // From a file: threads inherit what Node was started with.
  const program = join(dirname(file), 'copy.mjs');
  writeFileSync(program, script);
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return { process: child, told: () => told, ended };
}
