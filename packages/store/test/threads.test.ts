import { execFileSync } from 'node:child_process';
import { code } from '@csm/model';
import { expect } from 'chai';
import { openMemoryStore, openStore } from '../src/index.ts';
import { directoryForTests, LEDGER, problemOf } from './fixtures/engines.ts';

describe('threads', () => {
  const directory = directoryForTests();

  it('a dead writer fails all that waits, closes the store and frees the lock', async () => {
    const file = `${directory()}/csm.db`;
    const store = await openStore({ file, modules: [LEDGER] });
    await store.call('ledger.addWithChange', { n: 1 });
    const calls = [store.call('ledger.crash', null), store.call('ledger.add', { n: 2 })];
    const problems = await Promise.all(calls.map(problemOf));
    for (const { code: c, detail } of problems) {
      expect(c).to.equal(code.DATABASE_UNAVAILABLE);
      expect(detail).to.equal("the database's writer thread has ended: a stray exception");
    }
    expect((await store.closed)?.detail).to.include('a stray exception');
    expect((await problemOf(store.call('ledger.add', { n: 3 }))).code).to.equal(code.DATABASE_UNAVAILABLE);
    expect((await problemOf(store.query('SELECT 1'))).code).to.equal(code.DATABASE_UNAVAILABLE);
    await store.close();
    const again = await openStore({ file, modules: [LEDGER] });
    expect(await again.query('SELECT n FROM entry')).to.deep.equal([{ n: 1 }]);
    await again.close();
  });

  it('a module that cannot be imported is refused by name, and the lock is free again', async () => {
    const file = `${directory()}/csm.db`;
    const missing = 'file:///nowhere/store.js';
    const { detail, field } = await problemOf(openStore({ file, modules: [missing] }));
    expect([detail.startsWith(`store module ${missing} cannot be imported: `), field]).to.deep.equal([true, 'modules']);
    await (await openStore({ file, modules: [LEDGER] })).close();
  });

  it('the writer syncs each commit and checks foreign keys', async () => {
    const store = await openStore({ file: `${directory()}/csm.db`, modules: [LEDGER] });
    const sql = 'SELECT * FROM pragma_synchronous, pragma_journal_mode, pragma_foreign_keys';
    expect(await store.call('ledger.sql', { sql })).to.deep.equal([
      { synchronous: 2, journal_mode: 'wal', foreign_keys: 1 },
    ]);
    await store.close();
  });

  it('a limit that is not one is refused', async () => {
    expect(await problemOf(openMemoryStore({ modules: [], limits: { queueCalls: 0 } }))).to.include({
      code: code.INVALID_PARAMETER,
      field: 'limits.queueCalls',
    });
  });

  it('nobody loads the database code by importing this package', () => {
    const script = `
      await import(${JSON.stringify(new URL('../src/index.js', import.meta.url).href)});
      const { createRequire } = await import('node:module');
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((f) => /node_modules.(better-sqlite3|pg)\\b/.test(f));
      console.log(JSON.stringify(loaded), process.report.getReport().sharedObjects.filter((f) => f.includes('sqlite')).length);`;
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(out.trim()).to.equal('[] 0');
  });
});
