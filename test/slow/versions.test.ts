/**
 * The version rule on running daemons: minor versions mix in all roles; a cluster at work is upgraded and downgraded
 * daemon by daemon and loses nothing; another major version is refused and shown.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '@csm/model';
import { VERSION } from '@csm/protocol';
import {
  judge as judgeLists,
  type PostgresSite,
  postgresPrograms,
  readLists,
  readPostgres,
  type SimProcess,
  startTree,
  type Tree,
  Site as TreeSite,
} from '@csm/sim';
import { expect } from 'chai';
import { type Cluster, HUBS, type LinkRow, withCluster } from '../support/cluster.ts';
import {
  at,
  type Daemon,
  folded,
  freePorts,
  needs,
  Site,
  type SmallCluster,
  smallCluster,
  until,
} from '../support/daemons.ts';
import { random, seedOr } from '../support/random.ts';

/** Minor versions beside ours, 1.4. */
const OLDER = '1.3';
const NEWER = '1.5';

const MIXES: readonly Readonly<Record<string, string>>[] = [
  { master: '1.4', 'agg-a': '1.0', 'agg-b': '1.5', login: '1.1', n1: '1.0', n2: '1.2', n3: '1.5' },
  { master: '1.0', 'agg-a': '1.4', 'agg-b': '1.3', login: '1.2', n1: '1.5', n2: '1.1', n3: '1.3' },
  { master: '1.5', 'agg-a': '1.2', 'agg-b': '1.1', login: '1.0', n1: '1.4', n2: '1.3', n3: '1.0' },
  { master: '1.3', 'agg-a': '1.3', 'agg-b': '1.4', login: '1.4', n1: '1.4', n2: '1.2', n3: '1.1' },
  { master: '1.2', 'agg-a': '1.4', 'agg-b': '1.2', login: '1.3', n1: '1.4', n2: '1.2', n3: '1.3' },
];

const speak = (version: string) => ({ args: ['--speak', version] });

for (const [i, mix] of MIXES.entries()) {
  describe(`a cluster of versions 1.0 to 1.5, its master of ${mix['master']}`, () => {
    let cluster: SmallCluster;
    before(async () => {
      cluster = await smallCluster(['n1', 'n2', 'n3'], (who) => speak(mix[who] ?? VERSION));
    });
    after(() => cluster?.site.close());

    it('lists every node with its inventory and its version', async () => {
      const nodes = await cluster.utility.client.call('node.list', {});
      expect(Object.fromEntries(nodes.map(({ name, version }) => [name, version]))).to.deep.equal(mix);
      for (const node of nodes) expect(node.kernel_release, node.name).to.be.a('string');
      const { aggregators, refused, problems } = await cluster.utility.client.call('health', {});
      expect(aggregators.map(({ node, version }) => [node, version])).to.deep.equal([
        ['agg-a', mix['agg-a']],
        ['agg-b', mix['agg-b']],
      ]);
      expect([refused, problems]).to.deep.equal([[], []]);
    });

    it('pings and runs on all of them, from every entry that may', async () => {
      for (const entry of [cluster.utility, cluster.a, cluster.b, cluster.master]) {
        const pings = await folded(entry.client.stream('ping', { nodes: 'n[1-3]' }));
        expect(pings).to.deep.equal([{ nodes: 'n[1-3]', code: 0, text: 'alive' }]);
        const argv = ['sh', '-c', 'echo out; exit 3'];
        const runs = await folded(entry.client.stream('run', { nodes: 'n[1-3]', argv }));
        expect(runs).to.have.length(1);
        expect(runs[0]).to.deep.include({ nodes: 'n[1-3]', body: { exit: 3, output: 'out\n' } });
      }
    });

    it('streams, and takes a cancel', async () => {
      const stream = cluster.computes[2]?.client.stream('node.watch', { since: 0 });
      const first = await stream?.next();
      expect(first?.value).to.include({ seq: 1 });
      await stream?.return?.();
    });

    if (i === 0) {
      it('fails over and takes reports after it', async () => {
        await cluster.a.stop();
        await until('all are served by the other', async () => {
          const nodes = await cluster.utility.client.call('node.list', { type: 'compute' });
          return nodes.every((node) => node.connected && node.primary_aggregator === 'agg-b');
        });
        const { committed } = (await cluster.utility.client.call('health', {})).master.reports;
        // A node that begins anew reports its inventory only if the master has another one: a new name has none.
        const late = await cluster.site.start('compute', 'n4', {
          net: { aggregatorA: at(cluster.ports.b) },
          ...speak('1.0'),
        });
        await late.started();
        await until('its report is stored', async () => {
          const node = (await cluster.utility.client.call('node.list', {})).find(({ name }) => name === 'n4');
          return node?.kernel_release;
        });
        expect((await cluster.utility.client.call('health', {})).master.reports.committed).to.be.above(committed);
        const alive = await folded(cluster.utility.client.stream('ping', { nodes: 'n[1-4]' }));
        expect(alive).to.deep.equal([{ nodes: 'n[1-4]', code: 0, text: 'alive' }]);
      });
    }
  });
}

