/** Lists of value names, each stored once, with the number of rows that have it; one call's view of them. */
import { createHash } from 'node:crypto';
import { type Among, rowsAmong, type Sql, type Tx } from '@csm/store';
import { ITEMS } from '../items.ts';
import { Refusal } from './refusal.ts';
import { noRoom } from './room.ts';
import { type Grain, seriesOf } from './slot.ts';

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

/** Names in the order of characters, and all of them as one text. */
export interface NameList {
  readonly key: string;
  readonly names: readonly string[];
}

/** No name has a line break. */
export const nameList = (names: readonly string[]): NameList => ({ key: names.join('\n'), names });

const hashOf = ({ key }: NameList): string => createHash('sha256').update(key).digest('base64url');

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
  /** Where tables are divided: the grain, partition and layout of rows that came. */
  readonly #parts = new Map<string, readonly [grain: number, lower: number, layout: number]>();

  constructor(tx: Tx, keepBytes: number) {
    this.#tx = tx;
    this.#keepBytes = keepBytes;
  }

  /** Reads what is asked for later. */
  async loadNames(lists: Iterable<NameList>): Promise<void> {
    const byHash = new Map<string, NameList>();
    for (const list of lists) byHash.set(hashOf(list), list);
    const rows = await rowsAmong<{ id: number; hash: string }>(
      this.#tx,
      { table: 'env_layout', columns: ['id', 'hash'], key: [['hash', 'TEXT']] },
      [...byHash.keys()].map((hash) => [hash]),
    );
    for (const { id, hash } of rows) {
      const list = byHash.get(hash);
      if (list !== undefined) this.#keep(list, id);
    }
  }

  /** Reads the lists that stored rows name. */
  async loadIds(ids: Iterable<number>): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#byId.has(id));
    const rows = await rowsAmong<{ id: number; names: string }>(
      this.#tx,
      { table: 'env_layout', columns: ['id', 'names'], key: [['id', 'BIGINT']] },
      missing.map((id) => [id]),
    );
    for (const { id, names } of rows) this.#byId.set(id, { id, names: JSON.parse(names) as string[] });
  }

  /** The layout of a list that was loaded before. Throws a `Refusal` when it is new and the origin has no room left. */
  async of(list: NameList, origin: Origin): Promise<Layout> {
    return this.#byNames.get(list.key) ?? this.#keep(list, await this.#add(list.names, hashOf(list), origin));
  }

  /** The layout a stored row names; its number was loaded before. */
  byId(id: number): Layout {
    const known = this.#byId.get(id);
    if (known === undefined) throw new Error(`the database has no list of names ${id}, which a row refers to`);
    return known;
  }

  #keep({ key, names }: NameList, id: number): Layout {
    const layout = { id, names };
    this.#byNames.set(key, layout);
    this.#byId.set(id, layout);
    return layout;
  }

  /** Notes that one more row has a layout; `lower` is the first slot of its partition where tables are divided. */
  use(id: number, grain: Grain, lower: number | undefined): void {
    if (lower === undefined) this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1);
    else this.#parts.set(`${grain.id} ${lower} ${id}`, [grain.id, lower, id]);
  }

  /** Notes that a row has a layout no longer. A partition that had rows with it once counts until it goes. */
  release(id: number, lower: number | undefined): void {
    if (lower === undefined) this.#uses.set(id, (this.#uses.get(id) ?? 0) - 1);
  }

  /** Writes what was noted. */
  async write(): Promise<void> {
    const there = await rowsAmong<{ grain: number; lower: number; layout: number }>(this.#tx, USES, [
      ...this.#parts.values(),
    ]);
    for (const { grain, lower, layout } of there) this.#parts.delete(`${grain} ${lower} ${layout}`);
    const fresh = [...this.#parts.values()];
    await this.#tx.insert('env_use', USES.columns, fresh);
    for (const [, , layout] of fresh) this.#uses.set(layout, (this.#uses.get(layout) ?? 0) + 1);
    await addUses(this.#tx, this.#uses);
    this.#parts.clear();
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

const USES: Among = {
  table: 'env_use',
  columns: ['grain', 'lower', 'layout'],
  key: [
    ['grain', 'BIGINT'],
    ['lower', 'BIGINT'],
    ['layout', 'BIGINT'],
  ],
};

const ADD_USES: Sql = {
  sqlite: `UPDATE env_layout SET refs = refs + json_extract(k.value, '$[1]') FROM json_each($1) k
    WHERE env_layout.id = json_extract(k.value, '$[0]')`,
  postgresql: `UPDATE env_layout SET refs = refs + CAST(k.value ->> 1 AS BIGINT)
    FROM json_array_elements(CAST($1 AS json)) k(value) WHERE env_layout.id = CAST(k.value ->> 0 AS BIGINT)`,
};

async function addBytes(tx: Tx, series: number, bytes: number): Promise<void> {
  await tx.run(
    `INSERT INTO env_names (series, bytes) VALUES ($1, $2)
     ON CONFLICT (series) DO UPDATE SET bytes = env_names.bytes + excluded.bytes`,
    [series, bytes],
  );
}

/** Notes that rows with these layouts came or, below zero, went. */
export async function addUses(tx: Tx, uses: ReadonlyMap<number, number>): Promise<void> {
  const changed = [...uses].filter(([, rows]) => rows !== 0);
  if (changed.length > 0) await tx.run(ADD_USES, [JSON.stringify(changed)]);
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
