/**
 * Every value that can be collected, by item: one table for the collectors, for what is plausible, and for the docs.
 *
 * A name ends with its unit. A value outside of `min` and `max` is not believed: the bounds are far beyond any
 * machine, near enough to catch a sensor or program that talks nonsense.
 */
import { ITEMS, type Item } from '../items.ts';

/**
 * gauge: as read. rate: a counter, by its growth per second. share: counters of one sum, each by its part of the
 * whole growth. count: a counter, by its growth since the bucket's round before.
 */
export type Kind = 'gauge' | 'rate' | 'share' | 'count';

export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly kind: Kind;
  /** What it is, in a few words. */
  readonly about: string;
  /** The file or program it is read from. */
  readonly source: string;
  /** What stands before the dot when a machine has several, such as `interface`. */
  readonly instance?: string;
  readonly min: number;
  readonly max: number;
  /** Of the metric's unit in one step of the counter; rates and counts only. Default 1. */
  readonly scale?: number;
  /** Where the counter begins again at 0; rates and counts only. Default 2^64. */
  readonly modulus?: number;
}

const UNITS = {
  percent: { unit: '%', max: 100 },
  bytes: { unit: 'bytes', max: 1e19 },
  bytes_per_second: { unit: 'bytes/s', max: 1e13 },
  packets_per_second: { unit: 'packets/s', max: 1e11 },
  per_second: { unit: '1/s', max: 1e10 },
  celsius: { unit: '°C', max: 250 },
  watts: { unit: 'W', max: 1e5 },
  mhz: { unit: 'MHz', max: 1e5 },
  hours: { unit: 'h', max: 1e7 },
  number: { unit: '1', max: 1e15 },
} as const;
type UnitKey = keyof typeof UNITS;

type Extra = Partial<Pick<Metric, 'min' | 'max' | 'scale' | 'modulus'>>;

/** Rows of one source and instance: name, unit, kind, about, and what differs from the unit's bounds. */
function rows<const N extends string>(
  source: string,
  instance: string | undefined,
  list: readonly (readonly [name: N, unit: UnitKey, kind: Kind, about: string, extra?: Extra])[],
): { readonly [name in N]: Metric } {
  const table: Record<string, Metric> = {};
  for (const [name, unit, kind, about, extra] of list) {
    const where = instance === undefined ? {} : { instance };
    table[name] = { name, kind, about, source, ...where, min: 0, ...UNITS[unit], ...extra };
  }
  return table as { [name in N]: Metric };
}

/** Microseconds of a second as percent. */
const MICROSECONDS = 1e-4;
/** Milliseconds of a second as percent. */
const MILLISECONDS = 0.1;
/** Sectors of /proc/diskstats have this many bytes whatever the disk says. */
const SECTOR = 512;

const cpu = {
  ...rows('/proc/stat', undefined, [
    ['user_percent', 'percent', 'share', 'programs, at any priority, guests included'],
    ['system_percent', 'percent', 'share', 'kernel'],
    ['iowait_percent', 'percent', 'share', 'idle while a disk was waited for'],
    ['irq_percent', 'percent', 'share', 'interrupts, soft ones included'],
    ['steal_percent', 'percent', 'share', 'taken by the hypervisor'],
    ['idle_percent', 'percent', 'share', 'idle'],
    ['context_switches_per_second', 'per_second', 'rate', 'context switches'],
    ['forks_per_second', 'per_second', 'rate', 'processes and threads made'],
    ['procs_running', 'number', 'gauge', 'threads that run or could, this daemon included', { max: 1e8 }],
    ['procs_blocked', 'number', 'gauge', 'threads that wait for a disk', { max: 1e8 }],
  ]),
  ...rows('/proc/loadavg', undefined, [['load1', 'number', 'gauge', 'load average of the last minute', { max: 1e8 }]]),
  ...rows('/proc/pressure/cpu', undefined, [
    ['pressure_some_percent', 'percent', 'rate', 'of the time some task waited for a CPU', { scale: MICROSECONDS }],
  ]),
};

