/** `compute-cost` among the other benchmarks: its limits as figures, its table as a note. */
import { fileURLToPath } from 'node:url';
import { type ComputeCostOptions, computeCost, SUBJECTS } from './compute-cost.ts';
import type { Bench } from './figure.ts';
import { COMPUTE_LIMITS } from './figures.ts';
import { computeCostText } from './print.ts';

export type ComputeOptions = Partial<Omit<ComputeCostOptions, 'signal' | 'note'>>;

/** The delivered configuration of a compute daemon. */
export const SAMPLE = fileURLToPath(new URL('../../../../../etc/csm_compute.cfg', import.meta.url));
const DEFAULTS = { sample: SAMPLE, seconds: 600, settle: 20, runs: 1 };
const QUICK = { seconds: 20, settle: 5 };

export const COMPUTE_COST = 'compute-cost';

export const computeBench = (given: ComputeOptions): Bench => ({
  names: [COMPUTE_COST],
  about: 'what a compute daemon costs its node (ten minutes; only when asked for by name)',
  async run({ quick, signal, note }, _wanted, emit) {
    const cost = await computeCost({ ...DEFAULTS, ...(quick ? QUICK : {}), ...given, signal, note });
    note(computeCostText(cost));
    for (const { name, unit, most, of } of COMPUTE_LIMITS) {
      const [value, baseline] = [of(cost.median.daemon), of(cost.median.bare)];
      emit({
        name: `${COMPUTE_COST}-${name}`,
        value,
        unit,
        baseline,
        ratio: baseline > 0 ? value / baseline : null,
        nodes: SUBJECTS.length,
        seconds: cost.seconds * cost.runs.length,
        must: `value <= ${most} ${unit}`,
        ...(quick ? {} : { holds: value <= most }),
      });
    }
  },
});
