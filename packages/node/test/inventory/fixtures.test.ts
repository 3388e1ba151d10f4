import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { wall } from '@csm/model';
import { expect } from 'chai';
import { collectInventory, type InventoryDocument } from '../../src/inventory/index.ts';
import { AARCH64, TORN, TWO_SOCKETS, topology } from './machines.ts';
import { type Files, hostAt, machine, removeTrees, writeTree } from './root-tree.ts';

const now = wall(1_700_000_000_000);
const collect = (files: Files): Promise<InventoryDocument> => collectInventory({ host: machine(files), now });

function without(files: Files, prefix: string): Files {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.startsWith(prefix)));
}

/** What no file of these machines tells. */
const WITHOUT_PROGRAMS = {
  bmc_address: 'ipmitool: not found',
  bmc_version: 'ipmitool: not found',
  cpu: 'dmidecode: not found',
  'cpu.serial': 'dmidecode: not found',
  'cpu.part_number': 'dmidecode: not found',
  dimm: 'dmidecode: not found; /sys/devices/system/edac/mc cannot be read: it does not exist',
  discovered_dimms: 'dmidecode: not found; /sys/devices/system/edac/mc cannot be read: it does not exist',
};

/** Those a torn or an empty machine lacks as any other does. */
const PARTS = ['cpu', 'dimm', 'gpu', 'hca', 'nic', 'ssd'];

