import { expect } from 'chai';
import { BareTree } from '../src/bench/bare/bare-tree.ts';
import { nextBeat } from '../src/bench/bare/pace.ts';
import { readCpuMs, readRss } from '../src/bench/process-cost.ts';
import { costOf } from '../src/bench/tree-load.ts';
import { Site } from '../src/site/site.ts';

describe('the bare tree beside a measured one', () => {
  const ending = new AbortController();
  let site: Site;
  before(async () => {
    site = await Site.open(ending.signal);
    await site.certify('aggregator', ['agg-a', 'agg-b']);
    await site.certify('compute', ['n1']);
  });
  after(() => site.close());

  it('answers every beat on as many links, collects, and ends', async () => {
    const bare = new BareTree(site, 'bare', 'n1');
    await bare.connect(5);
    expect(await bare.frames()).to.equal(0);
    await bare.beat(200);
    await site.until('thirty beats were read', async () => (await bare.frames()) >= 30);
    await bare.beat(0);
    await bare.collect();
    // Another population at the same servers.
    await bare.hangUp();
    const before = await bare.frames();
    await bare.connect(2);
    await bare.beat(200);
    await site.until('the new ones are served', async () => (await bare.frames()) >= before + 8);
    const [{ pid } = { pid: 0 }] = bare.servers;
    expect(await readCpuMs(pid)).to.be.greaterThan(0);
    expect(await readRss(pid)).to.be.greaterThan(10 * 1024 ** 2);
    await bare.end();
    expect(bare.servers.some((server) => server.process.running)).to.equal(false);
    const late = await bare.frames().catch((error: Error) => error.message);
    expect(late).to.match(/is not running/);
  });

  it('beats at one moment of each interval, however late it was, and never twice for one', () => {
    const TABLE: readonly (readonly [string, number, number])[] = [
      ['in time', 100, 300],
      ['a timer that came early', 99.6, 300],
      ['late', 250, 300],
      ['so late that one was missed', 301, 500],
      ['when the next is due', 300, 300],
    ];
    for (const [what, now, next] of TABLE) expect(nextBeat(100, now, 200), what).to.equal(next);
  });

  it('is what a beat is held against', () => {
    const beats = { hubsMs: [], serversMs: [], seconds: 20 };
    const cost = costOf({ ...beats, treeMs: 3000, bareMs: 2000, beats: 50_000, frames: 40_000 });
    expect(cost).to.deep.equal({ value: 6, baseline: 5, seconds: 20 });
    expect(() => costOf({ ...beats, treeMs: 1, bareMs: 1, beats: 0, frames: 5 })).to.throw('0 beats and 5 bare frames');
  });
});
