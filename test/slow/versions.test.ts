/** The version rule on running daemons: minor versions mix in all roles; another major version is refused and shown. */
import type { Role } from '@csm/model';
import { expect } from 'chai';
import {
  at,
  type Daemon,
  folded,
  freePorts,
  Site,
  type SmallCluster,
  smallCluster,
  until,
} from '../support/daemons.ts';

const MIXES: readonly Readonly<Record<string, string>>[] = [
  { master: '1.3', 'agg-a': '1.0', 'agg-b': '1.4', login: '1.1', n1: '1.0', n2: '1.2', n3: '1.4' },
  { master: '1.0', 'agg-a': '1.4', 'agg-b': '1.3', login: '1.2', n1: '1.4', n2: '1.1', n3: '1.3' },
  { master: '1.4', 'agg-a': '1.2', 'agg-b': '1.1', login: '1.0', n1: '1.3', n2: '1.4', n3: '1.0' },
  { master: '1.2', 'agg-a': '1.3', 'agg-b': '1.2', login: '1.3', n1: '1.3', n2: '1.2', n3: '1.1' },
];

const speak = (version: string) => ({ args: ['--speak', version] });

for (const [i, mix] of MIXES.entries()) {
  describe(`a cluster of versions 1.0 to 1.4, its master of ${mix['master']}`, () => {
    let cluster: SmallCluster;
    before(async () => {
      cluster = await smallCluster(['n1', 'n2', 'n3'], (who) => speak(mix[who] ?? '1.3'));
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

  const REASON = /protocol version '2\.0' does not go with ours, 1\.2/;
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
    await hub.says(
      /no link to master .*version '2\.0' does not go with ours|no link to master .*refused: protocol version '1\.2'/,
    );
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
