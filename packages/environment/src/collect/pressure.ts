import type { RootTree } from '@csm/host';
import { lineAfter } from './files.ts';
import type { Metric } from './metrics.ts';
import type { Reading } from './reading.ts';

/**
 * Adds totals of a file of /proc/pressure (Documentation/accounting/psi.rst): `some avg10=… total=<microseconds>`.
 * Kernels are built or started without it: then the values are missing, which is no fault.
 */
export async function addPressure(
  tree: RootTree,
  resource: 'cpu' | 'memory' | 'io',
  metrics: { readonly some: Metric; readonly full?: Metric },
  reading: Reading,
): Promise<void> {
  const path = `/proc/pressure/${resource}`;
  const text = await tree.text(path, 1000);
  for (const [word, metric] of Object.entries(metrics)) {
    if ('reason' in text) {
      reading.lacks(metric.name, text.reason);
      continue;
    }
    const total = /(?:^| )total=(\d{1,20})$/.exec(lineAfter(text.value, `${word} `) ?? '')?.[1];
    if (total === undefined) throw new Error(`${path} has no whole line '${word} … total=N'`);
    reading.add(metric, Number(total));
  }
}
