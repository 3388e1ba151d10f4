/** Waiting for a condition: polled, with a deadline, and with words about what was seen last. */

/** Before the second look, ms; the pauses grow from there. */
export const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 100;

/**
 * The pause after one of `ms`: most things come true soon, and what takes long is looked at less often, for a look costs
 * those who are looked at, whole daemons, more than all their other work.
 */
export const longer = (ms: number): number => Math.min(ms * 1.2, LONGEST_PAUSE_MS);

/** What a condition gives: true when it holds, else anything that says what is missing. */
export type Condition = () => unknown;

export class NotInTime extends Error {
  override readonly name = 'NotInTime';
}

/** Thrown by a condition that cannot come true any more: it ends the waiting. */
export class Hopeless extends Error {
  override readonly name = 'Hopeless';
}

/**
 * Resolves with the ms it took until `condition` gives true. Rejects after `deadline` ms with what it gave last; what
 * it throws counts as not yet.
 */
export async function waitFor(condition: Condition, deadline: number, what: string): Promise<number> {
  const began = performance.now();
  let seen: unknown;
  for (let ms = FIRST_PAUSE_MS; ; ms = longer(ms)) {
    try {
      seen = await condition();
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      seen = error instanceof Error ? `${error.name}: ${error.message}` : error;
    }
    const took = performance.now() - began;
    if (seen === true) return took;
    if (took > deadline) {
      const last = typeof seen === 'string' ? seen : JSON.stringify(seen);
      throw new NotInTime(`not within ${deadline} ms: ${what}; seen last: ${(last ?? 'nothing').slice(0, 2000)}`);
    }
    await pass(ms);
  }
}

/** Lets so many ms go by: for a fault that has to last, never as a way to wait for something to have happened. */
export const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
