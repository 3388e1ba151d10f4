/** Two masters, of which one leads, over real TLS: what their aggregators, utilities and each other's leaves do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { type DaemonId, wall } from '@csm/model';
import { expect } from 'chai';
import { dial, encodeFrame } from 'tls-json-stream';
import type { RefusedPeer, RosterRecord } from '../src/index.ts';
import { ask, INTERVAL, report, Site, Twin, until } from './masters.ts';

const CHILD = fileURLToPath(new URL('master-child.js', import.meta.url));

describe('standby masters', () => {
  let site: Site;
  let twin: Twin;
  beforeEach(async () => {
    site = await Site.make();
    twin = new Twin();
  });
  afterEach(() => site.end());

  const states = (hub: { masters(): readonly { state: string }[] }) => hub.masters().map(({ state }) => state);
  const confirmed = (leaf: { leaf: { failover: { claim: string; primary?: number } } }, candidate: number) =>
    leaf.leaf.failover.claim === 'confirmed' && leaf.leaf.failover.primary === candidate;

  /** A leader that can be stopped like any process. */
  async function leaderProcess(node: string, term: number, intervalMs: number) {
    const child: ChildProcess = spawn(process.execPath, [CHILD, site.dir, node, `${term}`, `${intervalMs}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    site.onEnd(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    });
    if (child.stdout === null) throw new Error('the child has no output');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    return { child, ports: JSON.parse(line) as { aggregators: number; utilities: number } };
  }

  it('an aggregator serves the leader, and keeps a link to the master that stands by', async () => {
    const standby = await site.standby('m2');
    const core = await site.core('m1', 5, twin);
    const hub = await site.hub('a1', [standby.ports.aggregators, core.ports.aggregators]);
    await until(() => hub.trunkUp && states(hub)[0] === 'standby', 'both links');
    expect(states(hub)).to.deep.equal(['standby', 'linked']);
    expect([...standby.links.table.links()].map(({ peer }) => peer?.daemon)).to.deep.equal(['aggregator/a1']);
    const leaf = await site.leaf('compute', 'n1', [hub.port]);
    await leaf.offer(report(1));
    await until(() => twin.rows.length === 1, 'the report is stored by the leader');
  });

  it('a take-over: the trunk goes to the new leader though the old one still says that it leads', async () => {
    const core = await site.core('m1', 5, twin);
    const standby = await site.standby('m2');
    const hub = await site.hub('a1', [core.ports.aggregators, standby.ports.aggregators]);
    const leaf = await site.leaf('compute', 'n1', [hub.port]);
    await leaf.offer(report(1));
    await until(() => twin.rows.length === 1 && states(hub)[1] === 'standby', 'served by the first');

    const next = await site.takeOver(standby, 'm2', 6, twin);
    await until(() => states(hub)[1] === 'linked', 'the trunk has changed');
    await leaf.offer(report(2));
    await until(() => twin.rows.length === 2, 'the report is stored by the second');
    expect(next.core.roster.hub('a1')?.complete, 'the roster went there').to.equal(true);
    // The old one was dropped, and is linked anew as what it is.
    await until(() => states(hub)[0] === 'outdated', 'the outdated leader is recognised');
    expect(hub.masters()[0]?.reason).to.equal('it leads under term 5, and another master under term 6');
    await leaf.offer(report(3));
    await until(() => twin.rows.length === 3, 'nothing goes to the outdated one');
    expect(twin.rows).to.deep.equal([{ n: 1 }, { n: 2 }, { n: 3 }]);
    await until(() => core.core.roster.hub('a1')?.complete === false, 'it got no roster again');
    await next.stop('ends');
    await until(() => states(hub)[1] === 'not linked', 'the new one has gone');
    expect([states(hub)[0], hub.trunkUp], 'and the old one is not gone back to').to.deep.equal(['outdated', false]);
  });

  for (const intervalMs of [500, INTERVAL]) {
    it(`a leader that is stopped, interval ${intervalMs} ms: utility and aggregator turn to the new one`, async () => {
      const { child, ports } = await leaderProcess('m1', 5, intervalMs);
      const standby = await site.standby('m2', { intervalMs });
      const hub = await site.hub('a1', [ports.aggregators, standby.ports.aggregators], { intervalMs });
      const utility = await site.leaf('utility', 'u1', [ports.utilities, standby.ports.utilities], { intervalMs });
      await until(() => confirmed(utility, 0) && states(hub).join() === 'linked,standby', 'all is linked');
      await until(() => utility.leaf.failover.candidates[1]?.phase === 'up', 'the standby is linked, too');
      expect(await ask(utility, 'utility/u1')).to.deep.equal({ by: 'm1' });

      child.kill('SIGSTOP');
      const answer = ask(utility, 'utility/u1');
      await site.takeOver(standby, 'm2', 6, twin, { intervalMs });
      expect(await answer, 'the call under way was asked again').to.deep.equal({ by: 'm2' });
      expect(confirmed(utility, 1)).to.equal(true);
      await until(() => states(hub)[1] === 'linked', 'the trunk has changed');
      await utility.offer(report(1));
      await until(() => twin.rows.length === 1, 'reports of the utility go there');
      child.kill('SIGCONT');
      await until(() => states(hub)[0] === 'outdated', 'it is back and does not know');
      expect(states(hub)).to.deep.equal(['outdated', 'linked']);
      expect(confirmed(utility, 1)).to.equal(true);
    });

    it(`a leader that is killed, interval ${intervalMs} ms: its utility waits at the standby, which serves it when it leads`, async () => {
      const { child, ports } = await leaderProcess('m1', 5, intervalMs);
      const standby = await site.standby('m2', { intervalMs });
      const utility = await site.leaf('utility', 'u1', [ports.utilities, standby.ports.utilities], { intervalMs });
      await until(() => confirmed(utility, 0) && utility.leaf.failover.candidates[1]?.phase === 'up', 'both links');
      child.kill('SIGKILL');
      await until(
        () => utility.leaf.failover.claim === 'held' && utility.leaf.failover.primary === 1,
        'its claim is held by the standby',
      );
      const answer = ask(utility, 'utility/u1');
      await site.takeOver(standby, 'm2', 6, twin, { intervalMs });
      expect(await answer).to.deep.equal({ by: 'm2' });
    });
  }

  it('the leaf of a standby is served by the leader, and by its own master once that leads', async () => {
    const core = await site.core('m1', 5, twin);
    const standby = await site.standby('m2');
    const leaf = await site.leaf('master', 'm2', [core.ports.utilities]);
    await until(() => confirmed(leaf, 0), 'the claim');
    expect(await ask(leaf, 'master/m2')).to.deep.equal({ by: 'm1' });
    await leaf.offer(report(1));
    await until(() => twin.rows.length === 1 && leaf.leaf.outbox.numbered.size === 0, 'its report is stored');
    await leaf.stop('takes over');
    const next = await site.takeOver(standby, 'm2', 6, twin);
    const own = await site.leaf('master', 'm2', [], {
      candidates: [{ name: 'm2', connect: () => next.connectOwn() }],
    });
    await own.offer(report(2));
    await until(() => twin.rows.length === 2, 'and the next');
    expect(twin.rows).to.deep.equal([{ n: 1 }, { n: 2 }]);
    expect(await ask(own, 'master/m2')).to.deep.equal({ by: 'm2' });
  });

  it('a standby ends the link of an aggregator that would take it for the leader, in words only on its own side', async () => {
    const refused: RefusedPeer[] = [];
    const standby = await site.standby('m2', { onRefused: (peer) => refused.push(peer) });
    const core = await site.core('m1', 5, twin);
    const hub = await site.hub('a1', [core.ports.aggregators, standby.ports.aggregators], { speak: '1.2' });
    await until(() => hub.trunkUp && refused.length > 1, 'the leader, and tries at the standby');
    expect(states(hub)).to.deep.equal(['linked', 'not linked']);
    expect(hub.masters()[1]?.reason).to.contain('before its first message');
    expect(refused[0]).to.include({ code: 'standby', daemon: 'aggregator/a1' });
    expect(refused[0]?.reason).to.contain('this master stands by').and.to.contain('1.3 on, not with 1.2');
    const leaf = await site.leaf('compute', 'n1', [hub.port]);
    await leaf.offer(report(1));
    await until(() => twin.rows.length === 1, 'the report goes to the leader');
  });

  it('an aggregator of an older version finds the new leader at once after a take-over', async () => {
    const refused: RefusedPeer[] = [];
    const core = await site.core('m1', 5, twin);
    const standby = await site.standby('m2', { onRefused: (peer) => refused.push(peer) });
    const hub = await site.hub('a1', [core.ports.aggregators, standby.ports.aggregators], { speak: '1.2' });
    const leaf = await site.leaf('compute', 'n1', [hub.port], { speak: '1.2' });
    await until(() => hub.trunkUp && confirmed(leaf, 0) && refused.length > 1, 'served by the first');
    await core.stop('ends');
    const next = await site.takeOver(standby, 'm2', 6, twin);
    // Far sooner than the new leader settles, at three intervals: else it would call the nodes dead.
    await until(() => states(hub)[1] === 'linked', 'the trunk has changed');
    await until(() => next.core.roster.hub('a1')?.complete === true, 'the roster went there');
    await leaf.offer(report(1));
    await until(() => twin.rows.length === 1, 'the report is stored by the second');
  });

  it('a master that begins anew below its former term is served at once: set back to 1.2, or its database copied back', async () => {
    const listening = (ports: { readonly aggregators: number; readonly utilities: number }) => ({
      aggregatorListen: { host: '127.0.0.1', port: ports.aggregators },
      utilityListen: { host: '127.0.0.1', port: ports.utilities },
    });
    const first = await site.core('m1', 9, twin);
    const { ports } = first;
    const hub = await site.hub('a1', [ports.aggregators]);
    const leaf = await site.leaf('compute', 'n1', [hub.port]);
    await leaf.offer(report(1));
    await until(() => twin.rows.length === 1, 'served by the first');
    await first.stop('is upgraded');
    const old = await site.core('m1', 10, twin, { ...listening(ports), speak: '1.2' });
    await leaf.offer(report(2));
    await until(() => twin.rows.length === 2, 'served without a term');
    await old.stop('ends');
    await site.core('m1', 3, twin, listening(ports));
    await leaf.offer(report(3));
    await until(() => twin.rows.length === 3, 'served under a lower term');
    expect(states(hub)).to.deep.equal(['linked']);
    expect(twin.rows).to.deep.equal([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('a master that stops in order leaves its aggregators on record as linked, for the one after it', async () => {
    const records: RosterRecord[] = [];
    const record = twin.record.bind(twin);
    twin.record = (given) => {
      records.push(given);
      return record(given);
    };
    const core = await site.core('m1', 5, twin);
    const hub = await site.hub('a1', [core.ports.aggregators]);
    const leaf = await site.leaf('compute', 'n1', [hub.port]);
    await until(() => confirmed(leaf, 0), 'all is linked');
    const hubs = () => records.flatMap((one) => one.hubs).filter((one) => one.hub === 'a1');
    await until(() => hubs().length > 0, 'the aggregator is on record');
    await core.stop('SIGTERM');
    expect(hubs()).to.deep.equal([{ hub: 'a1', linked: true }]);
    expect(records.flatMap(({ tellings }) => tellings.map(({ what }) => what))).not.to.include('aggregator_lost');
  });

  it('a master that hands over waits for a peer that does not read only as long as it is told', async () => {
    const core = await site.core('m1', 5, twin, { goodbyeMs: 300 });
    const tls = await site.tls('utility', 'u1');
    const socket = connect({ host: '127.0.0.1', port: core.ports.utilities, ...tls });
    site.onEnd(async () => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    const session = { incarnation: 'i', session: 's', interval: INTERVAL, clock: Date.now() };
    socket.write(encodeFrame({ kind: 'hello', version: '1.3', role: 'utility', node: 'u1', ...session }));
    await until(() => [...core.links.table.links()].some(({ peer }) => peer?.node === 'u1'), 'it is linked');
    // A clock that ticks only while this process gets the processor: others that keep it busy do not count.
    let ticks = 0;
    const clock = setInterval(() => ticks++, 10);
    const began = performance.now();
    await core.stop('hands over');
    clearInterval(clock);
    expect(performance.now() - began, 'it is given its time').to.be.above(250);
    expect(ticks, 'and not the five seconds of a link').to.be.below(400);
  });

  it('a utility of an older version waits at a standby and is served when it takes over', async () => {
    const standby = await site.standby('m2');
    const utility = await site.leaf('utility', 'u1', [standby.ports.utilities], { speak: '1.2' });
    await until(() => utility.leaf.failover.claim === 'held', 'the claim is held');
    const answer = ask(utility, 'utility/u1');
    await site.takeOver(standby, 'm2', 6, twin);
    expect(await answer).to.deep.equal({ by: 'm2' });
  });

  it('an aggregator follows a leader that tells no term, and one that tells a term before it', async () => {
    const old = await site.core('m1', 5, twin, { speak: '1.2' });
    const hub = await site.hub('a1', [old.ports.aggregators]);
    await until(() => hub.trunkUp, 'a leader of version 1.2');
    const both = await site.core('m2', 1, twin);
    const second = await site.hub('a2', [old.ports.aggregators, both.ports.aggregators]);
    await until(() => states(second)[1] === 'linked' && states(second)[0] === 'outdated', 'the term counts');
  });

  it('a standby takes links of those that a leader takes, and no others', async () => {
    const refused: RefusedPeer[] = [];
    const standby = await site.standby('m2', { onRefused: (peer) => refused.push(peer) });
    const knock = async (role: 'compute' | 'aggregator' | 'master', node: string, port: number, reason: string) => {
      const before = refused.length;
      const stream = await dial({ host: '127.0.0.1', port, tls: await site.tls(role, node) });
      const got: unknown[] = [];
      stream.start({ onMessage: (value) => got.push(value), onBatchEnd: () => undefined, onClose: () => undefined });
      const session = { incarnation: 'i', session: 's', interval: 1000, clock: Date.now() };
      stream.send({ kind: 'hello', version: '1.3', role, node, ...session });
      await until(() => refused.length > before && got.length > 0, `${role} is refused`);
      expect(got[0]).to.include({ kind: 'refused', code: 'role' });
      expect((got[0] as { reason: string }).reason).to.equal(reason);
      await stream.close();
    };
    const { aggregators, utilities } = standby.ports;
    await knock('compute', 'n1', aggregators, 'this port takes links of aggregators, not of compute daemons');
    const others = 'this port takes links of utility daemons and other masters, not of';
    await knock('aggregator', 'a1', utilities, `${others} aggregator daemons`);
    await knock('master', 'm2', utilities, `${others} master daemons`);
  });

  it('says which port is taken, and frees the one it had', async () => {
    const core = await site.core('m1', 1, twin);
    const free = await site.standby('m3');
    const { aggregators } = free.ports;
    await free.stop('makes room');
    const failed = await site
      .standby('m2', {
        aggregatorListen: { host: '127.0.0.1', port: aggregators },
        utilityListen: { host: '127.0.0.1', port: core.ports.utilities },
      })
      .then(
        () => undefined,
        (error: unknown) => error as NodeJS.ErrnoException,
      );
    expect(failed?.code).to.equal('EADDRINUSE');
    const again = await site.standby('m2', { aggregatorListen: { host: '127.0.0.1', port: aggregators } });
    expect(again.ports.aggregators).to.equal(aggregators);
  });

  it('a new leader waits for the aggregators it knows, not for the hub within the former one', async () => {
    const one = (daemon: string) => ({
      daemon: daemon as DaemonId,
      told: 1,
      term: 1,
      incarnation: 'i',
      incarnationSince: wall(1),
      lastSeen: wall(1),
      primary: daemon.slice(daemon.indexOf('/') + 1),
    });
    twin.hubs = ['m1'];
    twin.known = [one('master/m1')];
    const core = await site.core('m2', 6, twin);
    await until(() => !core.core.roster.settling, 'it is settled long before three intervals');
    expect(core.core.roster.hub('m1')).to.equal(undefined);
    twin.known = [one('master/m1'), one('aggregator/m1')];
    const beside = await site.core('m3', 7, twin);
    await until(() => beside.core.roster.hub('m3')?.complete === true, 'its own hub has told its roster');
    expect(beside.core.roster.settling, 'an aggregator runs on that node, too').to.equal(true);
  });

  it('answers as a hub without a leader does', async () => {
    const standby = await site.standby('m2');
    const tls = await site.tls('utility', 'u1');
    const stream = await dial({ host: '127.0.0.1', port: standby.ports.utilities, tls });
    const got: { kind: string }[] = [];
    const messages = () => got.filter(({ kind }) => kind !== 'beat');
    stream.start({
      onMessage: (value) => got.push(value as { kind: string }),
      onBatchEnd: () => undefined,
      onClose: () => undefined,
    });
    stream.send({
      kind: 'hello',
      version: '1.3',
      role: 'utility',
      node: 'u1',
      incarnation: 'i',
      session: 's',
      interval: 1000,
      clock: Date.now(),
    });
    stream.send({ kind: 'claim', term: 3, incarnation: 'i' });
    const caller = { user: 'op', uid: 1, gid: 1, groups: [], pid: 1, vouchedBy: 'utility/u1' };
    stream.send({ kind: 'call', id: 'q', call: 'who', input: {}, trace: 't', caller, remaining: 1, window: 1 });
    await until(() => messages().length === 3, 'three answers');
    const [welcome, ...rest] = messages();
    expect(welcome).to.include({ kind: 'welcome', leader: false, credit: 0 }).and.not.to.have.property('term');
    expect(rest).to.deep.equal([
      { kind: 'claimed', term: 3, incarnation: 'i' },
      { kind: 'lost', id: 'q' },
    ]);
    await standby.stop('m2 leads');
    await until(() => messages().length === 4, 'a goodbye');
    expect(messages()[3]).to.deep.equal({ kind: 'bye', reason: 'm2 leads' });
    await stream.close();
  });
});
