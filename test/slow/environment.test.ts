/** Buckets through the whole tree: this machine held against /proc read by hand, and programs that do what they should not. */
import { mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type SmallCluster, smallCluster, until } from '../support/daemons.ts';
import { FAULTY_PROGRAMS, hostOf, type Machine, machine } from '../support/machine.ts';

const bucket = (execution_interval: number, ...item_list: string[]) => ({ execution_interval, item_list });

interface Sample {
  readonly node: string;
  readonly item: string;
  readonly time: string;
  readonly values: Readonly<Record<string, number>>;
}

async function query(cluster: SmallCluster, nodes: string, item: string, more: object = {}): Promise<Sample[]> {
  const found: Sample[] = [];
  try {
    const input = { nodes, item, ...more } as { nodes: string; item: 'cpu' };
    for await (const sample of cluster.utility.client.stream('env.query', input)) found.push(sample as Sample);
  } catch (error) {
    // Nothing matches yet.
    if ((error as { readonly code?: number }).code !== 4) throw error;
  }
  return found;
}

/** Bytes received, by interface, of /proc/net/dev. */
function netDev(): Map<string, number> {
  const lines = readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2);
  return new Map(
    lines.flatMap((line) => {
      const [name, rest] = line.split(':');
      const fields = rest?.trim().split(/\s+/).map(Number) ?? [];
      return rest === undefined ? [] : [[(name ?? '').trim(), fields[0] ?? 0]];
    }),
  );
}

describe('the environment of this machine', function () {
  this.timeout(120_000);
  let cluster: SmallCluster;
  before(async () => {
    const buckets = [
      bucket(1, 'cpu', 'memory', 'network', 'disk', 'filesystem', 'temperature', 'power', 'gpu', 'infiniband', 'ssd'),
    ];
    cluster = await smallCluster(['real'], (who) => (who === 'real' ? { more: { data_collection: { buckets } } } : {}));
  });
  after(() => cluster.site.close());

  const newest = async (item: string, name: string): Promise<Sample> =>
    until(`${item} has ${name}`, async () => {
      const sample = (await query(cluster, 'real', item)).findLast(({ values }) => values[name] !== undefined);
      return sample;
    });

  it('has the memory of /proc/meminfo', async () => {
    const { values } = await newest('memory', 'total_bytes');
    const meminfo = readFileSync('/proc/meminfo', 'utf8');
    const kb = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1]);
    expect(values['total_bytes']).to.equal(kb('MemTotal') * 1024);
    // What is free changes between the two looks, but not by a quarter of the machine.
    expect(Math.abs((values['available_bytes'] ?? 0) - kb('MemAvailable') * 1024)).to.be.below(kb('MemTotal') * 256);
  });

  it('has a processor that is all of user, system, idle and the rest', async () => {
    const { values } = await newest('cpu', 'user_percent');
    const shares = ['user', 'system', 'iowait', 'irq', 'steal', 'idle'].map((name) => values[`${name}_percent`] ?? 0);
    expect(shares.reduce((a, b) => a + b)).to.be.within(99, 101);
    expect(values['load1']).to.be.within(0, 10_000);
  });

  it('has the bytes of ip -s link, as rates that add up', async () => {
    const before = netDev();
    const from = new Date().toISOString();
    await until(
      'ten rounds',
      async () => (await query(cluster, 'real', 'network', { since: from })).length >= 10,
      40_000,
    );
    const after = netDev();
    const samples = await query(cluster, 'real', 'network', { since: from });
    for (const [name, received] of after) {
      const rates = samples.map(({ values }) => values[`${name}.receive_bytes_per_second`] ?? 0);
      const total = rates.reduce((a, b) => a + b, 0);
      const grown = received - (before.get(name) ?? 0);
      // A round takes what came in about a second; the first may begin before, the last end after our own looks.
      expect(total, name).to.be.within(grown * 0.5 - 1e6, grown * 2 + 1e6);
    }
  });

  it('has the size of the root file system', async () => {
    const sample = await newest(
      'filesystem',
      Object.keys((await newest('filesystem', '/.total_bytes')).values)[0] ?? '',
    );
    const { blocks, bsize } = statfsSync('/');
    expect(sample.values['/.total_bytes']).to.equal(blocks * bsize);
  });

  it('is rolled up by steps', async () => {
    const raw = await query(cluster, 'real', 'cpu');
    const minutes = await query(cluster, 'real', 'cpu', { step: 60, agg: 'max' });
    const peak = (samples: readonly Sample[]) => Math.max(...samples.map(({ values }) => values['user_percent'] ?? 0));
    expect(peak(minutes)).to.be.at.least(peak(raw) * 0.999_99);
    const hours = await query(cluster, 'real', 'memory', { step: 3600, agg: 'avg' });
    expect(hours[0]?.values['total_bytes']).to.equal((await newest('memory', 'total_bytes')).values['total_bytes']);
  });

  it('is watched as it comes, and listed by what is highest', async () => {
    const watch = cluster.utility.client.stream('env.watch', { nodes: 'real', item: 'cpu' });
    for await (const item of watch) {
      expect(item).to.include({ node: 'real', item: 'cpu' });
      break;
    }
    const [top] = await cluster.utility.client.call('env.top', { item: 'memory', metric: 'total_bytes' });
    expect(top).to.include({ node: 'real', item: 'memory', metric: 'total_bytes' });
  });

  it('leaves out without a word what this machine does not have', async () => {
    const health = await cluster.computes[0]?.client.call('health', {});
    const { problems } = await cluster.utility.client.call('health', {});
    expect([health?.degraded, ...problems]).to.deep.equal([false]);
  });
});

