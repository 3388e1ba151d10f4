/** Wall clocks that are an hour ahead or behind, of masters, of an aggregator, of nodes. */
import type { Fault, Round } from '../fault.ts';
import { REAL } from '../ground.ts';

const HOUR_MS = 3_600_000;
const LASTS_MS = 2_000;

const DAEMONS = { masters: ['master', 'master-2'], 'agg-a': ['agg-a'], nodes: [REAL] } as const;

function shifted(who: keyof typeof DAEMONS, ms: number, short: boolean): Round {
  const set = async (ground: Parameters<Round['inject']>[0], shift: number): Promise<void> => {
    ground.shiftClock(DAEMONS[who], shift);
    if (who === 'nodes') await Promise.all(ground.crews.map(({ sim }) => sim.order({ do: 'clock', shift })));
  };
  return {
    what: `the clock of ${who} is an hour ${ms > 0 ? 'ahead' : 'behind'}`,
    cut: () => [],
    lasts: short ? LASTS_MS / 2 : LASTS_MS,
    noticed: false,
    inject: (ground) => set(ground, ms),
    heal: (ground) => set(ground, 0),
  };
}

export const clocks: Fault = {
  name: 'clocks',
  what: 'wall clocks jump an hour ahead or behind, and back',
  needs: [],
  place: 'anywhere',
  rounds(_ground, _random, short) {
    const all = (['masters', 'agg-a', 'nodes'] as const).flatMap((who) => [
      shifted(who, HOUR_MS, short),
      shifted(who, -HOUR_MS, short),
    ]);
    return short ? [all[0] as Round, all[3] as Round, all[4] as Round] : all;
  },
};
