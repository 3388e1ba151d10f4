/** Inventory through the whole tree: this machine held against its own tools, and fixture machines whose parts change. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeHardwareInput, NodeHardwareItem } from '@csm/client';
import { isObject } from '@csm/model';
import { expect } from 'chai';
import { type Daemon, type SmallCluster, smallCluster, until } from '../support/daemons.ts';
import { FAULTY_PROGRAMS, hostOf, type Machine, machine, rename } from '../support/machine.ts';

const words = (program: string, ...args: string[]): string | undefined => {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  return status === 0 ? stdout : undefined;
};

async function hardware({ utility }: SmallCluster, input: NodeHardwareInput): Promise<NodeHardwareItem[]> {
  const parts: NodeHardwareItem[] = [];
  for await (const part of utility.client.stream('node.hardware', input)) parts.push(part);
  return parts;
}

// One cluster for the whole file: starting daemons is what costs time.
let dir: string;
let cluster: SmallCluster;
const machines = new Map<string, Machine>();
const machineOf = (node: string): Machine => machines.get(node) ?? expect.fail(`no machine ${node}`);
before(async function () {
  this.timeout(120_000);
  dir = mkdtempSync(join(tmpdir(), 'csm-parts-'));
  for (const node of ['n1', 'n2']) {
    const here = join(dir, node);
    mkdirSync(here);
    machines.set(node, machine('two-socket-x86', here));
  }
  // The serial numbers of all DIMMs, of the drive, of the board; the addresses of both ports.
  rename(machineOf('n2'), {
    '4071A': '5071B',
    S45PNA0M512345: 'S45PNA0M599999',
    E300781X8500123: 'E300781X8599999',
    '3c:ec:ef:1a': '3c:ec:ef:2b',
  });
  cluster = await smallCluster(['real', 'n1', 'n2'], (who) => {
    const it = machines.get(who);
    return it === undefined ? {} : { more: { host: hostOf(it), inventory: { hotplug_interval: 1 } } };
  });
});
after(async () => {
  await cluster?.site.close();
  rmSync(dir, { recursive: true, force: true });
});

const compute = (node: string): Daemon =>
  cluster.computes.find((daemon) => daemon.node === node) ?? expect.fail(`no compute daemon ${node}`);

describe('the inventory of this machine', function () {
  this.timeout(120_000);

  it('is what lscpu, free, lsblk and /proc say', async () => {
    const node = await cluster.utility.client.call('node.show', { name: 'real', full: true });
    const meminfo = readFileSync('/proc/meminfo', 'utf8');
    expect(node.installed_memory).to.equal(Number(/^MemTotal:\s+(\d+)/m.exec(meminfo)?.[1]));
    expect(node.installed_swap).to.equal(Number(/^SwapTotal:\s+(\d+)/m.exec(meminfo)?.[1]));
    const free = words('free', '-k');
    if (free !== undefined) expect(node.installed_memory).to.equal(Number(/^Mem:\s+(\d+)/m.exec(free)?.[1]));
    expect(node.kernel_release).to.equal(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
    const lscpu = words('lscpu', '-J');
    if (lscpu !== undefined) {
      const { lscpu: rows } = JSON.parse(lscpu) as { readonly lscpu: readonly { field: string; data: string }[] };
      const say = (field: string) => rows.find((row) => row.field === `${field}:`)?.data;
      expect(node.discovered_threads).to.equal(Number(say('CPU(s)')));
      expect(node.discovered_sockets).to.equal(Number(say('Socket(s)')));
      expect(node.discovered_cores).to.equal(Number(say('Socket(s)')) * Number(say('Core(s) per socket')));
      expect(node.cpu_model).to.equal(say('Model name'));
      expect(node.architecture).to.equal(say('Architecture'));
      const inventory = isObject(node.inventory) ? node.inventory : {};
      expect(inventory['cpu_flags']).to.equal(say('Flags'));
    }
    const lsblk = words('lsblk', '-J', '-b', '-d', '-o', 'NAME,TYPE,ROTA,SIZE');
    if (lsblk !== undefined) {
      const { blockdevices } = JSON.parse(lsblk) as {
        readonly blockdevices: readonly { name: string; type: string; rota: boolean; size: number }[];
      };
      const solid = blockdevices.filter(
        ({ name, type, rota }) => type === 'disk' && !rota && !/^(zram|ram|nbd)/.test(name),
      );
      expect(node.discovered_ssds).to.equal(solid.length);
      const ssds = solid.length === 0 ? [] : await hardware(cluster, { nodes: 'real', kind: 'ssd' });
      const sizes = ssds.map(({ details }) => details['size']);
      expect(sizes).to.have.members(solid.map(({ size }) => size));
    }
  });

  it('says of everything that is missing why', async () => {
    const { inventory } = await cluster.utility.client.call('node.show', { name: 'real', full: true });
    if (!isObject(inventory) || !isObject(inventory['reasons'])) throw new Error('no inventory');
    const empty = Object.keys(inventory).filter((field) => inventory[field] === null);
    for (const field of empty) expect(inventory['reasons'], field).to.have.property(field);
  });

  it('is printed by csmd --check --probe, with the time each collector took', () => {
    const csmd = join(import.meta.dirname, '../../../packages/daemon/bin/csmd.mjs');
    const args = [csmd, '--role', 'compute', '--file', compute('real').file, '--check', '--probe'];
    const text = execFileSync(process.execPath, args, { encoding: 'utf8' });
    expect(text).to.match(/^node inventory memory +[\d.]+ ms +\S/m);
    expect(text).to.match(/^environment cpu +[\d.]+ ms +\S/m);
    for (const line of text.trimEnd().split('\n').slice(1))
      expect(line).to.match(/^(?:(?:node|environment) \S[\w ]*? +[\d.]+ ms {2}\S| {4}\S+: \S)/);
  });
});

describe('parts of fixture machines under real daemons', function () {
  this.timeout(120_000);
  const dmidecode = (node: string) => join(machineOf(node).outputs, 'dmidecode');
  function editDimms(node: string, change: (text: string) => string): void {
    const text = readFileSync(dmidecode(node), 'utf8');
    writeFileSync(dmidecode(node), change(text));
  }
  const history = () => cluster.utility.client.call('node.history', { nodes: 'n[1-2]' }).catch(() => []);
  const collect = async (nodes: string) => {
    for await (const part of cluster.utility.client.stream('node.collect', { nodes }))
      expect(part.code, part.text).to.equal(0);
  };
  const dimms = (node: string) => hardware(cluster, { nodes: node, kind: 'dimm' });

  const profile = async (name: string) => (await cluster.utility.client.call('node.show', { name })).profile;

  it('are listed, and alike in both nodes', async () => {
    const parts = await dimms('n1');
    expect(parts).to.have.length(16);
    expect(new Set(parts.map(({ serial }) => serial)).size).to.equal(16);
    const diff = await cluster.utility.client.call('node.diff', { a: 'n1', b: 'n2' });
    expect(diff.equal, JSON.stringify(diff)).to.equal(true);
    expect((await cluster.utility.client.call('node.profile', {})).map(({ nodes }) => nodes)).to.include('n[1-2]');
    expect(await history()).to.deep.equal([]);
  });

  it('exchanged between two nodes are two rows of history', async () => {
    const [one] = await dimms('n1');
    const [two] = await dimms('n2');
    if (one?.serial == null || two?.serial == null) throw new Error('no serial');
    editDimms('n1', (text) => text.replace(`Serial Number: ${one.serial}`, `Serial Number: ${two.serial}`));
    editDimms('n2', (text) => text.replace(`Serial Number: ${two.serial}`, `Serial Number: ${one.serial}`));
    await collect('n1');
    await until('the first report is stored', async () => (await history()).length > 0);
    await collect('n2');
    const rows = await until('both have moved', async () => {
      const now = await history();
      if (now.length !== 2 || now.some(({ event }) => event !== 'moved')) throw new Error(JSON.stringify(now));
      return now;
    });
    expect(rows.map(({ serial, from_node, node }) => [serial, from_node, node])).to.have.deep.members([
      [one.serial, 'n1', 'n2'],
      [two.serial, 'n2', 'n1'],
    ]);
  });

  it('stay as they are over restarts of node and master', async () => {
    const before = await history();
    const again = async (daemon: Daemon): Promise<Daemon> => {
      await daemon.stop();
      const next = cluster.site.startFile(daemon.role, daemon.node, daemon.file, daemon.socket);
      await next.started();
      return next;
    };
    await again(cluster.master);
    await again(compute('n1'));
    await until('both are back', async () => {
      const nodes = await cluster.utility.client.call('node.list', { nodes: 'n[1-2]' });
      return nodes.every(({ links }) => links === 2);
    });
    await collect('n[1-2]');
    expect(await history()).to.deep.equal(before);
  });

  it('plugged in while it runs are found without being asked', async () => {
    const before = (await history()).length;
    const { root } = machineOf('n1');
    const nvme = join(root, 'sys/class/nvme/nvme7');
    mkdirSync(nvme, { recursive: true });
    for (const [file, text] of Object.entries({
      model: 'Hot Plugged',
      serial: 'HP0001',
      firmware_rev: '1.0',
      state: 'live',
      address: '0000:d8:00.0',
    }))
      writeFileSync(join(nvme, file), `${text}\n`);
    const row = await until(
      'it has a row',
      async () => (await history()).slice(before).find(({ kind }) => kind === 'ssd'),
      30_000,
    );
    expect(row).to.include({ event: 'inserted', kind: 'ssd', serial: 'HP0001', node: 'n1' });
  });

  for (const fault of ['crash', 'flood', 'lie']) {
    it(`are not lost, nor is anything told of them, when dmidecode is one that does: ${fault}`, async () => {
      const before = { history: await history(), dimms: await dimms('n1'), profile: await profile('n1') };
      const sound = readFileSync(join(dir, 'n1/bin/dmidecode'), 'utf8');
      machineOf('n1').replace('dmidecode', readFileSync(join(FAULTY_PROGRAMS, fault, 'dmidecode'), 'utf8'));
      await collect('n1');
      // The words of the one that crashes say that it may not; that is no fault.
      if (fault === 'flood') {
        const { problems } = await compute('n1').client.call('health', {});
        expect(problems.join('\n')).to.match(/dmidecode wrote more than/);
      }
      machineOf('n1').replace('dmidecode', sound);
      await collect('n1');
      await until('all is well again', async () => (await compute('n1').client.call('health', {})).degraded === false);
      expect({ history: await history(), dimms: await dimms('n1'), profile: await profile('n1') }).to.deep.equal(
        before,
      );
    });
  }

  it('under an admin’s words, which the next inventory leaves alone', async () => {
    await cluster.master.client.call('node.update', { nodes: 'n[1-2]', location: 'R07', features: ['fat', 'test'] });
    await collect('n1');
    const node = await cluster.utility.client.call('node.show', { name: 'n1' });
    expect(node).to.deep.include({ location: 'R07', features: ['fat', 'test'], comment: null });
  });
});
