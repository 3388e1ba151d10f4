/**
 * States of nodes with whole daemons: contact that is lost and comes back, windows that outlive the master, aggregators
 * that are drained, and the command line's exit codes. Real compute daemons c1 to c3; their first choice is agg-A.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Cluster, sharedCluster } from '../support/cluster.ts';
import { ROOT } from '../support/daemons.ts';
import { pass } from '../support/wait.ts';

const CSM = join(ROOT, 'packages/cli/bin/csm.cjs');
const INTERVAL = 1;
/** Seconds: long enough for a daemon that is started again on a loaded machine, short enough to wait for. */
const GRACE = 20;
const STABLE_FOR = 2;
const OPTIONS = {
  computes: 3,
  interval: INTERVAL,
  returnAfter: 1,
  nodeRules: { grace: GRACE, stable_for: STABLE_FOR },
};
/** For what hangs. */
const DEADLINE_MS = 90_000;

/** `IN_SERVICE → SOFT_FAILURE contact`, of one node, oldest first, behind a number. */
async function told(cluster: Cluster, node: string, behind = 0): Promise<string[]> {
  const rows = await cluster.client('master').call('node.states', { nodes: node });
  return rows.filter(({ seq }) => seq > behind).map(({ from, to, cause }) => `${from ?? '-'} → ${to ?? '-'} ${cause}`);
}

/** The newest row of the history there is. */
async function head(cluster: Cluster): Promise<number> {
  const rows = await cluster.client('master').call('node.states', { limit: 1 });
  return rows.at(-1)?.seq ?? 0;
}

/** Waits until these nodes are in this state, by the master's own word, while daemons may be away. */
async function inState(cluster: Cluster, nodes: string, state: string): Promise<void> {
  const client = cluster.client('master');
  await cluster.until(
    async () => {
      const rows = await client.call('node.list', { nodes });
      const others = rows.filter((row) => row.state !== state);
      return others.length === 0 || others.map((row) => `${row.name} is ${row.state}`);
    },
    DEADLINE_MS,
    `${nodes} is ${state}`,
  );
  client.close();
}

async function inService(cluster: Cluster): Promise<void> {
  await cluster.client('master').call('node.resume', { nodes: 'c[1-3],agg-A,agg-B' });
  await inState(cluster, 'c[1-3],agg-A,agg-B', 'IN_SERVICE');
}

/** The command line as a user runs it. */
function csm(cluster: Cluster, ...argv: string[]): Promise<{ exit: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1', CSM_CONFIRM: 'never' };
    execFile(process.execPath, [CSM, '--socket', cluster.socket('master'), ...argv], { env }, (error, out, err) => {
      resolve({ exit: error === null ? 0 : Number(error.code ?? -1), out, err });
    });
  });
}

