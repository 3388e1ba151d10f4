/** The journal's file and its lock: who may hold it, and what a failing disk leaves. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { COMPACT_MIN, Journal } from '../src/net/journal.ts';
import { readJournal } from '../src/net/journal-lines.ts';
import type { JournalRecord } from '../src/outbox/state.ts';

const MODULE = new URL('../src/net/journal.js', import.meta.url).href;
const record = (term: number): JournalRecord => ({ r: 'term', term });
const terms = async (path: string) =>
  readJournal(await readFile(path)).records.map((r) => (r.r === 'term' ? r.term : undefined));

async function refusalOf(work: Promise<unknown>): Promise<Error & { problem?: { code: number; field?: string } }> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).to.be.instanceOf(Error);
  return thrown as Error;
}

/** Whether a system tool did its work; without it the test is skipped in words. */
function able(test: Mocha.Context, worked: boolean, needs: string): void {
  if (worked) return;
  console.log(`      skipped: needs ${needs}`);
  if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(`needs ${needs}`);
  test.skip();
}

describe('journal file', () => {
  let dir: string;
  let path: string;
  const children = new Set<ChildProcess>();
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'csm-journal-'));
    path = join(dir, 'n1.journal');
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    await rm(dir, { recursive: true });
  });

  describe('lock', () => {
    /** Another process that holds the journal. */
    async function holder(): Promise<ChildProcess> {
      const script = `import { Journal } from ${JSON.stringify(MODULE)};
        await Journal.open(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.add(child);
      await once(child.stdout, 'data');
      return child;
    }

    it('cannot be taken by whoever makes a socket of the name', async () => {
      const server = createServer();
      const name = `\0csm-journal-${createHash('sha256').update(path).digest('hex').slice(0, 40)}`;
      await new Promise<void>((resolve) => server.listen(name, resolve));
      try {
        await (await Journal.open(path)).close();
      } finally {
        server.close();
      }
    });

    it('is a private file naming its holder, and is gone after close', async () => {
      const journal = await Journal.open(path);
      const text = await readFile(`${path}.lock`, 'utf8');
      expect(text).to.match(new RegExp(`^${process.pid} [1-9][0-9]*\n$`));
      expect((await stat(`${path}.lock`)).mode & 0o777).to.equal(0o600);
      const error = await refusalOf(Journal.open(path));
      expect(error.message).to.contain('another daemon uses the journal').and.contain(`${process.pid}`);
      expect(error.problem).to.include({ code: 44, field: 'journal' });
      await journal.close();
      expect(await readdir(dir)).to.deep.equal(['n1.journal']);
    });

    it('refuses while another process holds it, and takes over once that was killed', async () => {
      const child = await holder();
      expect((await refusalOf(Journal.open(path))).message).to.contain(`its pid is ${child.pid};`);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await readFile(`${path}.lock`, 'utf8')).to.contain(`${child.pid} `);
      const journal = await Journal.open(path);
      expect(await readFile(`${path}.lock`, 'utf8')).to.contain(`${process.pid} `);
      await journal.close();
      expect(await readdir(dir)).to.deep.equal(['n1.journal']);
    });

    for (const [what, text] of [
      ['empty', ''],
      ['torn', `${process.pid}`],
      ['of a dead process', '2147483647 5\n'],
      ['of an earlier process with a living number', `${process.pid} 1\n`],
    ] as const) {
      it(`takes over one that is ${what}`, async () => {
        await writeFile(`${path}.lock`, text);
        const journal = await Journal.open(path);
        expect((await refusalOf(Journal.open(path))).message).to.contain('another daemon uses the journal');
        await journal.close();
      });
    }

    it('takes over one whose taker was killed in between', async () => {
      await writeFile(`${path}.lock`, '2147483647 5\n');
      await writeFile(`${path}.lock.gate`, '2147483647 6\n');
      await (await Journal.open(path)).close();
      expect(await readdir(dir)).to.deep.equal(['n1.journal']);
    });

    it('goes to one of many that start at the same moment over a stale one', async () => {
      await writeFile(`${path}.lock`, '2147483647 5\n');
      const opened = await Promise.allSettled(Array.from({ length: 8 }, () => Journal.open(path)));
      const held = opened.filter((o) => o.status === 'fulfilled');
      expect(held).to.have.length(1);
      for (const { value } of held) await value.close();
      expect(await readdir(dir)).to.deep.equal(['n1.journal']);
    });
  });

  it('goes on after a failed compaction, and wants it again when it has grown by half', async () => {
    const journal = await Journal.open(path);
    const many = Array.from({ length: 20_000 }, (_, n) => record(n));
    while (!journal.wantsCompaction) await journal.append(many, false);
    const before = journal.size;
    await mkdir(`${path}.new`);
    await refusalOf(journal.compact([record(1)]));
    expect(journal.wantsCompaction).to.equal(false);
    expect(journal.size).to.equal(before);
    while (!journal.wantsCompaction) await journal.append(many, false);
    expect(journal.size).to.be.within(before * 1.5, before * 1.5 + 2 * COMPACT_MIN);
    await rmdir(`${path}.new`);
    await journal.compact([record(1)]);
    await journal.append([record(2)], true);
    await journal.close();
    expect(await terms(path)).to.deep.equal([1, 2]);
  });

  describe('on a disk that fails', () => {
    /** The longest file this process may write, bytes: a write beyond it is torn and fails with EFBIG. */
    const limit = (bytes: number | 'unlimited') =>
      spawnSync('prlimit', [`--fsize=${bytes}:unlimited`, '--pid', `${process.pid}`]).status === 0;
    const ignored = () => undefined;
    before(() => process.on('SIGXFSZ', ignored));
    afterEach(() => {
      limit('unlimited');
      spawnSync('chattr', ['-a', path]);
    });
    after(() => process.off('SIGXFSZ', ignored));

    it('removes what a failed compaction has begun', async function () {
      const journal = await Journal.open(path);
      await journal.append([record(1)], true);
      able(this, limit(journal.size), 'prlimit (apt-get install util-linux)');
      await refusalOf(journal.compact([record(1), record(2)]));
      expect(await readdir(dir)).to.have.members(['n1.journal', 'n1.journal.lock']);
      limit('unlimited');
      await journal.append([record(2)], true);
      await journal.close();
      expect(await terms(path)).to.deep.equal([1, 2]);
    });

    it('cuts off what a failed write has left', async function () {
      const journal = await Journal.open(path);
      await journal.append([record(1)], true);
      able(this, limit(journal.size + 10), 'prlimit (apt-get install util-linux)');
      await refusalOf(journal.append([record(2)], true));
      expect((await readFile(path)).length).to.equal(journal.size);
      limit('unlimited');
      await journal.append([record(2)], true);
      await journal.close();
      expect(await terms(path)).to.deep.equal([1, 2]);
    });

    it('goes on after failed writes of any size, synced or not, and leaves nothing open', async function () {
      const wide: JournalRecord = { r: 'command', id: 'wide', hash: 'x'.repeat(50_000), until: 1 };
      const journal = await Journal.open(path);
      const isOpen = (): Promise<string[]> => readdir('/proc/self/fd');
      await journal.append([record(1)], true);
      const before = (await isOpen()).length;
      for (const [i, sync] of [false, true, false].entries()) {
        await journal.append([wide], sync);
        able(this, limit(journal.size + 40_000), 'prlimit (apt-get install util-linux)');
        await refusalOf(journal.append([wide], sync));
        expect((await readFile(path)).length).to.equal(journal.size);
        limit('unlimited');
        await journal.append([record(i + 2)], sync);
      }
      expect((await isOpen()).length).to.equal(before);
      await journal.close();
      expect(await terms(path)).to.deep.equal([1, undefined, 2, undefined, 3, undefined, 4]);
    });

    it('writes nothing behind a torn tail that cannot be cut off', async function () {
      const journal = await Journal.open(path);
      try {
        await journal.append([record(1)], true);
        // A file to which one may only append cannot be cut.
        able(this, spawnSync('chattr', ['+a', path]).status === 0, 'root and chattr (apt-get install e2fsprogs)');
        able(this, limit(journal.size + 10), 'prlimit (apt-get install util-linux)');
        await refusalOf(journal.append([record(2)], true));
        limit('unlimited');
        expect((await readFile(path)).length).to.equal(journal.size + 10);
        await refusalOf(journal.append([record(2)], true));
        expect((await readFile(path)).length).to.equal(journal.size + 10);
        spawnSync('chattr', ['-a', path]);
        await journal.append([record(2)], true);
        expect(await terms(path)).to.deep.equal([1, 2]);
      } finally {
        await journal.close();
      }
    });
  });
});
