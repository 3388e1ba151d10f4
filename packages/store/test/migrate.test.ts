import { copyFile, stat, writeFile } from 'node:fs/promises';
import { code } from '@csm/model';
import { expect } from 'chai';
import { openMemoryStore, openStore, type Store } from '../src/index.ts';
import { checksum } from '../src/migrations.ts';
import { directoryForTests, problemOf } from './fixtures/engines.ts';

interface Step {
  readonly id: number;
  readonly title: string;
  readonly sql: string | { readonly sqlite: string; readonly postgresql: string };
}
const ONE: Step = { id: 1, title: 'one', sql: 'CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)' };
const TWO: Step = { id: 2, title: 'two', sql: { sqlite: 'ALTER TABLE a ADD COLUMN y INTEGER', postgresql: '' } };

describe('migrations', () => {
  const directory = directoryForTests();

  let files = 0;
  const url = async (name: string, steps: readonly Step[]): Promise<string> => {
    const file = `${directory()}/module${files++}.mjs`;
    const text = `export const name = '${name}'; export const migrations = ${JSON.stringify(steps)}; export const procedures = {};`;
    await writeFile(file, text);
    return new URL(`file://${file}`).href;
  };
  const open = async (modules: Readonly<Record<string, readonly Step[]>>): Promise<Store> =>
    openStore({
      file: `${directory()}/csm.db`,
      modules: await Promise.all(Object.entries(modules).map(([name, steps]) => url(name, steps))),
    });
  const applied = (store: Store): Promise<unknown[]> =>
    store.query(
      `SELECT module || ' ' || id || ' ' || title AS m FROM schema_migration WHERE module <> 'store' ORDER BY 1`,
    );

  it('run once, in order, the later ones when the build brings them', async () => {
    const first = await open({ feature: [ONE] });
    expect(await first.query('SELECT * FROM a')).to.deep.equal([{ x: 1 }]);
    await first.close();
    for (let again = 0; again < 2; again++) {
      const second = await open({ feature: [ONE, TWO], other: [{ ...ONE, sql: 'CREATE TABLE b (x INTEGER)' }] });
      expect(await second.query('SELECT * FROM a')).to.deep.equal([{ x: 1, y: null }]);
      expect(await applied(second)).to.deep.equal([
        { m: 'feature 1 one' },
        { m: 'feature 2 two' },
        { m: 'other 1 one' },
      ]);
      await second.close();
    }
  });

  it('make a file that only its owner can read', async () => {
    await (await open({})).close();
    expect((await stat(`${directory()}/csm.db`)).mode & 0o777).to.equal(0o600);
  });

  it('refuse a database that a newer build has written, and leave it as it is', async () => {
    await (await open({ feature: [ONE, TWO] })).close();
    await copyFile(`${directory()}/csm.db`, `${directory()}/before.db`);
    const refusals = [
      [{ feature: [ONE] }, 'the database is newer than this build: it has migration 2 (two) of module feature'],
      [{}, 'the database has migration 1 (one) of module feature, a module this build does not have'],
      [
        { fresh: [ONE], feature: [ONE, { ...TWO, sql: 'ALTER TABLE a ADD COLUMN z' }] },
        'the database was made by another build: its migration 2 (two) of module feature has another text',
      ],
    ] as const;
    for (const [modules, words] of refusals) {
      expect(await problemOf(open(modules))).to.include({ code: code.DATABASE_UNAVAILABLE, detail: words });
    }
    const store = await open({ feature: [ONE, TWO] });
    expect(await applied(store)).to.have.length(2);
    await store.close();
  });

  it('are undone as a whole when they fail', async () => {
    const broken = { ...TWO, sql: 'CREATE TABLE c (x INTEGER); INSERT INTO nope VALUES (1)' };
    const { detail, field } = await problemOf(open({ feature: [ONE, broken] }));
    expect(detail).to.match(/^migration 2 \(two\) of module feature failed and was undone: no such table: nope/);
    expect(field).to.equal('feature');
    const store = await open({ feature: [ONE, TWO] });
    expect(await applied(store)).to.have.length(2);
    expect(await store.query(`SELECT name FROM sqlite_master WHERE name = 'c'`)).to.deep.equal([]);
    await store.close();
  });

  it('may rebuild a table that others point to, but may leave no row pointing nowhere', async () => {
    const tables = {
      id: 1,
      title: 'one',
      sql: 'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)',
    };
    const rebuild = {
      id: 2,
      title: 'two',
      sql: 'CREATE TABLE p2 (id INTEGER PRIMARY KEY, x INTEGER); INSERT INTO p2 SELECT id, 0 FROM p; DROP TABLE p; ALTER TABLE p2 RENAME TO p',
    };
    const store = await open({ feature: [tables, rebuild] });
    expect(await store.query('SELECT * FROM c JOIN p ON p.id = c.p')).to.deep.equal([{ p: 1, id: 1, x: 0 }]);
    await store.close();
    const { detail } = await problemOf(
      open({ feature: [tables, rebuild, { id: 3, title: 'three', sql: 'DELETE FROM p' }] }),
    );
    expect(detail).to.include('rows of c point to no row of p');
  });

  it('have a checksum of their statements, not of their layout', () => {
    const sql = 'CREATE TABLE a (\n      x INTEGER\n    )';
    expect(checksum({ ...ONE, sql }, 'sqlite')).to.equal(
      checksum({ ...ONE, title: 'other', sql: 'CREATE TABLE a ( x INTEGER )' }, 'sqlite'),
    );
    expect(checksum({ ...ONE, sql }, 'sqlite')).to.not.equal(
      checksum({ ...ONE, sql: 'CREATE TABLE a ( y INTEGER )' }, 'sqlite'),
    );
  });
});

describe('modules', () => {
  const module = { name: 'm', migrations: [], procedures: {} };
  const refused: readonly (readonly [string, object[], string])[] = [
    ['a name', [{ ...module, name: 'No' }], 'store module modules[0]: name is "No"'],
    ['ids with a gap', [{ ...module, migrations: [{ ...ONE, id: 2 }] }], 'migrations[0].id is 2'],
    ['a procedure', [{ ...module, procedures: { p: 1 } }], 'procedures.p is 1'],
    ['two of one name', [module, module], 'two store modules are named m'],
    ['the name of the store', [{ ...module, name: 'store' }], 'two store modules are named store'],
    [
      'two owners of a report',
      [
        { ...module, reports: { r: async () => {} } },
        { ...module, name: 'n', reports: { r: async () => {} } },
      ],
      'reports of kind r are claimed by m and n',
    ],
  ];
  for (const [what, modules, words] of refused) {
    it(`are refused for ${what}`, async () => {
      const { code: c, detail } = await problemOf(openMemoryStore({ modules: modules as (typeof module)[] }));
      expect(c).to.equal(code.INVALID_PARAMETER);
      expect(detail).to.include(words);
    });
  }

  it('that cannot be imported are named', async () => {
    const file = '/tmp/never-made/csm.db';
    expect((await problemOf(openStore({ file, modules: ['./x.js'] }))).field).to.equal('modules[0]');
  });
});
