import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodePart, NodePorts } from '@csm/feature';
import { type Finding, type Host, RootTree, realHost } from '@csm/host';
import { memoryLog, systemClock } from '@csm/kit';
import type { Report } from '@csm/tree';
import { expect } from 'chai';
import { ITEMS, type Item } from '../src/items.ts';
import { nodePart, probe } from '../src/node.ts';
import { readSample, type SampleBody } from '../src/report.ts';
import { newDirectory, read, removeTrees, saying, until, whyNot, writeProgram, writeTree } from './support.ts';

const CPU = (user: number): Record<string, string> => ({
  '/proc/stat': `cpu  ${user} 0 0 ${user * 3} 0 0 0 0\nctxt 1\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n`,
});

interface Running {
  readonly part: NodePart;
  readonly bodies: SampleBody[];
  readonly times: number[];
  readonly log: ReturnType<typeof memoryLog>;
}

const parts: NodePart[] = [];

function start(
  host: Host,
  buckets: readonly { readonly execution_interval: number; readonly item_list: readonly Item[] }[],
  more: { readonly item_timeout?: number; readonly offer?: (report: Report) => Promise<void> } = {},
): Running {
  const bodies: SampleBody[] = [];
  const times: number[] = [];
  const log = memoryLog();
  const ports: NodePorts = {
    self: { role: 'compute', node: 'n001', version: '0.1.0' },
    clock: systemClock,
    log,
    config: { data_collection: { buckets, aligned: true, item_timeout: more.item_timeout ?? 2_000 } },
    host,
    rebalance: () => undefined,
    offer: async (report) => {
      await more.offer?.(report);
      bodies.push(readSample(JSON.parse(JSON.stringify(report.body))));
      times.push(report.time);
    },
  };
  const part = nodePart(ports);
  parts.push(part);
  return { part, bodies, times, log };
}

const texts = (log: Running['log']): readonly string[] => log.events.map(({ message }) => message);
const problems = ({ part }: Running): readonly string[] => part.problems?.() ?? [];

/** A tree whose `path` hangs as a disk that is dying does, until `free` is called. */
class HangingTree extends RootTree {
  reads = 0;
  free: () => void = () => undefined;
  readonly #freed = new Promise<void>((resolve) => {
    this.free = resolve;
  });
  readonly #path: string;

  constructor(root: string, path: string) {
    super(root);
    this.#path = path;
  }

  override async text(path: string, limit?: number): Promise<Finding<string>> {
    if (path === this.#path) {
      this.reads++;
      await this.#freed;
    }
    return super.text(path, limit);
  }
}

