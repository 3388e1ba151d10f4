import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { read } from '../src/bench/main.ts';
import { type Bucket, quickest, readSample, seconds, withInterval } from '../src/bench/sample.ts';

const BUCKETS: readonly Bucket[] = [
  { execution_interval: '24:00:00', item_list: ['ssd'] },
  { execution_interval: '00:10:00', item_list: ['cpu', 'memory'] },
];

describe('the command line of a benchmark', () => {
  it('has defaults, and takes what is given', () => {
    const { sample, ...rest } = read(['compute-cost']) ?? { sample: '' };
    expect(rest).to.deep.equal({ output: 'table', seconds: 600, runs: 1, settle: 20 });
    expect(sample).to.match(/\/etc\/csm_compute\.cfg$/);
    const given = read(
      'compute-cost --seconds 30 --runs 3 --interval 10 --heartbeat 0.5 --sample x -o json'.split(' '),
    );
    expect(given).to.deep.equal({
      output: 'json',
      sample: 'x',
      seconds: 30,
      runs: 3,
      settle: 20,
      interval: 10,
      heartbeat: 0.5,
    });
    expect(read(['--help'])).to.equal(undefined);
  });

  for (const [line, words] of [
    ['', "the benchmark is ''; allowed is compute-cost"],
    ['compute-cost again', "the benchmark is 'compute-cost again'; allowed is compute-cost"],
    ['compute-cost --seconds 0', "--seconds is '0'; allowed is a number from 1 to 86400"],
    ['compute-cost --seconds=', "--seconds is ''; allowed is a number from 1 to 86400"],
    ['compute-cost --seconds 1e9', "--seconds is '1e9'; allowed is a number from 1 to 86400"],
    ['compute-cost --runs 1.5', "--runs is '1.5'; allowed is a number from 1 to 100"],
    ['compute-cost --interval soon', "--interval is 'soon'; allowed is a number from 1 to 86400"],
    ['compute-cost -o xml', "-o is 'xml'; allowed is table or json"],
    ['compute-cost --speed 3', "Unknown option '--speed'"],
  ] as const) {
    it(`refuses '${line}' in words`, () => {
      expect(() => read(line.split(' ').filter(Boolean))).to.throw(words);
    });
  }
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
    const { buckets, heartbeat } = readSample(read(['compute-cost'])?.sample ?? '');
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
