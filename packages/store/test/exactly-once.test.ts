/**
 * Reports exactly once, whatever happens on the way. A model of nodes sends batches that overlap, leave gaps, come
 * twice and hold poison, while answers are lost, calls fail and the master crashes. In the end every report of every
 * stream is in its table once and in order, or set aside once if it was poison.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CsmError, code, wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { registry } from '../src/core.ts';
import { type BatchResult, type CommitReportsResult, openMemoryStore, type Store } from '../src/index.ts';
import { Candidate } from '../src/postgresql/candidate.ts';
import { fullLimits, Shell } from '../src/shell.ts';
import { openThreads } from '../src/sqlite/thread-engine.ts';
import { LEDGER } from './fixtures/engines.ts';
import * as ledger from './fixtures/ledger.ts';
import { freshDatabase, needsPostgres } from './fixtures/postgres.ts';

const STREAMS = [
  { daemon: 'compute/n001', incarnation: 'i1' },
  { daemon: 'compute/n001', incarnation: 'i2' },
  { daemon: 'compute/n002', incarnation: 'i1' },
] as const;
const LENGTH = 40;

/** One batch: `back` behind or (negative) ahead of where the sender stands. */
interface Send {
  readonly stream: number;
  readonly back: number;
  readonly count: number;
}
type Step =
  | { readonly kind: 'send'; readonly sends: readonly Send[]; readonly answer: 'kept' | 'lost' | 'full' }
  | { readonly kind: 'crash' };

const send = fc.record({
  stream: fc.nat(STREAMS.length - 1),
  back: fc.integer({ min: -4, max: 12 }),
  count: fc.nat(15),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      sends: fc.array(send, { minLength: 1, maxLength: 4 }),
      answer: fc.constantFrom('kept', 'kept', 'lost', 'full'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'crash' } as const) },
);
const scenario = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 12 }),
  poison: fc.uniqueArray(fc.integer({ min: 1, max: LENGTH }), { maxLength: 4 }),
});

const kindOf = (seq: number): string => (seq % 3 === 0 ? 'event' : 'sample');

/** Runs a scenario on the store `current` gives; `crash` replaces it. */
async function play(
  { steps, poison }: { readonly steps: readonly Step[]; readonly poison: readonly number[] },
  current: () => Store,
  crash: (underway: readonly Promise<unknown>[]) => Promise<void>,
): Promise<void> {
  // What each sender believes is stored: it may be behind the truth, never ahead of it.
  const known = STREAMS.map(() => 0);
  const batchOf = (stream: number, first: number, count: number, full = false) => ({
    ...(STREAMS[stream] ?? STREAMS[0]),
    first,
    items: Array.from({ length: Math.max(0, Math.min(count, LENGTH + 1 - first)) }, (_, i) => {
      const body = full && i === 0 ? 'full' : poison.includes(first + i) ? 'poison' : first + i;
      return { kind: kindOf(first + i), time: 0, body };
    }),
  });
  const commit = async (batches: readonly object[]): Promise<readonly BatchResult[]> =>
    (await current().call<CommitReportsResult>('store.commitReports', { batches })).results;
  const learn = (results: readonly BatchResult[]): void => {
    for (const { daemon, incarnation, cursor } of results) {
      const s = STREAMS.findIndex((x) => x.daemon === daemon && x.incarnation === incarnation);
      // A cursor never moves back: not over repeats, not over crashes.
      expect(cursor).to.be.least(known[s] ?? 0);
      known[s] = cursor;
    }
  };
  let underway: Promise<unknown>[] = [];
  for (const now of steps) {
    if (now.kind === 'crash') {
      await crash(underway);
      underway = [];
      continue;
    }
    const batches = now.sends.map(({ stream, back, count }) =>
      batchOf(stream, Math.max(1, (known[stream] ?? 0) + 1 - back), count),
    );
    if (now.answer === 'lost') {
      // Nobody waits for this one: it may still be running when the next is sent, or at a crash.
      underway.push(commit(batches).catch(() => {}));
    } else if (now.answer === 'full') {
      const full = batchOf(0, (known[0] ?? 0) + 1, 3, true);
      try {
        learn(await commit([...batches, full]));
      } catch (thrown) {
        if (!(thrown instanceof CsmError) || thrown.code !== code.DATABASE_UNAVAILABLE) throw thrown;
      }
    } else {
      learn(await commit(batches));
    }
  }
  await Promise.all(underway);
  for (let s = 0; s < STREAMS.length; s++) {
    while ((known[s] ?? 0) < LENGTH) learn(await commit([batchOf(s, (known[s] ?? 0) + 1, 15)]));
  }
  for (const { daemon, incarnation } of STREAMS) {
    const of = [daemon, incarnation];
    const stored = await current().query<{ seq: number; kind: string }>(
      'SELECT seq, kind FROM report WHERE daemon = $1 AND incarnation = $2 ORDER BY id',
      of,
    );
    for (const kind of ['sample', 'event']) {
      const expected = [];
      for (let seq = 1; seq <= LENGTH; seq++) if (kindOf(seq) === kind && !poison.includes(seq)) expected.push(seq);
      expect(stored.filter((row) => row.kind === kind).map((row) => row.seq)).to.deep.equal(expected);
    }
    const aside = await current().query<{ seq: number }>(
      'SELECT seq FROM rejected_report WHERE daemon = $1 AND incarnation = $2 ORDER BY seq',
      of,
    );
    expect(aside.map((row) => row.seq)).to.deep.equal([...poison].sort((a, b) => a - b));
  }
}