const memory = {
  ...rows('/proc/meminfo', undefined, [
    ['total_bytes', 'bytes', 'gauge', 'MemTotal'],
    ['available_bytes', 'bytes', 'gauge', 'MemAvailable: what programs could still get without swapping'],
    ['free_bytes', 'bytes', 'gauge', 'MemFree'],
    ['cached_bytes', 'bytes', 'gauge', 'Cached: page cache, tmpfs included'],
    ['buffers_bytes', 'bytes', 'gauge', 'Buffers'],
    ['dirty_bytes', 'bytes', 'gauge', 'Dirty: waits to be written to disk'],
    ['slab_bytes', 'bytes', 'gauge', "Slab: the kernel's own objects"],
    ['swap_used_bytes', 'bytes', 'gauge', 'SwapTotal less SwapFree'],
  ]),
  ...rows('/proc/vmstat', undefined, [
    ['page_faults_per_second', 'per_second', 'rate', 'page faults'],
    ['major_faults_per_second', 'per_second', 'rate', 'page faults that read a disk'],
    ['swap_in_pages_per_second', 'per_second', 'rate', 'pages swapped in'],
    ['swap_out_pages_per_second', 'per_second', 'rate', 'pages swapped out'],
    ['oom_kills', 'number', 'count', 'processes the kernel killed for want of memory since the round before'],
  ]),
  ...rows('/proc/pressure/memory', undefined, [
    ['pressure_some_percent', 'percent', 'rate', 'of the time some task waited for memory', { scale: MICROSECONDS }],
    ['pressure_full_percent', 'percent', 'rate', 'of the time all tasks waited for memory', { scale: MICROSECONDS }],
  ]),
  ...rows('/sys/devices/system/edac/mc', 'controller or controller/dimm', [
    ['edac_corrected_errors', 'number', 'gauge', 'errors ECC corrected since the EDAC driver was loaded'],
    ['edac_uncorrected_errors', 'number', 'gauge', 'errors ECC could not correct since the EDAC driver was loaded'],
  ]),
};

const network = rows('/proc/net/dev', 'interface', [
  ['receive_bytes_per_second', 'bytes_per_second', 'rate', 'bytes received'],
  ['transmit_bytes_per_second', 'bytes_per_second', 'rate', 'bytes sent'],
  ['receive_packets_per_second', 'packets_per_second', 'rate', 'packets received'],
  ['transmit_packets_per_second', 'packets_per_second', 'rate', 'packets sent'],
  ['receive_errors_per_second', 'packets_per_second', 'rate', 'packets received damaged'],
  ['transmit_errors_per_second', 'packets_per_second', 'rate', 'packets that could not be sent'],
  ['receive_drops_per_second', 'packets_per_second', 'rate', 'packets received and dropped'],
  ['transmit_drops_per_second', 'packets_per_second', 'rate', 'packets dropped before they were sent'],
]);

const disk = {
  ...rows('/proc/diskstats', 'disk', [
    ['read_bytes_per_second', 'bytes_per_second', 'rate', 'bytes read', { scale: SECTOR }],
    ['write_bytes_per_second', 'bytes_per_second', 'rate', 'bytes written', { scale: SECTOR }],
    ['reads_per_second', 'per_second', 'rate', 'reads completed'],
    ['writes_per_second', 'per_second', 'rate', 'writes completed'],
    [
      'busy_percent',
      'percent',
      'rate',
      'of the time with a request in flight',
      { scale: MILLISECONDS, modulus: 2 ** 32 },
    ],
  ]),
  ...rows('/proc/pressure/io', undefined, [
    ['pressure_some_percent', 'percent', 'rate', 'of the time some task waited for a disk', { scale: MICROSECONDS }],
    ['pressure_full_percent', 'percent', 'rate', 'of the time all tasks waited for a disk', { scale: MICROSECONDS }],
  ]),
};

const gpu = rows('nvidia-smi', 'index', [
  ['power_watts', 'watts', 'gauge', 'power drawn'],
  ['temperature_celsius', 'celsius', 'gauge', 'temperature of the chip', { min: -60 }],
  ['memory_temperature_celsius', 'celsius', 'gauge', 'temperature of its memory', { min: -60 }],
  ['utilization_percent', 'percent', 'gauge', 'of the time a kernel ran'],
  ['memory_utilization_percent', 'percent', 'gauge', 'of the time its memory was read or written'],
  ['encoder_utilization_percent', 'percent', 'gauge', 'video encoder'],
  ['decoder_utilization_percent', 'percent', 'gauge', 'video decoder'],
  ['sm_clock_mhz', 'mhz', 'gauge', 'clock of the multiprocessors'],
  ['memory_clock_mhz', 'mhz', 'gauge', 'clock of its memory'],
  ['memory_used_bytes', 'bytes', 'gauge', 'memory in use', { max: 1e15 }],
  ['memory_total_bytes', 'bytes', 'gauge', 'memory it has', { max: 1e15 }],
  ['ecc_uncorrected_errors', 'number', 'gauge', 'errors ECC could not correct since the driver was loaded'],
]);

