/** `csm db`: what is asked of the daemon, what is shown, and the work that csmd does. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findCsmd } from '../src/csmd.ts';
import { csm, NOW, text, type World, world } from './harness.ts';
import { DB_STATUS, RETENTION, WELL } from './sample.ts';

describe('csm db', () => {
  let tree: World;
  before(async () => {
    tree = await world();
  });
  after(() => tree.stop());
  beforeEach(() => {
    tree.handlers = { ...WELL };
    tree.calls.length = 0;
  });
  const run = (line: string | readonly string[]) => csm(tree, line);
  const lastInput = () => tree.calls.at(-1)?.input;

  it('status tells how the database is', async () => {
    expect(await run('db status')).to.deep.equal({
      exit: 0,
      err: '',
      out: text`
        database: sqlite 3.53.2, /var/lib/csm/csm.db
        size:     12.0 MiB, log 1.0 MiB
        term:     3
        commits:  1042, 2.5 calls each, the last took 1.25 ms
        queue:    0 calls waiting, 0 turned away
        changes:  11 to 42
        reports:  6 streams, 0 rejected
        schema:   cluster 2, store 2

        FOLLOWER  BEHIND  MOVED
        sink           2  1 min
      `,
    });
    expect(JSON.parse((await run('db status -o json')).out)).to.deep.equal(DB_STATUS);
  });

  it('retention has a row for each table', async () => {
    expect((await run('db retention')).out).to.equal(text`
      TABLE   ROWS  MiB  OLDEST  DUE  SETTING             KEPT
      change    32  0.1  10 d      0  csm.db.change_keep  by age; never what a follower has yet to get, nor the newest
      node       6  0.0  -         -  -                   as long as what it tells of is there
    `);
    expect(JSON.parse((await run('db retention -o json')).out)).to.deep.equal(RETENTION);
  });

  it('backup passes on what was asked', async () => {
    const { exit, out } = await run('db backup /b/one --force');
    expect([exit, out]).to.deep.equal([
      0,
      'm1:/b/one: 3.0 MiB, 38 rows in 2 tables, taken at 2026-10-17T10:00:00.000Z in 1.5 s\n',
    ]);
    expect(lastInput()).to.deep.equal({ file: '/b/one', force: true });
    await run('db backup /b/two');
    expect(lastInput()).to.deep.equal({ file: '/b/two' });
    const refused = await run('db backup one');
    expect(refused.exit).to.equal(9);
    expect(refused.err).to.match(/field: file\n {2}allowed: an absolute path on the master's machine/);
  });

  it('archive counts in whole days', async () => {
    const { out } = await run('db archive /a --before 30d --remove');
    expect(out).to.equal('m1:/a/changes-before-2026-09-17: 10 changes of 2 days, 0.5 MiB; 8 removed, 2 stay for now\n');
    const day = 86_400_000;
    expect(lastInput()).to.deep.equal({
      directory: '/a',
      before: Math.floor(NOW / day) * day - 30 * day,
      remove: true,
    });
    expect((await run('db archive /a')).exit).to.equal(8);
    expect((await run('db archive /a --before soon')).exit).to.equal(9);
  });

  describe('with csmd', () => {
    let bin = '';
    beforeEach(() => {
      bin = mkdtempSync(join(tmpdir(), 'csm-bin-'));
      const csmd = join(bin, 'csmd');
      writeFileSync(csmd, '#!/bin/sh\necho "$@"\necho on-stderr >&2\nexit 25\n');
      chmodSync(csmd, 0o755);
    });
    afterEach(() => rmSync(bin, { recursive: true, force: true }));

    it('finds it beside itself, then in the clone, then on the path', () => {
      expect(findCsmd({}, join(bin, 'csm'))).to.equal(join(bin, 'csmd'));
      expect(findCsmd({ PATH: bin }, '/no/where/csm')).to.match(/packages\/daemon\/bin\/csmd\.mjs$/);
    });

    it('gives it the words, and takes its exit code', async () => {
      const argv = process.argv[1];
      process.argv[1] = join(bin, 'csm');
      try {
        expect(await run('db check --config /c -o json')).to.deep.equal({
          exit: 25,
          out: '--role master --file /c --db check --json\n',
          err: 'on-stderr\n',
        });
        expect((await run('db restore /b/one')).out).to.equal(
          '--role master --file /etc/csm/csm_master.cfg --db restore --from /b/one\n',
        );
        expect((await run('db copy --to postgresql --from /f')).out).to.match(/--db copy --from \/f\n$/);
        expect(await run('db check -o csv')).to.include({ exit: 9, out: '' });
      } finally {
        process.argv[1] = argv ?? '';
      }
      expect((await run('db copy')).exit).to.equal(8);
      expect((await run('db copy --to oracle')).err).to.match(/'oracle' is not allowed/);
      expect((await run('db restore')).exit).to.be.oneOf([8, 9]);
    });
  });
});
