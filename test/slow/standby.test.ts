/**
 * Two masters on one PostgreSQL: whoever leads is killed, stopped, cut off from its database. Each time the other takes
 * over or the same goes on, one leads, and every report a node's outbox accepted is in the database exactly once.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ApiTypes, Client } from '@csm/client';
import { CsmError, code } from '@csm/model';
import {
  type DaemonProcess,
  judge,
  type PostgresSite,
  postgresPrograms,
  readLists,
  readPostgres,
  type SimProcess,
  Site,
  startTree,
  type Tree,
} from '@csm/sim';
import { expect } from 'chai';
import { ROOT } from '../support/daemons.ts';

const NODES = 12;
/** Numbered reports a second of all nodes together. */
const RATE = 300;
/** Seconds; what is found here at a long interval is found through the lease and closed sockets, not through beats. */
const INTERVAL = 5;
/** Of the masters, as it is when nothing is set, seconds. */
const LEASE = 3;
const CSM = join(ROOT, 'packages/cli/bin/csm.cjs');
const run = promisify(execFile);

describe('two masters on one PostgreSQL', function () {
  this.timeout(300_000);
  const calledOff = new AbortController();
  let site: Site;
  let tree: Tree;
  let sim: SimProcess;
  let lists: string;
  let login: Client<ApiTypes>;

  before(async function () {
    if (postgresPrograms() === undefined) {
      const words = 'skipped: needs initdb and postgres (apt-get install --no-install-recommends postgresql)';
      if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(words);
      console.log(`      ${words}`);
      return this.skip();
    }
    site = await Site.open(calledOff.signal);
    tree = await startTree(site, { interval: INTERVAL, db: 'postgresql', standby: true });
    const names = Array.from({ length: NODES }, (_, i) => `n${String(i + 1).padStart(2, '0')}`);
    await site.certify('compute', names);
    lists = join(site.root, 'lists');
    mkdirSync(lists);
    const nodes = ['--nodes', `n[01-${NODES}]`, '--aggregators', tree.aggregators, '--interval', String(INTERVAL)];
    sim = await site.sim('nodes', nodes.concat('--sample', '0', '--lists', lists));
    login = site.client('login');
    await site.until('all nodes are served', async () => (await sim.stats()).confirmed === NODES);
    await sim.order({ do: 'rate', rate: RATE });
  });
  after(async () => {
    calledOff.abort();
    await site?.close();
  });

  const postgres = (): PostgresSite => tree.postgres as PostgresSite;
  const nameOfLeader = async (): Promise<string> =>
    (await login.call('health', {}, { timeoutSeconds: 2 })).master.node ?? 'nobody';
  const masters = (): DaemonProcess[] => [site.find('master'), site.find('master-2')];
  /** Who leads, and who does not. */
  const roles = async (): Promise<readonly [DaemonProcess, DaemonProcess]> => {
    const name = await nameOfLeader();
    const [leader, other] = masters().sort((a) => (a.name === name ? -1 : 1));
    if (leader?.name !== name || other === undefined) throw new Error(`${name} leads`);
    return [leader, other];
  };
  const termNow = async (): Promise<number> =>
    Number((await postgres().admin('SELECT term FROM leader', 'csm'))[0]?.['term']);
  const acknowledged = async (): Promise<number> => (await sim.stats()).acknowledged;
  const flows = async (): Promise<void> => {
    const before = await acknowledged();
    await site.until('reports are acknowledged', async () => (await acknowledged()) > before + RATE);
  };
  /** Until a utility's call is answered by this master; each try is short, as a person's would be. */
  const answeredBy = (name: string): Promise<number> =>
    site.until(`${name} answers calls`, async () => (await nameOfLeader()) === name);
  const standsBy = (name: string): Promise<number> => {
    const client = site.client(name);
    return site.until(`${name} stands by`, async () => {
      const { local, master } = await client.call('health', {}, { timeoutSeconds: 3 });
      return local.standby !== null && master.reachable;
    });
  };

  it('has one that leads, and one that stands by and says so', async () => {
    const [leader, other] = await roles();
    await standsBy(other.name);
    const { stdout } = await run(process.execPath, [CSM, '--socket', site.socket(other.name), 'health']);
    expect(stdout).to.match(new RegExp(`MASTER: ${leader.name} .*term 1   postgresql ok`));
    expect(stdout).to.match(new RegExp(`LOCAL: master/${other.name}   standby   primary ${leader.name}`));
    expect(stdout).to.match(new RegExp(`leader ${leader.name}   term 1   since`));
    // Whoever asks the standby is answered by the one who leads.
    const nodes = await site.client(other.name).call('node.list', {});
    expect(nodes.filter(({ type }) => type === 'compute')).to.have.length(NODES);
    await flows();
  });

  it('follows at once when the leader is killed', async () => {
    const [leader, other] = await roles();
    const term = await termNow();
    await leader.kill('SIGKILL');
    const ms = await answeredBy(other.name);
    console.log(`      a call succeeds again ${Math.round(ms)} ms after the kill`);
    expect(await termNow()).to.equal(term + 1);
    await flows();
    leader.start();
    await standsBy(leader.name);
    expect(await nameOfLeader(), 'the former leader takes nothing back').to.equal(other.name);
  });

  it('begins and ends maintenance windows whoever leads, and answers for an order of the former leader', async () => {
    const [leader, other] = await roles();
    const nodes = 'n[01-03]';
    await login.call('node.resume', { nodes });
    const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
    const open = { nodes: 'n01', reason: 'firmware', until: at(10) };
    const idempotencyKey = randomUUID();
    const made = await login.call('node.drain', open, { idempotencyKey });
    const later = await login.call('node.drain', { nodes: 'n02', reason: 'cable', from: at(5) });
    expect([made.updated, later.updated]).to.deep.equal([1, 1]);
    await leader.kill('SIGKILL');
    await answeredBy(other.name);
    expect(await login.call('node.drain', open, { idempotencyKey }), 'the stored answer').to.deep.equal(made);
    const states = async () => (await login.call('node.list', { nodes })).map(({ state }) => state).join(' ');
    await site.until('one has ended, the other begun', async () => {
      return (await states()) === 'IN_SERVICE MAINTENANCE IN_SERVICE';
    });
    await login.call('node.cancel-window', { id: later.window ?? 0 });
    expect(await states()).to.equal('IN_SERVICE IN_SERVICE IN_SERVICE');
    const told = async (node: string) =>
      (await login.call('node.states', { nodes: node })).slice(2).map(({ to, cause }) => `${to} ${cause}`);
    // Once each, and nobody failed by the change of the leader.
    for (const node of ['n01', 'n02'])
      expect(await told(node), node).to.deep.equal(['MAINTENANCE window', 'IN_SERVICE window']);
    expect(await told('n03')).to.deep.equal([]);
    leader.start();
    await standsBy(leader.name);
  });

  it('follows when the lease of a stopped leader is over, which ends when it wakes', async () => {
    const [leader, other] = await roles();
    const term = await termNow();
    leader.pause();
    const ms = await answeredBy(other.name);
    console.log(`      a call succeeds again ${Math.round(ms)} ms after the stop, at a lease of ${LEASE} s`);
    await flows();
    const ended = leader.expectEnd();
    leader.resume();
    await ended;
    expect(leader.tail(30)).to.match(/is in use by csm lease|another master has begun term/);
    expect(await termNow()).to.equal(term + 1);
    leader.start();
    await standsBy(leader.name);
    await flows();
    expect(await nameOfLeader()).to.equal(other.name);
  });

  it('hands over within a moment when the leader is stopped in order', async () => {
    const [leader, other] = await roles();
    const began = performance.now();
    expect(await leader.end()).to.equal(undefined);
    const ended = performance.now() - began;
    const ms = await answeredBy(other.name);
    console.log(`      it ended in ${Math.round(ended)} ms; a call succeeds again ${Math.round(ms)} ms later`);
    await flows();
    leader.start();
    await standsBy(leader.name);
  });

  it('answers with code 24 while PostgreSQL is stopped, and goes on when it is back', async () => {
    const [leader, other] = await roles();
    // On a machine that is very busy the other may be back before the leader is, which ends that one.
    const ends = masters().map((one) => one.expectEnd());
    await postgres().stop('SIGINT');
    await site.until('calls are answered with code 24', async () => {
      const began = performance.now();
      const change = login.call('node.update', { nodes: 'n01', comment: 'x' }, { timeoutSeconds: 60 });
      const problem = await change.then(
        () => undefined,
        (error: unknown) => error,
      );
      const isAway = problem instanceof CsmError && problem.code === code.DATABASE_UNAVAILABLE;
      if (isAway) expect(performance.now() - began, 'at once').to.be.below(30_000);
      return isAway;
    });
    const { master, problems } = await login.call('health', {});
    expect(master.node).to.equal(leader.name);
    expect(master.database).to.match(/^the |^the connection/);
    expect(problems.join()).to.include('database: ');
    // It looks a few times a second: until then it tells what it saw last.
    await site.until('the standby tells that the database is away', async () => {
      const { local } = await site.client(other.name).call('health', {});
      return /cannot be opened|connection|stopped/.test(local.standby?.why ?? '');
    });
    await postgres().start();
    await flows();
    console.log(`      ${(await nameOfLeader()) === leader.name ? 'the same' : 'the other one'} leads`);
    for (const [i, one] of masters().entries()) {
      if (one.running) continue;
      await ends[i];
      one.start();
    }
    await site.until('the other one stands by', async () => (await roles()).length === 2);
    const [, second] = await roles();
    await standsBy(second.name);
  });

  it('has lost nothing and doubled nothing', async () => {
    await sim.drain((what, look) => site.until(what, look));
    // Those that were killed have ended in ways that are no faults of theirs.
    expect(await site.stop()).to.deep.equal([]);
    const state = await readPostgres(postgres().at('csm'));
    const { faults, ...counts } = judge(readLists(lists), state, { killed: () => false, poisoned: 0 });
    console.log(`      ${JSON.stringify(counts)}`);
    expect(faults).to.deep.equal([]);
    expect(counts.listed).to.be.above(5 * RATE);
    const [term] = await postgres().admin('SELECT term FROM leader', 'csm');
    expect(Number(term?.['term']), 'a term for each leader').to.be.within(5, 6);
  });
});
