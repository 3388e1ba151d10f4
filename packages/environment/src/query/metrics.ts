/** Which values of an item are meant by the names a caller gives. */
import { code, fail } from '@csm/model';
import type { Item } from '../items.ts';

/** What `env.top` goes by when no metric is named. */
export interface MainMetric {
  readonly metric: string;
  /** The lowest is what one looks for. */
  readonly ascending: boolean;
}

const highest = (metric: string): MainMetric => ({ metric, ascending: false });

export const MAIN_METRIC: Readonly<Record<Item, MainMetric>> = {
  cpu: highest('user_percent'),
  memory: { metric: 'available_bytes', ascending: true },
  network: highest('receive_bytes_per_second'),
  disk: highest('busy_percent'),
  gpu: highest('utilization_percent'),
  temperature: highest('celsius'),
  power: highest('watts'),
  ssd: highest('used_percent'),
  infiniband: highest('receive_bytes_per_second'),
  filesystem: highest('used_percent'),
};

/** Whether a value is meant. */
export type Selection = (name: string) => boolean;

/** The metric of `instance.metric`; a name without an instance is one itself. */
export const metricOf = (name: string): string => name.slice(name.indexOf('.') + 1);

/** A value is meant by its whole name, or by its metric, which stands for that of every instance. */
export const isMeantBy = (wanted: string, name: string): boolean => name === wanted || metricOf(name) === wanted;

/** Names as callers give them: a list, several in one text with commas between; all values when there is no list. */
export function selection(given: readonly string[] | undefined): Selection {
  if (given === undefined) return () => true;
  const names = new Set(given.flatMap((text) => text.split(',')).map((text) => text.trim()));
  names.delete('');
  if (names.size === 0) {
    fail(code.INVALID_PARAMETER, 'metrics names nothing', {
      field: 'metrics',
      allowed: 'names such as user_percent or sda.busy_percent',
    });
  }
  return (name) => names.has(name) || names.has(metricOf(name));
}

const SHOWN = 20;

/** Remembers the metrics that rows had, to tell whoever asked for others. */
export class SeenMetrics {
  readonly #metrics = new Set<string>();

  add(names: readonly string[]): void {
    for (const name of names) if (this.#metrics.size < 4 * SHOWN) this.#metrics.add(metricOf(name));
  }

  get any(): boolean {
    return this.#metrics.size > 0;
  }

  toString(): string {
    const names = [...this.#metrics].sort();
    return names.length > SHOWN ? `${names.slice(0, SHOWN).join(', ')} and others` : names.join(', ');
  }
}