const temperature = rows('/sys/class/hwmon', 'chip:label', [
  ['celsius', 'celsius', 'gauge', 'temperature of a sensor', { min: -60 }],
]);

/** Microjoules; no domain draws as much as this, which is what tells a wrap from a counter set back. */
const RAPL = { scale: 1e-6, max: 2_000 } as const;
/** A whole machine with all its GPUs. */
const RAPL_PLATFORM = { ...RAPL, max: 20_000 } as const;

const power = {
  domain: rows('/sys/class/powercap', 'package or package:domain', [
    [
      'watts',
      'watts',
      'rate',
      'power of a RAPL domain since the round before; over a quarter of a second of the round where its counter could wrap twice in between',
      RAPL,
    ],
  ]).watts,
  platform: rows('/sys/class/powercap', 'psys', [
    ['watts', 'watts', 'rate', 'power of the whole machine as RAPL tells it, likewise', RAPL_PLATFORM],
  ]).watts,
  sensor: rows('/sys/class/hwmon', 'chip:label', [['watts', 'watts', 'gauge', 'power a sensor tells']]).watts,
};

const ssd = rows('nvme smart-log or smartctl', 'device', [
  ['temperature_celsius', 'celsius', 'gauge', 'temperature', { min: -60 }],
  ['used_percent', 'percent', 'gauge', 'of its life used, by its maker; may pass 100', { max: 255 }],
  ['available_spare_percent', 'percent', 'gauge', 'of its spare blocks left'],
  ['read_bytes', 'bytes', 'gauge', 'read by the host in its life'],
  ['written_bytes', 'bytes', 'gauge', 'written by the host in its life'],
  ['media_errors', 'number', 'gauge', 'reads and writes that failed for good in its life'],
  ['reallocated_sectors', 'number', 'gauge', 'sectors replaced by spare ones in its life (ATA)'],
  ['power_on_hours', 'hours', 'gauge', 'hours it was on in its life'],
  ['unsafe_shutdowns', 'number', 'gauge', 'times it lost power without warning (NVMe)'],
]);

const infiniband = rows('/sys/class/infiniband', 'device/port', [
  ['receive_bytes_per_second', 'bytes_per_second', 'rate', 'port_rcv_data', { scale: 4 }],
  ['transmit_bytes_per_second', 'bytes_per_second', 'rate', 'port_xmit_data', { scale: 4 }],
  ['receive_packets_per_second', 'packets_per_second', 'rate', 'port_rcv_packets'],
  ['transmit_packets_per_second', 'packets_per_second', 'rate', 'port_xmit_packets'],
  ['symbol_errors', 'number', 'count', 'symbol_error since the round before'],
  ['receive_errors', 'number', 'count', 'port_rcv_errors since the round before'],
  ['transmit_discards', 'number', 'count', 'port_xmit_discards since the round before'],
  ['link_recoveries', 'number', 'count', 'link_error_recovery since the round before'],
  ['link_downed', 'number', 'count', 'link_downed since the round before'],
]);

const filesystem = rows('/proc/self/mounts, statfs', 'mount point', [
  ['total_bytes', 'bytes', 'gauge', 'size'],
  ['used_bytes', 'bytes', 'gauge', 'in use'],
  ['available_bytes', 'bytes', 'gauge', 'left for ordinary users'],
  ['used_percent', 'percent', 'gauge', 'in use, of what ordinary users could use; as `df` has it'],
  ['inodes_used_percent', 'percent', 'gauge', 'of its inodes in use'],
]);

/** Metrics by item and name. */
export const METRICS = {
  cpu,
  memory,
  network,
  disk,
  gpu,
  temperature,
  power,
  ssd,
  infiniband,
  filesystem,
} as const satisfies { readonly [I in Item]: { readonly [name: string]: Metric } };

/** One line of the documentation. */
export interface MetricRow {
  readonly item: Item;
  /** As it stands in a sample, `<interface>.receive_bytes_per_second`. */
  readonly name: string;
  readonly unit: string;
  readonly kind: Kind;
  readonly about: string;
  readonly source: string;
}

/** The whole table, in the order it is documented in. */
export const METRIC_ROWS: readonly MetricRow[] = ITEMS.flatMap((item) =>
  Object.values<Metric>(METRICS[item]).map(({ name, unit, kind, about, source, instance }) => ({
    item,
    name: instance === undefined ? name : `<${instance}>.${name}`,
    unit,
    kind,
    about,
    source,
  })),
);
