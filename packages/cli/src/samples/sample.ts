/** Samples as the daemon gives them, and as they are shown: a line for each value. */
import type { EnvQueryInput, EnvQueryItem } from '@csm/client';
import { code, fail } from '@csm/model';

export type Sample = EnvQueryItem;
export type Item = EnvQueryInput['item'];

/** Every item, by what it is about. */
const ITEM_TABLE: { readonly [I in Item]: true } = {
  cpu: true,
  memory: true,
  network: true,
  disk: true,
  gpu: true,
  temperature: true,
  power: true,
  ssd: true,
  infiniband: true,
  filesystem: true,
};
export const ITEMS = Object.keys(ITEM_TABLE) as readonly Item[];

/** One value of a sample: the long form, which programs that draw and count like. */
export interface Value {
  readonly node: string;
  readonly item: string;
  readonly time: string;
  readonly metric: string;
  readonly value: number;
}
export const VALUE_COLUMNS = ['node', 'item', 'time', 'metric', 'value'];

export const valuesOf = ({ node, item, time, values }: Sample): Value[] =>
  Object.entries(values).map(([metric, value]) => ({ node, item, time, metric, value }));

/** ms UTC. Throws code 29 for a time that is none: nothing can be drawn or compared then. */
export function timeOf(sample: Sample): number {
  const ms = Date.parse(sample.time);
  if (Number.isFinite(ms)) return ms;
  return fail(code.UNPACK, `the daemon gave a sample of ${sample.node} with a time that is none`, { field: 'time' });
}
