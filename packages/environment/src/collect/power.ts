import { type Finding, found, missing, type RootTree } from '@csm/host';
import type { Collector, Context } from './collector.ts';
import { isNotThere, smallLine, smallNumber } from './files.ts';
import { chipsWith, sensorName, sensorValue } from './hwmon.ts';
import { METRICS, type Metric } from './metrics.ts';
import { Absent, instanceName, inWords, Reading } from './reading.ts';

const M = METRICS.power;
const POWERCAP = '/sys/class/powercap';
/** A zone of a control type: `intel-rapl:0` is a package, `intel-rapl:0:1` a domain in it. AMD's have the same name. */
const ZONE = /^([a-z]+(?:-[a-z]+)*):(\d{1,4})(?::(\d{1,4}))?$/;
const SENSOR = /^(power\d{1,4})_(?:input|average)$/;
/** Files tell millionths of a watt. */
const MICRO = { scale: 1e-6, min: M.sensor.min, max: M.sensor.max };
const WINDOW_MS = 250;

/** Energy counters (Documentation/power/powercap/powercap.rst) and power sensors (hwmon: ACPI meters, boards). */
export const power: Collector = async ({ tree }, context) => {
  const reading = new Reading();
  let sources = await addZones(tree, context, reading);
  sources += await addSensors(tree, reading);
  if (sources === 0) throw new Absent('the machine has neither RAPL nor a power sensor');
  if (reading.size > 0) return reading;
  if (reading.faults.size > 0) throw new Error(inWords(reading.faults));
  throw new Error([...reading.missing.values()][0] ?? 'no source of power gave a value');
};

interface Zone {
  readonly dir: string;
  readonly instance: string;
  readonly metric: Metric;
  /** Microjoules. */
  readonly range: number;
}

/** An energy counter in microjoules, and the monotonic ms in the middle of its read. */
interface Energy {
  readonly value: number;
  readonly at: number;
}

async function addZones(tree: RootTree, context: Context, reading: Reading): Promise<number> {
  const names = await tree.names(POWERCAP);
  if ('reason' in names) return 0;
  const zones = names.value.filter((name) => ZONE.test(name));
  const brief: Zone[] = [];
  let sources = 0;
  for (const name of zones) {
    const known = await readZone(tree, name);
    if ('reason' in known && isNotThere(known.reason)) continue;
    sources++;
    if ('reason' in known) {
      reading.fault(name, known.reason);
      continue;
    }
    const zone = known.value;
    if (wrapsTwice(zone, context.intervalMs)) {
      brief.push(zone);
      continue;
    }
    const energy = await readEnergy(tree, zone, context);
    if ('reason' in energy) reading.fault(zone.instance, energy.reason);
    else reading.add(zone.metric, energy.value.value, zone.instance, { modulus: zone.range, at: energy.value.at });
  }
  if (brief.length > 0) await addBrief(tree, brief, context, reading);
  return sources;
}

async function readZone(tree: RootTree, name: string): Promise<Finding<Zone>> {
  const dir = `${POWERCAP}/${name}`;
  const range = await smallNumber(tree, `${dir}/max_energy_range_uj`);
  if ('reason' in range) return range;
  if (!(range.value > 0)) return missing(`${dir} tells a range of energy of ${range.value} µJ`);
  const [, type = '', top = '', below] = ZONE.exec(name) ?? [];
  const own = await smallLine(tree, `${dir}/name`);
  const word = 'value' in own ? own.value : name;
  if (below === undefined)
    return found({ dir, instance: instanceName(word), metric: metricOf(word), range: range.value });
  const above = await smallLine(tree, `${POWERCAP}/${type}:${top}/name`);
  const prefix = 'value' in above ? above.value : `${type}:${top}`;
  return found({ dir, instance: instanceName(`${prefix}:${word}`), metric: M.domain, range: range.value });
}

/** The zone `psys`, or `psys-1` on a second socket, is the machine, with whatever is built into it. */
const metricOf = (word: string): Metric => (/^psys(?:-\d{1,3})?$/.test(word) ? M.platform : M.domain);

/** A read waits for a thread and then for its turn: where the node is busy, what passes on that is no small part. */
async function readEnergy(tree: RootTree, { dir, range }: Zone, context: Context): Promise<Finding<Energy>> {
  const begin = context.now();
  const energy = await smallNumber(tree, `${dir}/energy_uj`);
  if ('reason' in energy) return energy;
  const { value } = energy;
  if (value < 0 || value > range) return missing(`${dir} tells an energy of ${value} in a range of ${range} µJ`);
  return found({ value, at: (begin + context.now()) / 2 });
}

const wrapsTwice = ({ range, metric: { scale = 1, max } }: Zone, intervalMs: number): boolean =>
  range * scale <= (max * intervalMs) / 1000;

/** Power over a moment, for counters of which two readings a whole interval apart tell nothing. */
async function addBrief(tree: RootTree, zones: readonly Zone[], context: Context, reading: Reading): Promise<void> {
  const before = new Map<Zone, Energy>();
  for (const zone of zones) {
    const energy = await readEnergy(tree, zone, context);
    if ('value' in energy) before.set(zone, energy.value);
    else reading.fault(zone.instance, energy.reason);
  }
  await context.pause(WINDOW_MS);
  for (const [zone, old] of before) {
    const now = await readEnergy(tree, zone, context);
    if ('value' in now) addGrowth(zone, old, now.value, reading);
    else reading.fault(zone.instance, now.reason);
  }
}

function addGrowth({ dir, instance, metric, range }: Zone, old: Energy, now: Energy, reading: Reading): void {
  const grown = now.value - old.value;
  const ms = now.at - old.at;
  const watts = ((grown < 0 ? grown + range : grown) / ms) * 1e-3;
  const span = `in ${Math.round(ms)} ms`;
  // The counter moves every millisecond: one that stands still is not in use.
  if (grown === 0) reading.lacks(instance, `${dir}/energy_uj did not move ${span}`);
  else if (watts <= metric.max) reading.add(M.sensor, watts, instance);
  else reading.fault(instance, `${dir}/energy_uj grew by ${grown} of ${range} µJ ${span}`);
}

async function addSensors(tree: RootTree, reading: Reading): Promise<number> {
  const listed = await tree.names('/sys/class/hwmon');
  if ('reason' in listed) return 0;
  let sources = 0;
  for (const chip of await chipsWith(tree, SENSOR, reading)) {
    const sensors = new Set([...chip.files].flatMap((file) => SENSOR.exec(file)?.[1] ?? []));
    for (const sensor of sensors) {
      sources++;
      const file = chip.files.has(`${sensor}_average`) ? `${sensor}_average` : `${sensor}_input`;
      const instance = await sensorName(tree, chip, sensor);
      const value = await sensorValue(tree, `${chip.dir}/${file}`, instance, reading, MICRO);
      if (value !== undefined) reading.add(M.sensor, value, instance);
    }
  }
  return sources;
}
