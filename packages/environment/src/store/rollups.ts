/**
 * Hourly and daily figures as samples come in: gathered through one call, then each row is read, joined and written
 * once. A row whose samples had different values has the union of their names: those of its layout, and the others
 * beside its figures, so that no union becomes a list of its own.
 */
import type { Tx } from '@csm/store';
import { VALUES_MAX } from '../report.ts';
import { decodeTallies, encodeTallies, merge, single, type Tally } from './figures.ts';
import type { Layout, Layouts, Origin } from './layouts.ts';
import { Refusal } from './refusal.ts';
import { type Grain, HOURLY } from './slot.ts';
import { rowBytes, type VolumeChanges } from './volume.ts';

/** Samples of one node and item in an hour: what two buckets of one second each would give. More are refused. */
export const HOUR_SAMPLES_MAX = 7200;
/** Characters of names beside the figures of a row: some 200 mount points that come and go within a day. */
export const EXTRA_MAX = 64 * 1024;

/** Names and tallies of a row; the tallies are those of the layout's names, then of the extra ones. */
interface Part {
  readonly layout: Layout;
  readonly extra: readonly string[];
  readonly tallies: readonly Tally[];
}

interface Pending extends Part {
  readonly grain: Grain;
  readonly slot: number;
  readonly bucket: number;
  readonly itemId: number;
  readonly samples: number;
  readonly stored: { readonly layout: number; readonly bytes: number } | undefined;
}

/** A sample's names, before it is known under which number they are stored, and its values. */
export interface Given {
  readonly names: readonly string[];
  readonly values: readonly number[];
}

/** Adds the sample that was planned; to be called with the layout of its names. */
export type Add = (layout: Layout) => void;

interface Row {
  readonly layout: number;
  readonly samples: number;
  readonly figures: string;
  readonly extra: string | null;
}

const FIND: Readonly<Record<string, string>> = {
  env_hourly: 'SELECT layout, samples, figures, extra FROM env_hourly WHERE slot = $1',
  env_daily: 'SELECT layout, samples, figures, extra FROM env_daily WHERE slot = $1',
};
const INSERT: Readonly<Record<string, string>> = {
  env_hourly: 'INSERT INTO env_hourly (layout, samples, figures, extra, slot) VALUES ($1, $2, $3, $4, $5)',
  env_daily: 'INSERT INTO env_daily (layout, samples, figures, extra, slot) VALUES ($1, $2, $3, $4, $5)',
};
const UPDATE: Readonly<Record<string, string>> = {
  env_hourly: 'UPDATE env_hourly SET layout = $1, samples = $2, figures = $3, extra = $4 WHERE slot = $5',
  env_daily: 'UPDATE env_daily SET layout = $1, samples = $2, figures = $3, extra = $4 WHERE slot = $5',
};

export class Rollups {
  readonly #tx: Tx;
  readonly #layouts: Layouts;
  readonly #pending = new Map<string, Pending>();

  constructor(tx: Tx, layouts: Layouts) {
    this.#tx = tx;
    this.#layouts = layouts;
  }

  /**
   * What adds one sample to the row at `slot` of a grain. Nothing has changed before it is called. Throws a `Refusal`
   * for a node that samples more often than any bucket may, or whose names of an hour or a day are too many.
   */
  async plan(grain: Grain, slot: number, bucket: number, { itemId }: Origin, given: Given): Promise<Add> {
    const key = `${grain.id} ${slot}`;
    const known = this.#pending.get(key) ?? (await this.#read(grain, slot, bucket, itemId));
    const samples = (known?.samples ?? 0) + 1;
    if (grain === HOURLY && samples > HOUR_SAMPLES_MAX)
      throw new Refusal(`more than ${HOUR_SAMPLES_MAX} samples within an hour, which is all that is allowed`);
    const joined = known === undefined ? fresh(given) : join(known, given);
    checkExtra(joined, grain);
    const stored = known?.stored;
    return (layout) => {
      const base = joined.layout ?? layout;
      this.#pending.set(key, { grain, slot, bucket, itemId, stored, samples, ...joined, layout: base });
    };
  }

  /** Writes all that was gathered. */
  async write(volumes: VolumeChanges): Promise<void> {
    for (const pending of this.#pending.values()) await this.#writeOne(pending, volumes);
    this.#pending.clear();
  }

  async #read(grain: Grain, slot: number, bucket: number, itemId: number): Promise<Pending | undefined> {
    const row = await this.#tx.get<Row>(FIND[grain.table] ?? '', [slot]);
    if (row === undefined) return undefined;
    const { samples, figures, extra } = row;
    return {
      grain,
      slot,
      bucket,
      itemId,
      samples,
      layout: await this.#layouts.byId(row.layout),
      extra: extra === null ? [] : (JSON.parse(extra) as string[]),
      tallies: decodeTallies(figures, samples),
      stored: { layout: row.layout, bytes: rowBytes(figures.length + (extra?.length ?? 0)) },
    };
  }

  async #writeOne(pending: Pending, volumes: VolumeChanges): Promise<void> {
    const { grain, slot, bucket, itemId, layout, samples, stored } = pending;
    const figures = encodeTallies(pending.tallies, samples);
    const extra = pending.extra.length === 0 ? null : JSON.stringify(pending.extra);
    const sql = stored === undefined ? INSERT : UPDATE;
    await this.#tx.run(sql[grain.table] ?? '', [layout.id, samples, figures, extra, slot]);
    if (stored !== undefined) this.#layouts.use(stored.layout, -1);
    this.#layouts.use(layout.id, 1);
    const bytes = rowBytes(figures.length + (extra?.length ?? 0)) - (stored?.bytes ?? 0);
    volumes.add(grain, bucket, itemId, stored === undefined ? 1 : 0, bytes);
  }
}

/** Without a layout it takes that of the sample, which has all names of the row. */
type Joined = Omit<Part, 'layout'> & { readonly layout?: Layout };

const fresh = ({ values }: Given): Joined => ({ extra: [], tallies: values.map(single) });

/** A row and one more sample. */
function join(row: Part, { names, values }: Given): Joined {
  const { layout, extra } = row;
  if (extra.length === 0 && same(layout.names, names)) {
    return { layout, extra, tallies: row.tallies.map((tally, i) => merge(tally, single(values[i] as number))) };
  }
  const tallies = new Map<string, Tally>();
  for (const [i, name] of [...layout.names, ...extra].entries()) tallies.set(name, row.tallies[i] as Tally);
  const before = tallies.size;
  for (const [i, name] of names.entries()) {
    const tally = single(values[i] as number);
    const known = tallies.get(name);
    tallies.set(name, known === undefined ? tally : merge(known, tally));
  }
  if (tallies.size === names.length) return { extra: [], tallies: names.map((name) => tallies.get(name) as Tally) };
  const added = [...tallies.keys()].slice(before);
  return { layout, extra: added.length === 0 ? extra : [...extra, ...added], tallies: [...tallies.values()] };
}

function checkExtra({ extra, tallies }: Joined, grain: Grain): void {
  const span = grain === HOURLY ? 'an hour' : 'a day';
  if (tallies.length > VALUES_MAX)
    throw new Refusal(`more than ${VALUES_MAX} different values within ${span}, which is all that is allowed`);
  if (extra.length > 0 && extra.reduce((sum, name) => sum + name.length + 3, 0) > EXTRA_MAX)
    throw new Refusal(
      `the names of its values change so often that those of ${span} take more than ${EXTRA_MAX} bytes`,
    );
}

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((name, i) => name === b[i]));
