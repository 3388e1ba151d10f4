/** Nodes that report too much, or nonsense. */
import { pick } from '../draw.ts';
import type { Fault } from '../fault.ts';

const ROUNDS = 3;
const FLOOD_MS = 3_000;
const POISONED = 3;

export const floodingNode: Fault = {
  name: 'flooding-node',
  what: 'a node reports as fast as its outbox takes it',
  needs: [],
  place: 'anywhere',
  rounds: (ground, random, short) =>
    Array.from({ length: short ? 1 : ROUNDS }, () => {
      const crew = pick(ground.crews, random);
      const node = pick(crew.nodes, random);
      return {
        what: `${node} floods`,
        cut: () => [],
        lasts: short ? 1_000 : FLOOD_MS,
        noticed: false,
        inject: () => crew.sim.order({ do: 'flood', node, on: true }),
        heal: () => crew.sim.order({ do: 'flood', node, on: false }),
      };
    }),
};

export const poisonedReport: Fault = {
  name: 'poisoned-report',
  what: 'reports whose content no database takes, among good ones: set aside, and nothing else is held up',
  needs: [],
  place: 'anywhere',
  rounds: (ground, random, short) =>
    Array.from({ length: short ? 1 : ROUNDS }, () => {
      const crew = pick(ground.crews, random);
      return {
        what: `poison in ${crew.name}`,
        cut: () => [],
        lasts: 500,
        noticed: false,
        async inject() {
          for (let i = 0; i < POISONED; i++) {
            await crew.sim.order({ do: 'poison', node: pick(crew.nodes, random) });
            ground.poisoned++;
          }
        },
        heal: async () => undefined,
      };
    }),
};
