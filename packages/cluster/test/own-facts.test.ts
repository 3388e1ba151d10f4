/** When a daemon tells of itself, and what. */
import type { DaemonFacts, NodePorts } from '@csm/feature';
import { mono, wall } from '@csm/model';
import { expect } from 'chai';
import { factsOf, isNews, type OwnFacts, OwnReport } from '../src/own-facts.ts';

const ABOUT: DaemonFacts = {
  startedAt: 1_700_000_000_000.4,
  certificateIssued: 1_690_000_000_000,
  certificateExpires: 1_800_000_000_000,
  clockAhead: { ms: 40, of: 'aggregator/agg-A' },
  dropped: 0,
  refused: 0,
  problems: [],
  features: {},
};
const HOUR = 3_600_000;

describe('a daemon tells of itself', () => {
  const facts = factsOf(ABOUT, '0.1.0');
  const news = (change: Partial<OwnFacts>, at = 1) => isNews({ facts, at: 0 }, { ...facts, ...change }, at);

  it('in numbers and words of bounded size, without counters of features', () => {
    expect(facts).to.deep.equal({
      version: '0.1.0',
      started: 1_700_000_000_000,
      issued: 1_690_000_000_000,
      expires: 1_800_000_000_000,
      clock_ahead: 40,
      clock_of: 'aggregator/agg-A',
      dropped: 0,
      refused: 0,
      problems: [],
      features: {},
    });
    const long = factsOf(
      {
        ...ABOUT,
        clockAhead: undefined,
        problems: Array.from({ length: 20 }, () => 'x'.repeat(1000)),
        features: { environment: { state: 'connected', sent: 5, reason: null, deep: { a: 1 } }, other: null },
      },
      '0.1.0',
    );
    expect(long).to.include({ clock_ahead: null, clock_of: null });
    expect([long.problems.length, long.problems[0]?.length]).to.deep.equal([10, 300]);
    expect(long.features).to.deep.equal({ environment: { state: 'connected' }, other: null });
  });

  it('at first, when something has changed, and once a day', () => {
    expect(isNews(undefined, facts, 0)).to.equal(true);
    expect(news({})).to.equal(false);
    expect(news({}, 24 * HOUR - 1)).to.equal(false);
    expect(news({}, 24 * HOUR)).to.equal(true);
    expect(news({ expires: facts.expires + 1 })).to.equal(true);
    expect(news({ dropped: 1 })).to.equal(true);
    expect(news({ problems: ['the journal cannot be written'] })).to.equal(true);
    expect(news({ clock_of: 'aggregator/agg-B' })).to.equal(true);
  });

  it('of its clock when that has moved by half a second', () => {
    expect(news({ clock_ahead: 539 })).to.equal(false);
    expect(news({ clock_ahead: 540 })).to.equal(true);
    expect(news({ clock_ahead: -460 })).to.equal(true);
    expect(news({ clock_ahead: null })).to.equal(true);
  });

  it('once the leader knows it, and again when it could not', async () => {
    const offered: unknown[] = [];
    let refuse = true;
    let tried: () => void = () => undefined;
    const attempt = () =>
      new Promise<void>((resolve) => {
        tried = resolve;
      });
    const ports: Partial<NodePorts> = {
      self: { role: 'compute', node: 'n1', version: '0.1.0' },
      clock: { now: () => ({ mono: mono(performance.now()), wall: wall(1_750_000_000_000) }) },
      log: { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined },
      about: (): DaemonFacts | undefined => ABOUT,
      offer: async (report) => {
        setImmediate(() => tried());
        if (refuse) throw new Error('the outbox is full');
        offered.push(report);
      },
    };
    const own = new OwnReport(ports as NodePorts);
    // Asked while its lower end is made anew, it has nothing to say, and says so at the next look.
    const asked = new Promise<void>((resolve) => {
      ports.about = () => {
        setImmediate(resolve);
        return undefined;
      };
    });
    own.confirmed();
    await asked;
    expect(offered).to.deep.equal([]);
    ports.about = () => ABOUT;
    const first = attempt();
    own.confirmed();
    await first;
    expect(offered).to.deep.equal([]);
    refuse = false;
    const second = attempt();
    own.confirmed();
    await second;
    own.stop();
    const body = factsOf(ABOUT, '0.1.0');
    expect(offered).to.deep.equal([
      { kind: 'cluster.daemon', urgency: 'normal', time: 1_750_000_000_000, body: { ...body } },
    ]);
  });
});
