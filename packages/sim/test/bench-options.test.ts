import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BENCHES, benchNames } from '../src/bench/benches.ts';
import { SAMPLE } from '../src/bench/compute-bench.ts';
import { readOptions } from '../src/bench/options.ts';
import { type Bucket, quickest, readSample, seconds, withInterval } from '../src/bench/sample.ts';

const BUCKETS: readonly Bucket[] = [
  { execution_interval: '24:00:00', item_list: ['ssd'] },
  { execution_interval: '00:10:00', item_list: ['cpu', 'memory'] },
];

describe('the command line of the benchmarks', () => {
  const read = (line: string) => readOptions(line.split(' ').filter(Boolean), ['growth', 'query']);

  it('asks for all but compute-cost when nothing is named', () => {
    expect(read('')).to.deep.equal({ names: ['growth', 'query'], json: false, quick: false, compute: {} });
    expect(read('--help')).to.equal(undefined);
  });

  it('takes names, and what only compute-cost knows with it', () => {
    expect(read('query --json --quick')).to.deep.equal({ names: ['query'], json: true, quick: true, compute: {} });
    expect(read('compute-cost --seconds 30 --runs 3 --interval 10 --heartbeat 0.5 --sample x')).to.deep.equal({
      names: ['compute-cost'],
      json: false,
      quick: false,
      compute: { seconds: 30, runs: 3, interval: 10, heartbeat: 0.5, sample: 'x' },
    });
  });

  for (const [line, words] of [
    ['compute', "the benchmark is 'compute'; allowed is growth, query, compute-cost"],
    ['growth --seconds 5', '--seconds is given without compute-cost; allowed is with it only'],
    ['compute-cost --seconds 0', "--seconds is '0'; allowed is a number from 1 to 86400"],
    ['compute-cost --seconds=', "--seconds is ''; allowed is a number from 1 to 86400"],
    ['compute-cost --seconds 1e9', "--seconds is '1e9'; allowed is a number from 1 to 86400"],
    ['compute-cost --runs 1.5', "--runs is '1.5'; allowed is a number from 1 to 100"],
    ['compute-cost --interval soon', "--interval is 'soon'; allowed is a number from 1 to 86400"],
    ['compute-cost --speed 3', "Unknown option '--speed'"],
  ] as const) {
    it(`refuses '${line}' in words`, () => {
      expect(() => read(line)).to.throw(words);
    });
  }

  it('knows every benchmark by one name only', () => {
    const names = benchNames(BENCHES);
    expect(new Set(names).size).to.equal(names.length);
    expect(names).to.include.members(['heartbeat-cost', 'growth', 'connection-memory', 'idle-cost', 'query']);
  });
});

describe('the sample configuration of a benchmark', () => {
  let dir = '';
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'csm-sample-'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));
  const file = (csm: unknown): string => {
    const path = join(dir, 'x.cfg');
    writeFileSync(path, JSON.stringify({ csm }));
    return path;
  };

  it('is the delivered one: all items every ten minutes, ssd daily', () => {
    const { buckets, heartbeat } = readSample(SAMPLE);
    expect(heartbeat).to.equal(15);
    expect(buckets.map((b) => seconds(b.execution_interval))).to.deep.equal([600, 86_400]);
    expect(buckets.map((b) => b.item_list.length)).to.deep.equal([9, 1]);
  });

  it('gets another interval for the bucket that comes round most often', () => {
    expect(quickest(BUCKETS)?.item_list).to.deep.equal(['cpu', 'memory']);
    expect(withInterval(BUCKETS, 30)).to.deep.equal([
      BUCKETS[0],
      { execution_interval: 30, item_list: ['cpu', 'memory'] },
    ]);
    expect(['00:10:00', 30, '24:00:00', '10', 0, null].map(seconds)).to.deep.equal([
      600,
      30,
      86_400,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is refused in words where nothing could be measured by it', () => {
    const net = { heartbeat_interval: 15 };
    expect(() => readSample(file({ net }))).to.throw('has no csm.data_collection.buckets');
    expect(() => readSample(file('x'))).to.throw('has no csm.data_collection.buckets');
    expect(() => readSample(file({ net, data_collection: { buckets: [] } }))).to.throw('a list of buckets is needed');
    for (const bad of [null, 7, { item_list: ['cpu'] }, { item_list: 'cpu', execution_interval: 1 }])
      expect(() => readSample(file({ net, data_collection: { buckets: [bad] } }))).to.throw('a bucket must have');
    expect(() => readSample(file({ data_collection: { buckets: BUCKETS } }))).to.throw('heartbeat_interval');
  });
});
