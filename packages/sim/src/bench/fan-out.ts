/**
 * A command to every node, from the call at a login node's daemon to the last answer; beside it the frames alone,
 * between bare servers and as many links. Then with some nodes known to be down, and with some that say nothing.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expand, fold } from '@csm/nodeset';
import type { Crowd } from './crowd.ts';
import type { BenchContext, Figure } from './figure.ts';
import { median } from './figures.ts';
import { type Bounds, Disturbed, figureOf, measureRounds, type Round } from './rounds.ts';

/** Commands of one run, one of each kind in turn; medians count. */
const TIMES = 5;
/** Seconds; nobody is to need them. */
const PLENTY = 30;
/** Seconds that a silent node may cost. */
const DEADLINE = 2;
const ANSWERED = 0;
const NO_ANSWER = 5;
const DOWN = 48;
const LOOK_MS = 200;

const MUST = {
  all: { value: { most: 1000 }, ratio: { most: 2.5 } },
  down: { value: { most: 1000 }, ratio: { most: 1.2 } },
  silent: { ratio: { most: 1.1 } },
} as const satisfies Record<string, Bounds>;

export interface Answers {
  /** Until the answer was over. */
  readonly ms: number;
  /** Until the last node that answered had. */
  readonly answeredMs: number;
  /** Nodes by code. */
  readonly codes: ReadonlyMap<number, readonly string[]>;
}

export async function measureFanOut(
  crowd: Crowd,
  context: BenchContext,
  emit: (figure: Figure) => void,
): Promise<void> {
  const { bare, names, staying, silent, nodes: sim, lost, site } = crowd;
  const gone = names.slice(staying.length);
  const tell = (name: string, must: Bounds, rounds: readonly Round[], more: Figure['more']): void =>
    emit(figureOf({ name, unit: 'ms', nodes: names.length, must }, rounds, more, !context.quick));

  await bare.dial(0);
  // What is compiled and allocated at the first time is not measured.
  await ping(crowd, names, PLENTY);
  await bare.ask();
  const all = await measureRounds(context, 'fan-out', () =>
    turns(
      async () => expectCodes(await ping(crowd, names, PLENTY), new Map([[ANSWERED, names]])).ms,
      () => bare.ask(),
    ),
  );
  tell('fan-out', MUST.all, all.rounds, all.more);
  await bare.hangUp();

  const speaking = names.filter((name) => !silent.includes(name));
  const answered: number[] = [];
  const quiet = await measureRounds(context, 'fan-out-silent', async () => {
    await sim.order({ do: 'silence', on: true });
    const answers = await ping(crowd, names, DEADLINE);
    await sim.order({ do: 'silence', on: false });
    expectCodes(
      answers,
      new Map([
        [ANSWERED, speaking],
        [NO_ANSWER, silent],
      ]),
    );
    answered.push(answers.answeredMs);
    await untilCode(crowd, silent, ANSWERED);
    return { value: answers.ms, baseline: DEADLINE * 1000, seconds: answers.ms / 1000 };
  });
  tell('fan-out-silent', MUST.silent, quiet.rounds, { ...quiet.more, 'answered-ms': Math.round(median(answered)) });

  await lost.process.kill('SIGKILL');
  await untilCode(crowd, gone, DOWN);
  const down = await measureRounds(context, 'fan-out-down', () =>
    turns(
      async () =>
        expectCodes(
          await ping(crowd, names, PLENTY),
          new Map([
            [ANSWERED, staying],
            [DOWN, gone],
          ]),
        ).ms,
      async () => expectCodes(await ping(crowd, staying, PLENTY), new Map([[ANSWERED, staying]])).ms,
    ),
  );
  tell('fan-out-down', MUST.down, down.rounds, down.more);
  await lost.restart(site.signal);
  await crowd.whole();
}

/** One after the other, several times; the median of each. */
async function turns(value: () => Promise<number>, baseline: () => Promise<number>): Promise<Round> {
  const began = performance.now();
  const values: number[] = [];
  const baselines: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    values.push(await value());
    baselines.push(await baseline());
  }
  return { value: median(values), baseline: median(baselines), seconds: (performance.now() - began) / 1000 };
}

async function ping({ client }: Crowd, nodes: readonly string[], deadline: number): Promise<Answers> {
  const codes = new Map<number, string[]>();
  const began = performance.now();
  let answeredMs = 0;
  const input = { nodes: fold(nodes), deadline };
  for await (const part of client.stream('ping', input, { timeoutSeconds: deadline + 10 })) {
    if (part.code === ANSWERED) answeredMs = performance.now() - began;
    const known = codes.get(part.code) ?? [];
    known.push(...expand(part.nodes));
    codes.set(part.code, known);
  }
  return { ms: performance.now() - began, answeredMs, codes };
}

/** Waits until all these nodes are told with this code. */
async function untilCode(crowd: Crowd, nodes: readonly string[], code: number): Promise<void> {
  await crowd.site.until(`${nodes.length} nodes are told with code ${code}`, async () => {
    const { codes } = await ping(crowd, nodes, DEADLINE);
    if (codes.get(code)?.length === nodes.length) return true;
    await pause(LOOK_MS, undefined, { signal: crowd.site.signal });
    throw new Error(wordsOf(codes));
  });
}

/** Gives the answers back when exactly these nodes were told with these codes; throws `Disturbed` otherwise. Pure. */
export function expectCodes(answers: Answers, due: ReadonlyMap<number, readonly string[]>): Answers {
  const { codes } = answers;
  const alike = (code: number): boolean =>
    (codes.get(code) ?? []).toSorted().join() === (due.get(code) ?? []).toSorted().join();
  if (![...due.keys(), ...codes.keys()].every(alike))
    throw new Disturbed(`told were ${wordsOf(codes)}; due were ${wordsOf(due)}`);
  return answers;
}

function wordsOf(codes: ReadonlyMap<number, readonly string[]>): string {
  const words = [...codes].map(([code, nodes]) => `${nodes.length} nodes with code ${code}`);
  return words.length === 0 ? 'no nodes' : words.join(', ');
}
