import type { Finding, Programs, RootTree } from '@csm/host';
import { isObject } from '@csm/model';
import type { Collector } from './collector.ts';
import { isNotThere, smallLine } from './files.ts';
import { METRICS, type Metric } from './metrics.ts';
import { Absent, instanceName, Reading } from './reading.ts';

const M = METRICS.ssd;
const OUTPUT_MAX = 256 * 1024;
/** NVM Express base specification, SMART log page 02h: one data unit is a thousand sectors of 512 bytes. */
const DATA_UNIT = 512_000;
const KELVIN = 273;

type Run = (argv: readonly [string, ...string[]], exitOk?: (status: number) => boolean) => Promise<Finding<string>>;
type Fields = { readonly [key: string]: unknown };

/** Wear and health of solid-state disks: NVMe by `nvme` or else `smartctl`, SATA and SAS by `smartctl`. */
export const ssd: Collector = async ({ tree, programs }, { signal }) => {
  const reading = new Reading();
  const disks = await solidDisks(tree);
  if (disks.length === 0) throw new Absent('no solid-state disk stands in /sys/class/nvme or /sys/block');
  const run = runner(programs, signal);
  for (const disk of disks) await addDisk(disk, run, reading);
  return reading.orAbsent([...reading.missing.values()][0] ?? 'the disks tell nothing');
};

/** Controllers of /sys/class/nvme, and disks of the SCSI layer that do not rotate. */
async function solidDisks(tree: RootTree): Promise<readonly string[]> {
  const controllers = await tree.names('/sys/class/nvme');
  const disks = 'value' in controllers ? controllers.value.filter((name) => /^nvme\d{1,4}$/.test(name)) : [];
  const blocks = await tree.names('/sys/block');
  if ('reason' in blocks) return disks;
  for (const name of blocks.value.filter((block) => /^sd[a-z]{1,4}$/.test(block))) {
    const rotates = await smallLine(tree, `/sys/block/${name}/queue/rotational`);
    if ('value' in rotates && rotates.value === '0') disks.push(name);
  }
  return disks;
}

const runner =
  (programs: Programs, signal: AbortSignal): Run =>
  (argv, exitOk) =>
    programs.run(argv, { signal, maxOutput: OUTPUT_MAX, ...(exitOk === undefined ? {} : { exitOk }) });

/** smartctl(8): bits 0 and 1 say that it could not ask; the others what it found, which the sick disks are about. */
const couldAsk = (status: number): boolean => (status & 3) === 0;

async function addDisk(disk: string, run: Run, reading: Reading): Promise<void> {
  const device = `/dev/${disk}`;
  const own = disk.startsWith('nvme') ? await run(['nvme', 'smart-log', '-o', 'json', device]) : undefined;
  const isOwn = own !== undefined && !('reason' in own && isNotThere(own.reason));
  const program = isOwn ? 'nvme' : 'smartctl';
  const output = isOwn ? own : await run(['smartctl', '-j', '-a', device], couldAsk);
  if ('reason' in output) {
    if (!isNotThere(output.reason)) reading.fault(disk, `${disk}: ${output.reason}`);
    else reading.lacks(disk, own === undefined ? output.reason : 'nvme: not found, and smartctl: not found');
    return;
  }
  const log = parsed(output.value);
  if (log === undefined) return reading.fault(disk, `${program} wrote no JSON object for ${device}`);
  const before = reading.size + reading.faults.size;
  if (program === 'nvme') addNvme(log, instanceName(disk), reading);
  else addSmart(log, instanceName(disk), reading);
  if (reading.size + reading.faults.size === before)
    reading.fault(disk, `${program} wrote nothing known for ${device}`);
}

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `nvme smart-log -o json`: temperature in kelvins; counts of 128 bits, which some releases write as text. */
function addNvme(log: Fields, instance: string, reading: Reading): void {
  addNumber(M.temperature_celsius, log['temperature'], instance, reading, (kelvin) => kelvin - KELVIN);
  addNumber(M.used_percent, log['percent_used'] ?? log['percentage_used'], instance, reading);
  addNumber(M.available_spare_percent, log['avail_spare'] ?? log['available_spare'], instance, reading);
  addNvmeCounts(log, instance, reading);
}

function addNvmeCounts(log: Fields, instance: string, reading: Reading): void {
  addNumber(M.read_bytes, log['data_units_read'], instance, reading, (units) => units * DATA_UNIT);
  addNumber(M.written_bytes, log['data_units_written'], instance, reading, (units) => units * DATA_UNIT);
  addNumber(M.media_errors, log['media_errors'], instance, reading);
  addNumber(M.power_on_hours, log['power_on_hours'], instance, reading);
  addNumber(M.unsafe_shutdowns, log['unsafe_shutdowns'], instance, reading);
}

/** `smartctl -j -a` of an NVMe, SATA or SAS disk. */
function addSmart(log: Fields, instance: string, reading: Reading): void {
  addNumber(M.temperature_celsius, part(log, 'temperature')['current'], instance, reading);
  addNumber(M.power_on_hours, part(log, 'power_on_time')['hours'], instance, reading);
  addNumber(M.used_percent, part(log, 'endurance_used')['current_percent'], instance, reading);
  addNumber(M.available_spare_percent, part(log, 'spare_available')['current_percent'], instance, reading);
  addNumber(M.used_percent, log['scsi_percentage_used_endurance_indicator'], instance, reading);
  const nvme = part(log, 'nvme_smart_health_information_log');
  addNumber(M.used_percent, nvme['percentage_used'], instance, reading);
  addNumber(M.available_spare_percent, nvme['available_spare'], instance, reading);
  addNvmeCounts(nvme, instance, reading);
  const { table } = part(log, 'ata_smart_attributes');
  if (Array.isArray(table)) addAttributes(table, sectorOf(log), instance, reading);
}

const sectorOf = (log: Fields): number => (log['logical_block_size'] === 4096 ? 4096 : 512);

/** Attributes mean what their maker likes: only those whose name says its unit are taken. */
function addAttributes(table: readonly unknown[], sector: number, instance: string, reading: Reading): void {
  for (const row of table.slice(0, 256)) {
    if (!isObject(row)) continue;
    const raw = part(row, 'raw')['value'];
    if (row['name'] === 'Reallocated_Sector_Ct') addNumber(M.reallocated_sectors, raw, instance, reading);
    else if (row['name'] === 'Total_LBAs_Written')
      addNumber(M.written_bytes, raw, instance, reading, (n) => n * sector);
    else if (row['name'] === 'Total_LBAs_Read') addNumber(M.read_bytes, raw, instance, reading, (n) => n * sector);
  }
}

const part = (fields: Fields, key: string): Fields => {
  const value = fields[key];
  return isObject(value) ? value : {};
};

/** Adds a number, or its decimal digits as text; what the disk does not tell is left out, what is neither is a fault. */
function addNumber(
  metric: Metric,
  raw: unknown,
  instance: string,
  reading: Reading,
  convert: (value: number) => number = (value) => value,
): void {
  if (raw === undefined || raw === null) return;
  const value = typeof raw === 'string' && /^\d{1,39}$/.test(raw) ? Number(raw) : raw;
  const name = `${instance}.${metric.name}`;
  if (typeof value === 'number') reading.add(metric, convert(value), instance);
  else reading.fault(name, `${name} is ${JSON.stringify(raw).slice(0, 40)}, not a number`);
}
