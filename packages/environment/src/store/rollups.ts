/**
 * Hourly and daily figures as samples come in: gathered through one call, then each row is read, joined and written
 * once. A row whose samples had different values has the union of their names.
 */
import type { Tx } from '@csm/store';
import { decodeTallies, encodeTallies, merge, single, type Tally } from './figures.ts';
import type { Layouts, Origin } from './layouts.ts';
import { bucketOf, DAILY, type Grain, HOURLY } from './slot.ts';
import { rowBytes, type VolumeChanges } from './volume.ts';

/** Samples of one node and item in an hour: what two buckets of one second each would give. More are refused. */
export const HOUR_SAMPLES_MAX = 7200;

interface Part {
  readonly names: readonly string[];
  readonly tallies: readonly Tally[];
}

interface Pending extends Part {
  readonly grain: Grain;
  readonly slot: number;
  readonly bucket: number;
  readonly origin: Origin;
  readonly samples: number;
}

interface Row {
  readonly layout: number;
  readonly samples: number;
  readonly figures: string;
}

const FIND: Readonly<Record<string, string>> = {
  env_hourly: 'SELECT layout, samples, figures FROM env_hourly WHERE slot = $1',
  env_daily: 'SELECT layout, samples, figures FROM env_daily WHERE slot = $1',
};
const INSERT: Readonly<Record<string, string>> = {
  env_hourly: 'INSERT INTO env_hourly (layout, samples, figures, slot) VALUES ($1, $2, $3, $4)',
  env_daily: 'INSERT INTO env_daily (layout, samples, figures, slot) VALUES ($1, $2, $3, $4)',
};
const UPDATE: Readonly<Record<string, string>> = {
  env_hourly: 'UPDATE env_hourly SET layout = $1, samples = $2, figures = $3 WHERE slot = $4',
  env_daily: 'UPDATE env_daily SET layout = $1, samples = $2, figures = $3 WHERE slot = $4',
};

export class Rollups {
  readonly #pending = new Map<string, Pending>();

  /** Adds one sample to the row at `slot` of a grain. */
  add(grain: Grain, slot: number, bucket: number, origin: Origin, names: readonly string[], values: readonly number[]) {
    const key = `${grain.id} ${slot}`;
    const part = { names, tallies: values.map(single) };
    const known = this.#pending.get(key);
    const joined = known === undefined ? part : join(known, part);
    this.#pending.set(key, { grain, slot, bucket, origin, samples: (known?.samples ?? 0) + 1, ...joined });
  }

  /** Writes all that was gathered. Throws an `Error` for a node that samples more often than any bucket may. */
  async write(tx: Tx, layouts: Layouts, volumes: VolumeChanges): Promise<void> {
    for (const pending of this.#pending.values()) await writeOne(tx, pending, layouts, volumes);
    this.#pending.clear();
  }
}

async function writeOne(tx: Tx, pending: Pending, layouts: Layouts, volumes: VolumeChanges): Promise<void> {
  const { grain, slot, bucket, origin } = pending;
  const old = await tx.get<Row>(FIND[grain.table] ?? '', [slot]);
  let part: Part = pending;
  let samples = pending.samples;
  if (old !== undefined) {
    const { names } = await layouts.byId(old.layout);
    part = join({ names, tallies: decodeTallies(old.figures, old.samples) }, pending);
    samples += old.samples;
  }
  if (grain === HOURLY && samples > HOUR_SAMPLES_MAX)
    throw new Error(
      `${origin.nodeName} has given more than ${HOUR_SAMPLES_MAX} samples of ${origin.item} within an hour, which is all that is allowed`,
    );
  const day = bucketOf(DAILY, bucket * grain.spanMs);
  const layout = await layouts.of(part.names, day, origin);
  const figures = encodeTallies(part.tallies, samples);
  const sql = old === undefined ? INSERT : UPDATE;
  await tx.run(sql[grain.table] ?? '', [layout.id, samples, figures, slot]);
  const before = old === undefined ? 0 : rowBytes(old.figures.length);
  volumes.add(grain, bucket, origin.itemId, old === undefined ? 1 : 0, rowBytes(figures.length) - before);
}

/** Two parts as one; names sorted. */
function join(a: Part, b: Part): Part {
  if (same(a.names, b.names)) {
    return { names: a.names, tallies: a.tallies.map((tally, i) => merge(tally, b.tallies[i] as Tally)) };
  }
  const tallies = new Map<string, Tally>(a.names.map((name, i) => [name, a.tallies[i] as Tally]));
  for (const [i, name] of b.names.entries()) {
    const tally = b.tallies[i] as Tally;
    const known = tallies.get(name);
    tallies.set(name, known === undefined ? tally : merge(known, tally));
  }
  const names = [...tallies.keys()].sort();
  return { names, tallies: names.map((name) => tallies.get(name) as Tally) };
}

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((name, i) => name === b[i]));