describe('states of nodes in a cluster', function () {
  this.timeout(300_000);
  const inCluster = sharedCluster(OPTIONS);

  it('a killed daemon is a SOFT_FAILURE after the grace time, and heals when it is back', () =>
    inCluster(async (cluster) => {
      await inService(cluster);
      const before = await head(cluster);
      await cluster.kill('c1');
      await cluster.until(
        async () => (await cluster.client('master').call('node.show', { name: 'c1' })).next.at !== null,
        DEADLINE_MS,
        'the deadline is told',
      );
      await inState(cluster, 'c1', 'SOFT_FAILURE');
      const shown = await cluster.client('master').call('node.show', { name: 'c1' });
      expect(shown).to.include({ ready: false, state_cause: 'contact', connected: false });
      expect(shown.next.text).to.contain('goes back to IN_SERVICE when its contact has been back');
      cluster.restart('c1');
      await inState(cluster, 'c1', 'IN_SERVICE');
      expect(await told(cluster, 'c1', before)).to.deep.equal([
        'IN_SERVICE → SOFT_FAILURE contact',
        'SOFT_FAILURE → IN_SERVICE contact',
      ]);
      expect(await told(cluster, 'c2', before).catch(() => [])).to.deep.equal([]);
    }));

  it('a daemon that is stopped, or killed and started again at once, is none', () =>
    inCluster(async (cluster) => {
      await inService(cluster);
      const before = await head(cluster);
      await cluster.kill('c1', 'SIGTERM');
      await cluster.kill('c2');
      cluster.restart('c2');
      // A third one tells when the grace time is over.
      await cluster.kill('c3');
      await inState(cluster, 'c3', 'SOFT_FAILURE');
      await inState(cluster, 'c[1-2]', 'IN_SERVICE');
      expect(await told(cluster, 'c[1-2]', before).catch(() => [])).to.deep.equal([]);
    }));

  it('nodes are not judged by aggregators that are away; those themselves are', () =>
    inCluster(async (cluster) => {
      await inService(cluster);
      const before = await head(cluster);
      await cluster.kill('agg-A');
      await cluster.kill('agg-B');
      await inState(cluster, 'agg-A,agg-B', 'SOFT_FAILURE');
      // The nodes lost their last links not later than the aggregators themselves.
      await inState(cluster, 'c[1-3]', 'IN_SERVICE');
      cluster.restart('agg-A');
      cluster.restart('agg-B');
      await inState(cluster, 'agg-A,agg-B', 'IN_SERVICE');
      await cluster.healed();
      expect(await told(cluster, 'c[1-3]', before).catch(() => [])).to.deep.equal([]);
    }));

  it('a window begins and ends though its master is killed, and nobody fails by that', () =>
    inCluster(async (cluster) => {
      await inService(cluster);
      const before = await head(cluster);
      const master = cluster.client('master');
      const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
      const open = { nodes: 'c1', reason: 'firmware', until: at(12) };
      const key = randomUUID();
      const made = await master.call('node.drain', open, { idempotencyKey: key });
      const later = await master.call('node.drain', { nodes: 'c2', reason: 'cable', from: at(4) });
      expect([made.updated, later.updated]).to.deep.equal([1, 1]);
      await cluster.kill('master');
      cluster.restart('master');
      await inState(cluster, 'c2', 'MAINTENANCE');
      // The same order again, under its key: it is answered, and makes no second window.
      expect(await cluster.client('master').call('node.drain', open, { idempotencyKey: key })).to.deep.equal(made);
      await cluster.kill('master');
      cluster.restart('master');
      await inState(cluster, 'c1', 'IN_SERVICE');
      await cluster.client('master').call('node.cancel-window', { id: later.window ?? 0 });
      await inState(cluster, 'c[1-3]', 'IN_SERVICE');
      const turns = ['IN_SERVICE → MAINTENANCE window', 'MAINTENANCE → IN_SERVICE window'];
      expect(await told(cluster, 'c1', before)).to.deep.equal(turns);
      expect(await told(cluster, 'c2', before)).to.deep.equal(turns);
      expect(await told(cluster, 'c3,agg-A,agg-B', before).catch(() => [])).to.deep.equal([]);
    }));

  it('an aggregator that is drained keeps its nodes away, whoever is started again', () =>
    inCluster(async (cluster) => {
      await inService(cluster);
      const all = cluster.nodes.length;
      const servedBy = (hub: string) =>
        cluster.until(
          () => cluster.servedBy(hub).length === all || cluster.servedBy(hub),
          DEADLINE_MS,
          `${hub} serves every node`,
        );
      await servedBy('agg-A');
      const since = cluster.head();
      const answer = await cluster.client('master').call('aggregator.drain', { name: 'agg-A', reason: 'new memory' });
      expect(answer).to.include({ node: 'agg-A', changed: true, problem: null });
      await servedBy('agg-B');
      // Row 65: who moves is never down.
      const events = cluster.links(since).map(({ body }) => body.event);
      expect(events).to.include('drained').and.not.include('down');
      const drained = async () => {
        const { problems } = await cluster.client('master').call('health', {});
        return problems.some(
          (words) => words.startsWith('aggregator agg-A is drained by ') && words.includes('new memory'),
        );
      };
      expect(await drained()).to.equal(true);
      // Both return to the first choice after a second, if it lets them.
      for (const name of ['agg-A', 'master']) {
        await cluster.kill(name);
        cluster.restart(name);
        await cluster.healed();
        await pass(4000);
        await servedBy('agg-B');
        expect(await drained(), name).to.equal(true);
      }
      // Better there than nowhere.
      await cluster.kill('agg-B');
      await servedBy('agg-A');
      cluster.restart('agg-B');
      await servedBy('agg-B');
      const open = await cluster.client('master').call('aggregator.undrain', { name: 'agg-A' });
      expect(open).to.include({ changed: true, drained: null });
      await servedBy('agg-A');
      expect(await drained()).to.equal(false);
      const refused = await cluster
        .client('master')
        .call('aggregator.drain', { name: 'agg-X', reason: 'r' })
        .catch((error: { code: number }) => error.code);
      expect(refused).to.equal(46);
    }));

  it('the exit codes are those of CSM', () =>
    inCluster(async (cluster) => {
      await inService(cluster);
      const exits = async (line: string): Promise<number> => (await csm(cluster, ...line.split(' '))).exit;
      // Row 44, 45: out of service and back, with a history.
      expect(await exits('node update c1 --state OUT_OF_SERVICE')).to.equal(8);
      expect(await exits('node update c1 --state OUT_OF_SERVICE --reason fan')).to.equal(0);
      expect((await csm(cluster, 'cluster', 'state', 'c1')).out).to.match(/^OUT_OF_SERVICE +compute +1 +n /m);
      expect(await exits('node update c1 --state IN_SERVICE')).to.equal(0);
      const [last] = (await cluster.client('master').call('node.states', { nodes: 'c1', limit: 1 })).slice(-1);
      expect(last).to.include({ to: 'IN_SERVICE', alteration: 'CSM API' });
      // Row 48.
      expect(await exits('node update')).to.equal(8);
      expect(await exits('node update c1')).to.equal(8);
      expect(await exits('node update x9 --state IN_SERVICE')).to.equal(27);
      expect(await exits('node update , --state IN_SERVICE')).to.equal(9);
      expect(await exits('node update c1 --state 1')).to.equal(9);
      expect(await exits('node update c1 -r x')).to.equal(9);
      // Row 47: one node at a time.
      expect(await exits('node show c[1-2]')).to.equal(9);
      // Row 50, 49.
      expect(await exits('node delete')).to.equal(8);
      expect(await exits('node delete ,')).to.equal(9);
      expect(await exits('node delete x9')).to.equal(26);
      const some = await csm(cluster, 'node', 'delete', 'c3,x9');
      expect(some.exit).to.equal(26);
      expect(some.err).to.contain('Could not delete 1 of the 2 record(s)');
      expect(await exits('node list c3')).to.equal(4);
      await cluster.kill('c3', 'SIGTERM');
      cluster.restart('c3');
      await inState(cluster, 'c3', 'DISCOVERED');
      expect(await exits('node find-job c1')).to.equal(4);
      expect((await csm(cluster, 'node', 'states', 'c3')).out).to.contain('deleted');
      expect(await exits('node availability --each')).to.equal(0);
      const { out } = await csm(cluster, 'node', 'show', 'c1');
      expect(out.split('\n')[0]).to.match(/^c1 is IN_SERVICE since \S+ \(by \w+\); next: nothing$/);
    }));
});
