import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { CsmError } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { COMPACT_MIN, Journal } from '../src/net/journal.ts';
import { journalBytes, readJournal } from '../src/net/journal-lines.ts';
import type { JournalRecord } from '../src/outbox/state.ts';

const START: JournalRecord = { r: 'incarnation', incarnation: 'i1', format: 1 };
const offer = (e: number, body: string): JournalRecord => {
  return { r: 'offer', e, kind: 'k', u: 'normal', t: 0, text: JSON.stringify(body) };
};

const RECORD: fc.Arbitrary<JournalRecord> = fc.oneof(
  fc.record({ r: fc.constant('number' as const), first: fc.nat(), e: fc.array(fc.nat()) }),
  fc.record({ r: fc.constant('cursor' as const), cursor: fc.nat() }),
  fc.tuple(fc.nat(), fc.string({ unit: 'binary' })).map(([e, body]) => offer(e, body)),
);
const text = journalBytes;

describe('journal lines', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(fc.array(RECORD), (records) => {
        const bytes = text(records);
        const wire: unknown = JSON.parse(JSON.stringify(records));
        expect(readJournal(bytes)).to.deep.equal({ records: wire, good: bytes.length, lost: 0 });
      }),
    );
  });

  it('stand in the file as they always did: older daemons read them, and theirs are read', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string({ minLength: 1 }), fc.jsonValue(), (e, kind, body) => {
        const json = JSON.stringify({ r: 'offer', e, kind, u: 'urgent', t: 1_700_000_000_000, body });
        const line = `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
        const record: JournalRecord = {
          r: 'offer',
          e,
          kind,
          u: 'urgent',
          t: 1_700_000_000_000,
          text: JSON.stringify(body),
        };
        expect(journalBytes([record]).toString()).to.equal(line);
        expect(readJournal(Buffer.from(line)).records).to.deep.equal([record]);
      }),
    );
  });

  it('cut anywhere give the whole records before the cut, and nothing is called lost', () => {
    const records = [START, offer(1, 'größer'), offer(2, 'x\ny'), { r: 'cursor', cursor: 1 } as const];
    const ends = records.map((_, i) => text(records.slice(0, i + 1)).length);
    const bytes = text(records);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const whole = ends.filter((end) => end <= cut).length;
      expect(readJournal(bytes.subarray(0, cut)), `cut at ${cut}`).to.deep.equal({
        records: records.slice(0, whole),
        good: ends[whole - 1] ?? 0,
        lost: 0,
      });
    }
  });

  it('with any byte changed give what stands before it, and say how much is lost behind it', () => {
    const records = [START, offer(1, 'a'), offer(2, 'b'), offer(3, 'c')];
    const bytes = text(records);
    const second = text(records.slice(0, 1)).length;
    const third = text(records.slice(0, 2)).length;
    for (let i = second; i < third - 1; i++) {
      const damaged = Buffer.from(bytes);
      damaged[i] = (damaged[i] ?? 0) ^ 1;
      const read = readJournal(damaged);
      expect(read.records, `byte ${i}`).to.deep.equal([START]);
      expect(read.good).to.equal(second);
      expect(read.lost).to.be.at.least(1);
    }
  });

  it('of something else altogether give nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(readJournal(Buffer.from(bytes)).records).to.deep.equal([]);
      }),
    );
    for (const line of ['', '\n', '00000000 {}\n', 'zzzzzzzz {"r":1}\n'])
      expect(readJournal(Buffer.from(line)).records, JSON.stringify(line)).to.deep.equal([]);
  });
});

describe('journal file', () => {
  let directory: string;
  let path: string;
  let held: Journal[] = [];

  async function open(): Promise<Journal> {
    const journal = await Journal.open(path);
    held.push(journal);
    return journal;
  }
  async function close(journal: Journal): Promise<void> {
    held = held.filter((j) => j !== journal);
    await journal.close();
  }
  /** The error of something that must fail. */
  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'csm-journal-'));
    path = join(directory, 'outbox.journal');
  });
  afterEach(async () => {
    for (const journal of held) await journal.close();
    held = [];
    await rm(directory, { recursive: true, force: true });
  });

  it('is made where there is none, readable by its owner only', async () => {
    const journal = await open();
    expect(journal.records).to.deep.equal([]);
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  });

  it('keeps writes of any size, one behind the other', async () => {
    const journal = await open();
    const offers = [1, 3000, 2, 40_000, 90_000, 7, 2999].map((size, i) => offer(i + 1, 'x'.repeat(size)));
    await journal.append([START], true);
    for (const one of offers) await journal.append([one], true);
    expect(journal.size).to.equal((await stat(path)).size);
    const { records, lost } = readJournal(await readFile(path));
    expect({ records, lost }).to.deep.equal({ records: [START, ...offers], lost: 0 });
  });

  it('keeps what was appended, in order, synced or not', async () => {
    const journal = await open();
    await journal.append([START, offer(1, 'é')], true);
    await journal.append([{ r: 'cursor', cursor: 0 }], false);
    expect(journal.size).to.equal((await stat(path)).size);
    await close(journal);
    const again = await open();
    expect(again.records).to.deep.equal([START, offer(1, 'é'), { r: 'cursor', cursor: 0 }]);
    expect(again.lost).to.equal(0);
  });

  it('cuts a torn tail off before it appends', async () => {
    const whole = text([START, offer(1, 'a')]);
    await writeFile(path, Buffer.concat([whole, text([offer(2, 'b')]).subarray(0, 20)]));
    const journal = await open();
    expect(journal.records).to.deep.equal([START, offer(1, 'a')]);
    expect(journal.size).to.equal(whole.length);
    await journal.append([offer(3, 'c')], true);
    expect(readJournal(await readFile(path)).records).to.deep.equal([START, offer(1, 'a'), offer(3, 'c')]);
  });

  it('says how many whole records stand behind a damaged place', async () => {
    const bytes = text([START, offer(1, 'a'), offer(2, 'b'), offer(3, 'c')]);
    const at = text([START]).length + 12;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const journal = await open();
    expect(journal.records).to.deep.equal([START]);
    expect(journal.lost).to.equal(2);
  });

  it('is held by one at a time, who is told so in words; free again after close', async () => {
    const journal = await open();
    const error = await failure(open());
    expect(error).to.be.instanceOf(CsmError);
    expect((error as CsmError).message)
      .to.include(path)
      .and.to.include('another daemon');
    await close(journal);
    await open();
  });

  it('gives its hold back when it cannot be opened', async () => {
    const missing = join(directory, 'no', 'where');
    expect(await failure(Journal.open(missing))).to.have.property('code', 'ENOENT');
    expect(await failure(Journal.open(missing)), 'not: held by another').to.have.property('code', 'ENOENT');
  });

  it('begins anew with a snapshot, whole, and goes on in it', async () => {
    const journal = await open();
    await journal.append([START, offer(1, 'a'), offer(2, 'b')], true);
    await journal.compact([START, offer(2, 'b')]);
    await journal.append([offer(3, 'c')], true);
    expect(readJournal(await readFile(path)).records).to.deep.equal([START, offer(2, 'b'), offer(3, 'c')]);
    expect(journal.size).to.equal((await stat(path)).size);
    expect(await readdir(directory), 'nothing is left behind').to.deep.equal(['outbox.journal', 'outbox.journal.lock']);
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  });

  it('wants to begin anew when it has doubled, and is not small', async () => {
    const journal = await open();
    await journal.append([START], true);
    expect(journal.wantsCompaction).to.equal(false);
    const large = offer(1, 'x'.repeat(COMPACT_MIN));
    await journal.append([large], true);
    expect(journal.wantsCompaction).to.equal(true);
    await journal.compact([START, large]);
    expect(journal.wantsCompaction).to.equal(false);
    await journal.append([large], true);
    expect(journal.wantsCompaction).to.equal(false);
    await journal.append([large], true);
    expect(journal.wantsCompaction).to.equal(true);
  });
});