describe('the node part', () => {
  afterEach(async () => {
    await Promise.all(parts.splice(0).map(async (part) => part.stop?.()));
    removeTrees();
  });

  it('does nothing in a role without collection, or without buckets', () => {
    const running = start({ tree: new RootTree('/'), programs: saying({}) }, []);
    expect(running.part).deep.equals({});
  });

  it('reports gauges at first, then rates; absent items by name and once', async () => {
    const root = writeTree(CPU(100));
    const { bodies, part } = start({ tree: new RootTree(root), programs: saying({}) }, [
      { execution_interval: 50, item_list: ['cpu', 'gpu', 'infiniband', 'temperature'] },
    ]);
    // In one report, or in more where a loaded machine answers late.
    const absent = () => bodies.flatMap((body) => body.absent ?? []).sort();
    const cpu = () => bodies.flatMap(({ items }) => (items.cpu === undefined ? [] : [items.cpu]));
    await until('the first round is told', () => cpu().length > 0 && absent().length === 3);
    expect(cpu()[0]).deep.equals({ procs_running: 1, procs_blocked: 0 });
    expect(absent()).deep.equals(['gpu', 'infiniband', 'temperature']);
    expect(bodies.every(({ failed }) => Object.keys(failed).length === 0)).equals(true);
    writeTree(CPU(200), root);
    await until('a rate', () => bodies.some(({ items }) => items.cpu?.['user_percent'] === 25));
    expect(bodies.find(({ items }) => items.cpu?.['user_percent'] === 25)?.items.cpu).includes({ idle_percent: 75 });
    expect(absent().length).equals(3);
    expect(part.problems?.()).deep.equals([]);
  });

  it('sends no report when there is nothing new to tell', async () => {
    const { bodies } = start({ tree: new RootTree(newDirectory()), programs: saying({}) }, [
      { execution_interval: 20, item_list: ['infiniband'] },
      { execution_interval: 200, item_list: ['infiniband', 'filesystem'] },
    ]);
    const other = start({ tree: new RootTree(writeTree(CPU(1))), programs: saying({}) }, [
      { execution_interval: 20, item_list: ['cpu'] },
    ]);
    await until('rounds', () => other.bodies.length > 15);
    expect(bodies).deep.equals([
      { items: {}, failed: {}, absent: ['infiniband'] },
      { items: {}, failed: {}, absent: ['filesystem'] },
    ]);
  });

  it('reads an item of two buckets once, and reckons rates for each', async () => {
    const root = writeTree(CPU(1));
    const tree = new (class extends RootTree {
      reads = 0;
      override async text(path: string, limit?: number): Promise<Finding<string>> {
        if (path === '/proc/stat') this.reads++;
        return super.text(path, limit);
      }
    })(root);
    const { bodies, times } = start({ tree, programs: saying({}) }, [
      { execution_interval: 100, item_list: ['cpu'] },
      { execution_interval: 100, item_list: ['cpu'] },
    ]);
    await until('two rounds', () => bodies.length >= 4);
    expect(tree.reads).most(Math.ceil(bodies.length / 2) + 1);
    expect(times[0]).equals(times[1]);
  });

  for (const [what, script, why] of [
    ['hangs', 'trap "" TERM; exec sleep 60', /^no answer within 600 ms; waited for nvidia-smi$/],
    ['crashes', 'kill -SEGV $$', /^nvidia-smi ended with 139/],
    ['fails', 'echo "NVIDIA-SMI has failed"; exit 9', /^nvidia-smi ended with 9: NVIDIA-SMI has failed$/],
    [
      'floods',
      'exec yes 0000000000000000000000000000000000000',
      /nvidia-smi wrote more than the 65536 bytes|no answer/,
    ],
    ['lies', `echo "0, a, b, c${', 1e9'.repeat(12)}"`, /^0.power_watts: nvidia-smi says '1e9' for power.draw/],
    ['talks nonsense', 'echo hello', /^line 1: nvidia-smi wrote 'hello'/],
  ] as const)
    it(`a program that ${what} costs its item and nothing else`, async () => {
      const bin = newDirectory();
      writeProgram(bin, 'nvidia-smi', script);
      const gpuBus = '/sys/bus/pci/devices/0000:3b:00.0';
      const root = writeTree({ ...CPU(1), [`${gpuBus}/vendor`]: '0x10de\n', [`${gpuBus}/class`]: '0x030000\n' });
      const { programs } = realHost({ path: `${bin}:/usr/bin:/bin` });
      const running = start(
        { tree: new RootTree(root), programs },
        [
          { execution_interval: 100, item_list: ['gpu', 'cpu'] },
          { execution_interval: 50, item_list: ['cpu'] },
        ],
        { item_timeout: 600 },
      );
      const { bodies } = running;
      await until('it failed', () => bodies.some(({ failed }) => failed.gpu !== undefined));
      const body = bodies.find(({ failed }) => failed.gpu !== undefined);
      expect(body?.failed.gpu).matches(why);
      // Neither its own bucket nor the other one waited for one that hangs.
      const sound = bodies.slice(0, bodies.indexOf(body as SampleBody)).filter(({ items }) => items.cpu !== undefined);
      if (what === 'hangs') expect(sound.length).least(3);
      await until('the other item is told', () => bodies.some(({ items }) => items.cpu !== undefined));
      expect(bodies.filter(({ failed }) => failed.cpu !== undefined)).deep.equals([]);
      expect(problems(running).find((text) => text.includes('gpu'))).matches(
        /^the item gpu gives nothing since 20\S+Z: /,
      );
      expect(texts(running.log).filter((text) => text === 'an item gives nothing').length).equals(1);

      writeProgram(bin, 'nvidia-smi', 'echo "0, a, b, c, 10, 3, 4, 5, 6, 7, 8, 9, 1, 1, 1, 1"');
      await until(
        'it is well again',
        () => bodies.at(-1)?.items.gpu?.['0.power_watts'] === 10 || bodies.some(({ items }) => items.gpu !== undefined),
      );
      await until('no problem is left', () => !problems(running).some((text) => text.includes('item gpu')));
      expect(texts(running.log)).includes('an item no longer fails');
    });

  it('a file that hangs in the kernel is given up, and not tried again while it hangs', async () => {
    const tree = new HangingTree(
      writeTree({ ...CPU(1), '/proc/net/dev': `a\nb\neth0:${' 0'.repeat(16)}\n` }),
      '/proc/stat',
    );
    const running = start({ tree, programs: saying({}) }, [{ execution_interval: 50, item_list: ['cpu', 'network'] }], {
      item_timeout: 300,
    });
    const { bodies } = running;
    await until('three more rounds', () => bodies.filter(({ failed }) => failed.cpu !== undefined).length >= 4);
    expect(tree.reads).equals(1);
    const why = bodies.flatMap(({ failed }) => failed.cpu ?? []);
    expect(why[0]).equals('no answer within 300 ms; waited for /proc/stat');
    expect(why[1]).equals('an earlier attempt still waits for /proc/stat');
    // Before cpu was given up: nothing waited for it.
    const given = bodies.findIndex(({ failed }) => failed.cpu !== undefined);
    expect(bodies.slice(0, given).some(({ items }) => items.network !== undefined)).equals(true);
    tree.free();
    await until('it is read again', () => bodies.at(-1)?.items.cpu !== undefined);
    expect(problems(running)).deep.equals([]);
  });

  it('a file that hangs is waited for once, whatever number of buckets asks for it', async () => {
    const tree = new HangingTree(writeTree(CPU(1)), '/proc/stat');
    const { bodies } = start(
      { tree, programs: saying({}) },
      [
        { execution_interval: 30, item_list: ['cpu'] },
        { execution_interval: 47, item_list: ['cpu'] },
      ],
      { item_timeout: 300 },
    );
    await until('both have given up', () => bodies.length >= 2);
    expect(tree.reads).equals(1);
    tree.free();
  });

  it('a disk that is told sick by the status of smartctl is read all the same', async () => {
    const bin = newDirectory();
    const { programs } = realHost({ path: `${bin}:/usr/bin:/bin` });
    const host = { tree: new RootTree(writeTree({ '/sys/block/sda/queue/rotational': '0\n' })), programs };
    writeProgram(bin, 'smartctl', `echo '{"temperature":{"current":61}}'; exit 72`);
    expect(Object.fromEntries((await read('ssd', host)).gauges)).deep.equals({ 'sda.temperature_celsius': 61 });
    writeProgram(bin, 'smartctl', `echo '{"temperature":{"current":61}}'; exit 2`);
    expect(await whyNot('ssd', host)).matches(/^failed: sda: smartctl ended with 2/);
  });

  it('with two that hang nothing more is tried', async () => {
    const files = {
      ...CPU(1),
      '/proc/meminfo': 'MemTotal: 1 kB\n',
      '/proc/net/dev': `a\nb\neth0:${' 0'.repeat(16)}\n`,
    };
    const root = writeTree(files);
    const hangs = [new HangingTree(root, '/proc/stat'), new HangingTree(root, '/proc/meminfo')] as const;
    const tree = new (class extends RootTree {
      override text(path: string, limit?: number): Promise<Finding<string>> {
        return (path === '/proc/stat' ? hangs[0] : hangs[1]).text(path, limit);
      }
    })(root);
    const { bodies } = start(
      { tree, programs: saying({}) },
      [{ execution_interval: 50, item_list: ['cpu', 'memory', 'network'] }],
      {
        item_timeout: 60,
      },
    );
    await until('a round', () => bodies.length > 0);
    expect(bodies[0]?.failed.network).equals('not tried while cpu and memory hang');
    for (const hanging of hangs) hanging.free();
    await until('all is well', () => Object.keys(bodies.at(-1)?.failed ?? { x: 1 }).length === 0);
  });

  it('says when rounds are skipped', async () => {
    let free: () => void = () => undefined;
    const freed = new Promise<void>((resolve) => {
      free = resolve;
    });
    const host = { tree: new RootTree(writeTree(CPU(1))), programs: saying({}) };
    const running = start(host, [{ execution_interval: 30, item_list: ['cpu'] }], { offer: () => freed });
    await until('it skips', () => problems(running).some((text) => /every 0.03 s has skipped \d+ rounds/.test(text)));
    free();
    await until('it goes on', () => problems(running).length === 0);
  });

  it('says when an item misses rounds, and reports it later with the time of its own round', async () => {
    const tree = new HangingTree(writeTree({ ...CPU(1), '/proc/meminfo': 'MemTotal: 1 kB\n' }), '/proc/stat');
    const running = start({ tree, programs: saying({}) }, [{ execution_interval: 50, item_list: ['cpu', 'memory'] }]);
    const { bodies, times } = running;
    await until('it misses rounds', () =>
      problems(running).some((text) =>
        /^the item cpu has missed (?:[3-9]|\d\d+) rounds of the bucket of every 0.05 s/.test(text),
      ),
    );
    expect(bodies.length).least(3);
    expect(bodies.every(({ items }) => items.cpu === undefined && items.memory !== undefined)).equals(true);
    tree.free();
    await until('it answers', () => bodies.some(({ items }) => items.cpu !== undefined));
    const late = bodies.findIndex(({ items }) => items.cpu !== undefined);
    expect(Object.keys(bodies[late]?.items ?? {})).deep.equals(['cpu']);
    expect(times[late]).equals(times[0]);
    await until('all is well', () => problems(running).length === 0);
    await until('one report for both', () => Object.keys(bodies.at(-1)?.items ?? {}).length === 2);
    expect(tree.reads).least(2);
  });

  it('a slow file delays neither the items behind it nor the report', async () => {
    const files = {
      ...CPU(1),
      '/proc/meminfo': 'MemTotal: 1 kB\n',
      '/proc/net/dev': `a\nb\neth0:${' 0'.repeat(16)}\n`,
    };
    const tree = new HangingTree(writeTree(files), '/proc/stat');
    const { bodies } = start({ tree, programs: saying({}) }, [
      { execution_interval: 600, item_list: ['cpu', 'memory', 'network'] },
    ]);
    await until('a report', () => bodies.length > 0);
    expect(Object.keys(bodies[0]?.items ?? {})).deep.equals(['memory']);
    expect(bodies.length).equals(1);
    tree.free();
    await until('the late one', () => bodies.length > 1);
    expect(Object.keys(bodies[1]?.items ?? {})).deep.equals(['cpu']);
  });

  it('tells what is missing of an item that gave values, each round', async () => {
    const host = {
      tree: new RootTree(writeTree({ '/sys/class/nvme/nvme0/model': 'x', '/sys/class/nvme/nvme1/model': 'x' })),
      programs: saying({
        'nvme smart-log -o json /dev/nvme0': '{"temperature": 310}',
        'nvme smart-log -o json /dev/nvme1': '! nvme ended with 1',
      }),
    };
    const running = start(host, [{ execution_interval: 40, item_list: ['ssd'] }]);
    await until('two rounds', () => running.bodies.length > 1);
    for (const body of running.bodies)
      expect(body).deep.equals({
        items: { ssd: { 'nvme0.temperature_celsius': 37 } },
        failed: {},
        parts: { ssd: 'nvme1: nvme ended with 1' },
      });
    expect(problems(running)[0]).matches(/^the item ssd lacks nvme1 since 20\S+Z: nvme1: nvme ended with 1$/);
  });

  it('leaves out a rate that cannot be true, and tells it as a part', async () => {
    const line = (bytes: number) => ({ '/proc/net/dev': `a\nb\neth0: ${bytes}${' 0'.repeat(15)}\n` });
    const root = writeTree(line(0));
    const { bodies } = start({ tree: new RootTree(root), programs: saying({}) }, [
      { execution_interval: 40, item_list: ['network'] },
    ]);
    await until('rates', () => bodies.length > 0);
    writeTree(line(1e18), root);
    await until('a jump', () => bodies.some(({ parts }) => parts?.network !== undefined));
    const jump = bodies.find(({ parts }) => parts?.network !== undefined);
    expect(jump?.parts?.network).matches(/^eth0.receive_bytes_per_second grew to \S+ bytes\/s, at most/);
    expect(jump?.items.network).includes({ 'eth0.transmit_bytes_per_second': 0 });
    expect(jump?.items.network).not.property('eth0.receive_bytes_per_second');
  });

  it('says again that an item is absent: after it failed, and when the report was refused', async () => {
    let answer: string | undefined;
    let isFull = true;
    const files = { '/sys/bus/pci/devices/0/vendor': '0x10de\n', '/sys/bus/pci/devices/0/class': '0x030000\n' };
    const programs = {
      run: async () => ({ reason: answer ?? 'nvidia-smi: not found' }),
    };
    const { bodies } = start(
      { tree: new RootTree(writeTree(files)), programs },
      [{ execution_interval: 30, item_list: ['gpu'] }],
      {
        offer: async () => {
          if (isFull) {
            isFull = false;
            throw new Error('the outbox is full');
          }
        },
      },
    );
    const absent = { items: {}, failed: {}, absent: ['gpu'] };
    await until('it is said', () => bodies.length > 0);
    answer = 'nvidia-smi of an earlier call still runs, though it was killed (process group 7)';
    await until('it fails', () => bodies.length > 2);
    answer = undefined;
    await until('it is said again', () => bodies.at(-1)?.absent !== undefined);
    expect(bodies[0]).deep.equals(absent);
    expect(bodies[1]).deep.equals({
      items: {},
      failed: { gpu: 'nvidia-smi of an earlier call still runs, though it was killed (process group 7)' },
    });
    expect(bodies.at(-1)).deep.equals(absent);
  });

  it('logs a refusal of its reports once, and once that it has ended', async () => {
    let isFull = true;
    let offers = 0;
    const host = { tree: new RootTree(writeTree(CPU(1))), programs: saying({}) };
    const { log, bodies } = start(host, [{ execution_interval: 20, item_list: ['cpu'] }], {
      offer: async () => {
        offers++;
        if (isFull) throw new Error('the outbox is full');
      },
    });
    await until('several refusals', () => offers > 4);
    isFull = false;
    await until('a report', () => bodies.length > 1);
    expect(texts(log)).deep.equals(['samples are refused', 'samples are taken again']);
  });

  it('stops at once, leaves no program behind, and reports nothing after', async () => {
    const bin = newDirectory();
    const file = join(bin, 'pid');
    writeProgram(bin, 'nvidia-smi', `echo $$ > ${file}.new && mv ${file}.new ${file}; exec sleep 60`);
    const { programs } = realHost({ path: `${bin}:/usr/bin:/bin` });
    const { bodies, part } = start({ tree: new RootTree(newDirectory()), programs }, [
      { execution_interval: 50, item_list: ['gpu'] },
    ]);
    await until('it runs', () => existsSync(file));
    await part.stop?.();
    expect(existsSync(`/proc/${readFileSync(file, 'utf8').trim()}`)).equals(false);
    expect(bodies).deep.equals([]);
  });
});

