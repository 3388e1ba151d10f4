import type { RootTree } from '@csm/host';
import type { Collector } from './collector.ts';
import { isNotThere, smallLine } from './files.ts';
import { METRICS, type Metric } from './metrics.ts';
import { Absent, instanceName, Reading } from './reading.ts';

const M = METRICS.gpu;
const MIB = 1024 * 1024;

type Column = readonly [query: string, metric?: Metric, factor?: number];

/** What is asked for, in order; the first four say which GPU it is. */
const COLUMNS: readonly Column[] = [
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

/** Bytes of its answer: a node has 16 GPUs at most, a line has 200. */
const OUTPUT_MAX = 64 * 1024;

/** A driver that does not know as many of the columns is too old to be asked. */
const UNKNOWN_MAX = 6;
const UNKNOWN = /Field "([a-z._]{1,64})" is not a valid field to query/;

/**
 * NVIDIA's GPUs by its own program. What a GPU does not have it answers in brackets: `[N/A]`, `[Not Supported]`. A
 * column the driver does not know makes it refuse the whole question: that one is asked no more.
 */
export const gpu: Collector = async ({ tree, programs }, { signal, learnt }) => {
  const columns = () => COLUMNS.filter(([query]) => !learnt.has(query));
  const ask = () => programs.run(argvOf(columns()), { signal, maxOutput: OUTPUT_MAX });
  let output = await ask();
  while ('reason' in output && learn(output.reason, columns(), learnt)) output = await ask();
  if ('reason' in output) {
    if (isNotThere(output.reason)) throw new Absent(output.reason);
    // Images are shared: the program stands on nodes without a GPU, too, and fails there.
    if (!signal.aborted && !(await hasGpu(tree))) throw new Absent('the PCI bus has no GPU of NVIDIA');
    throw new Error(output.reason);
  }
  const reading = new Reading();
  for (const query of learnt) reading.lacks(query, 'the driver does not know it');
  const seen = new Set<string>();
  output.value.split('\n').forEach((line, i) => {
    if (line.trim() !== '') addGpu(line, `line ${i + 1}`, columns(), seen, reading);
  });
  return reading.orAbsent('nvidia-smi names no GPU');
};

const argvOf = (columns: readonly Column[]): readonly [string, ...string[]] => [
  'nvidia-smi',
  `--query-gpu=${columns.map(([query]) => query).join(',')}`,
  '--format=csv,noheader,nounits',
];

/** Notes the column that a refusal names; false when the refusal has another reason, or there were too many. */
function learn(reason: string, columns: readonly Column[], learnt: Set<string>): boolean {
  const query = UNKNOWN.exec(reason)?.[1];
  if (query === undefined || learnt.size === UNKNOWN_MAX) return false;
  if (!columns.some(([known, metric]) => known === query && metric !== undefined)) return false;
  learnt.add(query);
  return true;
}

/** Adds what a line says of one GPU. A GPU that does not answer has a line of other words, a fault of that one. */
function addGpu(line: string, part: string, columns: readonly Column[], seen: Set<string>, reading: Reading): void {
  const cells = line.split(',').map((cell) => cell.trim());
  const index = cells[0] ?? '';
  if (cells.length !== columns.length || !/^\d{1,3}$/.test(index)) {
    const wrote = line.trim().slice(0, 80);
    reading.fault(part, `nvidia-smi wrote '${wrote}', a line of ${columns.length} values is expected`);
    return;
  }
  const instance = instanceName(index);
  if (seen.has(index)) {
    reading.fault(part, `nvidia-smi names GPU ${index} twice`);
    return;
  }
  seen.add(index);
  columns.forEach(([query, metric, factor = 1], i) => {
    if (metric === undefined) return;
    const name = `${instance}.${metric.name}`;
    const cell = cells[i] ?? '';
    if (/^\[.{1,40}\]$/.test(cell) || cell === 'N/A') reading.lacks(name, `nvidia-smi says ${cell}`);
    else if (/^-?\d{1,15}(?:\.\d{1,6})?$/.test(cell)) reading.add(metric, Number(cell) * factor, instance);
    else reading.fault(name, `nvidia-smi says '${cell.slice(0, 40)}' for ${query} of GPU ${index}`);
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
