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

/** How often a place is passed within a few seconds, at least. */
function passings(name: string): number {
  if (name.startsWith('leader.change')) return 2;
  if (name.startsWith('claim.record')) return 2;
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
    const doomed = (point: Point): Doomed => ({
      ...point,
      passing: between(1, point.most, random),
      victim:
        point.where === 'leaf'
          ? pick(ground.crews, random).name
          : point.where === 'hub'
            ? pick(['agg-a', 'agg-b'], random)
            : 'leader',
    });
    if (short) return together(POINTS.map(doomed));
    const all = Array.from({ length: ROUNDS }, () => POINTS).flat();
    return shuffled(all, random).map((point) => roundOf([doomed(point)]));
  },
};

interface Doomed extends Point {
  readonly passing: number;
  /** `leader` is whoever leads then. */
  readonly victim: string;
}

/** One of each place at once, for those in a hurry. */
function together(all: readonly Doomed[]): Round[] {
  const by = (where: Where): Doomed[] => all.filter((one) => one.where === where);
  const [leaves, hubs, leaders] = [by('leaf'), by('hub'), by('leader')];
  const count = Math.max(leaves.length, hubs.length, leaders.length);
  return Array.from({ length: count }, (_, i) =>
    roundOf([leaves[i], hubs[i], leaders[i]].filter((one) => one !== undefined)),
  );
}

function roundOf(doomed: readonly Doomed[]): Round {
  return {
    what: doomed.map(({ name, passing, victim }) => `${victim} at ${name}:${passing}`).join(' and '),
    cut: (ground) => doomed.flatMap(({ victim }) => (victim === 'leader' ? LEADERS : ground.nodesOf(victim))),
    lasts: 0,
    noticed: true,
    inject: async (ground, begins) => {
      await Promise.all(doomed.map((one) => dies(one, ground, begins)));
    },
    heal: async () => undefined,
  };
}

const LEADERS = ['master', 'master-2'];

async function dies({ name, passing, victim, where }: Doomed, ground: Ground, begins: () => void): Promise<void> {
  const who = victim === 'leader' ? await ground.leader() : victim;
  // Nobody else is to lead while the leader is to die at a place only a leader passes.
  const others = where === 'leader' ? LEADERS.filter((one) => one !== who && ground.has(one)) : [];
  for (const other of others) await ground.kill(other);
  await ground.kill(who);
  const end = ground.doom(who, `${name}:${passing}`);
  const late = new AbortController();
  const signal = AbortSignal.any([late.signal, ground.site.signal]);
  try {
    await Promise.race([end, provokeUntil(signal, name, where, ground)]);
  } finally {
    late.abort();
  }
  begins();
  for (const one of [who, ...others]) ground.start(one);
}

/** Rejects when the place was not passed. */
async function provokeUntil(signal: AbortSignal, name: string, where: Where, ground: Ground): Promise<never> {
  const began = performance.now();
  while (performance.now() - began < PASS_MS) {
    await pause(PROVOKE_MS, undefined, { signal });
    await provoke(name, where, ground).catch(() => undefined);
  }
  throw new Error(`${name} was not passed within ${PASS_MS / 1000} s`);
}

async function provoke(name: string, where: Where, ground: Ground): Promise<void> {
  if (name.startsWith('leader.change')) {
    const leader = await ground.leader();
    await ground.kill(leader);
    ground.start(leader);
  } else if (where === 'hub' || name.startsWith('claim.')) {
    // An aggregator that was killed serves nobody until nodes return to it.
    const parts = ground.admin.stream('tree.rebalance', { nodes: ground.nodeset, spread: 0 }, { timeoutSeconds: 5 });
    for await (const _ of parts);
  }
}
