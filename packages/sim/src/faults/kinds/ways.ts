/** Ways between daemons that are cut, silent, slow or torn, by a proxy in our own process. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Fault, Round } from '../fault.ts';
import { type Ground, REAL } from '../ground.ts';

const ROUNDS = 3;
const LASTS_MS = 2_500;
const SLOW_MS = 150;
const TEAR_EVERY_MS = 100;

const times = (short: boolean, of: (i: number) => Round): Round[] =>
  Array.from({ length: short ? 1 : ROUNDS }, (_, i) => of(i));

/** The nodes whose ways lead through proxies. */
const proxied = (ground: Ground): string => ground.crew(ground.crews.length - 2).name;

const heal = async (ground: Ground): Promise<void> => {
  for (const proxy of ground.proxies.values()) proxy.heal();
};

export const cutOff: Fault = {
  name: 'a-cut-off',
  what: 'aggregator A reaches no master, its nodes reach it: connections end, or nothing passes any more',
  needs: [],
  place: 'loopback',
  rounds: (_ground, _random, short) =>
    times(short, (i) => ({
      what: i % 2 === 0 ? 'nothing passes between agg-a and the master' : 'agg-a is cut off from the master',
      cut: () => ['agg-a'],
      lasts: LASTS_MS,
      noticed: true,
      async inject(ground) {
        for (const proxy of ground.ways('agg-a>')) {
          if (i % 2 === 0) proxy.freeze();
          else proxy.cut();
        }
      },
      heal,
    })),
};

export const slowLinks: Fault = {
  name: 'slow-links',
  what: `every piece of data of some nodes and of aggregator B takes ${SLOW_MS} ms longer each way`,
  needs: [],
  place: 'loopback',
  rounds: (_ground, _random, short) =>
    times(short, () => ({
      what: 'slow links',
      cut: () => [],
      lasts: short ? 1_500 : 2 * LASTS_MS,
      noticed: false,
      async inject(ground) {
        for (const proxy of [...ground.ways(`${proxied(ground)}>`), ...ground.ways('agg-b>')]) proxy.slow(SLOW_MS);
      },
      heal,
    })),
};

export const tornLinks: Fault = {
  name: 'torn-links',
  what: 'links of some nodes and of both aggregators break again and again, wherever in a frame they are',
  needs: [],
  place: 'loopback',
  rounds: (_ground, _random, short) =>
    times(short, () => ({
      what: 'torn links',
      cut: (ground) => [...ground.nodesOf(proxied(ground)), 'agg-a', 'agg-b', 'login', REAL],
      lasts: 0,
      noticed: false,
      async inject(ground) {
        const proxies = [...ground.proxies.values()];
        for (let torn = 0; torn < (short ? 15 : LASTS_MS / TEAR_EVERY_MS); torn++) {
          proxies[torn % proxies.length]?.tear();
          await pause(TEAR_EVERY_MS, undefined, { signal: ground.site.signal });
        }
      },
      heal,
    })),
};
