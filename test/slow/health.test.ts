/**
 * The whole cluster in one answer, from any daemon: who is there and how, who is lost and where it is missed, whose
 * certificate ends, whose clock is off, whose receiver is away.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { NodeSet } from '@csm/nodeset';
import { issue } from '@csm/pki';
import { expect } from 'chai';
import { at, type Daemon, freePorts, ROOT, type SmallCluster, smallCluster, until } from '../support/daemons.ts';

const CSM = join(ROOT, 'packages/cli/bin/csm.cjs');

function csm(daemon: Daemon, ...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, CSM_SOCKET: daemon.socket };
  return new Promise((resolve) => {
    execFile(process.execPath, [CSM, ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe('health', () => {
  let cluster: SmallCluster;
  let sinkPort = 0;
  before(async () => {
    const [port = 0] = await freePorts(1);
    sinkPort = port;
    const where = (who: string) =>
      who === 'agg-b' ? { more: { bds: { host: '127.0.0.1', port, reconnect_interval_max: 1 } } } : {};
    cluster = await smallCluster(['n1', 'n2'], where);
  });
  after(() => cluster?.site.close());

  const health = (daemon = cluster.utility, nodes = false) =>
    daemon.client.call('health', nodes ? { nodes } : {}, { timeoutSeconds: 20 });

  it('tells of every daemon: version, since when, certificate, clock', async () => {
    const all = await until('every daemon has said how it is', async () => {
      const { master, aggregators, utilities, computes, ...rest } = await health();
      const selves = [master, ...aggregators, ...utilities].map(({ self }) => self);
      const versions = computes.versions.reduce((n, { count }) => n + count, 0);
      if (selves.some((self) => self === null) || versions < 2) throw new Error(JSON.stringify({ selves, computes }));
      return { master, aggregators, utilities, computes, ...rest, selves };
    });
    expect(all.aggregators.map(({ node }) => node)).to.deep.equal(['agg-a', 'agg-b']);
    expect(all.utilities.map(({ node, connected, bounced }) => ({ node, connected, bounced }))).to.deep.equal([
      { node: 'login', connected: true, bounced: 0 },
    ]);
    expect(all.computes).to.include({ known: 2, redundant: 2, single: 0, lost: 0 });
    expect(all.computes.versions).to.deep.equal([{ version: all.master.version, count: 2 }]);
    for (const self of all.selves) {
      expect(self?.version).to.equal(all.master.version);
      expect(Date.now() - Date.parse(self?.started ?? '')).to.be.within(0, 600_000);
      const days = (Date.parse(self?.certificate_expires ?? '') - Date.now()) / 86_400_000;
      expect(days).to.be.within(364, 366);
    }
    expect(all.master.self?.clock_of, 'the measure of all').to.equal(null);
    for (const { self, credit } of all.aggregators) {
      expect(self?.clock_of).to.equal('master/master');
      expect(credit).to.be.greaterThan(0);
    }
    expect(all.master.store?.queue_limit).to.be.greaterThan(0);
    expect(all.certificates).to.deep.equal([]);
    expect(all.drops).to.deep.equal([]);
  });

  it('lists the nodes of each aggregator where asked to', async () => {
    const { aggregators } = await health(cluster.utility, true);
    const version = aggregators[0]?.version;
    // On a loaded machine a node may have begun at its second choice.
    for (const kind of ['primary', 'secondary'] as const) {
      const lists = aggregators.map(({ nodes }) => nodes?.[kind]);
      expect(lists.map((list) => list?.unresponsive)).to.deep.equal(['', '']);
      const alike = lists.flatMap((list) => list?.active ?? []);
      const names = alike.map(({ nodes }) => nodes).join(',');
      expect(NodeSet.parse(names).toString(), kind).to.equal('n[1-2]');
      for (const { version: spoken, bounced } of alike) {
        expect(spoken).to.equal(version);
        expect(bounced).to.be.at.least(0);
      }
    }
    for (const { primary, nodes } of aggregators) {
      const listed = nodes?.primary.active.reduce((n, { nodes: set }) => n + NodeSet.parse(set).size, 0);
      expect(listed, 'as many as are counted').to.equal(primary.active);
    }
    expect((await health()).aggregators[0]).not.to.have.property('nodes');
  });

  it('tells at any daemon that a receiver is away, and that it is back', async () => {
    const words = /^aggregator\/agg-b: the receiver .* does not take environmental data/;
    const said = await until('the problem of agg-b is known to all', async () => {
      const { problems, degraded } = await health(cluster.utility);
      return degraded ? problems.find((problem) => words.test(problem)) : undefined;
    });
    expect(said).to.match(/ECONNREFUSED|refused/);
    const own = await health(cluster.b);
    expect(
      own.problems.filter((problem) => words.test(problem)),
      'once, also where it is',
    ).to.have.length(1);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(sinkPort, '127.0.0.1', resolve));
    try {
      await until('it is well', async () => {
        const { problems, aggregators } = await health(cluster.utility);
        const sink = aggregators[1]?.self?.features['environment'] as { readonly state?: string } | undefined;
        return problems.length === 0 && sink?.state === 'connected';
      });
      const { code, out } = await csm(cluster.utility, 'health');
      expect([code, out.split('\n')[0]]).to.deep.equal([0, 'healthy']);
      expect(out).to.match(/^ {2}aggregator\/agg-b .* connected$/m);
    } finally {
      server.close();
    }
  });

  it('lists a killed agent as unresponsive, in the layout of CSM too, and a stopped aggregator', async () => {
    const { computes, utility, a } = cluster;
    computes[1]?.signal('SIGKILL');
    await computes[1]?.ended;
    const { code, out } = await until('n2 is missed', async () => {
      const shown = await csm(utility, 'health', '--tree', '-v');
      return /Unresponsive_primary: 1/.test(shown.out) ? shown : undefined;
    });
    expect(code).to.equal(1);
    expect(out).to.match(/^Aggregators:2$/m);
    const [, primaries = '', secondaries = ''] =
      /Unresponsive_primary: 1\n(?:.*\n)*?\t\tPrimary Nodes:\n((?:\t\t\t.*\n)*)\t\tSecondary Nodes:\n((?:\t\t\t.*\n)*)/.exec(
        out,
      ) ?? [];
    expect(primaries).to.match(/\tUnresponsive: 1\n\t+COMPUTE: n2 \(bounced=n\/a; version=n\/a; link=ANY\)\n$/);
    expect(secondaries).not.to.contain('n2');
    expect(out).to.match(/\tActive: 1\n\t+COMPUTE: n1 \(bounced=\d+; version=[\d.]+; link=PRIMARY\)\n/);
    expect(out).to.match(/^\tUnresponsive Aggregators: 0$/m);
    expect((await health()).computes).to.include({ known: 2, redundant: 1, lost: 1 });

    a.signal('SIGKILL');
    await a.ended;
    const lost = await until('agg-a is missed', async () => {
      const shown = await csm(utility, 'health', '--tree');
      return /Unresponsive Aggregators: 1/.test(shown.out) ? shown.out : undefined;
    });
    expect(lost).to.match(/^Aggregators:2$/m);
    expect(lost).to.match(/^\tUnresponsive Aggregators: 1\n\t\tAGGREGATOR: agg-a$/m);
  });

  it('warns of a certificate that ends within 30 days, and of a clock that is off', async () => {
    const { site, ports, utility } = cluster;
    const { file } = await issue(site.pki, {
      role: 'utility',
      node: 'late',
      names: ['localhost', '127.0.0.1'],
      // Made for 365 days, of which 12 are left.
      validFrom: Date.now() - 353 * 86_400_000,
      days: 365,
    });
    const shift = join(site.root, 'shift');
    mkdirSync(site.root, { recursive: true });
    writeFileSync(shift, '5000\n');
    const late = await site.start('utility', 'late', {
      net: { master: at(ports.utilities) },
      cred: file,
      env: { CSM_CLOCK_SHIFT: shift },
    });
    await late.started();
    const { warnings, certificates, clocks } = await until('both are told', async () => {
      const told = await health(utility);
      return told.certificates.length > 0 && told.clocks.length > 0 ? told : undefined;
    });
    expect(certificates.map(({ role, nodes }) => `${role}/${nodes}`)).to.deep.equal(['utility/late']);
    expect(warnings.join('\n')).to.match(/^the certificate of utility\/late expires in 1[12] days/m);
    expect(clocks[0]).to.include({ role: 'utility', nodes: 'late', of: 'master/master' });
    expect(clocks[0]?.ahead_ms).to.be.within(4900, 25_000);
    expect(warnings.join('\n')).to.match(/^the clock of utility\/late is \d+\.\d s ahead of that of master\/master$/m);
    const { out } = await csm(utility, 'health');
    expect(out).to.match(/^warning: the certificate of utility\/late/m);

    // The clock is set right while the link stands.
    writeFileSync(shift, '0\n');
    await until('the clock is believed again', async () => (await health(utility)).clocks.length === 0);
  });
});
