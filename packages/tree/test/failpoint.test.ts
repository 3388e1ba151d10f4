/** Failpoints, passed by a leaf, a hub and a core that work together over TLS: each stands where it says it does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type CoreShell, FAILPOINTS, type Failpoint, type HubShell, type LeafShell } from '../src/index.ts';
import { report, Site, Twin, until } from './masters.ts';

const BODY = '"body":{"n":1}';

describe('failpoints', () => {
  let site: Site;
  const twin = new Twin();
  const passed: string[] = [];
  /** What was true at the first passing. */
  const seen = new Map<string, unknown>();
  let looks: Partial<Record<Failpoint, () => unknown>> = {};
  let leaf: LeafShell;
  let hub: HubShell;
  let core: CoreShell;

  const pass = (name: Failpoint): void => {
    passed.push(name);
    const look = looks[name];
    if (look !== undefined && !seen.has(name)) seen.set(name, look());
  };

  before(async () => {
    site = await Site.make();
    const standby = await site.standby('m2');
    core = await site.core('m1', 1, twin, { failpoint: pass });
    const { aggregators } = core.ports;
    hub = await site.hub('a1', [aggregators, standby.ports.aggregators], { failpoint: pass });
    await until(() => hub.trunkUp, 'the trunk');
    const journal = join(site.dir, 'compute-n1.journal');
    const onDisk = () => readFileSync(journal, 'utf8').includes(BODY);
    const atHub = () => hub.hub.counters.reports;
    const claimAtHub = () => hub.hub.roster.byDaemon('compute/n1')?.claim?.term;
    const claimAtCore = () => core.core.roster.daemon('compute/n1')?.term;
    const held = () => core.core.roster.daemon('compute/n1')?.held === true;
    const unacknowledged = () => leaf.leaf.outbox.numbered.size;
    looks = {
      'claim.send.before': claimAtHub,
      'claim.send.after': () => leaf.leaf.failover.claim,
      'claim.forward.before': () => [claimAtHub(), claimAtCore() ?? 0],
      'claim.record.before': () => [claimAtCore(), held()],
      'claim.record.after': () => [claimAtCore(), held()],
      'claim.confirmed.before': () => leaf.leaf.failover.claim,
      'claim.confirmed.after': () => leaf.leaf.failover.claim,
      'report.send.before': () => [onDisk(), atHub()],
      'report.send.after': () => unacknowledged(),
      'reports.forward.before': () => [atHub(), core.core.intake.depth],
      'commit.ask.before': () => [core.core.intake.depth, twin.rows.length],
      'commit.done.before': () => [twin.rows.length, unacknowledged()],
      'commit.done.after': () => core.core.intake.depth,
      'ack.forward.before': () => [twin.rows.length, unacknowledged()],
      'ack.take.before': unacknowledged,
      'ack.take.after': unacknowledged,
    };
    leaf = await site.leaf('compute', 'n1', [hub.port], { failpoint: pass });
    await until(() => passed.includes('claim.confirmed.after'), 'the claim is confirmed');
    // The journal is also written when it is begun: only what is written after that is the report.
    const times = (name: Failpoint) => passed.filter((one) => one === name).length;
    const begun = () =>
      times('journal.append.after') > 0 && times('journal.append.after') === times('journal.append.before');
    await until(begun, 'the journal is begun');
    looks = {
      ...looks,
      'journal.append.before': () => [onDisk(), atHub()],
      'journal.append.after': () => [onDisk(), atHub()],
    };
    await leaf.offer(report(1));
    await until(() => passed.includes('ack.take.after'), 'the report is acknowledged');
    await site.takeOver(standby, 'm2', 2, twin);
    await until(() => hub.masters()[1]?.state === 'linked', 'the trunk has changed');
  });
  after(() => site.end());

  it('are all passed by a report, its claim and a change of the leader', () => {
    const names = Object.values(FAILPOINTS).flatMap((byRole) => Object.keys(byRole));
    expect(new Set(names).size, 'each name stands once').to.equal(names.length);
    expect([...new Set(passed)].sort()).to.deep.equal(names.sort());
  });

  it('are passed in the order of the steps they stand between', () => {
    const order = passed.filter((name, i) => passed.indexOf(name) === i);
    const inOrder = (...names: Failpoint[]) =>
      expect(order.filter((name) => (names as string[]).includes(name))).to.deep.equal(names);
    inOrder(
      'leader.change.before',
      'leader.change.after',
      'claim.send.before',
      'claim.send.after',
      'claim.forward.before',
      'claim.record.before',
      'claim.record.after',
      'claim.confirmed.before',
      'claim.confirmed.after',
      'report.send.before',
      'reports.forward.before',
      'commit.ask.before',
      'commit.done.before',
      'ack.forward.before',
      'ack.take.before',
      'ack.take.after',
    );
    inOrder('claim.forward.before', 'claim.forward.after');
    inOrder('report.send.before', 'report.send.after');
    inOrder('reports.forward.before', 'reports.forward.after');
    inOrder('commit.done.before', 'commit.done.after');
    inOrder('ack.forward.before', 'ack.forward.after');
  });

  const table: readonly [Failpoint, unknown, string][] = [
    ['claim.send.before', undefined, 'the hub knows no claim'],
    ['claim.forward.before', [1, 0], 'the hub knows it, the leader only the link'],
    ['claim.record.before', [1, false], 'the leader knows it and has not confirmed it'],
    ['claim.record.after', [1, false], 'nor has it when it is in the database'],
    ['claim.confirmed.before', 'sent', 'the node waits'],
    ['claim.confirmed.after', 'confirmed', 'the node knows'],
    ['journal.append.before', [false, 0], 'the report is neither on disk nor sent'],
    ['journal.append.after', [true, 0], 'it is on disk and not sent'],
    ['report.send.before', [true, 0], 'nor has it left here'],
    ['report.send.after', 1, 'it is sent and not acknowledged'],
    ['reports.forward.before', [1, 0], 'the hub has it, the leader has not'],
    ['commit.ask.before', [1, 0], 'the leader has it, the database has not'],
    ['commit.done.before', [1, 1], 'the database has it, the node does not know'],
    ['commit.done.after', 0, 'nothing waits at the leader'],
    ['ack.forward.before', [1, 1], 'the hub knows, the node does not'],
    ['ack.take.before', 1, 'the node is about to know'],
    ['ack.take.after', 0, 'it has let go of it'],
  ];
  for (const [name, expected, what] of table) {
    it(`${name}: ${what}`, () => expect(seen.get(name)).to.deep.equal(expected));
  }
});
