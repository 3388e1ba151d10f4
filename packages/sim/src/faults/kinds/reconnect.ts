/** All nodes without an aggregator, and all coming back at once. */
import type { Fault } from '../fault.ts';
import { REAL } from '../ground.ts';

const ROUNDS = 3;
const HUBS = ['agg-a', 'agg-b'];

export const reconnect: Fault = {
  name: 'reconnect-all',
  what: 'both aggregators are killed and start again, and every node comes back',
  needs: [],
  place: 'anywhere',
  rounds: (_ground, _random, short) =>
    Array.from({ length: short ? 1 : ROUNDS }, () => ({
      what: 'kill -9 agg-a and agg-b',
      cut: (ground) => [...ground.nodes, REAL, ...HUBS],
      lasts: 0,
      noticed: true,
      async inject(ground) {
        await Promise.all(HUBS.map((hub) => ground.kill(hub)));
      },
      async heal(ground) {
        for (const hub of HUBS) ground.start(hub);
      },
    })),
};
