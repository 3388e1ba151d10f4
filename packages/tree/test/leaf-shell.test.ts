/** The leaf with its real journal on disk, against a real hub and core in this process and a database twin. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { mono, wall } from '@csm/model';
import { initCa, issue, readPem } from '@csm/pki';
import { expect } from 'chai';
import {
  type CommitBatch,
  type CommitResult,
  type CoreDatabase,
  CoreShell,
  LeafShell,
  type Log,
} from '../src/index.ts';
import { readJournal } from '../src/net/journal-lines.ts';
import { recover } from '../src/outbox/recovery.ts';

const clock = { now: () => ({ mono: mono(performance.now()), wall: wall(Date.now()) }) };
const quiet: Log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
const LIMITS = { bytes: 64 * 1024 * 1024, frameItems: 1024, frameBytes: 192 * 1024 };

/** Cursors and rows as the database keeps them. */
class Twin implements CoreDatabase {
  readonly rows: number[] = [];
  readonly cursors = new Map<string, number>();
  slow = 0;

  async load() {
    return { known: [], hubs: [] };
  }
  async record(record: Parameters<CoreDatabase['record']>[0]) {
    const claims = record.claims.map(({ daemon, incarnation }) => ({
      daemon,
      incarnation,
      cursor: this.cursors.get(`${daemon} ${incarnation}`) ?? 0,
      inventory: null,
    }));
    return { claims };
  }
  async commit(batches: readonly CommitBatch[]): Promise<readonly CommitResult[]> {
    await new Promise((resolve) => setTimeout(resolve, this.slow));
    return batches.map(({ daemon, incarnation, first, items }) => {
      const key = `${daemon} ${incarnation}`;
      const cursor = this.cursors.get(key) ?? 0;
      if (first > cursor + 1) return { daemon, incarnation, cursor, gap: true };
      const fresh = items.slice(cursor + 1 - first);
      for (const item of fresh) this.rows.push((item.body as { n: number }).n);
      this.cursors.set(key, Math.max(cursor, first + items.length - 1));
      return { daemon, incarnation, cursor: this.cursors.get(key) ?? 0, gap: false };
    });
  }
  async touch() {}
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 45_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('leaf shell', () => {
  let site: string;
  /** Each test's own, so that what one leaves behind fails no other. */
  let dir: string;
  let core: CoreShell;
  let twin: Twin;
  const leaves: LeafShell[] = [];

  before(async () => {
    site = await mkdtemp(join(tmpdir(), 'csm-leaf-'));
    await initCa(site, { name: 'test' });
    const { file } = await issue(site, { role: 'master', node: 'm1', names: ['127.0.0.1'] });
    const { cert, key } = await readPem(file);
    const tls = { ca: await readFile(join(site, 'ca.pem'), 'utf8'), cert, key };
    twin = new Twin();
    const listen = { host: '127.0.0.1', port: 0 };
    core = await CoreShell.start({
      node: 'm1',
      aggregatorListen: listen,
      utilityListen: listen,
      tls: () => tls,
      revoked: () => new Set(),
      intervalMs: 1000,
      clock,
      log: quiet,
      database: twin,
      term: 1,
      serve: async () => null,
    });
  });
  after(async () => {
    await core.stop('done');
    await rm(site, { recursive: true });
  });
  beforeEach(async () => {
    dir = await mkdtemp(join(site, 'leaf-'));
  });
  // One that a failed test left running would hold the master's only link.
  afterEach(async () => {
    for (const leaf of leaves.splice(0)) await leaf.stop('done');
  });

  const start = async (log = quiet): Promise<LeafShell> => {
    const leaf = await LeafShell.start({
      role: 'master',
      node: 'm1',
      candidates: [{ name: 'm1', connect: () => core.connectOwn() }],
      tls: () => ({ ca: '', cert: '', key: '' }),
      revoked: () => new Set(),
      journal: join(dir, 'leaf.journal'),
      intervalMs: 1000,
      returnAfterMs: 60_000,
      outboxBytes: LIMITS.bytes,
      clock,
      log,
      commands: {},
    });
    leaves.push(leaf);
    return leaf;
  };

  it('keeps every accepted report through compactions, and a crash at any moment doubles none', async () => {
    const leaf = await start();
    const accepted = new Set<number>();
    const crashes: { file: string; accepted: Set<number>; stored: Set<number> }[] = [];
    const filler = 'x'.repeat(1000);
    const COUNT = 6000;
    twin.slow = 2;
    for (let n = 0; n < COUNT; n++) {
      const offered = leaf.offer({
        kind: 'test',
        urgency: n % 7 === 0 ? 'urgent' : 'normal',
        time: Date.now(),
        body: { n, filler },
      });
      offered.then(
        () => accepted.add(n),
        () => undefined,
      );
      if (n % 100 !== 99) continue;
      await offered;
      if (n % 500 !== 499) continue;
      // What a crash at this moment would leave: taken after what was told accepted and before what is stored.
      const file = join(dir, `crash-${n}`);
      const told = new Set(accepted);
      await copyFile(join(dir, 'leaf.journal'), file);
      crashes.push({ file, accepted: told, stored: new Set(twin.rows) });
    }
    await until(() => twin.rows.length >= COUNT, `${COUNT} rows, there are ${twin.rows.length}`);
    await until(() => leaf.leaf.outbox.numbered.size === 0, 'everything acknowledged');
    await leaf.stop('done');
    expect(twin.rows.length).to.equal(COUNT);
    expect(new Set(twin.rows).size).to.equal(COUNT);
    expect(accepted.size).to.equal(COUNT);

    for (const crash of crashes) {
      const { records, lost } = readJournal(await readFile(crash.file));
      expect(lost).to.equal(0);
      const { outbox } = recover(records, LIMITS);
      const held = [
        ...outbox.numbered.toArray(),
        ...outbox.waiting.urgent.toArray(),
        ...outbox.waiting.normal.toArray(),
      ];
      const numbers = held.map((entry) => (JSON.parse(entry.text) as { n: number }).n);
      expect(new Set(numbers).size, 'an entry stands twice').to.equal(numbers.length);
      const safe = new Set([...numbers, ...crash.stored]);
      for (const n of crash.accepted) if (!safe.has(n)) throw new Error(`report ${n} was accepted and is nowhere`);
    }
    expect((await readFile(join(dir, 'leaf.journal'))).length, 'the journal was compacted').to.be.below(
      4 * 1024 * 1024,
    );
  });

  const filler = 'y'.repeat(1000);
  /** Reports that wait for the disk at once. */
  const MANY = 1000;

  /** Numbers the journal holds, each once. */
  async function heldIn(journal: string): Promise<number[]> {
    const { records, lost } = readJournal(await readFile(journal));
    expect(lost).to.equal(0);
    const { numbered, waiting } = recover(records, LIMITS).outbox;
    const numbers = [...numbered.toArray(), ...waiting.normal.toArray()].map(
      (e) => (JSON.parse(e.text) as { n: number }).n,
    );
    expect(new Set(numbers).size, 'an entry stands twice').to.equal(numbers.length);
    return numbers;
  }

  it('goes on accepting while the journal cannot begin anew, and holds each report once', async () => {
    const journal = join(dir, 'leaf.journal');
    const warnings: string[] = [];
    const leaf = await start({ ...quiet, warn: (text) => warnings.push(text) });
    await mkdir(`${journal}.new`); // stands in the way of every compaction
    const told = new Set<number>();
    let last = 200_000;
    /** Offers without waiting for each, so that some always wait while others are written; a slow disk is waited for. */
    const offerUntil = async (done: () => boolean) => {
      const settled: Promise<unknown>[] = [];
      let open = 0;
      while (!done()) {
        const n = last++;
        if (n > 260_000)
          throw new Error(
            `the journal never wanted compaction: ${told.size} accepted, ${statSync(journal).size} bytes`,
          );
        open++;
        const offered = leaf.offer({ kind: 'test', urgency: 'normal', time: 1, body: { n, filler } });
        settled.push(offered.then(() => told.add(n)).finally(() => open--));
        // What the hub has yet to acknowledge stands in every new beginning of the journal: it is kept small.
        const { numbered } = leaf.leaf.outbox;
        do {
          if (open >= MANY || n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
          if (numbered.size >= MANY) await pause(1);
        } while (open >= MANY || numbered.size >= MANY);
      }
      await Promise.all(settled);
    };
    await offerUntil(() => warnings.length >= 2);
    expect(warnings[0]).to.contain('could not begin anew');
    expect(leaf.journalFault).to.equal(undefined);
    const accepted = new Set(told);
    const held = await heldIn(journal);
    const safe = new Set([...held, ...twin.rows]);
    expect([...accepted].filter((n) => !safe.has(n))).to.deep.equal([]);
    await rmdir(`${journal}.new`);
    // A journal that begins anew is another file under the same name.
    const grown = (await stat(journal)).ino;
    await offerUntil(() => statSync(journal).ino !== grown);
    await until(
      () => leaf.leaf.outbox.numbered.size + leaf.leaf.outbox.waiting.normal.size === 0,
      'everything acknowledged',
    );
    await leaf.stop('done');
    expect(warnings.length, 'it was tried at every write').to.be.below(10);
    const stored = twin.rows.filter((n) => n >= 200_000).sort((a, b) => a - b);
    expect(stored).to.deep.equal([...told].sort((a, b) => a - b));
  });

  it('refuses offers while the journal cannot be written, and then holds each accepted one once', async function () {
    const journal = join(dir, 'leaf.journal');
    // A limit on the size of files tears a write and makes it fail with EFBIG.
    const limit = (bytes: number | 'unlimited') =>
      spawnSync('prlimit', [`--fsize=${bytes}:unlimited`, '--pid', `${process.pid}`]).status === 0;
    if (!limit('unlimited')) {
      console.log('      skipped: needs prlimit (apt-get install util-linux)');
      if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error('prlimit is missing');
      return this.skip();
    }
    const ignored = () => undefined;
    process.on('SIGXFSZ', ignored);
    const leaf = await start();
    try {
      limit((await stat(journal)).size + 50_500);
      const settled: Promise<number | undefined>[] = [];
      let open = 0;
      for (let n = 300_000; leaf.journalFault === undefined; n++) {
        while (open >= MANY && leaf.journalFault === undefined) await new Promise((resolve) => setImmediate(resolve));
        open++;
        const offered = leaf.offer({ kind: 'test', urgency: 'normal', time: 1, body: { n, filler } });
        settled.push(
          offered
            .then(
              () => n,
              () => undefined,
            )
            .finally(() => open--),
        );
        if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (n > 310_000) throw new Error('the journal was never full');
      }
      const refused = await leaf.offer({ kind: 'test', urgency: 'normal', time: 1, body: {} }).then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      );
      expect(refused?.message).to.contain('the journal cannot be written');
      limit('unlimited');
      const accepted = (await Promise.all(settled)).filter((n) => n !== undefined);
      await heldIn(journal);
      await until(
        () => leaf.leaf.outbox.numbered.size + leaf.leaf.outbox.waiting.normal.size === 0,
        'everything acknowledged',
      );
      const stored = twin.rows.filter((n) => n >= 300_000);
      expect(stored.length).to.equal(new Set(stored).size);
      expect(accepted.filter((n) => !stored.includes(n))).to.deep.equal([]);
    } finally {
      limit('unlimited');
      process.off('SIGXFSZ', ignored);
      await leaf.stop('done');
    }
  });

  it('recovers what was accepted and not sent, under the same incarnation', async () => {
    const first = await start();
    const { incarnation } = first.leaf.outbox;
    await first.offer({ kind: 'test', urgency: 'normal', time: 1, body: { n: 100_000 } });
    await first.stop('done');
    const second = await start();
    expect(second.leaf.outbox.incarnation).to.equal(incarnation);
    await until(() => twin.rows.includes(100_000), 'the report is stored');
    await second.stop('done');
    expect(twin.rows.filter((n) => n === 100_000)).to.have.length(1);
  });

  it('writes what was acknowledged together with what is accepted next, and at the latest when it stops', async () => {
    const cursors = async () =>
      readJournal(await readFile(join(dir, 'leaf.journal'))).records.flatMap((r) =>
        r.r === 'cursor' ? [r.cursor] : [],
      );
    const leaf = await start();
    const report = (n: number) => ({ kind: 'k', urgency: 'normal' as const, time: 0, body: { n } });
    const { outbox } = leaf.leaf;
    await leaf.offer(report(1_000_001));
    await until(() => outbox.numbered.size === 0 && outbox.counters.acknowledged > 0, 'the first is acknowledged');
    const first = outbox.cursor;
    await leaf.offer(report(1_000_002));
    expect(await cursors(), 'with the second report').to.include(first);
    await until(() => outbox.cursor > first, 'the second is acknowledged');
    await leaf.stop('done');
    expect((await cursors()).at(-1), 'at the end').to.equal(outbox.cursor);
  });

  it('sends what was offered in one moment in one frame', async () => {
    const leaf = await start();
    await until(() => leaf.leaf.outbox.sendTerm !== undefined && leaf.leaf.outbox.credit > 0, 'it may send');
    const before = core.core.intake.counters.committed;
    const batches: number[] = [];
    const commit = twin.commit.bind(twin);
    twin.commit = (given) => {
      batches.push(...given.map(({ items }) => items.length));
      return commit(given);
    };
    try {
      const offers = Array.from({ length: 10 }, (_, i) =>
        leaf.offer({ kind: 'k', urgency: i % 2 === 0 ? 'urgent' : 'normal', time: 0, body: { n: 2_000_000 + i } }),
      );
      await Promise.all(offers);
      await until(() => core.core.intake.counters.committed === before + 10, 'all are committed');
      expect(batches).to.deep.equal([10]);
    } finally {
      twin.commit = commit;
      await leaf.stop('done');
    }
  });

  it('refuses a second daemon on the same journal in words', async () => {
    const leaf = await start();
    const error = await start().then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error?.message).to.contain('another daemon uses the journal');
    await leaf.stop('done');
  });
});