/** Numbers a second of each daemon. */
const RATE = 20;
/** Long enough that a busy machine has all links back within the three intervals in which nobody is told down. */
const INTERVAL = 2;
/** From the start of a daemon to a cluster that stands again, ms: far less than a peer waits that took a wrong turn. */
const BACK_MS = 25_000;

describe('a cluster at work whose daemons change their version', function () {
  this.timeout(400_000);
  const options = { computes: 3, interval: INTERVAL, numbered: true };

  const versionsOf = async (cluster: Cluster): Promise<Record<string, string | null>> => {
    const client = cluster.client('utility');
    const nodes = await client.call('node.list', {});
    client.close();
    return Object.fromEntries(nodes.map(({ name, version }) => [name, version]));
  };
  /** Stops it in order, starts it as another version, and waits until everything stands and reports come in. */
  const becomes = async (cluster: Cluster, name: string, version: string) => {
    await cluster.kill(name, 'SIGTERM');
    cluster.restart(name, version === VERSION ? [] : ['--speak', version]);
    await cluster.healed(BACK_MS);
    const client = cluster.client('utility');
    const committed = async () => (await client.call('health', {})).master.reports.committed;
    const before = await committed();
    const rows = (RATE / 2) * (cluster.computes.length + HUBS.length + 2);
    await cluster.until(async () => (await committed()) > before + rows, BACK_MS, 'reports are committed');
    client.close();
  };
  /** Who was called dead, or lost, though it has not said goodbye, or has not been restarted at all. */
  const falselyTold = (rows: readonly LinkRow[], restarted: readonly string[]) =>
    rows.flatMap(({ subject, body: { event, planned, nodes, cause } }) => {
      if (event !== 'down' && event !== 'aggregator_lost') return [];
      return planned && restarted.includes(subject) ? [] : [{ event, subject, nodes, cause, planned }];
    });
  const expectWhole = async (cluster: Cluster, since: number, restarted: readonly string[]) => {
    expect(falselyTold(cluster.links(since), restarted)).to.deep.equal([]);
    await cluster.drained();
    const { faults, ...counts } = cluster.judge();
    console.log(`      ${JSON.stringify(counts)}`);
    expect(faults).to.deep.equal([]);
    expect(counts.stored).to.equal(counts.listed + counts.extra);
    expect(counts.streams).to.equal(cluster.computes.length + HUBS.length + 2);
  };

  it('its only master begins anew as an older one, a newer one, and as before: nobody waits, nobody is called dead', () =>
    withCluster(options, async (cluster) => {
      const since = cluster.head();
      cluster.generate(RATE);
      for (const version of [OLDER, NEWER, '1.0', VERSION]) {
        await becomes(cluster, 'master', version);
        expect((await versionsOf(cluster))['master']).to.equal(version);
      }
      await expectWhole(cluster, since, ['master']);
    }));

  it('all are downgraded and upgraded again, one after the other in any order', () =>
    withCluster(options, async (cluster) => {
      const seed = seedOr(3);
      const chance = random(seed);
      const since = cluster.head();
      const names = ['master', ...HUBS, 'utility', ...cluster.computes];
      cluster.generate(RATE);
      for (const version of [OLDER, VERSION]) {
        const order = chance.shuffle(names);
        console.log(`      seed ${seed}: to ${version}: ${order.join(', ')}`);
        for (const name of order) await becomes(cluster, name, version);
        const all = Object.fromEntries(names.map((name) => [name, version]));
        expect(await versionsOf(cluster)).to.deep.equal(all);
      }
      await expectWhole(cluster, since, names);
    }));
});

