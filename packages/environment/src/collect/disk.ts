import type { Collector } from './collector.ts';
import { LARGE_FILE, need, wholeLines, wholeNumbers } from './files.ts';
import { METRICS } from './metrics.ts';
import { addPressure } from './pressure.ts';
import { instanceName, Reading } from './reading.ts';

const PATH = '/proc/diskstats';
const M = METRICS.disk;

/** Not disks, or made of disks that are counted themselves: memory, loops, drives of removable media, device mapper. */
const SKIPPED = /^(?:ram|zram|loop|fd|sr|dm-|nbd)\d|^nvme\d+c\d+n/;

/** Transfers and busy time of whole disks (Documentation/admin-guide/iostats.rst), and pressure of all of them. */
export const disk: Collector = async ({ tree }) => {
  const reading = new Reading();
  const lines = wholeLines(need(await tree.text(PATH, LARGE_FILE)), PATH).map((line) => line.trim().split(/ +/));
  const names = new Set(lines.map((words) => words[2] ?? ''));
  for (const words of lines) {
    const name = words[2] ?? '';
    const n = wholeNumbers(words.slice(3).join(' '), 11, `the line ${name.slice(0, 40)} of ${PATH}`);
    if (SKIPPED.test(name) || isPartition(name, names)) continue;
    const instance = instanceName(name);
    reading.add(M.reads_per_second, n[0] ?? Number.NaN, instance);
    reading.add(M.read_bytes_per_second, n[2] ?? Number.NaN, instance);
    reading.add(M.writes_per_second, n[4] ?? Number.NaN, instance);
    reading.add(M.write_bytes_per_second, n[6] ?? Number.NaN, instance);
    reading.add(M.busy_percent, n[9] ?? Number.NaN, instance);
  }
  reading.orAbsent(`${PATH} names no disk`);
  await addPressure(tree, 'io', { some: M.pressure_some_percent, full: M.pressure_full_percent }, reading);
  return reading;
};

/** `sda1` of `sda`, `nvme0n1p2` of `nvme0n1`: the kernel puts a `p` between when the disk's name ends with a digit. */
function isPartition(name: string, names: ReadonlySet<string>): boolean {
  const parts = /^(.*?\D)\d+$/.exec(name)?.[1];
  if (parts === undefined) return false;
  return names.has(parts) || (/\dp$/.test(parts) && names.has(parts.slice(0, -1)));
}
