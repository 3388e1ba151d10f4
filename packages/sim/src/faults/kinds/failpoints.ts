/**
 * Processes that kill themselves at a failpoint: the victim is killed, started again to die at the n-th passing of the
 * place, and once it has, started without. What does not come by itself is brought about: nodes are sent back to their
 * first choice, so that they claim it, and the leader is started anew, so that aggregators change theirs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { FAILPOINTS } from '@csm/tree';
import { between, pick, shuffled } from '../draw.ts';
import type { Fault, Round } from '../fault.ts';
import type { Ground } from '../ground.ts';

const ROUNDS = 3;
/** A place that is not passed so often within this, ms, is never passed. */
const PASS_MS = 90_000;
/** First it is waited for, then brought about every so often. */
const PROVOKE_MS = 1_000;

type Where = 'leaf' | 'hub' | 'leader';

interface Point {
  readonly name: string;
  readonly where: Where;
  /** Killed at one of the first passings, so many at most. */
  readonly most: number;
}

/** How often a place is passed within a few seconds, at least. Claims that come together are passed on together. */
function passings(name: string): number {
  if (name.startsWith('claim.forward') || name.startsWith('claim.record')) return 1;
  if (name.startsWith('leader.change')) return 2;
  if (name.startsWith('claim.')) return 4;
  return 20;
}

const pointsOf = (where: Where, names: readonly string[]): Point[] =>
  names.map((name) => ({ name, where, most: passings(name) }));

export const POINTS: readonly Point[] = [
  ...pointsOf('leaf', Object.keys(FAILPOINTS.leaf)),
  ...pointsOf('hub', Object.keys(FAILPOINTS.hub)),
  ...pointsOf('leader', [...Object.keys(FAILPOINTS.core), 'store.commit.before', 'store.commit.after']),
];

function failpointFault(name: string, what: string, ...wheres: readonly Where[]): Fault {
  const points = POINTS.filter(({ where }) => wheres.includes(where));
  return {
    name,
    what: `${what}: at each place the process kills itself`,
    needs: [],
    place: 'anywhere',
    rounds(ground, random, short) {
      const deathOf = (point: Point): Death => ({ name: point.name, passing: between(1, point.most, random) });
      if (short) return [roundOf(chainsOf(points, ground, random, deathOf))];
      const all = Array.from({ length: ROUNDS }, () => points).flat();
      return shuffled(all, random).map((point) => {
        const victim = { leaf: pick(ground.crews, random).name, hub: pick(HUBS, random), leader: LEADER }[point.where];
        return roundOf([{ where: point.where, victim, deaths: [deathOf(point)] }]);
      });
    },
  };
}

export const failpoints: Fault = failpointFault(
  'failpoints',
  'nodes and aggregators before and after journal, send, acknowledgement, claim, change of leader',
  'leaf',
  'hub',
);
export const failpointsLeader: Fault = failpointFault(
  'failpoints-leader',
  'the leader before and after commit and the record of a claim',
  'leader',
);

/** In the short form one process dies at one place after another; two processes of nodes, since these have the most. */
function chainsOf(
  points: readonly Point[],
  ground: Ground,
  random: () => number,
  deathOf: (point: Point) => Death,
): Chain[] {
  const [first, second] = shuffled(ground.crews, random).map(({ name }) => name);
  const of = (where: Where): readonly Death[] => points.filter((point) => point.where === where).map(deathOf);
  const leaf = of('leaf');
  const half = Math.ceil(leaf.length / 2);
  const chains: Chain[] = [
    { where: 'leaf', victim: first ?? '', deaths: leaf.slice(0, half) },
    { where: 'leaf', victim: second ?? '', deaths: leaf.slice(half) },
    { where: 'hub', victim: pick(HUBS, random), deaths: of('hub') },
    { where: 'leader', victim: LEADER, deaths: of('leader') },
  ];
  return chains.filter(({ deaths }) => deaths.length > 0);
}

const HUBS = ['agg-a', 'agg-b'];
const LEADERS = ['master', 'master-2'];
/** Whoever leads then. */
const LEADER = 'leader';

interface Death {
  readonly name: string;
  readonly passing: number;
}

/** Deaths of one process, one after another. */
interface Chain {
  readonly where: Where;
  readonly victim: string;
  readonly deaths: readonly Death[];
}

function roundOf(chains: readonly Chain[]): Round {
  const words = ({ victim, deaths }: Chain): string =>
    `${victim} at ${deaths.map(({ name, passing }) => `${name}:${passing}`).join(', ')}`;
  return {
    what: chains.map(words).join(' and '),
    cut: (ground) =>
      chains.flatMap((chain) => (killsLeader(chain) ? LEADERS : []).concat(ground.nodesOf(chain.victim))),
    lasts: 0,
    noticed: true,
    async inject(ground, begins) {
      await Promise.all(chains.map((chain) => play(chain, ground, begins)));
    },
    heal: async () => undefined,
  };
}

/** Also where it only brings about that another leads. */
const killsLeader = ({ where, deaths }: Chain): boolean => where === 'leader' || deaths.some(isChange);
const isChange = ({ name }: Death): boolean => name.startsWith('leader.change');

async function play({ where, victim, deaths }: Chain, ground: Ground, begins: () => void): Promise<void> {
  const who = victim === LEADER ? await ground.leader() : victim;
  // Nobody else is to lead while the leader is to die at a place only a leader passes.
  const others = where === 'leader' ? LEADERS.filter((one) => one !== who && ground.has(one)) : [];
  for (const other of others) await ground.kill(other);
  await ground.kill(who);
  for (const death of deaths) {
    const { name, passing } = death;
    const late = new AbortController();
    const signal = AbortSignal.any([late.signal, ground.site.signal]);
    const provoke = (): Promise<void> => (isChange(death) ? changeLeader(ground) : sendBack(ground));
    try {
      await Promise.race([ground.doom(who, `${name}:${passing}`), provokeUntil(signal, name, provoke)]);
    } finally {
      late.abort();
    }
  }
  begins();
  for (const one of [who, ...others]) ground.start(one);
}

/** Rejects when the place was not passed. */
async function provokeUntil(signal: AbortSignal, name: string, provoke: () => Promise<void>): Promise<never> {
  const began = performance.now();
  while (performance.now() - began < PASS_MS) {
    await pause(PROVOKE_MS, undefined, { signal });
    // Whoever would carry it out may be what is dead.
    await provoke().catch(() => undefined);
  }
  throw new Error(`${name} was not passed within ${PASS_MS / 1000} s`);
}

/** Nodes go to their first choice: they claim it, and it has reports to pass on. */
async function sendBack(ground: Ground): Promise<void> {
  const parts = ground.admin.stream('tree.rebalance', { nodes: ground.nodeset, spread: 0 }, { timeoutSeconds: 3 });
  for await (const _ of parts);
}

async function changeLeader(ground: Ground): Promise<void> {
  const leader = await ground.leader();
  await ground.kill(leader);
  ground.start(leader);
}
