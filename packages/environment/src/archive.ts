/** Old samples into an archive. They go from the database by their age, as all samples do. */
import { code, fail, type Json, type Wall } from '@csm/model';
import { type ArchiveRow, loadAdmin, type Store } from '@csm/store';
import { ITEMS } from './items.ts';
import { knownNodes } from './query/nodes.ts';
import { Rows } from './query/rows.ts';
import { DAY_MS, HOUR_MS, ITEM_ID, SAMPLE, TIME_MAX } from './store/slot.ts';

export interface ArchiveInput {
  readonly directory: string;
  readonly before: number;
}

/** A moment as people read it. */
const shown = (ms: number): string => (Math.abs(ms) <= TIME_MAX ? new Date(ms).toISOString() : `${ms} ms`);

/** Code 9 for what is no beginning of a day that has begun, 4 when no sample is as old. */
export async function archiveSamples(
  store: Store,
  now: Wall,
  { directory, before }: ArchiveInput,
  signal: AbortSignal,
): Promise<Json> {
  if (before % DAY_MS !== 0 || before > now) {
    fail(code.INVALID_PARAMETER, `before is ${shown(before)}`, {
      field: 'before',
      allowed: `the beginning of a day (UTC) that has begun, such as ${shown(now - (now % DAY_MS))}`,
    });
  }
  const { archivePath, writeArchive } = await loadAdmin();
  const nodes = await knownNodes(store, undefined);
  const rows = new Rows(store, nodes.total);
  const last = before / HOUR_MS - 1;
  const hours: { readonly bucket: number; readonly item: (typeof ITEMS)[number] }[] = [];
  for (const item of ITEMS) {
    for (const { bucket } of await rows.buckets(SAMPLE, ITEM_ID[item], 0, last, now)) hours.push({ bucket, item });
  }
  if (hours.length === 0) fail(code.NO_RESULTS, `no sample is older than ${new Date(before).toISOString()}`);
  // Hour by hour, so that a day's file is written through and closed.
  hours.sort((a, b) => a.bucket - b.bucket);
  const names = new Map(nodes.nodes.map(({ id, name }) => [id, name]));
  const ids = new Set(names.keys());
  async function* samples(): AsyncGenerator<readonly ArchiveRow[]> {
    for (const { bucket, item } of hours) {
      const cut = { itemId: ITEM_ID[item], bucket, since: bucket * HOUR_MS, until: before, nodes: ids };
      for await (const page of rows.samples(cut)) {
        yield page.map(({ node, time, names: metrics, values }) => ({
          time,
          text: JSON.stringify({
            node: names.get(node),
            item,
            time: new Date(time).toISOString(),
            values: Object.fromEntries(metrics.map((metric, i) => [metric, values[i]])),
          }),
        }));
      }
    }
  }
  const options = { directory, what: 'samples', before, clock: () => now, signal };
  const manifest = await writeArchive(samples(), options);
  return {
    path: archivePath(options),
    rows: manifest.rows,
    bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    files: manifest.files.length,
  };
}
