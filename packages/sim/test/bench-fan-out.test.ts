import { expect } from 'chai';
import { BareCrowd } from '../src/bench/bare/bare-crowd.ts';
import { COMMAND, RESULT } from '../src/bench/bare/command.ts';
import { expectCodes } from '../src/bench/fan-out.ts';
import { Disturbed } from '../src/bench/rounds.ts';
import { Site } from '../src/site/site.ts';

describe('the answers to a measured command', () => {
  const answers = {
    ms: 10,
    answeredMs: 9,
    codes: new Map([
      [0, ['n2', 'n1']],
      [48, ['n3']],
    ]),
  };

  it('count when exactly those nodes gave them that should', () => {
    const due = new Map([
      [0, ['n1', 'n2']],
      [48, ['n3']],
    ]);
    expect(expectCodes(answers, due)).to.equal(answers);
  });

  it('do not count when any other was told, none too few and none too many', () => {
    const wrong: [number, string[]][][] = [
      [[0, ['n1', 'n2', 'n3']]],
      [[0, ['n1', 'n2']]],
      [
        [0, ['n1', 'n2']],
        [5, ['n3']],
      ],
      [
        [0, ['n1', 'n4']],
        [48, ['n3']],
      ],
    ];
    for (const due of wrong) expect(() => expectCodes(answers, new Map(due))).to.throw(Disturbed, /told were 2 nodes/);
    expect(() => expectCodes({ ...answers, codes: new Map() }, new Map([[0, ['n1']]]))).to.throw(
      'told were no nodes; due were 1 nodes with code 0',
    );
  });
});

describe('the bare crowd beside a measured tree', () => {
  const ending = new AbortController();
  let site: Site;
  before(async () => {
    site = await Site.open(ending.signal);
    await site.certify('aggregator', ['agg-a', 'agg-b']);
    await site.certify('compute', ['n1']);
  });
  after(() => site.close());

  it('has frames whose heads tell their length', () => {
    for (const frame of [COMMAND, RESULT]) {
      const [head = '', ...rest] = frame.split('#');
      expect(rest.join('#')).to.have.length(Number(head));
    }
  });

  it('asks each link, and resumes the share of sessions it is told to', async () => {
    const bare = new BareCrowd(site, 'bare', 'n1', 7);
    await bare.listen();
    expect((await bare.dial(0)).resumed).to.equal(0);
    expect(await bare.ask()).to.be.greaterThan(0);
    expect(await bare.ask()).to.be.greaterThan(0);
    await bare.hangUp();
    expect((await bare.dial(1)).resumed).to.equal(7);
    await bare.ask();
    await bare.hangUp();
    const { resumed, ms } = await bare.dial(0.5);
    expect(resumed).to.equal(4);
    expect(ms).to.be.greaterThan(0);
    await bare.end();
  });
});
