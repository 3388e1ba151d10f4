/** SQLite on a disk that is full or fails. */
import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { code, type Problem } from '@csm/model';
import { expect } from 'chai';
import { openStore, type Store } from '../src/index.ts';
import { directoryForTests, LEDGER } from './fixtures/engines.ts';
import { childCommand, children, mountSmall, unmount } from './fixtures/process.ts';

describe('a disk without room', () => {
  const directory = directoryForTests();
  const start = children();

  it('fails changes with code 24 while it is full, and works on once there is room', async function () {
    const small = `${directory()}/small`;
    await mkdir(small);
    if (!mountSmall(small, 1024 * 1024)) {
      console.log('      skipped: needs root and mount (apt-get install mount)');
      if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error('a file system could not be mounted');
      return this.skip();
    }
    let store: Store | undefined;
    try {
      store = await openStore({ file: `${small}/csm.db`, modules: [LEDGER] });
      const open = store;
      const results = await Promise.allSettled(
        [400_000, 2_000_000, 1, 3_000_000].map((bytes) => open.call('ledger.fill', { bytes })),
      );
      expect(results.map((r) => r.status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
      const full = results[1];
      expect(full?.status === 'rejected' && full.reason.problem.code).to.equal(code.DATABASE_UNAVAILABLE);
      expect(full?.status === 'rejected' && full.reason.problem.detail).to.include('is full');
      spawnSync('mount', ['-o', 'remount,size=16M', small]);
      await store.call('ledger.fill', { bytes: 2_000_000 });
      const sizes = await store.query('SELECT length(data) AS bytes FROM blob ORDER BY rowid');
      expect(sizes).to.deep.equal([400_000, 1, 2_000_000].map((bytes) => ({ bytes })));
    } finally {
      await store?.close();
      unmount(small);
    }
  });

  it('opens the file anew after an I/O error', async function () {
    if (spawnSync('prlimit', ['--version']).status !== 0) {
      console.log('      skipped: needs prlimit (apt-get install util-linux)');
      if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error('prlimit is missing');
      return this.skip();
    }
    // A limit on the size of files makes write() fail with EFBIG, which SQLite takes for an I/O error.
    const file = `${directory()}/csm.db`;
    const child = start('sh', '-c', `trap '' XFSZ; ulimit -S -f 2000; ${childCommand(file, 'fill')}`);
    await child.said(2);
    const failed = JSON.parse(child.lines[1] ?? '') as Problem;
    expect([failed.code, failed.detail]).to.satisfy(
      ([c, d]: [number, string]) => c === code.DATABASE_UNAVAILABLE && d.includes('SQLITE_IOERR'),
    );
    spawnSync('prlimit', ['--pid', String(child.process.pid), '--fsize=unlimited:']);
    child.process.stdin?.write('\n');
    await child.ended;
    expect(child.lines[2]).to.match(/^{"n":1,/);
  });
});
