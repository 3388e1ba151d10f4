/** Lists of value names, each stored once; one call's view of them. */
import { createHash } from 'node:crypto';
import type { Tx } from '@csm/store';
import { VALUES_MAX } from '../report.ts';
import { bucketOf, DAILY } from './slot.ts';

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

/**
 * Lists of names one node may bring that nobody had before, for an item and a day; a sample may bring three: its own,
 * and those of the hourly and the daily figures it joins. A node that invents names without end is refused here.
 */
export const NEW_LAYOUTS_MAX = 192;

export class Layouts {
  readonly #tx: Tx;
  readonly #byNames = new Map<string, Layout>();
  readonly #byId = new Map<number, Layout>();
  /** The day up to which each is marked as used. */
  readonly #used = new Map<number, number>();

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  /** The layout of these sorted names, used by a row of `day`. Throws an `Error` when the origin brings too many. */
  async of(names: readonly string[], day: number, origin: Origin): Promise<Layout> {
    const key = names.join('\n');
    let layout = this.#byNames.get(key);
    if (layout === undefined) {
      layout = await this.#find(names, key, day, origin);
      this.#byNames.set(key, layout);
      this.#byId.set(layout.id, layout);
    }
    await this.#mark(layout.id, day);
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

  async #mark(id: number, day: number): Promise<void> {
    if ((this.#used.get(id) ?? -1) >= day) return;
    this.#used.set(id, day);
    await this.#tx.run('UPDATE env_layout SET used = $2 WHERE id = $1 AND used < $2', [id, day]);
  }

  async #find(names: readonly string[], key: string, day: number, origin: Origin): Promise<Layout> {
    const hash = createHash('sha256').update(key).digest('base64url');
    const known = await this.#tx.get<{ id: number; used: number }>('SELECT id, used FROM env_layout WHERE hash = $1', [
      hash,
    ]);
    if (known !== undefined) {
      this.#used.set(known.id, known.used);
      return { id: known.id, names };
    }
    return { id: await this.#add(names, hash, day, origin), names };
  }

  async #add(names: readonly string[], hash: string, day: number, origin: Origin): Promise<number> {
    const { node, nodeName, item, itemId } = origin;
    if (names.length > VALUES_MAX)
      throw new Error(
        `${nodeName} has given ${names.length} different values of ${item} within a day, at most ${VALUES_MAX} are allowed`,
      );
    const today = bucketOf(DAILY, this.#tx.now);
    const brought = await this.#tx.get<{ n: number }>(
      'SELECT count(*) AS n FROM env_layout WHERE node = $1 AND item = $2 AND day = $3',
      [node, itemId, today],
    );
    if ((brought?.n ?? 0) >= NEW_LAYOUTS_MAX)
      throw new Error(
        `${nodeName} has brought ${NEW_LAYOUTS_MAX} new sets of names of ${item} today, which is all that is allowed`,
      );
    const last = await this.#tx.get<{ id: number | null }>('SELECT max(id) AS id FROM env_layout');
    const id = (last?.id ?? 0) + 1;
    const text = JSON.stringify(names);
    await this.#tx.run(
      'INSERT INTO env_layout (id, bytes, node, item, day, used, hash, names) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)',
      [id, text.length, node, itemId, today, day, hash, text],
    );
    this.#used.set(id, day);
    return id;
  }
}
