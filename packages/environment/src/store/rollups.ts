/**
 * Hourly and daily figures as samples come in: gathered through one call, then each row is read, joined and written
 * once. A row whose samples had different values has the union of their names: those of its layout, and the others
 * beside its figures, so that no union becomes a list of its own.
 */
import { rowsAmong, type SqlValue, type Tx } from '@csm/store';
import { VALUES_MAX } from '../report.ts';
import type { Divided } from './divided.ts';
import { decodeTallies, encodeTallies, merge, single, type Tally } from './figures.ts';
import type { Layout, Layouts, Origin } from './layouts.ts';
import { inParts } from './parts.ts';
import { Refusal } from './refusal.ts';
import { DAILY, type Grain, HOURLY } from './slot.ts';
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
  readonly slot: number;
  readonly layout: number;
  readonly samples: number;
  readonly figures: string;
  readonly extra: string | null;
}

const COLUMNS = ['slot', 'layout', 'samples', 'figures', 'extra'];
const REPLACE = `(slot) DO UPDATE SET layout = excluded.layout, samples = excluded.samples, figures = excluded.figures,
  extra = excluded.extra`;

export class Rollups {
  readonly #tx: Tx;
  readonly #layouts: Layouts;
  readonly #divided: Divided | undefined;
  /** Rows as they were before this call. */
  readonly #stored = new Map<string, Row>();
  readonly #pending = new Map<string, Pending>();

  constructor(tx: Tx, layouts: Layouts, divided: Divided | undefined) {
    this.#tx = tx;
    this.#layouts = layouts;
    this.#divided = divided;
  }

  /** Reads the rows at these slots of a grain, which samples are added to later. */
  async load(grain: Grain, slots: Iterable<number>): Promise<void> {
    const { table } = grain;
    const rows: Row[] = [];
    for (const part of inParts([...new Set(slots)])) {
      rows.push(
        ...(await rowsAmong<Row>(
          this.#tx,
          { table, columns: COLUMNS, key: [['slot', 'BIGINT']] },
          part.map((slot) => [slot]),
        )),
      );
    }
    await this.#layouts.loadIds(rows.map(({ layout }) => layout));
    for (const row of rows) this.#stored.set(keyOf(grain, row.slot), row);
  }

  /**
   * What adds one sample to the row at `slot` of a grain. Nothing has changed before it is called. Throws a `Refusal`
   * for a node that samples more often than any bucket may, or whose names of an hour or a day are too many.
   */
  plan(grain: Grain, slot: number, bucket: number, { itemId }: Origin, given: Given): Add {
    const key = keyOf(grain, slot);
    const known = this.#pending.get(key) ?? this.#read(key, grain, bucket, itemId);
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
    for (const { table } of [HOURLY, DAILY]) {
      const pending = [...this.#pending.values()].filter(({ grain }) => grain.table === table);
      // In the order of the table, so that what lies close together is written together.
      pending.sort((a, b) => a.slot - b.slot);
      for (const part of inParts(pending)) {
        const rows: SqlValue[][] = [];
        for (const one of part) {
          const lower = await this.#divided?.room(one.grain, one.itemId, one.bucket);
          rows.push(this.#row(one, lower, volumes));
        }
        await this.#tx.insert(table, COLUMNS, rows, { onConflict: REPLACE });
      }
    }
    this.#pending.clear();
    this.#stored.clear();
  }

  #read(key: string, grain: Grain, bucket: number, itemId: number): Pending | undefined {
    const row = this.#stored.get(key);
    if (row === undefined) return undefined;
    const { slot, samples, figures, extra } = row;
    return {
      grain,
      slot,
      bucket,
      itemId,
      samples,
      layout: this.#layouts.byId(row.layout),
      extra: extra === null ? [] : (JSON.parse(extra) as string[]),
      tallies: decodeTallies(figures, samples),
      stored: { layout: row.layout, bytes: rowBytes(figures.length + (extra?.length ?? 0)) },
    };
  }

  #row(
    { grain, slot, bucket, itemId, layout, samples, stored, ...part }: Pending,
    lower: number | undefined,
    volumes: VolumeChanges,
  ): SqlValue[] {
    const figures = encodeTallies(part.tallies, samples);
    const extra = part.extra.length === 0 ? null : JSON.stringify(part.extra);
    if (stored?.layout !== layout.id) {
      if (stored !== undefined) this.#layouts.release(stored.layout, lower);
      this.#layouts.use(layout.id, grain, lower);
    }
    const bytes = rowBytes(figures.length + (extra?.length ?? 0)) - (stored?.bytes ?? 0);
    volumes.add(grain, bucket, itemId, stored === undefined ? 1 : 0, bytes);
    return [slot, layout.id, samples, figures, extra];
  }
}

const keyOf = (grain: Grain, slot: number): string => `${grain.id} ${slot}`;

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
