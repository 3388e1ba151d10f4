/** A network between namespaces: divided, deaf in one direction, losing packets, or silent without a word. */
import type { Fault, Round } from '../fault.ts';
import type { Ground } from '../ground.ts';
import { REAL } from '../ground.ts';
import type { Netspaces } from '../netspaces.ts';

const ROUNDS = 3;
const LASTS_MS = 3_000;
const LOSSY_MS = 8_000;
const LOSS_PERCENT = 10;

const spacesOf = ({ spaces }: Ground): Netspaces => {
  if (spaces === undefined) throw new Error('there are no namespaces');
  return spaces;
};
const heal = async (ground: Ground): Promise<void> => spacesOf(ground).heal();
const mastersOf = (ground: Ground): string[] => ['master', 'master-2'].filter((name) => ground.has(name));

function network(name: string, what: string, rounds: readonly Round[], nft = true): Fault {
  return {
    name,
    what,
    needs: nft ? ['root', 'nftables'] : ['root'],
    place: 'namespaces',
    rounds: (_ground, _random, short) =>
      short ? rounds.slice(0, 1) : Array.from({ length: ROUNDS }, (_, i) => rounds[i % rounds.length] as Round),
  };
}

/** Agg-a and a half of the nodes on one side, all else on the other. */
const island = (ground: Ground): string[] => [
  'agg-a',
  ...ground.crews.slice(0, Math.ceil(ground.crews.length / 2)).map(({ name }) => name),
];

export const partition = network('partition', 'the network falls into two parts; the smaller one has an aggregator', [
  {
    what: 'agg-a and half of the nodes are an island',
    cut: (ground) => island(ground).flatMap((name) => ground.nodesOf(name)),
    lasts: LASTS_MS,
    noticed: true,
    async inject(ground) {
      const here = island(ground);
      const crews = ground.crews.map(({ name }) => name);
      const all = [...mastersOf(ground), 'agg-a', 'agg-b', 'login', REAL, ...crews];
      const there = all.filter((name) => !here.includes(name));
      for (const name of here) spacesOf(ground).lose(name, there);
      for (const name of there) spacesOf(ground).lose(name, here);
    },
    heal,
  },
]);

export const oneWayLoss = network(
  'one-way-loss',
  'everything is lost in one direction between a daemon and its peers',
  [
    {
      what: 'agg-a hears no master',
      cut: () => ['agg-a'],
      lasts: LASTS_MS,
      noticed: true,
      inject: async (ground) => spacesOf(ground).lose('agg-a', mastersOf(ground)),
      heal,
    },
    {
      what: 'no master hears agg-a',
      cut: () => ['agg-a'],
      lasts: LASTS_MS,
      noticed: true,
      async inject(ground) {
        for (const master of mastersOf(ground)) spacesOf(ground).lose(master, ['agg-a']);
      },
      heal,
    },
    {
      what: 'agg-b hears no node of nodes-1',
      cut: () => [],
      lasts: LASTS_MS,
      noticed: true,
      inject: async (ground) => spacesOf(ground).lose('agg-b', ['nodes-1']),
      heal,
    },
  ],
);

export const packetLoss = network('packet-loss', `every daemon loses ${LOSS_PERCENT} % of what comes to it`, [
  {
    what: `${LOSS_PERCENT} % of all packets are lost`,
    cut: () => [],
    lasts: LOSSY_MS,
    noticed: false,
    async inject(ground) {
      const crews = ground.crews.map(({ name }) => name);
      for (const name of [...mastersOf(ground), 'agg-a', 'agg-b', 'login', REAL, ...crews])
        spacesOf(ground).lose(name, 'all', LOSS_PERCENT);
    },
    heal,
  },
]);

const unplugged = (name: string): Round => ({
  what: `the cable of ${name} is pulled`,
  cut: (ground) => ground.nodesOf(name),
  lasts: LASTS_MS,
  noticed: true,
  inject: async (ground) => spacesOf(ground).cable(name, false),
  heal,
});

export const halfOpen = network(
  'half-open',
  'connections whose other end is gone without a word (veth down)',
  [unplugged('agg-a'), unplugged('nodes-1'), unplugged('agg-b')],
  false,
);