describe('two masters on one PostgreSQL, aggregators and nodes older and newer than they', function () {
  this.timeout(300_000);
  const SPEAKS: Readonly<Record<string, string>> = { 'master-2': NEWER, 'agg-a': OLDER, 'agg-b': '1.0', login: OLDER };
  const NODES = 8;
  const calledOff = new AbortController();
  let site: TreeSite;
  let tree: Tree;
  let sim: SimProcess;
  let lists: string;

  before(async function () {
    needs(this, 'initdb and postgres', postgresPrograms() !== undefined, 'postgresql');
    site = await TreeSite.open(calledOff.signal);
    const args = (who: string) => (SPEAKS[who] === undefined ? [] : ['--speak', SPEAKS[who]]);
    tree = await startTree(site, { interval: INTERVAL, db: 'postgresql', standby: true, args });
    await site.certify(
      'compute',
      Array.from({ length: NODES }, (_, i) => `n${i + 1}`),
    );
    lists = join(site.root, 'lists');
    mkdirSync(lists);
    const nodes = ['--nodes', `n[1-${NODES}]`, '--aggregators', tree.aggregators, '--interval', String(INTERVAL)];
    sim = await site.sim('nodes', nodes.concat('--sample', '0', '--lists', lists, '--speak', OLDER));
    await site.until('all nodes are served', async () => (await sim.stats()).confirmed === NODES);
    await sim.order({ do: 'rate', rate: 10 * RATE });
  });
  after(async () => {
    calledOff.abort();
    await site?.close();
  });

  const query = (sql: string) => (tree.postgres as PostgresSite).admin(sql, 'csm');
  const nameOfLeader = async () =>
    (await site.client('login').call('health', {}, { timeoutSeconds: 2 })).master.node ?? 'nobody';
  /** One ends, the other takes over with all aggregators, and the one that ended stands by. */
  const change = async (how: 'SIGKILL' | 'SIGTERM') => {
    const name = await nameOfLeader();
    const other = name === 'master' ? 'master-2' : 'master';
    await site.find(name).kill(how);
    await site.until(`${other} leads`, async () => (await nameOfLeader()) === other);
    const before = (await sim.stats()).acknowledged;
    await site.until('reports are acknowledged', async () => (await sim.stats()).acknowledged > before + 10 * RATE);
    await site.until('all is linked and settled', async () => {
      const { master, aggregators } = await site.client('login').call('health', {}, { timeoutSeconds: 2 });
      return !master.settling && aggregators.length === 2 && aggregators.every(({ connected }) => connected);
    });
    site.find(name).start();
    await site.until(`${name} stands by`, async () => {
      const { local } = await site.client(name).call('health', {}, { timeoutSeconds: 3 });
      return local.standby !== null;
    });
  };

  for (const how of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const)
    it(`the other takes over after ${how}, and calls no node and no aggregator dead`, async () => {
      const [newest] = await query('SELECT coalesce(max(seq), 0) AS seq FROM change');
      await change(how);
      const rows = await query(`SELECT body FROM change WHERE kind = 'link' AND seq > ${Number(newest?.['seq'])}`);
      const bodies = rows.map(({ body }) => (typeof body === 'string' ? JSON.parse(body) : body) as LinkRow['body']);
      const dead = bodies.filter(({ event, nodes }) => event === 'aggregator_lost' || /(^|,)(n|agg)/.test(nodes));
      expect(dead.filter(({ event }) => event === 'aggregator_lost' || event === 'down')).to.deep.equal([]);
    });

  it('has lost nothing and doubled nothing', async () => {
    await sim.drain((what, look) => site.until(what, look));
    expect(await site.stop()).to.deep.equal([]);
    const state = await readPostgres((tree.postgres as PostgresSite).at('csm'));
    const { faults, ...counts } = judgeLists(readLists(lists), state, { killed: () => false, poisoned: 0 });
    console.log(`      ${JSON.stringify(counts)}`);
    expect(faults).to.deep.equal([]);
    expect(counts.listed).to.be.above(30 * RATE);
  });
});