const limits = { fileBytes: 4096 * 300 };

describe('reports exactly once', () => {
  it('in memory, in any sequence of batches', async () => {
    const property = fc.asyncProperty(scenario, async (s) => {
      const store = await openMemoryStore({ modules: [ledger], limits });
      try {
        // There is no file a crash could leave, so a crash here is only the loss of all answers under way.
        await play(
          s,
          () => store,
          async (underway) => void (await Promise.all(underway)),
        );
      } finally {
        await store.close();
      }
    });
    await fc.assert(property, { numRuns: 80 });
  });

  it('in SQLite, whose threads are stopped in the middle', async () => {
    const property = fc.asyncProperty(scenario, async (s) => {
      const directory = await mkdtemp(join(tmpdir(), 'csm-store-'));
      const options = {
        file: join(directory, 'csm.db'),
        modules: [LEDGER],
        lock: true,
        limits: fullLimits(limits),
        now: 0,
        master: 'm1',
      };
      let engine = await openThreads(options);
      let store: Store = new Shell(engine, options.limits, {});
      try {
        await play(
          s,
          () => store,
          async (underway) => {
            await engine.crash();
            await Promise.all(underway);
            await store.close();
            engine = await openThreads(options);
            store = new Shell(engine, options.limits, {});
          },
        );
      } finally {
        await store.close();
        await rm(directory, { recursive: true });
      }
    });
    await fc.assert(property, { numRuns: 6 });
  });

  it('in PostgreSQL, whose connections are cut in the middle', async function () {
    needsPostgres.call(this);
    const property = fc.asyncProperty(scenario, async (s) => {
      const { server, drop } = await freshDatabase();
      const options = {
        server,
        registry: registry([{ exports: ledger, from: 'ledger' }]),
        limits: fullLimits(),
        readers: 2,
        lease: 3_000,
        master: 'm1',
        session: 's1',
        clock: () => wall(0),
        random: Math.random,
      };
      let engine = await new Candidate(options).elected;
      let store: Store = new Shell(engine, options.limits, {});
      try {
        await play(
          s,
          () => store,
          async (underway) => {
            await engine.crash();
            await Promise.all(underway);
            await store.close();
            engine = await new Candidate(options).elected;
            store = new Shell(engine, options.limits, {});
          },
        );
      } finally {
        await store.close();
        await drop();
      }
    });
    await fc.assert(property, { numRuns: 6 });
  });
});
