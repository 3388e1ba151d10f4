import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMemoryStore, type ReportBatch } from '@csm/store';
import { expect } from 'chai';
import { percentile } from '../src/bench/percentile.ts';
import { replay } from '../src/bench/replay.ts';
import { readRecorded, recordCommits } from '../src/numbered/record.ts';
import * as numbered from '../src/numbered/store.ts';
import { bodyOf, kindOf, padOf } from '../src/population/generator.ts';

const SIZE = 100;
const { signal } = new AbortController();

const batch = (node: string, first: number, numbers: readonly number[]): ReportBatch => ({
  daemon: `compute/${node}`,
  incarnation: `of-${node}`,
  first,
  items: numbers.map((n) => ({ kind: kindOf(n), time: 1, body: bodyOf(n, padOf(SIZE)) })),
});

describe('what a master commits, recorded', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'csm-r-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  it('is committed again by the database alone: the same batches, rows and bytes', async () => {
    const file = join(directory, 'recorded');
    const store = await openMemoryStore({ modules: [numbered] });
    const stop = recordCommits(store, file);
    await store.call('store.commitReports', { batches: [batch('n1', 1, [1, 2, 3]), batch('n2', 1, [4, 5])] });
    await store.call('store.commitReports', { batches: [batch('n1', 4, [10, 7])] });
    stop();
    await store.call('store.commitReports', { batches: [batch('n1', 6, [99])] });
    const select = 'SELECT daemon, incarnation, seq, urgent, n, pad FROM numbered WHERE n < 99 ORDER BY n';
    const rows = await store.query(select);
    await store.close();

    appendFileSync(file, '17 compute/n1 half-a-li');
    const recorded = readRecorded(file);
    expect(recorded.map(({ batches }) => batches.map(({ daemon, numbers }) => [daemon, numbers]))).to.deep.equal([
      [
        ['compute/n1', [1, 2, 3]],
        ['compute/n2', [4, 5]],
      ],
      [['compute/n1', [10, 7]]],
    ]);
    const alone = await openMemoryStore({ modules: [numbered] });
    const { reports, ms } = await replay(alone, recorded, { from: 0, size: SIZE, signal });
    expect(reports).to.equal(7);
    expect(ms).to.be.above(0);
    expect(await alone.query(select)).to.deep.equal(rows);
    await alone.close();
  });

  it('may begin in the middle of streams; what came before the measured time is not counted', async () => {
    const recorded = [
      { at: 10, batches: [{ daemon: 'compute/n1', incarnation: 'i', numbers: [71, 72] }] },
      { at: 20, batches: [{ daemon: 'compute/n1', incarnation: 'i', numbers: [73] }] },
      { at: 21, batches: [] },
    ];
    const store = await openMemoryStore({ modules: [numbered] });
    expect((await replay(store, recorded, { from: 20, size: SIZE, signal })).reports).to.equal(1);
    const rows = await store.query('SELECT seq, n FROM numbered ORDER BY seq');
    expect(rows).to.deep.equal([71, 72, 73].map((n, i) => ({ seq: i + 1, n })));
    await store.close();
  });
});

describe('a percentile', () => {
  it('is the value below or at which the share lies', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0, 0.5, 0.99, 1].map((p) => percentile(values, p))).to.deep.equal([1, 50, 99, 100]);
    expect(percentile([7], 0.5)).to.equal(7);
    expect(Number.isNaN(percentile([], 0.5))).to.equal(true);
  });
});
