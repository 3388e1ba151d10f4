/** What the rows of each item and bucket take, kept beside them as they come and go. */
import type { Tx } from '@csm/store';
import { GRAINS, type Grain } from './slot.ts';

/**
 * Bytes of a row beside its figures (key, layout, headers), and by how much pages that fill in no order are larger than
 * what is in them. Measured on SQLite; a test holds them against a real file.
 */
const ROW_BYTES = 20;
const PAGE_FILL = 1.15;

/** What a row with so many characters of figures takes in the file, about. */
export const rowBytes = (figures: number): number => Math.ceil((figures + ROW_BYTES) * PAGE_FILL);

export interface Volume {
  rows: number;
  bytes: number;
}

/** Gathers what one call adds and writes it once for each item and bucket. */
export class VolumeChanges {
  readonly #changes = new Map<string, Volume & { readonly grain: Grain; readonly bucket: number; item: number }>();

  add(grain: Grain, bucket: number, item: number, rows: number, bytes: number): void {
    const key = `${grain.id} ${bucket} ${item}`;
    const change = this.#changes.get(key);
    if (change === undefined) this.#changes.set(key, { grain, bucket, item, rows, bytes });
    else {
      change.rows += rows;
      change.bytes += bytes;
    }
  }

  async write(tx: Tx): Promise<void> {
    await tx.insert(
      'env_volume',
      ['grain', 'bucket', 'item', 'row_count', 'byte_count'],
      [...this.#changes.values()].map(({ grain, bucket, item, rows, bytes }) => [grain.id, bucket, item, rows, bytes]),
      {
        onConflict: `(grain, bucket, item) DO UPDATE SET
          row_count = env_volume.row_count + excluded.row_count, byte_count = env_volume.byte_count + excluded.byte_count`,
      },
    );
    this.#changes.clear();
  }
}

export const grainById = (id: number): Grain | undefined => GRAINS.find((grain) => grain.id === id);
