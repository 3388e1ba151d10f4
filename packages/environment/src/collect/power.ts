import type { Finding, RootTree } from '@csm/host';
import type { Collector, Context } from './collector.ts';
import { isNotThere, smallLine, smallNumber } from './files.ts';
import { chipsWith, sensorName, sensorValue } from './hwmon.ts';
import { METRICS } from './metrics.ts';
import { Absent, instanceName, Reading } from './reading.ts';

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
  const [why] = [...reading.faults.values(), ...reading.missing.values()];
  throw new Error(why ?? 'no source of power gave a value');
};

interface Zone {
  readonly dir: string;
  readonly instance: string;
  /** Microjoules. */
  readonly energy: number;
  readonly range: number;
}

async function addZones(tree: RootTree, context: Context, reading: Reading): Promise<number> {
  const names = await tree.names(POWERCAP);
  if ('reason' in names) return 0;
  const zones = names.value.filter((name) => ZONE.test(name));
  const brief: Zone[] = [];
  let sources = 0;
  for (const name of zones) {
    const zone = await readZone(tree, name);
    if ('reason' in zone && isNotThere(zone.reason)) continue;
    sources++;
    if ('reason' in zone) reading.fault(name, zone.reason);
    else if (wrapsTwice(zone.value, context.intervalMs)) brief.push(zone.value);
    else reading.add(M.domain, zone.value.energy, zone.value.instance, zone.value.range);
  }
  if (brief.length > 0) await addBrief(tree, brief, context, reading);
  return sources;
}

async function readZone(tree: RootTree, name: string): Promise<Finding<Zone>> {
  const dir = `${POWERCAP}/${name}`;
  const energy = await smallNumber(tree, `${dir}/energy_uj`);
  if ('reason' in energy) return energy;
  const range = await smallNumber(tree, `${dir}/max_energy_range_uj`);
  if ('reason' in range) return range;
  const [, type = '', top = '', below] = ZONE.exec(name) ?? [];
  const own = await smallLine(tree, `${dir}/name`);
  const word = 'value' in own ? own.value : name;
  if (below === undefined) return { value: zoneOf(dir, word, energy.value, range.value) };
  const above = await smallLine(tree, `${POWERCAP}/${type}:${top}/name`);
  const prefix = 'value' in above ? above.value : `${type}:${top}`;
  return { value: zoneOf(dir, `${prefix}:${word}`, energy.value, range.value) };
}

function zoneOf(dir: string, words: string, energy: number, range: number): Zone {
  if (!(range > 0) || energy < 0 || energy > range)
    throw new Error(`${dir} tells an energy of ${energy} in a range of ${range} µJ`);
  return { dir, instance: instanceName(words), energy, range };
}

const wrapsTwice = ({ range }: Zone, intervalMs: number): boolean =>
  range * (M.domain.scale ?? 1) <= (M.domain.max * intervalMs) / 1000;

/** Power over a moment, for counters of which two readings a whole interval apart tell nothing. */
async function addBrief(tree: RootTree, zones: readonly Zone[], context: Context, reading: Reading): Promise<void> {
  const ms = await context.pause(WINDOW_MS);
  for (const zone of zones) {
    const now = await smallNumber(tree, `${zone.dir}/energy_uj`);
    if ('reason' in now) {
      reading.fault(zone.instance, now.reason);
      continue;
    }
    const grown = now.value - zone.energy;
    const watts = ((grown < 0 ? grown + zone.range : grown) / ms) * 1e-3;
    // The counter moves every millisecond: one that stands still is not in use.
    if (grown === 0) reading.lacks(zone.instance, `${zone.dir}/energy_uj stood still for ${Math.round(ms)} ms`);
    else if (watts <= M.domain.max) reading.add(M.sensor, watts, zone.instance);
    else throw new Error(`${zone.dir}/energy_uj grew by ${grown} of ${zone.range} µJ in ${Math.round(ms)} ms`);
  }
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
