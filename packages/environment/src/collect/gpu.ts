import type { RootTree } from '@csm/host';
import type { Collector } from './collector.ts';
import { isNotThere, smallLine } from './files.ts';
import { METRICS, type Metric } from './metrics.ts';
import { Absent, instanceName, Reading } from './reading.ts';

const M = METRICS.gpu;
const MIB = 1024 * 1024;

/** What is asked for, in order; the first four say which GPU it is. */
const COLUMNS: readonly (readonly [query: string, metric?: Metric, factor?: number])[] = [
  ['index'],
  ['serial'],
  ['uuid'],
  ['pci.bus_id'],
  ['power.draw', M.power_watts],
  ['temperature.gpu', M.temperature_celsius],
  ['temperature.memory', M.memory_temperature_celsius],
  ['utilization.gpu', M.utilization_percent],
  ['utilization.memory', M.memory_utilization_percent],
  ['utilization.encoder', M.encoder_utilization_percent],
  ['utilization.decoder', M.decoder_utilization_percent],
  ['clocks.sm', M.sm_clock_mhz],
  ['clocks.mem', M.memory_clock_mhz],
  ['memory.used', M.memory_used_bytes, MIB],
  ['memory.total', M.memory_total_bytes, MIB],
  ['ecc.errors.uncorrected.volatile.total', M.ecc_uncorrected_errors],
];

const ARGV = [
  'nvidia-smi',
  `--query-gpu=${COLUMNS.map(([query]) => query).join(',')}`,
  '--format=csv,noheader,nounits',
] as const;

/** Bytes of its answer: a node has 16 GPUs at most, a line has 200. */
const OUTPUT_MAX = 64 * 1024;

/** NVIDIA's GPUs by its own program. What a GPU does not have it answers in brackets: `[N/A]`, `[Not Supported]`. */
export const gpu: Collector = async ({ tree, programs }, { signal }) => {
  const output = await programs.run(ARGV, { signal, maxOutput: OUTPUT_MAX });
  if ('reason' in output) {
    if (isNotThere(output.reason)) throw new Absent(output.reason);
    // Images are shared: the program stands on nodes without a GPU, too, and fails there.
    if (!signal.aborted && !(await hasGpu(tree))) throw new Absent('the PCI bus has no GPU of NVIDIA');
    throw new Error(output.reason);
  }
  const reading = new Reading();
  for (const line of output.value.split('\n')) if (line.trim() !== '') addGpu(line, reading);
  if (reading.size === 0) throw new Absent('nvidia-smi names no GPU');
  return reading;
};

function addGpu(line: string, reading: Reading): void {
  const cells = line.split(',').map((cell) => cell.trim());
  const index = cells[0] ?? '';
  if (cells.length !== COLUMNS.length || !/^\d{1,3}$/.test(index))
    throw new Error(`nvidia-smi wrote '${line.trim().slice(0, 80)}', a line of ${COLUMNS.length} values is expected`);
  const instance = instanceName(index);
  COLUMNS.forEach(([query, metric, factor = 1], i) => {
    if (metric === undefined) return;
    const cell = cells[i] ?? '';
    if (/^\[.{1,40}\]$/.test(cell) || cell === 'N/A')
      reading.lacks(`${instance}.${metric.name}`, `nvidia-smi says ${cell}`);
    else if (/^-?\d{1,15}(?:\.\d{1,6})?$/.test(cell)) reading.add(metric, Number(cell) * factor, instance);
    else throw new Error(`nvidia-smi says '${cell.slice(0, 40)}' for ${query} of GPU ${index}`);
  });
}

/** Whether the PCI bus has a display or 3D controller (class 03) of NVIDIA (vendor 10de). */
async function hasGpu(tree: RootTree): Promise<boolean> {
  const devices = await tree.names('/sys/bus/pci/devices');
  if ('reason' in devices) return false;
  for (const device of devices.value) {
    const vendor = await smallLine(tree, `/sys/bus/pci/devices/${device}/vendor`);
    if (!('value' in vendor) || vendor.value !== '0x10de') continue;
    const kind = await smallLine(tree, `/sys/bus/pci/devices/${device}/class`);
    if ('value' in kind && kind.value.startsWith('0x03')) return true;
  }
  return false;
}
