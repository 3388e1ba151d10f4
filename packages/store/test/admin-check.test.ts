/** What a check finds: nothing in a sound database, and each fault that can be made by hand. */
import { appendFileSync, closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { code } from '@csm/model';
import Database from 'better-sqlite3';
import { expect } from 'chai';
import { backup, check, manifestOf, openReading } from '../src/admin/index.ts';
import type { Place, Store } from '../src/index.ts';
import { LEDGER, problemOf } from './fixtures/engines.ts';
import { adminOf, fill, openPlace, overPlaces } from './fixtures/places.ts';
import { run } from './fixtures/run.ts';

/** Runs statements past the store. */
async function tamper(place: Place, sql: string): Promise<void> {
  if (place.engine === 'postgresql') return adminOf(place.server, sql);
  const db = new Database(place.file);
  db.pragma('foreign_keys = OFF');
  db.unsafeMode(true);
  db.exec(sql);
  db.close();
}

overPlaces('a check', ({ engine, fresh, directory }) => {
  const faults = async (place: Place, modules = [LEDGER]): Promise<string[]> =>
    (await check(place, modules)).flatMap(({ what, faults }) => faults.map((words) => `${what}: ${words}`));
  const filled = async (): Promise<Place> => {
    const place = await fresh();
    const store = await openPlace(place);
    await fill(store, 20);
    await store.close();
    return place;
  };

  it('finds nothing wrong, also while a master writes', async () => {
    const place = await fresh();
    const store: Store = await openPlace(place);
    await fill(store, 20);
    expect(await faults(place)).to.deep.equal([]);
    expect(await store.call('ledger.add', { n: 1 })).to.include({ n: 1 });
    await store.close();
    const found = await check(place, [LEDGER]);
    expect(found.find(({ what }) => what === 'changes')?.seen).to.equal('20, from 1 to 20');
    expect(found.find(({ what }) => what === 'streams')?.seen).to.equal('1');
  });

  for (const [sql, words] of [
    ['DELETE FROM change WHERE seq IN (5, 6, 9)', /changes: 3 changes are missing between 1 and 20, before 7, 10/],
    ["UPDATE follower SET cursor = 21 WHERE name = 'f'", /followers: follower f has got change 21, the newest is 20/],
    [
      'UPDATE stream SET cursor = 1',
      /streams: rejected_report has report 2 of compute\/n001, whose stream is only at 1/,
    ],
    ['UPDATE stream SET cursor = -1', /streams: stream compute\/n001 i1 is at -1/],
    ['UPDATE leader SET term = 0', /leader: the term of the leader is 0/],
  ] as const) {
    it(`finds what this does: ${sql}`, async () => {
      const place = await filled();
      await tamper(place, sql);
      expect((await faults(place)).join('\n')).to.match(words);
    });
  }

  it('refuses, and tells once, what another build has made', async () => {
    const place = await filled();
    const other = await problemOf(check(place, []));
    expect(other.code).to.equal(code.DATABASE_UNAVAILABLE);
    expect(other.detail).to.match(/of module ledger, a module this build does not have/);
    await tamper(place, "INSERT INTO schema_migration VALUES ('ledger', 2, 'later', 0, '')");
    const newer = await problemOf(check(place, [LEDGER]));
    expect(newer.code).to.equal(code.DATABASE_UNAVAILABLE);
    expect(newer.detail).to.match(/the database is newer than this build/);
  });

  it('tells what is none of ours', async () => {
    const place = await filled();
    await tamper(place, 'DROP TABLE schema_migration');
    expect((await faults(place)).join('\n')).to.match(/migrations: .*schema_migration/);
  });

  if (engine === 'sqlite') {
    it('finds a lost index, an orphan and a damaged page', async () => {
      const place = await filled();
      if (place.engine !== 'sqlite') return;
      await tamper(place, "INSERT INTO account VALUES ('a', 'nobody'); DROP TABLE blob");
      expect(await faults(place)).to.deep.equal([
        'foreign keys: 1 rows of account point to no row of account',
        'tables and indexes: table blob is missing',
      ]);
      const file = openSync(place.file, 'r+');
      const { size } = statSync(place.file);
      for (let page = 2; page < size / 4096; page++) writeSync(file, Buffer.alloc(64, 0xee), 0, 64, page * 4096);
      closeSync(file);
      expect((await faults(place)).length).to.be.above(2);
    });

    it('holds a backup against its manifest, as a restore does', async () => {
      const file = join(directory(), 'one.backup');
      const manifest = await backup(await filled(), file, { run, clock: Date.now });
      const found = async (): Promise<string[]> => {
        const [first] = await check({ engine: 'sqlite', file }, [LEDGER], { isBackup: true });
        expect(first?.what).to.equal('manifest');
        return [...(first?.faults ?? [])];
      };
      expect(await found()).to.deep.equal([]);
      const tables = { ...manifest.tables, entry: 7 };
      writeFileSync(manifestOf(file), JSON.stringify({ ...manifest, tables }));
      expect(await found()).to.deep.equal(['entry has 20 rows instead of 7']);
      writeFileSync(manifestOf(file), JSON.stringify(manifest));
      const whole = readFileSync(file);
      appendFileSync(file, Buffer.alloc(4096));
      expect((await found()).join()).to.match(/is not the file its manifest describes/);
      writeFileSync(file, whole);
      writeFileSync(`${file}-wal`, 'x');
      expect((await found()).join()).to.match(/-wal stands beside it/);
      rmSync(`${file}-wal`);
      writeFileSync(manifestOf(file), '{}');
      expect((await found()).join()).to.match(/is no manifest of a backup/);
      rmSync(manifestOf(file));
      expect(await found()).to.deep.equal([]);
    });
  } else {
    it('finds an index that is not whole, and a number that would come twice', async () => {
      const place = await filled();
      await tamper(
        place,
        `ALTER SEQUENCE entry_id_seq RESTART WITH 3; SELECT nextval('entry_id_seq');
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST('entry_pkey' AS regclass)`,
      );
      expect(await faults(place)).to.deep.equal([
        'indexes: index entry_pkey is not whole',
        'numbers: the next number for entry is 4, and 20 is given',
      ]);
    });

    it('finds what the migrations have made and somebody has taken away or altered, and leaves nothing', async () => {
      const place = await filled();
      await tamper(
        place,
        `DROP TABLE blob; ALTER TABLE report DROP COLUMN value; ALTER TABLE entry ALTER COLUMN n DROP NOT NULL;
         ALTER TABLE stream DROP CONSTRAINT stream_daemon_incarnation_key; ALTER TABLE stream ADD UNIQUE (incarnation);
         CREATE TABLE mine (n BIGINT)`,
      );
      expect((await faults(place)).sort()).to.deep.equal([
        'tables and indexes: column n of table entry is not as the migrations make it: bigint',
        'tables and indexes: column value of table report is missing',
        'tables and indexes: constraint stream_daemon_incarnation_key of table stream is missing',
        'tables and indexes: index stream_daemon_incarnation_key of table stream is missing',
        'tables and indexes: table blob is missing',
      ]);
      const reading = await openReading(place);
      const schemas = "SELECT count(*) AS n FROM pg_namespace WHERE nspname LIKE 'csm%'";
      expect(await reading.all({ sqlite: '', postgresql: schemas })).to.deep.equal([{ n: 0 }]);
      await reading.close();
    });
  }
});
