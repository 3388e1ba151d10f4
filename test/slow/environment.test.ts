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

// One cluster for the whole file: starting daemons is what costs time.
let dir: string;
let cluster: SmallCluster;
let gpus: Machine;
before(async function () {
  this.timeout(120_000);
  dir = mkdtempSync(join(tmpdir(), 'csm-env-'));
  gpus = machine('eight-gpu', dir);
  const everything = [
    bucket(1, 'cpu', 'memory', 'network', 'disk', 'filesystem', 'temperature', 'power', 'gpu', 'infiniband', 'ssd'),
  ];
  const impatient = { buckets: [bucket(1, 'gpu', 'cpu')], item_timeout: 2 };
  const aligned = { buckets: [bucket(2, 'memory')], aligned: true };
  const more: Readonly<Record<string, object>> = {
    real: { data_collection: { buckets: everything } },
    g1: { host: hostOf(gpus), data_collection: impatient },
    g2: { data_collection: impatient },
    a1: { data_collection: aligned },
    a2: { data_collection: aligned },
  };
  cluster = await smallCluster(Object.keys(more), (who) => ({ more: more[who] ?? {} }));
});
after(async () => {
  await cluster?.site.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('the environment of this machine', function () {
  this.timeout(120_000);

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

  /**
   * The samples around `work`, the first taken before it and the last after it; and how much each counter has grown by
   * hand: at `least` between those two samples, and at `most`, since others use this machine meanwhile.
   */
  async function around(item: string, read: () => Map<string, number>, work: () => void) {
    const newer = (than: number) =>
      until(`a sample of ${item} behind ${than}`, async () => {
        const last = (await query(cluster, 'real', item)).at(-1);
        return Date.parse(last?.time ?? '') > than ? last?.time : undefined;
      });
    const grown = (from: Map<string, number>, to: Map<string, number>) => (name: string) =>
      (to.get(name) ?? Number.NaN) - (from.get(name) ?? Number.NaN);
    const first = read();
    const since = await newer(Date.now());
    const before = read();
    work();
    const after = read();
    const end = await newer(Date.now());
    const last = read();
    const samples = (await query(cluster, 'real', item, { since })).filter(({ time }) => time <= end);
    return { samples, least: grown(before, after), most: grown(first, last) };
  }
  /**
   * Of what rates add up to. A loaded machine reads its counters some time after the moment that the sample bears; a
   * wrong unit would be a factor of two at least.
   */
  const expectBetween = (sum: number, least: number, most: number, name: string) =>
    expect(sum, name).to.be.within(least * 0.6, most * 1.6 + 1e6);

  it('has the bytes of /proc/diskstats, as rates that add up', async () => {
    const file = join(cluster.site.root, 'written');
    const work = () => {
      const fd = openSync(file, 'w');
      for (let i = 0; i < 64; i++) writeSync(fd, Buffer.alloc(1024 * 1024, i));
      fsyncSync(fd);
      closeSync(fd);
    };
    const { samples, least, most } = await around('disk', diskWritten, work);
    const disks = Object.keys(samples.at(-1)?.values ?? {}).filter((name) => name.endsWith('.write_bytes_per_second'));
    expect(disks).to.not.deep.equal([]);
    for (const name of disks) {
      const disk = name.slice(0, name.indexOf('.'));
      expectBetween(integral(samples, name), least(disk), most(disk), name);
    }
  });

  it('has the bytes of ip -s link, as rates that add up', async () => {
    const { samples, least, most } = await around('network', netDev, () => undefined);
    const names = Object.keys(samples.at(-1)?.values ?? {}).filter((name) =>
      name.endsWith('.receive_bytes_per_second'),
    );
    const real = readdirSync('/sys/class/net').filter((name) => existsSync(`/sys/class/net/${name}/device`));
    for (const name of real) expect(names).to.include(`${name}.receive_bytes_per_second`);
    for (const name of names) {
      const port = name.slice(0, name.lastIndexOf('.'));
      expectBetween(integral(samples, name), least(port), most(port), name);
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
    const [top] = await cluster.utility.client.call('env.top', {
      nodes: 'real',
      item: 'memory',
      metric: 'total_bytes',
    });
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
  before(async () => {
    await until('GPUs are read', async () => (await query(cluster, 'g1', 'gpu')).length > 0);
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
    const moments = async (node: string) => {
      const samples = await query(cluster, node, 'memory');
      return samples.length < 3 ? undefined : samples.map(({ time }) => Date.parse(time));
    };
    for (const node of ['a1', 'a2']) {
      const times = await until(`three rounds of ${node}`, () => moments(node));
      // A loaded machine is late, but never by half a round; early by no more than a clock that is being set.
      for (const time of times) expect((time + 10) % 2000, `${node} at ${time}`).to.be.below(1000);
    }
  });
});
