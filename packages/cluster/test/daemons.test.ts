/** What is made of what daemons say of themselves. */
import { expect } from 'chai';
import { judge, type SelfRow, type Standing, selfOf } from '../src/daemons.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const DAY = 86_400_000;

const well = (daemon: string, more: Partial<SelfRow> = {}): SelfRow => ({
  daemon,
  version: '0.1.0',
  started: NOW - DAY,
  issued: NOW - 400 * DAY,
  expires: NOW + 300 * DAY,
  clock_ahead: 20,
  clock_of: 'aggregator/agg-A',
  dropped: 0,
  refused: 0,
  problems: '[]',
  features: '{}',
  ...more,
});
const linked: Standing = () => 'linked';

describe('what daemons say of themselves', () => {
  it('is nothing to tell while all is well', () => {
    const rows = [well('compute/n1'), well('aggregator/agg-A', { clock_ahead: null, clock_of: null })];
    expect(judge(rows, linked, NOW)).to.deep.equal({
      problems: [],
      warnings: [],
      certificates: [],
      clocks: [],
      drops: [],
    });
  });

  it('warns of certificates that end within 30 days, folded by day; within 7 it is a problem', () => {
    const rows = [
      well('compute/n2', { expires: NOW + 12 * DAY }),
      well('compute/n1', { expires: NOW + 12 * DAY + 1000 }),
      well('aggregator/agg-A', { expires: NOW + 12 * DAY }),
      well('compute/n3', { expires: NOW + 30 * DAY }),
      well('utility/login', { expires: NOW + 7 * DAY - 1 }),
      well('master/m2', { expires: NOW - 1 }),
    ];
    const { problems, warnings, certificates } = judge(rows, linked, NOW);
    expect(problems).to.deep.equal([
      'the certificate of master/m2 has expired, at 2026-11-21T11:59:59.999Z',
      'the certificate of utility/login expires in 6 days, at 2026-11-28T11:59:59.999Z',
    ]);
    expect(warnings).to.deep.equal([
      'the certificate of compute/n[1-2] expires in 12 days, at 2026-12-03T12:00:00.000Z',
      'the certificate of aggregator/agg-A expires in 12 days, at 2026-12-03T12:00:00.000Z',
    ]);
    expect(certificates.map(({ role, nodes }) => `${role}/${nodes}`)).to.deep.equal([
      'master/m2',
      'utility/login',
      'compute/n[1-2]',
      'aggregator/agg-A',
    ]);
  });

  it('lets those of a short life come near their end: a third of it, a tenth of it', () => {
    const day = (daemon: string, left: number) => well(daemon, { issued: NOW - DAY + left, expires: NOW + left });
    const hour = DAY / 24;
    const rows = [day('compute/n1', 8 * hour), day('compute/n2', 7 * hour), day('utility/login', 2 * hour)];
    const { problems, warnings } = judge(rows, linked, NOW);
    expect(problems).to.deep.equal([
      'the certificate of utility/login expires in 2 hours, at 2026-11-21T14:00:00.000Z',
    ]);
    expect(warnings).to.deep.equal(['the certificate of compute/n2 expires in 7 hours, at 2026-11-21T19:00:00.000Z']);
  });

  it('warns of clocks that are off by more than a second, together where they are off alike', () => {
    const rows = [
      well('compute/n1', { clock_ahead: 5010 }),
      well('compute/n2', { clock_ahead: 4990 }),
      well('compute/n3', { clock_ahead: -2500, clock_of: 'aggregator/agg-B' }),
      well('compute/n4', { clock_ahead: 1000 }),
      well('compute/n5', { clock_ahead: null }),
    ];
    const { problems, warnings, clocks } = judge(rows, linked, NOW);
    expect(problems).to.deep.equal([]);
    expect(warnings).to.deep.equal([
      'the clock of compute/n[1-2] is 5.0 s ahead of that of aggregator/agg-A',
      'the clock of compute/n3 is 2.5 s behind that of aggregator/agg-B',
    ]);
    expect(clocks[0]).to.deep.equal({ role: 'compute', nodes: 'n[1-2]', of: 'aggregator/agg-A', ahead_ms: 5010 });
  });

  it('warns of outboxes that were full, and passes on what daemons say is wrong, folded', () => {
    const problems = JSON.stringify(['the receiver sink:4739 does not take environmental data: refused']);
    const rows = [
      well('compute/n1', { dropped: 7 }),
      well('compute/n2', { dropped: 7, refused: 2 }),
      well('aggregator/agg-A', { problems }),
      well('aggregator/agg-B', { problems }),
    ];
    const judged = judge(rows, linked, NOW);
    expect(judged.warnings).to.deep.equal([
      'the outbox of compute/n1 has dropped 7 samples since its start',
      'the outbox of compute/n2 has dropped 7 samples and refused 2 reports since its start',
    ]);
    const said = 'the receiver sink:4739 does not take environmental data: refused';
    expect(judged.problems).to.deep.equal([`aggregator/agg-A,agg-B: ${said}`]);
    expect(judged.drops).to.deep.equal([
      { role: 'compute', nodes: 'n1', dropped: 7, refused: 0 },
      { role: 'compute', nodes: 'n2', dropped: 7, refused: 2 },
    ]);
  });

  it('believes only the linked, but for certificates, and forgets who is known no more', () => {
    const bad = { expires: NOW + DAY, clock_ahead: 9000, dropped: 1, problems: '["the journal cannot be written"]' };
    const standing: Standing = (daemon) => (daemon === 'compute/n1' ? 'lost' : undefined);
    const { problems, warnings } = judge([well('compute/n1', bad), well('compute/n2', bad)], standing, NOW);
    expect(problems).to.deep.equal(['the certificate of compute/n1 expires in 24 hours, at 2026-11-22T12:00:00.000Z']);
    expect(warnings).to.deep.equal([]);
  });

  it('tells of one daemon', () => {
    expect(selfOf(undefined)).to.equal(null);
    const features = '{"environment":{"state":"connected"}}';
    expect(selfOf(well('aggregator/agg-A', { features }))).to.deep.equal({
      version: '0.1.0',
      started: '2026-11-20T12:00:00.000Z',
      certificate_expires: '2027-09-17T12:00:00.000Z',
      clock_ahead_ms: 20,
      clock_of: 'aggregator/agg-A',
      dropped: 0,
      refused: 0,
      features: { environment: { state: 'connected' } },
    });
  });
});
