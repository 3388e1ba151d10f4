import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { cpuList } from '@csm/host';
import { wall } from '@csm/model';
import { expect } from 'chai';
import { collectInventory, type InventoryDocument, inventoryHash } from '../../src/inventory/index.ts';

/** What each field must be of when it is not null. */
const TYPES: {
  readonly [field in Exclude<keyof InventoryDocument, 'reasons' | 'hardware'>]: 'number' | 'string' | 'array';
} = {
  collection_time: 'number',
  machine_model: 'string',
  machine_vendor: 'string',
  serial_number: 'string',
  bios_vendor: 'string',
  bios_version: 'string',
  bios_date: 'string',
  bmc_address: 'string',
  bmc_version: 'string',
  installed_memory: 'number',
  installed_swap: 'number',
  discovered_sockets: 'number',
  discovered_cores: 'number',
  discovered_threads: 'number',
  discovered_dimms: 'number',
  discovered_gpus: 'number',
  discovered_hcas: 'number',
  discovered_nics: 'number',
  discovered_ssds: 'number',
  cpu_model: 'string',
  cpu_flags: 'string',
  numa: 'array',
  os_image_name: 'string',
  kernel_release: 'string',
  kernel_version: 'string',
  boot_id: 'string',
  architecture: 'string',
  uptime: 'number',
};

describe('inventory of this machine', () => {
  const now = wall(Date.now());
  let document: InventoryDocument;

  before(async () => {
    document = await collectInventory({ now });
  });

  it('has every field, or null and the reason', () => {
    const { reasons, hardware, ...fields } = document;
    expect(Object.keys(fields).sort()).deep.equals(Object.keys(TYPES).sort());
    for (const [field, type] of Object.entries(TYPES)) {
      const value = fields[field as keyof typeof TYPES];
      if (value === null) expect(reasons[field], field).matches(/^(\/(proc|sys|etc)\/\S+ |[a-z-]+\b)/);
      else expect(value, field).a(type);
      expect(value === null, field).equals(field in reasons);
    }
    expect(document.collection_time).equals(now);
    expect(new Set(hardware.map(({ kind, location }) => `${kind} ${location}`)).size).equals(hardware.length);
  });

  it('agrees with the operating system', () => {
    expect(document.installed_memory).equals(os.totalmem() / 1024);
    expect(document.kernel_release).equals(os.release());
    expect(document.kernel_version).equals(os.version());
    expect(document.architecture).equals(os.machine());
    expect(document.uptime).closeTo(os.uptime(), 10);
    expect(document.boot_id).equals(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  });

  it('agrees with /proc/swaps', () => {
    // Its pages are counted without the header page of each area, as SwapTotal does.
    const lines = readFileSync('/proc/swaps', 'utf8').trim().split('\n').slice(1);
    expect(document.installed_swap).equals(lines.reduce((sum, line) => sum + Number(line.split(/\s+/)[2]), 0));
  });

  it('agrees with the shell on os-release', () => {
    const name = execFileSync('sh', ['-c', '. /etc/os-release; printf %s "$PRETTY_NAME"'], { encoding: 'utf8' });
    expect(document.os_image_name).equals(name);
  });

  it('agrees with lscpu', function () {
    const text = output('lscpu', ['-p=CPU,CORE,SOCKET']);
    if (text === undefined) return without('lscpu', 'util-linux', this);
    const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const table = rows.map((line) => line.split(','));
    expect(document.discovered_threads).equals(table.length);
    expect(document.discovered_cores).equals(new Set(table.map(([, core, socket]) => `${socket} ${core}`)).size);
    expect(document.discovered_sockets).equals(new Set(table.map(([, , socket]) => socket)).size);
    const named = JSON.parse(output('lscpu', ['-J']) ?? '').lscpu as readonly { field: string; data: string }[];
    // Newer ones put some rows below others.
    const rowsBelow = (row: { field: string; data: string; children?: unknown }): { field: string; data: string }[] => [
      row,
      ...((row.children ?? []) as { field: string; data: string }[]).flatMap(rowsBelow),
    ];
    const all = named.flatMap(rowsBelow);
    const row = (field: string) => all.find((r) => r.field === `${field}:`)?.data;
    if (document.architecture === 'x86_64') {
      expect(document.cpu_model).equals(row('Model name'));
      expect(document.cpu_flags).equals(row('Flags'));
    }
    for (const { node, cpus } of document.numa ?? [])
      expect(cpuList(cpus)).deep.equals(cpuList(row(`NUMA node${node} CPU(s)`) ?? ''));
  });

  it('agrees with free', function () {
    const text = output('free', ['-k']);
    if (text === undefined) return without('free', 'procps', this);
    expect(document.installed_memory).equals(Number(/^Mem: +(\d+)/m.exec(text)?.[1]));
    expect(document.installed_swap).equals(Number(/^Swap: +(\d+)/m.exec(text)?.[1]));
  });

  it('agrees with ip on ports with hardware behind them', function () {
    const text = output('ip', ['-j', '-d', 'link', 'show']);
    if (text === undefined) return without('ip', 'iproute2', this);
    const links = JSON.parse(text) as readonly {
      ifname: string;
      address?: string;
      linkinfo?: object;
      parentdev?: string;
    }[];
    const nics = document.hardware.filter(({ kind }) => kind === 'nic');
    expect(nics).length(document.discovered_nics ?? 0);
    for (const { passing, details } of nics) {
      const link = links.find(({ ifname }) => ifname === passing['device_name']);
      expect(link).includes({ address: details['mac'] });
      expect(link).not.property('linkinfo');
    }
    // Whatever has a device behind it is among them.
    const physical = links.filter(({ parentdev }) => parentdev !== undefined).map(({ ifname }) => ifname);
    expect(nics.map(({ passing }) => passing['device_name'])).includes.members(physical);
  });

  it('agrees with lsblk on drives that do not rotate', function () {
    const text = output('lsblk', ['-J', '-b', '-d', '-n', '-o', 'NAME,TYPE,ROTA,SIZE,RM']);
    if (text === undefined) return without('lsblk', 'util-linux', this);
    const disks = JSON.parse(text).blockdevices as readonly {
      name: string;
      type: string;
      rota: unknown;
      size: number;
      rm: unknown;
    }[];
    const no = (flag: unknown) => flag === false || flag === '0';
    const expected = disks.filter(
      ({ name, type, rota, rm }) => type === 'disk' && no(rota) && no(rm) && !/^(?:zram|ram|nbd)/.test(name),
    );
    const ssds = document.hardware.filter(({ kind }) => kind === 'ssd');
    expect(ssds)
      .length(expected.length)
      .and.length(document.discovered_ssds ?? 0);
    const bytes = (sizes: readonly unknown[]) => sizes.map(Number).sort((a, b) => a - b);
    expect(bytes(ssds.map(({ details }) => details['size']))).deep.equals(bytes(expected.map(({ size }) => size)));
  });

  it('is below its bounds, and the same a second time', async () => {
    expect(JSON.stringify(document).length).below(100 * 1024);
    expect(inventoryHash(await collectInventory({ now: wall(now + 1) }))).equals(inventoryHash(document));
  });
});

/** What a program wrote; undefined where there is none. */
function output(program: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw e;
  }
}

function without(program: string, debianPackage: string, test: Mocha.Context): void {
  const words = `${program} (apt-get install ${debianPackage})`;
  if (process.env['CSM_TEST_REQUIRE'] === 'all') expect.fail(`missing: ${words}`);
  console.log(`skipped: needs ${words}`);
  test.skip();
}
