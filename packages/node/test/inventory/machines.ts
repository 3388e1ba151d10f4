/**
 * Machines as file trees. They are written by hand in the formats the kernel documents, not recorded:
 * proc_meminfo(5), proc_cpuinfo(5), proc_uptime(5), proc_sys_kernel(5), os-release(5), and in the kernel's tree
 * Documentation/admin-guide/cputopology.rst, Documentation/ABI/stable/sysfs-devices-system-cpu and
 * Documentation/ABI/testing/sysfs-firmware-dmi-entries. No such hardware stands behind them.
 */
import type { Files } from './root-tree.ts';

interface Cpu {
  readonly cpu: number;
  readonly socket: number;
  readonly die?: number;
  readonly core: number;
}

/** /sys/devices/system/cpu with these CPUs online. */
export function topology(cpus: readonly Cpu[], online: string): Files {
  const files: Record<string, string> = { '/sys/devices/system/cpu/online': `${online}\n` };
  for (const { cpu, socket, die, core } of cpus) {
    const dir = `/sys/devices/system/cpu/cpu${cpu}/topology`;
    files[`${dir}/physical_package_id`] = `${socket}\n`;
    files[`${dir}/core_id`] = `${core}\n`;
    if (die !== undefined) files[`${dir}/die_id`] = `${die}\n`;
  }
  return files;
}

function x86Paragraph({ cpu, socket, core }: Cpu): string {
  return [
    `processor\t: ${cpu}`,
    'vendor_id\t: GenuineIntel',
    'microcode\t: 0x2000065',
    'model name\t: Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz',
    `physical id\t: ${socket}`,
    'siblings\t: 4',
    `core id\t\t: ${core}`,
    'cpu cores\t: 2',
    'flags\t\t: fpu vme lm',
    'power management:',
    '',
    '',
  ].join('\n');
}

/** A NUMA node of that many kB. */
const node = (n: number, cpus: string, memory: number): Files => ({
  [`/sys/devices/system/node/node${n}/cpulist`]: `${cpus}\n`,
  [`/sys/devices/system/node/node${n}/meminfo`]: `Node ${n} MemTotal:       ${memory} kB\nNode ${n} MemFree:        1 kB\n`,
});

/** The directories of devices, without any but the loopback interface. */
export const NO_DEVICES: Files = {
  '/sys/bus/pci/devices/': '',
  '/sys/class/net/lo/address': '00:00:00:00:00:00\n',
  '/sys/block/': '',
};

/** Two sockets of two cores of two threads. Core ids have a gap and repeat in each socket, as they do in real ones. */
const XEON_CPUS: readonly Cpu[] = Array.from({ length: 8 }, (_, cpu) => ({
  cpu,
  socket: cpu % 2,
  die: 0,
  core: [0, 9][(cpu >> 1) % 2] as number,
}));

export const TWO_SOCKETS: Files = {
  '/proc/meminfo':
    'MemTotal:       394782132 kB\nMemFree:        389163004 kB\nSwapTotal:       4194300 kB\nSwapFree:        4194300 kB\n',
  '/proc/cpuinfo': XEON_CPUS.map(x86Paragraph).join(''),
  '/proc/uptime': '350735.47 234388.90\n',
  '/proc/sys/kernel/osrelease': '5.14.0-427.13.1.el9_4.x86_64\n',
  '/proc/sys/kernel/version': '#1 SMP PREEMPT_DYNAMIC Wed Apr 10 10:29:16 EDT 2024\n',
  '/proc/sys/kernel/arch': 'x86_64\n',
  '/proc/sys/kernel/random/boot_id': '0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b\n',
  '/etc/os-release': 'NAME="Example Linux"\nVERSION_ID="9.4"\nPRETTY_NAME="Example Linux 9.4 (\\"Plum\\")"\n',
  '/sys/class/dmi/id/product_name': 'ProLiant XL170r Gen10\n',
  '/sys/class/dmi/id/product_serial': 'CZ12345678      \n',
  '/sys/class/dmi/id/sys_vendor': 'HPE\n',
  '/sys/class/dmi/id/bios_vendor': 'HPE\n',
  '/sys/class/dmi/id/bios_version': 'U38\n',
  '/sys/class/dmi/id/bios_date': '05/21/2019\n',
  ...node(0, '0,2,4,6', 197391066),
  ...node(1, '1,3,5,7', 197391066),
  ...NO_DEVICES,
  ...topology(XEON_CPUS, '0-7'),
};

/** One socket of four cores without SMT; cpuinfo names no socket; model and serial come from the device tree. */
export const AARCH64: Files = {
  '/proc/meminfo': 'MemTotal:        8245436 kB\nMemFree:         7301232 kB\nSwapTotal:             0 kB\n',
  '/proc/cpuinfo': Array.from({ length: 4 }, (_, cpu) =>
    [
      `processor\t: ${cpu}`,
      'BogoMIPS\t: 50.00',
      'Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32',
      'CPU implementer\t: 0x41',
      'CPU architecture: 8',
      'CPU variant\t: 0x0',
      'CPU part\t: 0xd0c',
      'CPU revision\t: 1',
      '',
      '',
    ].join('\n'),
  ).join(''),
  '/proc/uptime': '12.00 40.11\n',
  '/proc/sys/kernel/osrelease': '6.8.0-31-generic\n',
  '/proc/sys/kernel/version': '#31-Ubuntu SMP PREEMPT_DYNAMIC Sat Apr 20 02:32:42 UTC 2024\n',
  '/proc/sys/kernel/arch': 'aarch64\n',
  '/proc/sys/kernel/random/boot_id': '11111111-2222-4333-8444-555555555555\n',
  '/usr/lib/os-release': "ID=example\nPRETTY_NAME='Example OS 24.04'\n",
  ...NO_DEVICES,
  '/sys/firmware/devicetree/base/model': 'Example Board Rev 1.2\0',
  '/sys/firmware/devicetree/base/serial-number': '10000000abcdef01\0',
  ...topology(
    Array.from({ length: 4 }, (_, cpu) => ({ cpu, socket: 0, core: cpu })),
    '0-3',
  ),
};

/** A machine whose every file is cut, empty, foreign or senseless. */
export const TORN: Files = {
  '/proc/meminfo': 'MemTotal:       3947',
  '/proc/cpuinfo': 'processor\t: 0\nphysical id\t: 0\n\nprocessor\t: 1\nphys',
  '/proc/uptime': '350735.4',
  '/proc/sys/kernel/osrelease': '\n',
  '/proc/sys/kernel/version': 'x'.repeat(100_000),
  '/proc/sys/kernel/arch/file': 'arch is a directory here',
  '/proc/sys/kernel/random/boot_id': '0e1f2a3b-4c5d-4e6f\n',
  '/etc/os-release': 'PRETTY_NAME="Example Linux 9\n',
  '/sys/class/dmi/id/product_name': 'To Be Filled By O.E.M.\n',
  '/sys/class/dmi/id/product_serial': 'CZ\u001b[31m\n',
  '/sys/devices/system/cpu/online': '0-1\n',
  '/sys/devices/system/cpu/cpu0/topology/physical_package_id': '0\n',
  '/sys/devices/system/cpu/cpu0/topology/core_id': '0\n',
};
