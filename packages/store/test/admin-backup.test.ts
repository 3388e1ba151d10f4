/** Backing up a database in use, restoring it, and what is refused on the way. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { code } from '@csm/model';
import { expect } from 'chai';
import { Client } from 'pg';
import { backup, check, countRows, manifestOf, openReading, restore } from '../src/admin/index.ts';
import type { Manifest } from '../src/admin/manifest.ts';
import type { Place, RunProgram, Store } from '../src/index.ts';
import { LEDGER, problemOf } from './fixtures/engines.ts';
import { fill, openPlace, overPlaces } from './fixtures/places.ts';
import { run } from './fixtures/run.ts';

const MODULES = [LEDGER];
const NOW = Date.UTC(2026, 10, 21, 16, 30);

overPlaces('backup and restore', ({ engine, fresh, directory }) => {
  const opened: Store[] = [];
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  const open = async (place: Place): Promise<Store> => {
    const store = await openPlace(place);
    opened.push(store);
    return store;
  };
  const close = async (): Promise<void> => {
    for (const store of opened.splice(0)) await store.close();
  };
  const options = { run, clock: () => NOW };
  const told: string[] = [];
  const restoring = { ...options, modules: MODULES, tell: (line: string) => told.push(line) };
  const rows = async (place: Place): Promise<Record<string, number>> => {
    const reading = await openReading(place);
    try {
      return await countRows(reading);
    } finally {
      await reading.close();
    }
  };

  it('takes it while a writer writes, at one moment, and gives back exactly that', async () => {
    const place = await fresh();
    const store = await open(place);
    await fill(store);
    let going = true;
    let written = 0;
    const writer = (async () => {
      // An entry and its change come together: a copy of two moments would show.
      for (; going; written++) await store.call('ledger.addWithChange', { n: written });
    })();
    const file = join(directory(), 'one.backup');
    const manifest = await backup(place, file, options);
    going = false;
    await writer;
    expect(written).to.be.above(0);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(JSON.parse(readFileSync(manifestOf(file), 'utf8'))).to.deep.equal(manifest);
    expect(manifest).to.include({ engine, bytes: statSync(file).size });
    expect(manifest.tables['change']).to.equal(manifest.tables['entry']);
    expect(manifest.tables['change']).to.be.within(100, 100 + written);
    expect(manifest.schema).to.include({ ledger: 1 });
    expect(readdirSync(directory()).filter((name) => name.endsWith('.part'))).to.deep.equal([]);

    const { detail } = await problemOf(restore(place, file, restoring));
    expect(detail).to.match(/is in use by/);
    await close();
    const { aside } = await restore(place, file, restoring);
    expect(aside).to.include(engine === 'sqlite' ? '.before-20261121T163000Z' : 'before_20261121t163000z');
    expect(await rows(place)).to.deep.equal(manifest.tables);
    const again = await open(place);
    expect(again.term, 'terms never go back').to.be.above(store.term);
    // Who led before must not find his own term in what was put there.
    if (engine === 'postgresql') expect(again.term).to.equal(store.term + 2);
    expect((await again.call<{ seq: number }>('ledger.addWithChange', { n: 1 })).seq).to.equal(
      (manifest.tables['change'] ?? 0) + 1,
    );
    const [entry] = await again.query<{ last: number; n: number }>('SELECT max(id) AS last, count(*) AS n FROM entry');
    expect(entry?.n).to.equal((manifest.tables['entry'] ?? 0) + 1);
    expect(entry?.last, 'numbers go on, and none comes twice').to.be.at.least(entry?.n ?? 0);
    expect((await check(place, MODULES)).flatMap(({ faults }) => faults)).to.deep.equal([]);
  });

  it('replaces an older backup only when asked, and nothing else ever', async () => {
    const place = await fresh();
    await fill(await open(place), 1);
    const file = join(directory(), 'one.backup');
    await backup(place, file, options);
    expect(await problemOf(backup(place, file, options))).to.include({ code: code.INVALID_PARAMETER, field: 'file' });
    await fill(await open(await fresh()), 1);
    expect((await backup(place, file, { ...options, force: true })).tables['entry']).to.equal(1);
    const other = join(directory(), 'letter');
    writeFileSync(other, 'dear');
    const { detail } = await problemOf(backup(place, other, { ...options, force: true }));
    expect(detail).to.equal(`${other} is no backup, and is not replaced`);
    expect(readFileSync(other, 'utf8')).to.equal('dear');
    if (place.engine === 'sqlite') {
      writeFileSync(manifestOf(place.file), '{}');
      expect((await problemOf(backup(place, place.file, { ...options, force: true }))).detail).to.match(/is no backup/);
    }
  });

  for (const [file, words] of [
    ['relative', /file is "relative"/],
    ['/no/such/directory/x', /\/no\/such\/directory is no directory/],
    ['/tmp/', /file is "\/tmp\/"/],
  ] as const) {
    it(`refuses ${file}`, async () => {
      const place = await fresh();
      await open(place);
      const { code: c, detail } = await problemOf(backup(place, file, options));
      expect([c, words.test(detail)]).to.deep.equal([code.INVALID_PARAMETER, true], detail);
    });
  }

  it('leaves nothing when it is called off', async () => {
    const place = await fresh();
    await fill(await open(place));
    const off = { ...options, signal: AbortSignal.abort() };
    expect((await problemOf(backup(place, join(directory(), 'one.backup'), off))).code).to.equal(code.CONTEXT_LOST);
    expect(readdirSync(directory()).filter((name) => name.startsWith('one'))).to.deep.equal([]);
  });

  it('restores no file that is not whole, of another engine, or none of ours; the database stays', async () => {
    const place = await fresh();
    await fill(await open(place), 10);
    const file = join(directory(), 'one.backup');
    await backup(place, file, options);
    await close();
    const before = await rows(place);
    const refused = async (path: string): Promise<string> => (await problemOf(restore(place, path, restoring))).detail;
    expect(await refused(join(directory(), 'nothing'))).to.match(/nothing is no file/);
    writeFileSync(join(directory(), 'text'), 'text');
    expect(await refused(join(directory(), 'text'))).to.match(/text is no backup/);
    const foreign = join(directory(), 'foreign');
    writeFileSync(foreign, engine === 'sqlite' ? 'PGDMP' : 'SQLite format 3\0');
    expect(await refused(foreign)).to.match(/is a backup of (sqlite|postgresql), db.engine is/);
    truncateSync(file, statSync(file).size - 1);
    expect(await refused(file)).to.match(/is not the file its manifest describes/);
    expect(await rows(place)).to.deep.equal(before);
    if (place.engine !== 'sqlite') return;
    expect(existsSync(`${place.file}.restoring`)).to.equal(false);
    // The file of a master at work, copied by hand: its newest rows are not in it.
    const store = await open(place);
    await store.call('ledger.add', { n: 1 });
    for (const end of ['', '-wal']) copyFileSync(place.file + end, join(directory(), `by-hand${end}`));
    await close();
    expect(await refused(join(directory(), 'by-hand'))).to.match(/by-hand-wal stands beside .*would be missing/);
  });

  it('killed while it replaces an older backup there is a whole one with its manifest, old or new', async () => {
    const place = await fresh();
    const store = await open(place);
    await fill(store, 1);
    const file = join(directory(), 'one.backup');
    const older = readFiles(file, await backup(place, file, options));
    await store.call('ledger.add', { n: 99 });
    const newer = readFiles(file, await backup(place, file, { ...options, force: true }));
    await close();
    let restores = 0;
    // As it stands between the renames: the new file, and its manifest still under its first name.
    for (const [had, text, want] of [
      [older.file, older.text, older],
      [newer.file, older.text, newer],
      [newer.file, newer.text, newer],
    ] as const) {
      writeFileSync(file, had);
      writeFileSync(manifestOf(file), text);
      writeFileSync(`${manifestOf(file)}.part`, newer.text);
      // What is kept aside has the second in its name.
      restores += 1;
      await restore(place, file, { ...restoring, clock: () => NOW + restores * 1_000 });
      expect(await rows(place)).to.deep.equal(want.manifest.tables);
    }
    // The next one puts it right before it begins, so that it can be killed at any point, too.
    writeFileSync(manifestOf(file), older.text);
    const off = { ...options, force: true, signal: AbortSignal.abort() };
    expect((await problemOf(backup(place, file, off))).code).to.equal(code.CONTEXT_LOST);
    expect(readFileSync(manifestOf(file), 'utf8')).to.equal(newer.text);
    expect(readdirSync(directory()).filter((name) => name.endsWith('.part'))).to.deep.equal([]);
  });

  it('called off in the middle of a restore the former database is back', async () => {
    const place = await fresh();
    await fill(await open(place), 10);
    const file = join(directory(), 'one.backup');
    await backup(place, file, options);
    await opened[0]?.call('ledger.add', { n: 99 });
    await close();
    const before = await rows(place);
    const off = new AbortController();
    const tell = (line: string): void => {
      if (/former tables|whole, taken/.test(line) && (engine === 'sqlite' || line.includes('former'))) off.abort();
    };
    const problem = await problemOf(restore(place, file, { ...restoring, tell, signal: off.signal }));
    expect(problem.code).to.equal(code.CONTEXT_LOST);
    expect(await rows(place)).to.deep.equal(before);
    await fill(await open(place), 1);
  });

  it('killed in the middle of a restore it is begun anew, and nothing is lost', async () => {
    const place = await fresh();
    await fill(await open(place), 10);
    const file = join(directory(), 'one.backup');
    const manifest = await backup(place, file, options);
    await fill(await open(await fresh()), 1);
    const store = opened[0];
    await store?.call('ledger.add', { n: 99 });
    await close();
    const before = await rows(place);
    // It kills itself at the line after which nothing is as it was.
    const program = join(directory(), 'restore.mjs');
    const index = new URL('../src/admin/index.js', import.meta.url).href;
    const runs = new URL('./fixtures/run.js', import.meta.url).href;
    writeFileSync(
      program,
      `const { restore } = await import(${JSON.stringify(index)});
       const { run } = await import(${JSON.stringify(runs)});
       const tell = (line) => /former tables|takes its place/.test(line) && process.kill(process.pid, 'SIGKILL');
       await restore(${JSON.stringify(place)}, ${JSON.stringify(file)},
         { modules: ${JSON.stringify(MODULES)}, run, clock: () => ${NOW}, tell });`,
    );
    expect(spawnSync(process.execPath, [program], { encoding: 'utf8' })).to.include({ signal: 'SIGKILL' });
    if (engine === 'postgresql') {
      expect((await problemOf(openPlace(place))).detail).to.match(
        /a restore of .* has not ended and must be begun anew/,
      );
    }
    // One that fails now puts the former rows back all the same.
    writeFileSync(manifestOf(file), JSON.stringify({ ...manifest, tables: { ...manifest.tables, entry: 7 } }));
    expect((await problemOf(restore(place, file, restoring))).detail).to.match(/entry has 10 rows instead of 7/);
    expect(await rows(place)).to.deep.equal(before);
    writeFileSync(manifestOf(file), JSON.stringify(manifest));
    await restore(place, file, restoring);
    expect(await rows(place)).to.deep.equal(manifest.tables);
    await fill(await open(place), 1);
  });

  if (engine === 'postgresql') {
    it('killed when all is loaded and nothing is counted yet, no master takes it', async () => {
      const place = await fresh();
      await fill(await open(place), 10);
      const file = join(directory(), 'one.backup');
      const manifest = await backup(place, file, options);
      const term = opened[0]?.term ?? 0;
      await close();
      const program = join(directory(), 'restore.mjs');
      const index = new URL('../src/admin/index.js', import.meta.url).href;
      const runs = new URL('./fixtures/run.js', import.meta.url).href;
      writeFileSync(
        program,
        `const { restore } = await import(${JSON.stringify(index)});
         const { run: real } = await import(${JSON.stringify(runs)});
         const run = async (asked) => {
           const result = await real(asked);
           if (asked.argv.includes('--clean') && result.code === 0) process.kill(process.pid, 'SIGKILL');
           return result;
         };
         await restore(${JSON.stringify(place)}, ${JSON.stringify(file)},
           { modules: ${JSON.stringify(MODULES)}, run, clock: () => ${NOW}, tell: () => {} });`,
      );
      expect(spawnSync(process.execPath, [program], { encoding: 'utf8' })).to.include({ signal: 'SIGKILL' });
      expect((await rows(place))['entry'], 'it was loaded').to.equal(10);
      expect((await problemOf(openPlace(place))).detail).to.match(/has not ended and must be begun anew/);
      expect((await problemOf(check(place, MODULES))).detail).to.match(/has not ended and must be begun anew/);
      await restore(place, file, restoring);
      expect(await rows(place)).to.deep.equal(manifest.tables);
      const again = await open(place);
      expect(again.term, 'the restore itself has begun a term').to.equal(term + 2);
    });

    it('ends what a pg_restore without a tool has left at the server, before it begins', async () => {
      const place = await fresh();
      await fill(await open(place), 10);
      const file = join(directory(), 'one.backup');
      const manifest = await backup(place, file, options);
      await close();
      if (place.engine !== 'postgresql') return;
      const { host, port, database, user } = place.server;
      const left = new Client({ host, port, database, user, application_name: 'csm pg_restore, pid 1' });
      const ended = new Promise<Error>((resolve) => left.on('error', resolve));
      await left.connect();
      await left.query('BEGIN; CREATE TABLE late (n BIGINT); LOCK TABLE schema_migration');
      await restore(place, file, restoring);
      expect((await ended).message).to.match(/terminat/);
      expect(await rows(place)).to.deep.equal(manifest.tables);
    });

    it('ends the dump when the rows cannot be counted', async () => {
      const place = await fresh();
      await fill(await open(place), 10);
      if (place.engine !== 'postgresql') return;
      const { host, port, database, user } = place.server;
      const other = new Client({ host, port, database, user });
      await other.connect();
      try {
        // Counting waits for it, and gives up in the end.
        await other.query('BEGIN; LOCK TABLE entry');
        let ended: boolean | undefined;
        const dumping: RunProgram = async (asked) => {
          const result = await run(asked);
          if (asked.argv.includes('-Fc')) ended = result.aborted;
          return result;
        };
        const problem = await problemOf(backup(place, join(directory(), 'one.backup'), { ...options, run: dumping }));
        expect(problem.detail).to.match(/lock/);
        expect(ended).to.equal(true);
      } finally {
        await other.end();
      }
    });
  }

  it('keeps the former database whole when the backup turns out to be another than its manifest says', async () => {
    const place = await fresh();
    await fill(await open(place), 10);
    const file = join(directory(), 'one.backup');
    const manifest = await backup(place, file, options);
    await close();
    const lie = { ...manifest, tables: { ...manifest.tables, entry: 7 } };
    writeFileSync(manifestOf(file), JSON.stringify(lie));
    const before = await rows(place);
    const { detail } = await problemOf(restore(place, file, restoring));
    expect(detail).to.match(/entry has 10 rows instead of 7/);
    expect(await rows(place)).to.deep.equal(before);
    await fill(await open(place), 1);
  });
});

interface Taken {
  readonly manifest: Manifest;
  readonly file: Buffer;
  readonly text: string;
}

/** A backup as it stands on the disk. */
const readFiles = (file: string, manifest: Manifest): Taken => ({
  manifest,
  file: readFileSync(file),
  text: readFileSync(manifestOf(file), 'utf8'),
});
