/** Lists of value names, each stored once, with the number of rows that have it; one call's view of them. */
import { createHash } from 'node:crypto';
import type { Tx } from '@csm/store';
import { ITEMS } from '../items.ts';
import { Refusal } from './refusal.ts';
import { noRoom } from './room.ts';
import { seriesOf } from './slot.ts';

export interface Layout {
  readonly id: number;
  /** In the order of characters. */
  readonly names: readonly string[];
}

/** Who brings a list of names. */
export interface Origin {
  readonly node: number;
  readonly nodeName: string;
  readonly item: string;
  readonly itemId: number;
}

/** What a list takes beside its text: key, hash and the index on it. */
const ROW_BYTES = 150;
/** `env_names` of all. */
export const ALL_SERIES = 0;

export class Layouts {
  readonly #tx: Tx;
  readonly #keepBytes: number;
  readonly #byNames = new Map<string, Layout>();
  readonly #byId = new Map<number, Layout>();
  /** Rows that came or went, for each layout. */
  readonly #uses = new Map<number, number>();

  constructor(tx: Tx, keepBytes: number) {
    this.#tx = tx;
    this.#keepBytes = keepBytes;
  }

  /** The layout of these sorted names. Throws a `Refusal` when it is new and the origin has no room left. */
  async of(names: readonly string[], origin: Origin): Promise<Layout> {
    const key = names.join('\n');
    const known = this.#byNames.get(key);
    if (known !== undefined) return known;
    const hash = createHash('sha256').update(key).digest('base64url');
    const row = await this.#tx.get<{ id: number }>('SELECT id FROM env_layout WHERE hash = $1', [hash]);
    const layout = { id: row?.id ?? (await this.#add(names, hash, origin)), names };
    this.#byNames.set(key, layout);
    this.#byId.set(layout.id, layout);
    return layout;
  }

  /** The layout a stored row names. */
  async byId(id: number): Promise<Layout> {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const row = await this.#tx.get<{ names: string }>('SELECT names FROM env_layout WHERE id = $1', [id]);
    if (row === undefined) throw new Error(`the database has no list of names ${id}, which a row refers to`);
    const layout = { id, names: JSON.parse(row.names) as string[] };
    this.#byId.set(id, layout);
    return layout;
  }

  /** Notes that so many more rows have a layout. */
  use(id: number, rows: number): void {
    this.#uses.set(id, (this.#uses.get(id) ?? 0) + rows);
  }

  /** Writes what was noted. */
  async write(): Promise<void> {
    await addUses(this.#tx, this.#uses);
    this.#uses.clear();
  }

  async #add(names: readonly string[], hash: string, { node, itemId }: Origin): Promise<number> {
    const text = JSON.stringify(names);
    const bytes = text.length + ROW_BYTES;
    const series = seriesOf(itemId, node);
    const nodes = await this.#tx.get<{ n: number | null }>('SELECT max(id) AS n FROM env_node');
    const held = { all: (await this.#bytesOf(ALL_SERIES)) + bytes, own: (await this.#bytesOf(series)) + bytes };
    const why = noRoom(held, this.#keepBytes, (nodes?.n ?? 1) * ITEMS.length);
    if (why !== undefined) throw new Refusal(why);
    // The newest layout is never removed (see `forgetLayouts`), so that no number comes twice.
    const last = await this.#tx.get<{ id: number | null }>('SELECT max(id) AS id FROM env_layout');
    const id = (last?.id ?? 0) + 1;
    await this.#tx.run('INSERT INTO env_layout (id, series, bytes, refs, hash, names) VALUES ($1, $2, $3, 0, $4, $5)', [
      id,
      series,
      bytes,
      hash,
      text,
    ]);
    for (const of of [ALL_SERIES, series]) await addBytes(this.#tx, of, bytes);
    return id;
  }

  async #bytesOf(series: number): Promise<number> {
    const row = await this.#tx.get<{ bytes: number }>('SELECT bytes FROM env_names WHERE series = $1', [series]);
    return row?.bytes ?? 0;
  }
}

async function addBytes(tx: Tx, series: number, bytes: number): Promise<void> {
  await tx.run(
    `INSERT INTO env_names (series, bytes) VALUES ($1, $2)
     ON CONFLICT (series) DO UPDATE SET bytes = env_names.bytes + excluded.bytes`,
    [series, bytes],
  );
}

/** Notes that rows with these layouts came or, below zero, went. */
export async function addUses(tx: Tx, uses: ReadonlyMap<number, number>): Promise<void> {
  for (const [id, rows] of uses) {
    if (rows !== 0) await tx.run('UPDATE env_layout SET refs = refs + $2 WHERE id = $1', [id, rows]);
  }
}

/** Removes lists of names no row has any more, at most so many; gives how many. */
export async function forgetLayouts(tx: Tx, most: number): Promise<number> {
  const unused = await tx.all<{ id: number; series: number; bytes: number }>(
    `SELECT id, series, bytes FROM env_layout
     WHERE refs = 0 AND id < (SELECT max(id) FROM env_layout) ORDER BY id LIMIT $1`,
    [most],
  );
  for (const { id, series, bytes } of unused) {
    await tx.run('DELETE FROM env_layout WHERE id = $1', [id]);
    for (const of of [ALL_SERIES, series]) await addBytes(tx, of, -bytes);
  }
  return unused.length;
}
