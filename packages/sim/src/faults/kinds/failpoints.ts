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
const PASS_MS = 30_000;
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

export const failpoints: Fault = {
  name: 'failpoints',
  what: 'processes that kill themselves before and after journal, send, commit, acknowledgement, claim, change of leader',
  needs: [],
  place: 'loopback',
  rounds(ground, random, short) {
    const passing = ({ most }: Point): number => between(1, most, random);
    const victimOf = (where: Where): string => {
      if (where === 'leaf') return pick(ground.crews, random).name;
      return where === 'hub' ? pick(HUBS, random) : 'leader';
    };
    if (short) {
      // One process of each sort dies at one place after another.
      const chains = WHERE.map((where): Chain => {
        const points = POINTS.filter((point) => point.where === where);
        return { where, victim: victimOf(where), deaths: points.map((p) => ({ name: p.name, passing: passing(p) })) };
      });
      return [roundOf(chains)];
    }
    const all = Array.from({ length: ROUNDS }, () => POINTS).flat();
    return shuffled(all, random).map((point) => {
      const { name, where } = point;
      return roundOf([{ where, victim: victimOf(where), deaths: [{ name, passing: passing(point) }] }]);
    });
  },
};

const HUBS = ['agg-a', 'agg-b'];
const LEADERS = ['master', 'master-2'];
const WHERE: readonly Where[] = ['leaf', 'hub', 'leader'];

/** Deaths of one process, one after another. */
interface Chain {
  readonly where: Where;
  /** `leader` is whoever leads then. */
  readonly victim: string;
  readonly deaths: readonly { readonly name: string; readonly passing: number }[];
}

function roundOf(chains: readonly Chain[]): Round {
  const words = ({ victim, deaths }: Chain): string =>
    `${victim} at ${deaths.map(({ name, passing }) => `${name}:${passing}`).join(', ')}`;
  return {
    what: chains.map(words).join(' and '),
    cut: (ground) => chains.flatMap(({ victim }) => (victim === 'leader' ? LEADERS : ground.nodesOf(victim))),
    lasts: 0,
    noticed: true,
    inject: async (ground, begins) => {
      const dying = new Set(chains.map(({ where }) => where));
      const played = async (chain: Chain): Promise<void> => {
        await play(chain, ground, () => dying.has('leader'), begins);
        dying.delete(chain.where);
      };
      await Promise.all(chains.map(played));
    },
    heal: async () => undefined,
  };
}

async function play(
  { where, victim, deaths }: Chain,
  ground: Ground,
  leaderDies: () => boolean,
  begins: () => void,
): Promise<void> {
  const who = victim === 'leader' ? await ground.leader() : victim;
  // Nobody else is to lead while the leader is to die at a place only a leader passes.
  const others = where === 'leader' ? LEADERS.filter((one) => one !== who && ground.has(one)) : [];
  for (const other of others) await ground.kill(other);
  await ground.kill(who);
  for (const { name, passing } of deaths) {
    const late = new AbortController();
    const signal = AbortSignal.any([late.signal, ground.site.signal]);
    const provoke = async (): Promise<void> => {
      if (!name.startsWith('leader.change')) await sendBack(ground);
      else if (!leaderDies()) await changeLeader(ground);
    };
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