describe('this machine', () => {
  afterEach(async () => {
    await Promise.all(parts.splice(0).map(async (part) => part.stop?.()));
  });

  it('agrees with /proc and statfs read by hand', async () => {
    const { bodies, part } = start(realHost(), [{ execution_interval: 200, item_list: [...ITEMS] }]);
    // In one report, or in more where a loaded machine answers late.
    const first = () => bodies.find(({ items }) => items.memory !== undefined);
    const last = () => bodies.findLast(({ items }) => items.cpu?.['user_percent'] !== undefined);
    await until('memory and rates', () => first() !== undefined && last() !== undefined);
    const meminfo = readFileSync('/proc/meminfo', 'utf8');
    const total = Number(/^MemTotal:\s+(\d+) kB$/m.exec(meminfo)?.[1]) * 1024;
    expect(first()?.items.memory?.['total_bytes']).equals(total);
    expect(first()?.items.memory?.['available_bytes']).within(total * 0.01, total);
    const parts100 = ['user', 'system', 'iowait', 'irq', 'steal', 'idle'].map(
      (s) => last()?.items.cpu?.[`${s}_percent`] ?? 0,
    );
    expect(parts100.reduce((sum, p) => sum + p)).closeTo(100, 0.01);
    const root = await statfs('/');
    const size = bodies
      .flatMap(({ items }) => Object.entries(items.filesystem ?? {}))
      .find(([name]) => name === '/.total_bytes');
    if (size !== undefined) expect(size[1]).equals(root.blocks * root.bsize);
    // What answers late on a busy machine answers again; what this machine cannot do stays a problem.
    await until('nothing of it fails', () => part.problems?.().length === 0);
  });

  it('has counters between those read by hand before and after', async () => {
    /** First number behind the words, in each file. */
    const byHand = (): Record<string, number> => {
      const counters: Record<string, number> = {};
      const net = readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2, -1);
      for (const words of net.map((line) => line.trim().split(/[:\s]+/))) {
        counters[`${words[0]}.receive_bytes_per_second`] = Number(words[1]);
        counters[`${words[0]}.transmit_packets_per_second`] = Number(words[10]);
      }
      for (const words of readFileSync('/proc/diskstats', 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))) {
        counters[`${words[2]}.read_bytes_per_second`] = Number(words[5]);
        counters[`${words[2]}.write_bytes_per_second`] = Number(words[9]);
      }
      for (const words of readFileSync('/proc/vmstat', 'utf8')
        .split('\n')
        .map((line) => line.split(' ')))
        if (words[0] === 'pgfault') counters['page_faults_per_second'] = Number(words[1]);
      return counters;
    };
    const before = byHand();
    const readings = [];
    for (const item of ['network', 'disk', 'memory'] as const) readings.push(await read(item, realHost()));
    const after = byHand();
    let compared = 0;
    for (const { counters } of readings)
      for (const [name, { value }] of counters) {
        if (before[name] === undefined) continue;
        expect(value, name).within(before[name], after[name] ?? Number.NaN);
        compared++;
      }
    expect(compared).least(1);
  });

  it('is told item by item by the probe', async () => {
    const probes = [];
    const ports = {
      self: { role: 'compute', node: 'n001', version: '0.1.0' },
      clock: systemClock,
      log: memoryLog(),
      config: {},
      host: realHost(),
    } as const;
    for await (const one of probe(ports)) probes.push(one);
    expect(probes.map(({ collector }) => collector)).deep.equals(ITEMS);
    expect(probes[0]?.found).matches(/^\d+ values$/);
    for (const { found, missing, ms } of probes) {
      expect(found === null ? Object.keys(missing).length : 1).least(1);
      expect(ms).least(0);
    }
  });
});
