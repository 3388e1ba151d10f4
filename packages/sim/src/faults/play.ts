/** Plays one round: the fault is made, noticed, undone, and all is whole again, by the leader's own words. */
import { setTimeout as pause } from 'node:timers/promises';
import { falseDeaths, firstTrouble } from './deaths.ts';
import type { Round, RoundResult } from './fault.ts';
import { DEAF, type Ground } from './ground.ts';
import type { Witness } from './witness.ts';

/** A fault that must be noticed and is not within this, ms, is a failure. */
const NOTICE_MS = 60_000;
const WHOLE_MS = 90_000;
/** A time told by a daemon whose clock is off is none. */
const CLOCK_MS = 60_000;

/** `seen`: the newest change before. Gives the newest one after it, too. Throws when it is not noticed, or stays. */
export async function play(
  round: Round,
  ground: Ground,
  witness: Witness,
  seen: number,
): Promise<RoundResult & { readonly seen: number }> {
  const { what, cut, lasts, noticed } = round;
  const { site } = ground;
  let began = { wall: 0, mono: 0 };
  const begins = (): void => {
    witness.begin();
    began = { wall: Date.now(), mono: performance.now() };
  };
  begins();
  let ended: number;
  try {
    await round.inject(ground, begins);
    if (noticed) await site.until(`${what} is noticed`, () => witness.detected !== undefined, NOTICE_MS);
    const left = lasts - (performance.now() - began.mono);
    if (left > 0) await pause(left, undefined, { signal: site.signal });
  } finally {
    ended = performance.now();
    if (!site.signal.aborted) await round.heal(ground);
  }
  const whole = (): boolean => {
    const wrong = witness.wrongSince(ended);
    if (wrong !== undefined) throw new Error(wrong);
    return true;
  };
  await site.until(`all is whole after ${what}`, whole, WHOLE_MS);
  const recovered = performance.now() - ended;
  const changes = await ground.links(seen);
  const told = firstTrouble(changes, began.wall);
  const words = told === undefined || Math.abs(told - began.wall) > CLOCK_MS ? [] : [told - began.wall];
  if (witness.detected !== undefined) words.push(witness.detected);
  return {
    what,
    detected: words.length === 0 ? undefined : Math.min(...words),
    recovered,
    // A peer made by hand is no daemon, and may be told down when its round is over.
    falseDeaths: falseDeaths(changes, new Set([...cut(ground), DEAF])),
    seen: changes.at(-1)?.seq ?? seen,
  };
}
