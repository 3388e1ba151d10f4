/**
 * Both aggregators are restarted, as by an admin: how long until the master has committed a new claim of each node.
 * The floor is as many handshakes, one a node, at bare listeners, with as many clients of which the same share resumes
 * a session.
 */
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { ClaimTerms, risen } from '../oracle/claim-terms.ts';
import type { Crowd } from './crowd.ts';
import type { BenchContext, Figure } from './figure.ts';
import { median } from './figures.ts';
import { type Bounds, figureOf, measureRounds, type Round } from './rounds.ts';

/** A listener is found, and a commit is seen, up to so many ms late. */
const LISTEN_LOOK_MS = 5;
/** A look at 5,000 claims takes 4 ms of the CPU that nodes and aggregators wait for: fifty a second were a fifth of a core. */
const COMMIT_LOOK_MS = 100;
const CLAIMED_MS = 180_000;
const UP_MS = 60_000;

const MUST = {
  storm: { ratio: { most: 2 } },
  tries: { value: { most: 5 } },
} as const satisfies Record<string, Bounds>;

interface Storm extends Round {
  readonly baseline: number;
  /** ClientHellos a node until all primaries were claimed, and the share of them that offered a session. */
  readonly tries: number;
  readonly resuming: number;
  /** Until half of the nodes and until 99 % of them were claimed, ms; from the restart until an aggregator listened. */
  readonly p50: number;
  readonly p99: number;
  readonly bootMs: number;
}

export async function measureStorm(crowd: Crowd, context: BenchContext, emit: (figure: Figure) => void): Promise<void> {
  const nodes = crowd.names.length;
  const { rounds, more } = await measureRounds(context, 'storm', async () => {
    const storm = await oneStorm(crowd);
    context.note(`storm: ${JSON.stringify(storm)}`);
    return storm;
  });
  const ms = (of: 'p50' | 'p99' | 'bootMs'): number => Math.round(median(rounds.map((round) => round[of])));
  const resuming = Number(median(rounds.map((round) => round.resuming)).toFixed(3));
  emit(
    figureOf(
      { name: 'storm', unit: 'ms', nodes, must: MUST.storm },
      rounds,
      { ...more, p50: ms('p50'), p99: ms('p99'), 'boot-ms': ms('bootMs'), resuming },
      !context.quick,
    ),
  );
  const tries = rounds.map(({ tries: value, seconds }) => ({ value, seconds }));
  emit(figureOf({ name: 'storm-tries', unit: 'a node', nodes, must: MUST.tries }, tries, {}, !context.quick));
}

async function oneStorm(crowd: Crowd): Promise<Storm> {
  const { site, tree, names } = crowd;
  await crowd.whole();
  const hubs = [tree.a, tree.b];
  const faults = (await Promise.all(hubs.map((hub) => hub.end()))).filter((fault) => fault !== undefined);
  if (faults.length > 0) throw new Error(faults.join('; '));
  const restarted = performance.now();
  for (const hub of hubs) hub.start();
  const terms = new ClaimTerms(tree.database);
  try {
    const before = await termsUntilListening(terms, [tree.ports.a, tree.ports.b], site.signal);
    const began = performance.now();
    if (before.size !== names.length) throw new Error(`the master knows claims of ${before.size} of ${names.length}`);
    const times = await claimTimes(terms, before, began, site.signal);
    const { hellos, resuming } = await crowd.hellos();
    // The tree is quiet again when the bare listeners are asked.
    await crowd.whole();
    const floor = await bareStorm(crowd, resuming / hellos);
    return {
      ...times,
      baseline: floor,
      seconds: (times.value + floor) / 1000,
      tries: hellos / names.length,
      resuming: resuming / hellos,
      bootMs: began - restarted,
    };
  } finally {
    terms.close();
  }
}

/** The terms as they were just before something listened at one of the ports: nobody can have claimed anew yet. */
async function termsUntilListening(
  terms: ClaimTerms,
  ports: readonly number[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const late = performance.now() + UP_MS;
  for (;;) {
    const before = terms.read();
    const found = await Promise.all(ports.map(listens));
    if (found.includes(true)) return before;
    if (performance.now() > late) throw new Error(`nothing listens at ports ${ports.join(', ')} after ${UP_MS} ms`);
    await pause(LISTEN_LOOK_MS, undefined, { signal });
  }
}

/** By a connection that says nothing: that is no try. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function claimTimes(
  terms: ClaimTerms,
  before: ReadonlyMap<string, number>,
  began: number,
  signal: AbortSignal,
): Promise<Pick<Storm, 'value' | 'p50' | 'p99'>> {
  let [p50, p99] = [Number.NaN, Number.NaN];
  for (;;) {
    const count = risen(before, terms.read());
    const ms = performance.now() - began;
    if (Number.isNaN(p50) && count >= before.size * 0.5) p50 = ms;
    if (Number.isNaN(p99) && count >= before.size * 0.99) p99 = ms;
    if (count === before.size) return { value: ms, p50, p99 };
    if (ms > CLAIMED_MS) throw new Error(`${count} of ${before.size} nodes have claimed anew after ${CLAIMED_MS} ms`);
    await pause(COMMIT_LOOK_MS, undefined, { signal });
  }
}

/** Ms for one handshake of each node, that share of them resumed. */
async function bareStorm({ bare }: Crowd, share: number): Promise<number> {
  // The sessions that the measured ones resume.
  await bare.dial(0);
  await bare.hangUp();
  const { ms, resumed } = await bare.dial(share);
  await bare.hangUp();
  if (share > 0.01 && resumed === 0) throw new Error('the bare listeners resumed no session');
  return ms;
}
