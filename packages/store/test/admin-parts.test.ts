/** What an admin's work is made of: pages of a copy, directories for secrets, archives that are there already. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { code } from '@csm/model';
import { expect } from 'chai';
import { archivePath, readArchive, writeArchive } from '../src/admin/index.ts';
import { FIRST_ROWS, nextRows } from '../src/admin/page.ts';
import { inSecretDirectory } from '../src/postgresql/secret-directory.ts';
import { directoryForTests, problemOf } from './fixtures/engines.ts';

describe('pages of a copy', () => {
  const rows = (count: number, chars: number) => Array.from({ length: count }, () => ({ text: 'x'.repeat(chars) }));
  for (const [asked, given, next] of [
    [FIRST_ROWS, rows(16, 10), 64],
    [256, rows(256, 10), 500],
    [500, rows(500, 10), 500],
    // Changes with the longest bodies: 16 of them are 4 MiB.
    [FIRST_ROWS, rows(16, 262_144), 16],
    [500, rows(500, 262_144), 16],
    [500, rows(500, 10_000_000), 1],
    [500, [{ bytes: Buffer.alloc(1024 * 1024), n: 1 }], 3],
    [64, [], 64],
  ] as const) {
    it(`asks for ${next} rows after ${given.length} of ${asked}`, () => {
      expect(nextRows(asked, given)).to.equal(next);
    });
  }
});

describe('a directory for secrets', () => {
  it('goes with the work, and with the next one when its process was killed', async () => {
    const { pid: dead } = spawnSync(process.execPath, ['-e', '']);
    const [left, alive] = [dead, process.pid].map((pid) => join(tmpdir(), `csm-pgpass-${pid}-aB3dE6`));
    try {
      for (const directory of [left, alive]) {
        mkdirSync(directory ?? '');
        writeFileSync(join(directory ?? '', 'pgpass'), 'secret');
      }
      let own = '';
      const thrown = await inSecretDirectory((directory) => {
        own = directory;
        expect([existsSync(own), existsSync(left ?? ''), existsSync(alive ?? '')]).to.deep.equal([true, false, true]);
        return Promise.reject(new Error('as asked'));
      }).catch((error: Error) => error.message);
      expect([thrown, existsSync(own)]).to.deep.equal(['as asked', false]);
    } finally {
      for (const directory of [left, alive]) rmSync(directory ?? '', { recursive: true, force: true });
    }
  });
});

describe('an archive', () => {
  const parent = directoryForTests();
  const before = Date.UTC(2026, 10, 21);
  async function* rows() {
    yield [{ time: before - 1, text: '{"n":1}' }];
  }

  it('is found again by its manifest, whole or not at all', async () => {
    // A slash at the end is how a shell completes it.
    const options = { directory: `${join(parent(), 'archive')}/`, what: 'things', before, clock: () => before };
    expect(await readArchive(options)).to.equal(undefined);
    const manifest = await writeArchive(rows(), { ...options, last: () => 7 });
    expect(manifest).to.include({ rows: 1, last: 7 });
    expect(await readArchive(options)).to.deep.equal(manifest);
    const path = archivePath(options);
    expect(path).to.equal(join(parent(), 'archive/things-before-2026-11-21'));
    appendFileSync(join(path, '2026-11-20.jsonl.gz'), 'x');
    const damaged = await problemOf(readArchive(options));
    expect([damaged.code, damaged.field]).to.deep.equal([code.INVALID_PARAMETER, 'directory']);
    expect(damaged.detail).to.match(/2026-11-20\.jsonl\.gz is not the file that the manifest/);
    writeFileSync(join(path, 'manifest.json'), '{}');
    expect((await problemOf(readArchive(options))).detail).to.match(/is there and is no archive of things before/);
  });
});
