/**
 * A run of the suite: for each place a cluster that lives through all its faults, one after another; behind each fault
 * what was reported meanwhile is judged, and at the very end, when all has stopped, everything once more.
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { randomOf } from '../population/random.ts';
import type { DatabaseEngine } from '../site/tree.ts';
import type { Fault, Place, RoundResult } from './fault.ts';
import { Ground } from './ground.ts';
import { PeakMemory } from './memory.ts';
import { missing } from './needs.ts';
import { play } from './play.ts';
import { type FaultResult, wrongWith } from './report.ts';
import { Tally } from './tally.ts';
import { Witness } from './witness.ts';

export interface RunOptions {
  readonly faults: readonly Fault[];
  readonly db: DatabaseEngine;
  readonly seed: number;
  readonly short: boolean;
  readonly keep?: string | undefined;
  readonly signal: AbortSignal;
  /** Told as it happens. */
  readonly onResult: (result: FaultResult) => void;
  readonly onSkip: (name: string, why: string) => void;
  /** What is being done, in words. */
  readonly onRound: (name: string, what: string) => void;
}

const SIZE = {
  whole: { nodes: 200, processes: 4, rate: 200 },
  short: { nodes: 20, processes: 3, rate: 100 },
};
const PLACES: readonly Place[] = ['loopback', 'namespaces'];

/** Gives all that is wrong, in words; empty when nothing was lost or doubled and nobody was told dead who was not. */
export async function runFaults(options: RunOptions): Promise<string[]> {
  const { faults, db, onSkip } = options;
  const wrong: string[] = [];
  const possible = faults.filter(({ name, needs }) => {
    const why = missing(needs, db);
    if (why !== undefined) onSkip(name, why);
    return why === undefined;
  });
  const bound = (place: Place): Fault[] => possible.filter((fault) => fault.place === place);
  const free = possible.filter(({ place }) => place === 'anywhere');
  const at = async (place: Place, faults: Iterable<Fault>): Promise<void> => {
    wrong.push(...(await runPlace(place, faults, bound(place), options)));
  };
  if (options.short && bound('namespaces').length > 0 && bound('loopback').length > 0) {
    // Those in a hurry take both clusters at once, and whichever is through with its own takes what goes anywhere.
    await Promise.all(PLACES.map((place) => at(place, ownThenFree(bound(place), free))));
  } else {
    // Figures are better of one cluster alone.
    const here = possible.filter(({ place }) => place !== 'namespaces');
    if (here.length > 0) await at('loopback', here);
    if (bound('namespaces').length > 0) await at('namespaces', bound('namespaces'));
  }
  return wrong;
}

function* ownThenFree(own: readonly Fault[], free: Fault[]): Generator<Fault> {
  yield* own;
  for (let next = free.shift(); next !== undefined; next = free.shift()) yield next;
}

/** `bound`: what the place must be able to do. */
async function runPlace(
  place: Place,
  faults: Iterable<Fault>,
  bound: readonly Fault[],
  options: RunOptions,
): Promise<string[]> {
  const { db, short, signal, keep } = options;
  const disks = bound.some(({ name }) => name.startsWith('disk-full'));
  const ground = await Ground.start({ db, place, disks, signal, ...(short ? SIZE.short : SIZE.whole) });
  const wrong: string[] = [];
  try {
    wrong.push(...(await playAll(faults, ground, options)));
  } catch (error) {
    if (signal.aborted) throw error;
    wrong.push(error instanceof Error ? error.message : String(error));
  } finally {
    if (wrong.length > 0 && keep !== undefined) keepFiles(ground, keep);
    await ground.close();
  }
  return wrong;
}

async function playAll(faults: Iterable<Fault>, ground: Ground, options: RunOptions): Promise<string[]> {
  const { seed, short, onResult, onRound } = options;
  const wrong: string[] = [];
  const witness = new Witness(() => ground.look());
  const memory = new PeakMemory(() => ground.processes);
  const tally = new Tally({
    lists: ground.lists,
    read: (from) => ground.stored(from),
    killed: (node) => ground.killed.has(node),
    poisoned: () => ground.poisoned,
  });
  let seen = (await ground.links(0)).at(-1)?.seq ?? 0;
  try {
    for (const fault of faults) {
      const began = performance.now();
      const rounds: RoundResult[] = [];
      // Each fault has chance of its own, so that one alone goes as it does among all.
      const random = randomOf(seed + hashOf(fault.name));
      for (const round of fault.rounds(ground, random, short)) {
        onRound(fault.name, round.what);
        const result = await named(`${fault.name}, ${round.what}`, () => play(round, ground, witness, seen));
        seen = result.seen;
        rounds.push(result);
      }
      const verdict = await named(fault.name, async () => {
        await ground.drain();
        const found = await tally.next();
        await ground.flow(true);
        return found;
      });
      const seconds = (performance.now() - began) / 1000;
      const result = { name: fault.name, rounds, verdict, memory: memory.take(), seconds };
      onResult(result);
      wrong.push(...wrongWith(result));
    }
    await named('the end', () => ground.drain());
  } finally {
    witness.stop();
    memory.stop();
  }
  wrong.push(...(await ground.stop()));
  const { faults: atEnd } = await tally.all();
  wrong.push(...atEnd.map((words) => `at the end: ${words}`));
  return wrong;
}

/** An error says which fault it comes from. */
async function named<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function hashOf(name: string): number {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 1_000_003;
  return hash;
}

function keepFiles({ site }: Ground, keep: string): void {
  cpSync(site.root, join(keep, `faults-${Date.now()}`), {
    recursive: true,
    filter: (file) => !file.endsWith('.sock') && !file.includes('.s.PGSQL'),
  });
}
