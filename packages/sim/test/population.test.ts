import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { AcceptedList, LIFE } from '../src/population/accepted-list.ts';
import { sumStats } from '../src/population/control.ts';
import { partArgv, readOptions } from '../src/population/options.ts';
import type { PopulationStats } from '../src/population/population.ts';
import { randomOf } from '../src/population/random.ts';
import { nodesAProcess, shares } from '../src/population/shares.ts';

const NEEDED = ['--nodes', 'n[1-4]', '--aggregators', 'a:1,b:2', '--pki', '/p', '--state', '/s'];

describe('the options of csm-sim', () => {
  it('are read, and a part of the nodes gets the same', () => {
    const options = readOptions([
      ...NEEDED,
      '--rate',
      '100',
      '--silent',
      'n[3-4]',
      '--interval',
      '0.5',
      '--same-first',
    ]);
    if (options === undefined) throw new Error('no help was asked for');
    expect(options.nodes).to.deep.equal(['n1', 'n2', 'n3', 'n4']);
    expect(options.silent).to.deep.equal(['n3', 'n4']);
    const part = readOptions(partArgv(options, 'n[1-2]'));
    // Who orders the parts about divides the rate among them, and knows which of them are silent.
    expect(part).to.deep.equal({ ...options, nodes: ['n1', 'n2'], rate: 0, silent: [], control: true });
  });

  const BAD: readonly (readonly [string, readonly string[], string])[] = [
    ['no nodes', ['--aggregators', 'a:1', '--pki', '/p', '--state', '/s'], '--nodes is not given'],
    ['a node set that is none', ['--nodes', 'n[', ...NEEDED.slice(2)], "--nodes is 'n['"],
    ['no port', [...NEEDED, '--aggregators', 'a'], "--aggregators holds 'a'; allowed is host:port"],
    ['a port that is none', [...NEEDED, '--aggregators', 'a:99999'], "--aggregators holds 'a:99999'"],
    ['a rate below 0', [...NEEDED, '--rate=-1'], "--rate is '-1'; allowed is a number from 0"],
    ['a size that is no whole number', [...NEEDED, '--size', '20.5'], "--size is '20.5'; allowed is a whole number"],
    ['a silent stranger', [...NEEDED, '--silent', 'x1'], '--silent names x1; allowed are nodes of --nodes'],
    ['a version that is none', [...NEEDED, '--speak', 'new'], "--speak is 'new'; allowed is a version"],
    ['an option that is none', [...NEEDED, '--frob'], '--frob'],
  ];
  for (const [what, argv, words] of BAD)
    it(`refuse ${what} in words`, () => {
      expect(() => readOptions(argv)).to.throw(words);
    });
});

describe('shares of nodes', () => {
  it('hold every node once, in order, within the limit of open files', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 256, max: 20_000 }),
        (count, processes, files) => {
          const nodes = Array.from({ length: count }, (_, i) => `n${i}`);
          const parts = shares(nodes, processes, files);
          expect(parts.flat()).to.deep.equal(nodes);
          expect(Math.max(...parts.map((part) => part.length))).to.be.at.most(nodesAProcess(files));
          expect(parts.length).to.be.at.least(Math.min(1, count));
        },
      ),
    );
    expect(shares(['a', 'b', 'c', 'd'], 2, 1024)).to.deep.equal([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(nodesAProcess(20_000)).to.equal(4950);
  });
});

describe('the list of accepted reports', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'csm-list-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is on disk when it is flushed, also while more comes, and each life has numbers of its own', async () => {
    const list = await AcceptedList.open(directory, 'x');
    expect(list.life).to.equal(1);
    for (let n = 1; n <= 5; n++) list.accepted('n1', LIFE + n);
    const flushed = list.flush();
    list.accepted('n2', LIFE + 1);
    list.refused('n1', LIFE + 6);
    await flushed;
    const lines = (what: string): string[] =>
      readFileSync(join(directory, `x.${what}`), 'utf8')
        .trimEnd()
        .split('\n');
    expect(lines('list').slice(0, 5)).to.deep.equal([1, 2, 3, 4, 5].map((n) => `n1 ${LIFE + n}`));
    await list.close();
    expect(lines('list')).to.have.length(6);
    expect(lines('refused')).to.deep.equal([`n1 ${LIFE + 6}`]);
    const second = await AcceptedList.open(directory, 'x');
    expect(second.life).to.equal(2);
    await second.close();
  });

  it('counts a life whose line was torn', async () => {
    writeFileSync(join(directory, 'x.lives'), '1\n2');
    const list = await AcceptedList.open(directory, 'x');
    expect(list.life).to.be.above(1);
    await list.close();
  });
});

describe('the sum over several processes', () => {
  it('adds everything, primaries by their names', () => {
    const rest = { held: 0, waiting: 1, unacknowledged: 0, resent: 0 };
    const one: PopulationStats = {
      ...rest,
      nodes: 2,
      confirmed: 2,
      redundant: 1,
      primaries: { a: 1, b: 1 },
      offered: 5,
      accepted: 4,
      refused: 1,
      acknowledged: 3,
      latencies: [1],
      rss: 10,
      beats: 7,
    };
    expect(sumStats([one, { ...one, primaries: { b: 2 }, latencies: [2] }])).to.deep.equal({
      ...rest,
      waiting: 2,
      nodes: 4,
      confirmed: 4,
      redundant: 2,
      primaries: { a: 1, b: 3 },
      offered: 10,
      accepted: 8,
      refused: 2,
      acknowledged: 6,
      latencies: [1, 2],
      rss: 20,
      beats: 14,
    });
  });
});

describe('chance by a seed', () => {
  it('is the same for the same seed, and even', () => {
    const draw = (seed: number): number[] => Array.from({ length: 1000 }, randomOf(seed));
    expect(draw(7)).to.deep.equal(draw(7));
    expect(draw(7)).not.to.deep.equal(draw(8));
    const mean = draw(7).reduce((sum, x) => sum + x, 0) / 1000;
    expect(mean).to.be.within(0.45, 0.55);
    expect(draw(7).every((x) => x >= 0 && x < 1)).to.equal(true);
  });
});
