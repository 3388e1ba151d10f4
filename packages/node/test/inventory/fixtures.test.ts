import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { wall } from '@csm/model';
import { expect } from 'chai';
import { collectInventory, type InventoryDocument } from '../../src/inventory/index.ts';
import { AARCH64, TORN, TWO_SOCKETS, topology } from './machines.ts';
import { type Files, removeTrees, writeTree } from './root-tree.ts';

const now = wall(1_700_000_000_000);
const collect = (files: Files): Promise<InventoryDocument> => collectInventory({ root: writeTree(files), now });

function without(files: Files, prefix: string): Files {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.startsWith(prefix)));
}

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
      reasons: {},
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
      reasons: {},
    });
  });

  it('a torn one: nothing is guessed, every reason names its file', async () => {
    const { reasons, ...facts } = await collect(TORN);
    const { collection_time, discovered_threads, ...absent } = facts;
    expect(collection_time).equals(now);
    // One whole paragraph and the first line of a second: two CPUs are there, where they sit is not known.
    expect(discovered_threads).equals(2);
    for (const [field, value] of Object.entries(absent)) expect(value, field).equals(null);
    expect(Object.keys(reasons).sort()).deep.equals(Object.keys(absent).sort());
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
    expect(Object.keys(words).sort()).deep.equals(Object.keys(reasons).sort());
  });

  it('an empty tree: every field is null for a reason', async () => {
    const { collection_time: _, reasons, ...facts } = await collect({});
    for (const [field, value] of Object.entries(facts)) {
      expect(value, field).equals(null);
      expect(reasons[field], field).matches(/^\/.* cannot be read: it does not exist/);
    }
  });

  it('x86-64 without /sys counts from cpuinfo', async () => {
    const document = await collect(without(TWO_SOCKETS, '/sys/devices'));
    expect(document).includes({ discovered_sockets: 2, discovered_cores: 4, discovered_threads: 8 });
    expect(document.reasons).deep.equals({});
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
    const document = await collectInventory({ root, now });
    expect(document.uptime).equals(null);
    expect(document.reasons['uptime']).equals('/proc/uptime is not a file');
  });
});
