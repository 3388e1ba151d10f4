/**
 * The documents of one environmental report, as a log receiver gets them: one JSON object a line.
 *
 * The form is IBM CSM's: `type`, `source`, `timestamp`, then the values as flat keys `data.<name>`, with numbers as
 * numbers; ours adds `id`. What CSM knows has CSM's type and names, whatever else has our types with the names of our
 * metrics:
 *
 * | item        | types                                                                                          |
 * |-------------|------------------------------------------------------------------------------------------------|
 * | gpu         | csm-gpu-env (gpu_id, gpu_temp, gpu_mem_temp); csm-gpu-counters (gpu_id, power_usage, gpu_temp,   |
 * |             | gpu_util, mem_copy_util, enc_util, dec_util, and what CSM has no name for)                      |
 * | temperature | csm-temperature-env; and csm-processor-env (processor_id, processor_temp) for a CPU's own        |
 * |             | sensor, csm-dimm-env (dimm_id, dimm_temp) for a DIMM's                                          |
 * | others      | csm-<item>-env                                                                                 |
 *
 * CSM's energies (system_energy, processor_energy, …) are missing: it sums them up, here power is told, in watts, by
 * csm-power-env. Where a machine has several of a thing, each has a document with `data.instance`.
 */
import { ITEMS, type Item, type Values } from '../items.ts';
import { readSample } from '../report.ts';

/** What of a report becomes part of its documents. */
export interface Source {
  readonly node: string;
  readonly incarnation: string;
  readonly seq: number;
  /** Wall ms. */
  readonly time: number;
  readonly body: unknown;
}

type Data = Record<string, string | number>;

interface Part {
  readonly type: string;
  readonly data: Data;
}

/**
 * Lines without their ends; none for a round that gave no value. A report gives the same lines each time, so that the
 * first has the id `node:incarnation:seq`, the others `:1`, `:2`, … behind it. Throws an `Error` when the body is not
 * that of a sample.
 */
export function documents({ node, incarnation, seq, time, body }: Source): string[] {
  const { items } = readSample(body);
  const timestamp = new Date(time).toISOString();
  const id = `${node}:${incarnation}:${seq}`;
  return ITEMS.flatMap((item) => partsOf(item, items[item] ?? {})).map(({ type, data }, i) =>
    JSON.stringify({ type, source: node, timestamp, id: i === 0 ? id : `${id}:${i}`, ...flat(data) }),
  );
}

const flat = (data: Data): Data =>
  Object.fromEntries(Object.entries(data).map(([name, value]) => [`data.${name}`, value]));

function partsOf(item: Item, values: Values): Part[] {
  const { plain, instances } = sorted(values);
  if (item === 'gpu') return instances.flatMap(([id, gpu]) => gpuParts(id, gpu));
  const type = `csm-${item}-env`;
  const own = instances.map(([instance, data]) => ({ type, data: { instance, ...data } }));
  const known = item === 'temperature' ? sensorParts(instances) : [];
  return [...(Object.keys(plain).length > 0 ? [{ type, data: plain }] : []), ...own, ...known];
}

/** Values of the machine itself, and of each instance, in an order that only the names decide. */
function sorted(values: Values): { readonly plain: Data; readonly instances: readonly (readonly [string, Data])[] } {
  const plain: Data = {};
  const instances = new Map<string, Data>();
  for (const name of Object.keys(values).sort()) {
    const dot = name.lastIndexOf('.');
    const value = values[name];
    if (value === undefined) continue;
    if (dot < 0) {
      plain[name] = value;
      continue;
    }
    const data = instances.get(name.slice(0, dot)) ?? {};
    data[name.slice(dot + 1)] = value;
    instances.set(name.slice(0, dot), data);
  }
  return { plain, instances: [...instances] };
}

/** CSM's names, by ours. */
const GPU_ENV = { temperature_celsius: 'gpu_temp', memory_temperature_celsius: 'gpu_mem_temp' } as const;
const GPU_COUNTERS = {
  power_watts: 'power_usage',
  temperature_celsius: 'gpu_temp',
  utilization_percent: 'gpu_util',
  memory_utilization_percent: 'mem_copy_util',
  encoder_utilization_percent: 'enc_util',
  decoder_utilization_percent: 'dec_util',
} as const;

function gpuParts(instance: string, data: Data): Part[] {
  const id = /^\d{1,6}$/.test(instance) ? Number(instance) : instance;
  const env = renamed(data, GPU_ENV, false);
  const counters = renamed(data, GPU_COUNTERS, true);
  // Its memory's temperature stands in the other.
  delete counters['memory_temperature_celsius'];
  return [
    ...(Object.keys(env).length > 0 ? [{ type: 'csm-gpu-env', data: { gpu_id: id, ...env } }] : []),
    ...(Object.keys(counters).length > 0 ? [{ type: 'csm-gpu-counters', data: { gpu_id: id, ...counters } }] : []),
  ];
}

function renamed(data: Data, names: Readonly<Record<string, string>>, others: boolean): Data {
  const out: Data = {};
  for (const [name, value] of Object.entries(data)) {
    const theirs = names[name];
    if (theirs !== undefined) out[theirs] = value;
    else if (others) out[name] = value;
  }
  return out;
}

/** A processor's own sensor: Intel's names its package, AMD's chips are one a package. */
const PACKAGE = /^coretemp\b.*:Package_id_(\d{1,4})$/;
const AMD = /^(?:k10temp|zenpower)\b.*:T(?:ctl|die)$/;
/** DIMM sensors, as the drivers of their chips call them. */
const DIMM = /^((?:jc42|spd5118)\b.*):[^:]+$/;

function sensorParts(instances: readonly (readonly [string, Data])[]): Part[] {
  const processors: Part[] = [];
  const dimms: Part[] = [];
  const amd = new Set<string>();
  for (const [instance, { celsius }] of instances) {
    if (celsius === undefined) continue;
    const chip = instance.slice(0, instance.lastIndexOf(':'));
    const intel = PACKAGE.exec(instance)?.[1];
    const dimm = DIMM.exec(instance)?.[1];
    if (intel !== undefined) processors.push(processor(Number(intel), celsius));
    else if (AMD.test(instance) && !amd.has(chip)) {
      processors.push(processor(amd.size, celsius));
      amd.add(chip);
    } else if (dimm !== undefined) dimms.push({ type: 'csm-dimm-env', data: { dimm_id: dimm, dimm_temp: celsius } });
  }
  return [...processors, ...dimms];
}

const processor = (id: number, celsius: string | number): Part => ({
  type: 'csm-processor-env',
  data: { processor_id: id, processor_temp: celsius },
});
