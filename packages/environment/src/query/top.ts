/** `env.top`: the nodes with the highest, or lowest, newest values. */
import { code, fail, type Wall } from '@csm/model';
import { compareNames } from '@csm/nodeset';
import type { Store } from '@csm/store';
import { TOP_MAX, type TopRow } from '../api.ts';
import type { Item } from '../items.ts';
import { ITEM_ID } from '../store/slot.ts';
import { isMeantBy, MAIN_METRIC, SeenMetrics } from './metrics.ts';
import { knownNodes } from './nodes.ts';
import { Rows, type SampleRow } from './rows.ts';

export interface TopInput {
  readonly item: Item;
  readonly metric?: string;
  readonly nodes?: string;
  readonly limit?: number;
  readonly ascending?: boolean;
}

const LIMIT = 20;

/** Code 4 when no node has a sample, or none has the metric. */
export async function top(store: Store, now: Wall, input: TopInput): Promise<TopRow[]> {
  const { item, limit = LIMIT } = input;
  const main = MAIN_METRIC[item];
  const metric = input.metric ?? main.metric;
  const ascending = input.ascending ?? (input.metric === undefined && main.ascending);
  const known = await knownNodes(store, input.nodes);
  const nodes = new Map(known.nodes.map(({ id, name }) => [id, name]));
  const seen = new SeenMetrics();
  const before = (a: TopRow, b: TopRow): number =>
    (ascending ? a.value - b.value : b.value - a.value) || compareNames(a.node, b.node);
  let best: TopRow[] = [];
  for await (const page of new Rows(store, known.total).newest(ITEM_ID[item], new Set(nodes.keys()), now)) {
    for (const row of page) {
      seen.add(row.names);
      const found = outermost(row, metric, ascending);
      if (found === undefined) continue;
      const time = new Date(row.time).toISOString();
      best.push({ node: nodes.get(row.node) ?? '', item, metric: found.name, time, value: found.value });
    }
    if (best.length > 2 * TOP_MAX) best = best.sort(before).slice(0, limit);
  }
  if (best.length === 0) {
    const what = seen.any ? `no value of ${item} is named '${metric}'` : `no node has a sample of ${item}`;
    fail(code.NO_RESULTS, what, seen.any ? { field: 'metric', allowed: seen.toString() } : { field: 'item' });
  }
  return best.sort(before).slice(0, limit);
}

/** The value that counts for a node: of several instances the highest, or the lowest. */
export function outermost(
  { names, values }: Pick<SampleRow, 'names' | 'values'>,
  metric: string,
  lowest: boolean,
): { readonly name: string; readonly value: number } | undefined {
  let found: { readonly name: string; readonly value: number } | undefined;
  for (const [i, name] of names.entries()) {
    const value = values[i];
    if (value === undefined || !isMeantBy(metric, name)) continue;
    if (found === undefined || (lowest ? value < found.value : value > found.value)) found = { name, value };
  }
  return found;
}
