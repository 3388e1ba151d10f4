import { spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Position } from '../src/sink/sending.ts';
import { Spool, type SpoolOptions } from '../src/sink/spool.ts';

const line = (n: number, pad = 0): string => `{"id":"${n}","pad":"${'x'.repeat(pad)}"}\n`;

describe('spool', () => {
  let root: string;
  let dir: string;
  let wall: number;
  const open: Spool[] = [];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'spool-'));
    dir = join(root, 'bds');
    wall = Date.UTC(2026, 0, 1);
  });

  afterEach(async () => {
    for (const spool of open.splice(0)) await spool.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function start(change: Partial<SpoolOptions> = {}): Promise<Spool> {
    const spool = await Spool.open({ dir, maxBytes: 64 * 1024 * 1024, maxAge: 3_600_000, now: () => wall, ...change });
    open.push(spool);
    return spool;
  }

  async function end(spool: Spool): Promise<void> {
    open.splice(open.indexOf(spool), 1);
    await spool.close();
  }

  /** Ids of all that is left from a place on, and where that ends. */
  async function rest(spool: Spool, from: Position = spool.cursor): Promise<{ ids: number[]; to: Position }> {
    const ids: number[] = [];
    for (let at = from; ; ) {
      const { bytes, to } = await spool.read(at, 256);
      if (bytes.length === 0) return { ids, to };
      at = to;
      const text = bytes.toString();
      expect(text.endsWith('\n'), 'whole lines').to.equal(true);
      for (const one of text.trimEnd().split('\n')) ids.push(Number((JSON.parse(one) as { id: string }).id));
    }
  }
  const segments = () => readdirSync(dir).filter((name) => name.endsWith('.ndjson'));
  /** The disk does not take lines: something stands where its directory should be. */
  const block = (): void => {
    rmSync(dir, { recursive: true, force: true });
    writeFileSync(dir, 'in the way');
  };
  const unblock = (): void => rmSync(dir);

  it('keeps lines in order, and begins where the receiver stands after a restart', async () => {
    const first = await start();
    await Promise.all([1, 2, 3].map((n) => first.append(line(n))));
    const { to } = await first.read(first.cursor, line(1).length);
    first.delivered(to);
    await first.append(line(4));
    await end(first);
    const second = await start();
    expect((await rest(second)).ids).to.deep.equal([2, 3, 4]);
    await second.append(line(5));
    expect((await rest(second)).ids).to.deep.equal([2, 3, 4, 5]);
  });

  it('is on disk when append resolves', async () => {
    const spool = await start();
    await spool.append(line(1) + line(2));
    const [name = ''] = segments();
    expect(readFileSync(join(dir, name), 'utf8')).to.equal(line(1) + line(2));
    expect(spool.counters.spooled).to.equal(2);
    expect(statSync(dir).mode & 0o777).to.equal(0o700);
  });

  it('a line longer than what is read at a time comes whole', async () => {
    const spool = await start();
    await spool.append(line(1, 5000));
    expect((await rest(spool)).ids).to.deep.equal([1]);
  });

  it('a torn last line of a crash is cut off, what stands before it is kept', async () => {
    const first = await start();
    await first.append(line(1) + line(2));
    await end(first);
    const [name = ''] = segments();
    appendFileSync(join(dir, name), line(3).slice(0, -4));
    const second = await start();
    await second.append(line(4));
    expect((await rest(second)).ids).to.deep.equal([1, 2, 4]);
    for (const file of segments()) expect(readFileSync(join(dir, file), 'utf8').endsWith('\n')).to.equal(true);
  });

  it('a segment of which nothing is whole goes', async () => {
    mkdirSync(dir);
    writeFileSync(join(dir, '000000000007.ndjson'), '{"id":');
    const spool = await start();
    expect(segments()).to.deep.equal([]);
    await spool.append(line(1));
    expect((await rest(spool)).ids).to.deep.equal([1]);
  });

  for (const [what, text] of [
    ['torn', '{"segment":1,"off'],
    ['of another form', '{"segment":"1","offset":-3}'],
    ['beyond its segment', '{"segment":1,"offset":99999}'],
    ['empty', ''],
  ] as const) {
    it(`a cursor that is ${what}: everything is handed out again`, async () => {
      const first = await start();
      await first.append(line(1) + line(2));
      await end(first);
      writeFileSync(join(dir, 'cursor'), text);
      expect((await rest(await start())).ids).to.deep.equal([1, 2]);
    });
  }

  it('what the receiver has makes room, and counts no more', async () => {
    const spool = await start({ maxBytes: 16_000 });
    for (let n = 1; n <= 20; n++) await spool.append(line(n, 400));
    expect(segments().length).to.be.above(3);
    spool.delivered((await rest(spool)).to);
    await spool.append(line(21));
    expect(segments()).to.have.length(1);
    expect(spool.bytes).to.equal(line(21).length);
    expect(spool.counters).to.include({ droppedFull: 0, droppedOld: 0 });
  });

  it('beyond its bytes the oldest lines go, and are counted', async () => {
    const spool = await start({ maxBytes: 8000 });
    for (let n = 1; n <= 50; n++) await spool.append(line(n, 400));
    const { ids } = await rest(spool);
    expect(ids.at(-1)).to.equal(50);
    expect(ids).to.deep.equal(Array.from({ length: ids.length }, (_, i) => 51 - ids.length + i));
    expect(spool.counters.droppedFull).to.equal(50 - ids.length);
    expect(spool.bytes).to.be.within(5000, 8000);
  });

  it('beyond their age lines go, also when no more come, and are counted', async () => {
    const spool = await start({ maxAge: 8000 });
    await spool.append(line(1) + line(2));
    const old = wall;
    expect(spool.oldest).to.equal(old);
    wall += 4000;
    await spool.append(line(3));
    wall += 5000;
    spool.expire();
    await spool.append(line(4));
    expect((await rest(spool)).ids).to.deep.equal([3, 4]);
    expect(spool.counters).to.include({ droppedOld: 2, droppedFull: 0 });
    expect(spool.oldest).to.equal(old + 4000);
  });

  it('a place that was dropped is the next one there is', async () => {
    const spool = await start({ maxBytes: 4000 });
    await spool.append(line(1, 600));
    const from = spool.cursor;
    for (let n = 2; n <= 20; n++) await spool.append(line(n, 600));
    expect((await rest(spool, from)).ids.at(-1)).to.equal(20);
  });

  it('a disk that takes nothing: lines stand in memory, are handed out, and are written when it works again', async () => {
    const spool = await start();
    await spool.append(line(1));
    block();
    await spool.append(line(2));
    await spool.append(line(3));
    expect(spool.problem).to.match(/ENOTDIR|EEXIST/);
    expect((await rest(spool, { segment: 2, offset: 0 })).ids).to.deep.equal([2, 3]);
    unblock();
    wall += 2000;
    await spool.append(line(4));
    expect(spool.problem).to.equal(undefined);
    const text = segments()
      .map((name) => readFileSync(join(dir, name), 'utf8'))
      .join('');
    expect(text).to.equal(line(2) + line(3) + line(4));
  });

  it('tries again by itself when no lines come', async () => {
    const spool = await start();
    block();
    await spool.append(line(1));
    unblock();
    wall += 2000;
    spool.expire();
    await spool.append('');
    expect(spool.problem).to.equal(undefined);
    expect(segments()).to.have.length(1);
  });

  it('memory is bounded: what is beyond is dropped and counted, and what the receiver has makes room', async () => {
    const spool = await start({ memoryMax: 1000 });
    block();
    for (let n = 1; n <= 10; n++) await spool.append(line(n, 180));
    expect(spool.counters.droppedFull).to.equal(5);
    const { ids, to } = await rest(spool);
    expect(ids).to.deep.equal([1, 2, 3, 4, 5]);
    spool.delivered(to);
    await spool.append(line(11, 180));
    expect((await rest(spool)).ids).to.deep.equal([11]);
    expect(spool.counters.droppedFull).to.equal(5);
    unblock();
  });

  it('a directory that cannot be made at first: what an earlier run left comes first, once it can', async () => {
    const before = await start();
    await before.append(line(1));
    await end(before);
    const kept = join(root, 'kept');
    mkdirSync(kept);
    for (const name of readdirSync(dir)) writeFileSync(join(kept, name), readFileSync(join(dir, name)));
    block();
    const spool = await start();
    expect(spool.problem).not.to.equal(undefined);
    await spool.append(line(2));
    const early = await rest(spool);
    expect(early.ids).to.deep.equal([2]);
    unblock();
    mkdirSync(dir);
    for (const name of readdirSync(kept)) writeFileSync(join(dir, name), readFileSync(join(kept, name)));
    wall += 2000;
    await spool.append(line(3));
    spool.delivered(early.to);
    expect((await rest(spool, early.to)).ids, 'none is passed over').to.deep.equal([1, 2, 3]);
  });

  it('a file that cannot be written to is left alone: the next lines get another', async () => {
    const spool = await start();
    await spool.append(line(1));
    const [name = ''] = segments();
    rmSync(join(dir, name));
    mkdirSync(join(dir, name));
    await spool.append(line(2));
    expect(spool.problem).to.match(/EISDIR/);
    wall += 2000;
    await spool.append(line(3));
    expect(spool.problem).to.equal(undefined);
    expect((await rest(spool, { segment: 2, offset: 0 })).ids).to.deep.equal([2, 3]);
  });

  it('closed: takes no more, and keeps nobody waiting', async () => {
    const spool = await start();
    await end(spool);
    await spool.append(line(1));
    expect(spool.counters).to.include({ spooled: 0, droppedFull: 1 });
  });

  it('a second one on the same directory is refused by words; a dead holder is not waited for', async () => {
    const spool = await start();
    const refused = await Spool.open({ dir, maxBytes: 1e6, maxAge: 1e6, now: () => wall }).catch(
      (error: Error) => error,
    );
    expect(refused).to.be.instanceOf(Error);
    expect((refused as Error).message)
      .to.include(String(process.pid))
      .and.to.include(dir);
    await end(spool);
    const child = spawn('true');
    await new Promise((resolve) => child.once('close', resolve));
    writeFileSync(join(dir, 'lock'), `${child.pid} 12345\n`);
    await start();
    expect(readFileSync(join(dir, 'lock'), 'utf8')).to.match(new RegExp(`^${process.pid} `));
    expect(readdirSync(dir).filter((name) => name.startsWith('lock'))).to.deep.equal(['lock']);
  });

  it('of many that start at once on a stale lock, one has it', async () => {
    mkdirSync(dir);
    writeFileSync(join(dir, 'lock'), 'torn');
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => start()));
    expect(results.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
  });

  it('whatever happens: nothing is lost, nothing is reordered, a restart repeats no more than it must', async () => {
    const event = fc.constantFrom('append', 'append', 'append', 'deliver', 'restart', 'block', 'unblock', 'time');
    // In one step: the spool may be trying again just then, and may have made the directory.
    const putBack = () => {
      const aside = join(root, 'aside');
      mkdirSync(aside);
      for (const name of readdirSync(root))
        if (name !== 'bds' && name !== 'aside') renameSync(join(root, name), join(aside, name));
      unblock();
      renameSync(aside, dir);
      wall += 2000;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        rmSync(dir, { recursive: true, force: true });
        let spool = await start({ maxBytes: 1e6 });
        let made = 0;
        let had = 0;
        let isBlocked = false;
        for (const what of events) {
          if (what === 'append') await Promise.all([spool.append(line(++made, 50)), spool.append(line(++made, 50))]);
          else if (what === 'deliver') {
            const { bytes, to } = await spool.read(spool.cursor, 400);
            const ids = bytes
              .toString()
              .trimEnd()
              .split('\n')
              .filter((text) => text !== '');
            if (ids.length > 0) had = Number((JSON.parse(ids.at(-1) ?? '') as { id: string }).id);
            spool.delivered(to);
          } else if (what === 'restart' && !isBlocked) {
            await end(spool);
            spool = await start({ maxBytes: 1e6 });
          } else if (what === 'block' && !isBlocked) {
            // As a disk that goes read-only: what it has stays, nothing can be added.
            isBlocked = true;
            await spool.append('');
            for (const name of segments()) writeFileSync(join(root, name), readFileSync(join(dir, name)));
            const lock = readFileSync(join(dir, 'lock'));
            block();
            writeFileSync(join(root, 'lock'), lock);
          } else if (what === 'unblock' && isBlocked) {
            isBlocked = false;
            putBack();
          } else if (what === 'time') wall += 5000;
        }
        if (isBlocked) putBack();
        await spool.append(line(++made));
        await end(spool);
        const last = await start();
        const { ids } = await rest(last);
        await end(last);
        expect(last.counters.droppedFull + spool.counters.droppedFull).to.equal(0);
        expect(ids.at(-1)).to.equal(made);
        expect(ids).to.deep.equal(Array.from({ length: ids.length }, (_, i) => made - ids.length + 1 + i));
        expect(ids[0], 'lost').to.be.at.most(had + 1);
      }),
      { numRuns: 40 },
    );
  });
});
