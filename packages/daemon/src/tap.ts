import type { AggregatorPart } from '@csm/feature';
import type { HubShellOptions } from '@csm/tree';

/** The aggregator parts that want copies, as the one tap of the hub; undefined without any, and then nothing is kept. */
export function copiesTap(parts: readonly AggregatorPart[]): HubShellOptions['tap'] {
  if (parts.length === 0) return undefined;
  return {
    kinds: [...new Set(parts.flatMap(({ copies }) => copies))],
    async take(reports) {
      await Promise.all(
        parts.map(async (part) => {
          const wanted = reports.filter(({ kind }) => part.copies.includes(kind));
          if (wanted.length > 0) await part.take(wanted);
        }),
      );
    },
  };
}