describe('inventory of machines written as files', () => {
  after(removeTrees);

  it('two sockets of x86-64 with SMT', async () => {
    expect(await collect(TWO_SOCKETS)).deep.equals({
      collection_time: now,
      machine_model: 'ProLiant XL170r Gen10',
      serial_number: 'CZ12345678',
      installed_memory: 394782132,
      installed_swap: 4194300,
      discovered_sockets: 2,
      discovered_cores: 4,
      discovered_threads: 8,
      os_image_name: 'Example Linux 9.4 ("Plum")',
      kernel_release: '5.14.0-427.13.1.el9_4.x86_64',
      kernel_version: '#1 SMP PREEMPT_DYNAMIC Wed Apr 10 10:29:16 EDT 2024',
      boot_id: '0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b',
      architecture: 'x86_64',
      uptime: 350735.47,
      machine_vendor: 'HPE',
      bios_vendor: 'HPE',
      bios_version: 'U38',
      bios_date: '05/21/2019',
      bmc_address: null,
      bmc_version: null,
      cpu_model: 'Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz',
      cpu_flags: 'fpu vme lm',
      numa: [
        { node: 0, cpus: '0,2,4,6', memory: 197391066 },
        { node: 1, cpus: '1,3,5,7', memory: 197391066 },
      ],
      discovered_dimms: null,
      discovered_gpus: 0,
      discovered_hcas: 0,
      discovered_nics: 0,
      discovered_ssds: 0,
      hardware: [0, 1].map((socket) => ({
        kind: 'cpu',
        location: `socket ${socket}`,
        serial: null,
        vendor: 'GenuineIntel',
        model: 'Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz',
        part_number: null,
        firmware: '0x2000065',
        details: { discovered_cores: 2, discovered_threads: 4 },
        passing: {},
      })),
      reasons: WITHOUT_PROGRAMS,
    });
  });

  it('aarch64', async () => {
    expect(await collect(AARCH64)).deep.equals({
      collection_time: now,
      machine_model: 'Example Board Rev 1.2',
      serial_number: '10000000abcdef01',
      installed_memory: 8245436,
      installed_swap: 0,
      discovered_sockets: 1,
      discovered_cores: 4,
      discovered_threads: 4,
      os_image_name: 'Example OS 24.04',
      kernel_release: '6.8.0-31-generic',
      kernel_version: '#31-Ubuntu SMP PREEMPT_DYNAMIC Sat Apr 20 02:32:42 UTC 2024',
      boot_id: '11111111-2222-4333-8444-555555555555',
      architecture: 'aarch64',
      uptime: 12,
      machine_vendor: null,
      bios_vendor: null,
      bios_version: null,
      bios_date: null,
      bmc_address: null,
      bmc_version: null,
      cpu_model: 'ARM Neoverse-N1',
      cpu_flags: 'fp asimd evtstrm aes pmull sha1 sha2 crc32',
      numa: null,
      discovered_dimms: null,
      discovered_gpus: 0,
      discovered_hcas: 0,
      discovered_nics: 0,
      discovered_ssds: 0,
      hardware: [
        {
          kind: 'cpu',
          location: 'socket 0',
          serial: null,
          vendor: 'ARM',
          model: 'ARM Neoverse-N1',
          part_number: null,
          firmware: null,
          details: { discovered_cores: 4, discovered_threads: 4 },
          passing: {},
        },
      ],
      reasons: {
        ...WITHOUT_PROGRAMS,
        ...Object.fromEntries(
          [
            ['machine_vendor', 'sys_vendor'],
            ['bios_vendor', 'bios_vendor'],
            ['bios_version', 'bios_version'],
            ['bios_date', 'bios_date'],
          ].map(([field, file]) => [field, `/sys/class/dmi/id/${file} cannot be read: it does not exist`]),
        ),
        numa: '/sys/devices/system/node cannot be read: it does not exist',
      },
    });
  });

  it('a torn one: nothing is guessed, every reason names its file', async () => {
    const { reasons, hardware, ...facts } = await collect(TORN);
    const { collection_time, discovered_threads, ...absent } = facts;
    expect(collection_time).equals(now);
    expect(hardware).deep.equals([]);
    // One whole paragraph and the first line of a second: two CPUs are there, where they sit is not known.
    expect(discovered_threads).equals(2);
    for (const [field, value] of Object.entries(absent)) expect(value, field).equals(null);
    expect(Object.keys(reasons).sort()).deep.equals([...Object.keys(absent), ...PARTS].sort());
    const words: { readonly [field: string]: RegExp } = {
      machine_model: /product_name holds the placeholder 'To Be Filled By O.E.M.'; .*model cannot be read: it does not/,
      serial_number: /product_serial holds control characters/,
      installed_memory: /\/proc\/meminfo has a line MemTotal that is not 'MemTotal: N kB'/,
      installed_swap: /\/proc\/meminfo has no line SwapTotal/,
      discovered_sockets:
        /cpu1\/topology\/physical_package_id cannot be read: it does not exist; \/proc\/cpuinfo gives no/,
      discovered_cores: /cpu1\/topology.*\/proc\/cpuinfo gives no 'physical id' and 'core id' for 2 of 2/,
      os_image_name: /\/etc\/os-release has a PRETTY_NAME with an open quote/,
      kernel_release: /\/proc\/sys\/kernel\/osrelease is empty/,
      kernel_version: /\/proc\/sys\/kernel\/version is larger than the 65536 bytes allowed/,
      boot_id: /boot_id holds '0e1f2a3b-4c5d-4e6f', not a UUID/,
      architecture: /\/proc\/sys\/kernel\/arch is not a file/,
      uptime: /\/proc\/uptime is not two numbers/,
    };
    for (const [field, pattern] of Object.entries(words)) expect(reasons[field], field).matches(pattern);
  });

  it('an empty tree: every field is null for a reason', async () => {
    const { collection_time: _, reasons, hardware, ...facts } = await collect({});
    expect(hardware).deep.equals([]);
    expect(Object.keys(reasons).sort()).deep.equals([...Object.keys(facts), ...PARTS].sort());
    for (const [field, value] of Object.entries(facts)) {
      expect(value, field).equals(null);
      expect(reasons[field], field).matches(/^\/.* cannot be read: it does not exist|: not found/);
    }
  });

  it('x86-64 without /sys counts from cpuinfo', async () => {
    const document = await collect(without(TWO_SOCKETS, '/sys/devices'));
    expect(document).includes({ discovered_sockets: 2, discovered_cores: 4, discovered_threads: 8 });
    expect(document.hardware).length(2);
    expect(document.reasons).not.property('discovered_cores');
  });

  it('aarch64 without /sys knows its threads only', async () => {
    const document = await collect(without(AARCH64, '/sys/devices'));
    expect(document).includes({ discovered_sockets: null, discovered_cores: null, discovered_threads: 4 });
    expect(document.reasons['discovered_cores']).matches(/cpu\/online cannot be read.*'core id' for 4 of 4 processors/);
  });

  it('counts online CPUs only, and a core while one of its threads is online', async () => {
    // CPUs 0 and 4 are one core of socket 0; 1 and 5 one of socket 1. Offline CPUs keep no topology directory.
    const tree = without(TWO_SOCKETS, '/sys/devices/system/cpu/cpu4/');
    const document = await collect({ ...tree, '/sys/devices/system/cpu/online': '0-3,5\n' });
    expect(document).includes({ discovered_sockets: 2, discovered_cores: 4, discovered_threads: 5 });
  });

  it('tells cores of the same id in different dies apart', async () => {
    const cpus = [0, 1, 2, 3].map((cpu) => ({ cpu, socket: 0, die: cpu >> 1, core: cpu % 2 }));
    const document = await collect({ ...TWO_SOCKETS, ...topology(cpus, '0-3') });
    expect(document).includes({ discovered_sockets: 1, discovered_cores: 4, discovered_threads: 4 });
  });

  it('reads a large machine with SMT off, where no two online CPUs are neighbours', async () => {
    const cpus = Array.from({ length: 256 }, (_, i) => ({ cpu: 2 * i, socket: i % 2, core: i }));
    const document = await collect({ ...TWO_SOCKETS, ...topology(cpus, cpus.map(({ cpu }) => cpu).join(',')) });
    expect(document).includes({ discovered_sockets: 2, discovered_cores: 256, discovered_threads: 256 });
  });

  for (const [what, files, words] of [
    ['an unknown socket', { '/sys/devices/system/cpu/cpu0/topology/physical_package_id': '-1\n' }, /package_id is -1/],
    [
      'a list that runs away',
      { '/sys/devices/system/cpu/online': '0-999999\n' },
      /online holds '0-999999', not a list/,
    ],
    ['a list that is none', { '/sys/devices/system/cpu/online': '3-1\n' }, /online holds '3-1', not a list/],
    [
      'a core that is no number',
      { '/sys/devices/system/cpu/cpu3/topology/core_id': 'x\n' },
      /core_id holds 'x', not a/,
    ],
  ] as const) {
    it(`does not count with ${what}`, async () => {
      const document = await collect({ ...without(TWO_SOCKETS, '/proc/cpuinfo'), ...files });
      expect(document).includes({ discovered_sockets: null, discovered_cores: null, discovered_threads: null });
      expect(document.reasons['discovered_cores']).matches(words);
    });
  }

  it('is not held up by a fifo in the place of a file', async () => {
    const root = writeTree(TWO_SOCKETS);
    rmSync(join(root, '/proc/uptime'));
    execFileSync('mkfifo', [join(root, '/proc/uptime')]);
    const document = await collectInventory({ host: hostAt(root), now });
    expect(document.uptime).equals(null);
    expect(document.reasons['uptime']).equals('/proc/uptime is not a file');
  });
});