describe('a daemon of another major version', () => {
  let site: Site;
  let master: Daemon;
  let hub: Daemon;
  const ports = { aggregators: 0, utilities: 0, hub: 0, other: 0 };
  before(async () => {
    site = await Site.open();
    const [aggregators = 0, utilities = 0, hubPort = 0, other = 0] = await freePorts(4);
    Object.assign(ports, { aggregators, utilities, hub: hubPort, other });
    master = await site.start('master', 'm', {
      net: { aggregator_listen: at(aggregators), utility_listen: at(utilities) },
    });
    hub = await site.start('aggregator', 'a', { net: { compute_listen: at(hubPort), master: at(aggregators) } });
    await Promise.all([master.started(), hub.started()]);
    await hub.says(/linked to master/);
  });
  after(() => site?.close());

  const REASON = new RegExp(`protocol version '2\\.0' does not go with ours, ${VERSION.replace('.', '\\.')}`);
  const cases: [Role, () => object, () => Daemon][] = [
    ['compute', () => ({ aggregatorA: at(ports.hub) }), () => hub],
    ['utility', () => ({ master: at(ports.utilities) }), () => master],
    ['aggregator', () => ({ master: at(ports.aggregators), compute_listen: at(ports.other) }), () => master],
  ];
  for (const [role, net, by] of cases) {
    it(`as ${role} is refused, says why, tries again slowly, never exits, and links once it is of ours`, async () => {
      const listener = by();
      const node = `two-${role}`;
      const daemon = await site.start(role, node, { net: net(), ...speak('2.0') });
      await daemon.started();
      await listener.says(new RegExp(`refused ${role}/${node} from 127.*${REASON.source}.* code=version`));
      await daemon.says(new RegExp(`no link to .*refused: ${REASON.source}.* refused=version`));
      const { local, degraded } = await daemon.client.call('health', {});
      expect(degraded).to.equal(true);
      expect(local.candidates[0]).to.include({ state: 'refused' });
      expect(local.candidates[0]?.reason).to.match(REASON);
      const refusals = async () =>
        (await master.client.call('health', {})).refused.find(
          (r) => r.daemon === `${role}/${node}` && r.code === 'version',
        );
      const first = await until('the master shows it', refusals);
      expect(first).to.deep.include({ by: `${listener.role}/${listener.node}`, count: 1 });
      expect(first.reason).to.match(REASON);
      // At an interval of 0.5 s it waits for 5 s at least; the back-off of a link that failed otherwise is a tenth.
      const since = performance.now();
      await until('three seconds have passed', () => performance.now() - since > 3000);
      expect((await refusals())?.count).to.equal(1);
      expect(daemon.isRunning).to.equal(true);
      await daemon.stop();
      const again = site.startFile(role, node, daemon.file, daemon.socket);
      await again.started();
      await until('it is linked', async () =>
        (await master.client.call('node.list', {})).some((n) => n.name === node && n.connected),
      );
      await again.stop();
    });
  }

  it('as master is refused by those who belong here, which stay alive and come back', async () => {
    await master.stop();
    const other = site.startFile('master', 'm', master.file, master.socket, speak('2.0'));
    await other.started();
    await hub.says(/no link to master .*(version '2\.0' does not go with ours|refused: protocol version '1\.\d')/);
    const { local } = await hub.client.call('health', {});
    expect(local.candidates[0]).to.include({ state: 'refused' });
    expect(hub.isRunning && other.isRunning).to.equal(true);
    await other.stop();
    master = site.startFile('master', 'm', master.file, master.socket);
    await master.started();
    hub.signal('SIGHUP');
    await until('it is linked again', async () =>
      (await master.client.call('node.list', {})).some(({ name, connected }) => name === 'a' && connected),
    );
  });
});