describe('programs that hang, crash, flood and lie', function () {
  this.timeout(180_000);
  let dir: string;
  let cluster: SmallCluster;
  let gpus: Machine;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'csm-env-'));
    gpus = machine('eight-gpu', dir);
    const data_collection = { buckets: [bucket(1, 'gpu', 'cpu')], item_timeout: 0.5 };
    cluster = await smallCluster(['g1', 'g2'], (who) => {
      if (who === 'g1') return { more: { host: hostOf(gpus), data_collection } };
      return who === 'g2' ? { more: { data_collection } } : {};
    });
    await until('GPUs are read', async () => (await query(cluster, 'g1', 'gpu')).length > 0);
  });
  after(async () => {
    await cluster.site.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const faulty = (fault: string) => readFileSync(join(FAULTY_PROGRAMS, fault, 'nvidia-smi'), 'utf8');
  const health = () => cluster.utility.client.call('health', {});

  for (const fault of ['hang', 'crash', 'flood', 'lie']) {
    it(`${fault}: gpu is named in health, and nothing else is lost; afterwards all is well`, async () => {
      const sound = readFileSync(join(dir, 'bin/nvidia-smi'), 'utf8');
      gpus.replace('nvidia-smi', faulty(fault));
      try {
        const problem = await until('health names it', async () => {
          const { problems } = await health();
          const found = problems.find((text) => /gpu/.test(text) && /g1/.test(text));
          if (found === undefined) throw new Error(JSON.stringify(problems));
          return found;
        });
        expect(problem)
          .to.match(/environment.*gpu.*g1/)
          .and.not.match(/g2|cpu/);
        const from = new Date().toISOString();
        for (const node of ['g1', 'g2'])
          await until(
            `cpu of ${node} goes on`,
            async () => (await query(cluster, node, 'cpu', { since: from })).length >= 3,
          );
        const pings = [];
        for await (const part of cluster.utility.client.stream('ping', { nodes: 'g[1-2]' })) pings.push(part);
        expect(pings.every(({ code }) => code === 0)).to.equal(true);
      } finally {
        gpus.replace('nvidia-smi', sound);
      }
      await until('all is well again', async () => {
        const { problems } = await health();
        if (problems.length > 0) throw new Error(JSON.stringify(problems));
        return true;
      });
    });
  }
});
