import type { RootTree } from '@csm/host';
import type { Collector } from './collector.ts';
import { isNotThere, lineAfter, need, smallNumber, wholeNumbers } from './files.ts';
import { METRICS } from './metrics.ts';
import { addPressure } from './pressure.ts';
import { instanceName, Reading } from './reading.ts';

const M = METRICS.memory;
const MEMINFO = '/proc/meminfo';
const VMSTAT = '/proc/vmstat';
const EDAC = '/sys/devices/system/edac/mc';

/** Memory in use (proc_meminfo(5)), paging (proc_vmstat(5)), pressure, and errors its ECC has seen. */
export const memory: Collector = async ({ tree }) => {
  const reading = new Reading();
  addUse(need(await tree.text(MEMINFO)), reading);
  const vmstat = await tree.text(VMSTAT);
  if ('reason' in vmstat) reading.lacks(VMSTAT, vmstat.reason);
  else addPaging(vmstat.value, reading);
  await addPressure(tree, 'memory', { some: M.pressure_some_percent, full: M.pressure_full_percent }, reading);
  await addErrors(tree, reading);
  return reading;
};

function addUse(text: string, reading: Reading): void {
  const bytes = (key: string): number | undefined => {
    const line = lineAfter(text, `${key}:`);
    if (line === undefined) return undefined;
    const kilobytes = /^\s+(\d{1,15}) kB$/.exec(line)?.[1];
    if (kilobytes === undefined) throw new Error(`${MEMINFO} has a line ${key} that is not '${key}: N kB'`);
    return Number(kilobytes) * 1024;
  };
  const total = bytes('MemTotal');
  if (total === undefined) throw new Error(`${MEMINFO} has no whole line MemTotal`);
  reading.add(M.total_bytes, total);
  for (const [key, metric] of [
    ['MemAvailable', M.available_bytes],
    ['MemFree', M.free_bytes],
    ['Cached', M.cached_bytes],
    ['Buffers', M.buffers_bytes],
    ['Dirty', M.dirty_bytes],
    ['Slab', M.slab_bytes],
  ] as const) {
    const value = bytes(key);
    if (value === undefined) reading.lacks(metric.name, `${MEMINFO} has no whole line ${key}`);
    // The page cache may hold what is not counted in MemTotal, but never more than there is room for.
    else if (value > total) reading.fault(metric.name, `${MEMINFO} tells ${key} larger than MemTotal`);
    else reading.add(metric, value);
  }
  const swap = bytes('SwapTotal');
  const unused = bytes('SwapFree');
  if (swap === undefined || unused === undefined) reading.lacks(M.swap_used_bytes.name, `${MEMINFO} tells no swap`);
  else reading.add(M.swap_used_bytes, swap - unused);
}

function addPaging(text: string, reading: Reading): void {
  for (const [key, metric] of [
    ['pgfault ', M.page_faults_per_second],
    ['pgmajfault ', M.major_faults_per_second],
    ['pswpin ', M.swap_in_pages_per_second],
    ['pswpout ', M.swap_out_pages_per_second],
    ['oom_kill ', M.oom_kills],
  ] as const) {
    const rest = lineAfter(text, key);
    if (rest === undefined) reading.lacks(metric.name, `${VMSTAT} has no whole line ${key.trim()}`);
    else reading.add(metric, wholeNumbers(rest, 1, `the line ${key}of ${VMSTAT}`)[0] ?? Number.NaN);
  }
}

/**
 * Counts of the memory controllers and of the modules below them (Documentation/ABI/testing/sysfs-devices-edac).
 * Without a driver for the controller, or ECC, there are none.
 */
async function addErrors(tree: RootTree, reading: Reading): Promise<void> {
  const names = await tree.names(EDAC);
  if ('reason' in names) {
    reading.lacks('edac', isNotThere(names.reason) ? 'the kernel has no EDAC driver for this machine' : names.reason);
    return;
  }
  const controllers = names.value.filter((name) => /^mc\d{1,4}$/.test(name));
  if (controllers.length === 0) reading.lacks('edac', `no controller stands in ${EDAC}`);
  for (const controller of controllers) {
    const dir = `${EDAC}/${controller}`;
    await addCounts(tree, dir, '', controller, reading);
    const below = await tree.names(dir);
    if ('reason' in below) continue;
    for (const part of below.value.filter((name) => /^(?:dimm|rank)\d{1,4}$/.test(name)))
      await addCounts(tree, `${dir}/${part}`, 'dimm_', `${controller}/${part}`, reading);
  }
}

async function addCounts(tree: RootTree, dir: string, prefix: string, part: string, reading: Reading): Promise<void> {
  for (const [file, metric] of [
    ['ce_count', M.edac_corrected_errors],
    ['ue_count', M.edac_uncorrected_errors],
  ] as const) {
    const count = await smallNumber(tree, `${dir}/${prefix}${file}`);
    if ('value' in count) reading.add(metric, count.value, instanceName(part));
    else if (!isNotThere(count.reason)) reading.fault(part, count.reason);
  }
}
