/** Buckets through the whole tree: this machine held against /proc read by hand, and programs that do what they should not. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
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

/** Bytes written, by disk, of /proc/diskstats. */
function diskWritten(): Map<string, number> {
  const lines = readFileSync('/proc/diskstats', 'utf8').trim().split('\n');
  return new Map(lines.map((line) => line.trim().split(/\s+/)).map((f) => [f[2] ?? '', Number(f[9]) * 512]));
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

  /** What a rate came to between the first and the last of these samples. */
  function integral(samples: readonly Sample[], name: string): number {
    let sum = 0;
    for (const [i, { time, values }] of samples.entries()) {
      const before = samples[i - 1];
      const seconds = before === undefined ? 0 : (Date.parse(time) - Date.parse(before.time)) / 1000;
      sum += (values[name] ?? Number.NaN) * seconds;
    }
    return sum;
  }

  /** The counters by hand before and after `work`, and the samples of an item that lie around it. */
  async function around<T>(item: string, read: () => T, work: () => void) {
    const from = (await newest(item, Object.keys((await query(cluster, 'real', item)).at(-1)?.values ?? {})[0] ?? ''))
      .time;
    const before = read();
    work();
    const after = read();
    const ended = Date.now();
    const samples = await until('a round after it', async () => {
      const all = await query(cluster, 'real', item, { since: from });
      return Date.parse(all.at(-1)?.time ?? '') > ended ? all : undefined;
    });
    return { before, after, samples };
  }

  it('has the bytes of /proc/diskstats, as rates that add up', async () => {
    const file = join(cluster.site.root, 'written');
    const work = () => {
      const fd = openSync(file, 'w');
      for (let i = 0; i < 64; i++) writeSync(fd, Buffer.alloc(1024 * 1024, i));
      fsyncSync(fd);
      closeSync(fd);
    };
    const { before, after, samples } = await around('disk', diskWritten, work);
    const disks = Object.keys(samples.at(-1)?.values ?? {}).filter((name) => name.endsWith('.write_bytes_per_second'));
    expect(disks).to.not.deep.equal([]);
    for (const name of disks) {
      const disk = name.slice(0, name.indexOf('.'));
      const grown = (after.get(disk) ?? Number.NaN) - (before.get(disk) ?? Number.NaN);
      // Rounds before and after see some more than our own two looks.
      expect(integral(samples, name), name).to.be.within(grown * 0.9, grown * 1.2 + 16e6);
    }
  });

  it('has the bytes of ip -s link, as rates that add up', async () => {
    const { before, after, samples } = await around('network', netDev, () => undefined);
    const names = Object.keys(samples.at(-1)?.values ?? {}).filter((name) =>
      name.endsWith('.receive_bytes_per_second'),
    );
    const real = readdirSync('/sys/class/net').filter((name) => existsSync(`/sys/class/net/${name}/device`));
    for (const name of real) expect(names).to.include(`${name}.receive_bytes_per_second`);
    for (const name of names) {
      const port = name.slice(0, name.lastIndexOf('.'));
      const grown = (after.get(port) ?? Number.NaN) - (before.get(port) ?? Number.NaN);
      expect(integral(samples, name), name).to.be.within(grown * 0.9, grown * 1.2 + 1e6);
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

describe('aligned buckets', function () {
  this.timeout(60_000);

  it('are read at the same moments on all nodes', async () => {
    const data_collection = { buckets: [bucket(2, 'memory')], aligned: true };
    const cluster = await smallCluster(['a1', 'a2'], (who) => (/^a\d/.test(who) ? { more: { data_collection } } : {}));
    try {
      const moments = async (node: string) => {
        const samples = await query(cluster, node, 'memory');
        return samples.length < 3 ? undefined : samples.map(({ time }) => Date.parse(time));
      };
      for (const node of ['a1', 'a2']) {
        const times = await until(`three rounds of ${node}`, () => moments(node));
        // A loaded machine is late, but never by half a round; early by no more than a clock that is being set.
        for (const time of times) expect((time + 10) % 2000, `${node} at ${time}`).to.be.below(1000);
      }
    } finally {
      await cluster.site.close();
    }
  });
});
