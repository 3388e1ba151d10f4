/** Sensor chips as the kernel lists them: Documentation/hwmon/sysfs-interface.rst. */
import type { RootTree } from '@csm/host';
import { need, smallLine, smallNumber } from './files.ts';
import { instanceName, type Reading } from './reading.ts';

const HWMON = '/sys/class/hwmon';

export interface Chip {
  /** Its name, such as `coretemp`; with its device behind it where a machine has several of the name. */
  readonly name: string;
  readonly dir: string;
  /** Files in its directory. */
  readonly files: ReadonlySet<string>;
}

/**
 * Chips with a file that `pattern` matches. The number of a directory may change with every boot: what a chip is
 * called is made of its name and its device (`nvme-nvme0`, `k10temp-0000:00:18_3`), which stay.
 */
export async function chipsWith(tree: RootTree, pattern: RegExp, reading: Reading): Promise<readonly Chip[]> {
  const chips: {
    readonly named: string;
    readonly entry: string;
    readonly dir: string;
    readonly files: ReadonlySet<string>;
  }[] = [];
  const count = new Map<string, number>();
  for (const entry of need(await tree.names(HWMON)).filter((name) => /^hwmon\d{1,5}$/.test(name))) {
    const dir = `${HWMON}/${entry}`;
    const name = await smallLine(tree, `${dir}/name`);
    const files = await tree.names(dir);
    if ('reason' in files) {
      reading.fault(entry, files.reason);
      continue;
    }
    // A chip without a name is against the rules, but no reason not to read it.
    const named = 'value' in name ? name.value : entry;
    count.set(named, (count.get(named) ?? 0) + 1);
    chips.push({ named, entry, dir, files: new Set(files.value) });
  }
  const matching: Chip[] = [];
  for (const { named, entry, dir, files } of chips) {
    if (![...files].some((file) => pattern.test(file))) continue;
    matching.push({
      name: count.get(named) === 1 ? named : `${named}-${await deviceOf(tree, dir, entry)}`,
      dir,
      files,
    });
  }
  return matching;
}

async function deviceOf(tree: RootTree, dir: string, entry: string): Promise<string> {
  const link = await tree.link(`${dir}/device`);
  const base = 'value' in link ? link.value.slice(link.value.lastIndexOf('/') + 1) : '';
  return base === '' ? entry : base;
}

/** `chip:label`, the label being the sensor's file without its end where the driver knows no words for it. */
export async function sensorName(tree: RootTree, chip: Chip, sensor: string): Promise<string> {
  const label = chip.files.has(`${sensor}_label`) ? await smallLine(tree, `${chip.dir}/${sensor}_label`) : undefined;
  const word = label !== undefined && 'value' in label ? label.value : sensor;
  return instanceName(`${chip.name}:${word}`);
}

/**
 * A sensor's number. Undefined when it has none to give: boards wire fewer inputs than a chip has, and a driver then
 * fails the read or tells what nothing can be. That is noted, not a fault.
 */
export async function sensorValue(
  tree: RootTree,
  path: string,
  instance: string,
  reading: Reading,
  { scale, min, max }: { readonly scale: number; readonly min: number; readonly max: number },
): Promise<number | undefined> {
  const raw = await smallNumber(tree, path);
  if ('reason' in raw) {
    reading.lacks(instance, raw.reason);
    return undefined;
  }
  const value = raw.value * scale;
  if (value >= min && value <= max) return value;
  reading.lacks(instance, `${path} tells ${value}, ${min} to ${max} can be true`);
  return undefined;
}
