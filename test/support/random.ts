/** Chance that can be repeated: one seed, one order of faults. */

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  pick<T>(list: readonly T[]): T;
  /** The same elements in another order. */
  shuffle<T>(list: readonly T[]): T[];
}

/** The seed of a run: CSM_TEST_SEED, else `usual`. */
export function seedOr(usual: number): number {
  const given = process.env['CSM_TEST_SEED'];
  if (given === undefined) return usual;
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0)
    throw new Error(`CSM_TEST_SEED is '${given}'; allowed: a whole number from 0`);
  return seed;
}

/** A linear congruential generator modulo 2^32 (multiplier and increment of Numerical Recipes); its upper bits are used. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
  for (let i = 0; i < 8; i++) next(); // neighbouring seeds begin alike
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    pick(list) {
      const element = list[below(list.length)];
      if (element === undefined) throw new Error('nothing to pick from');
      return element;
    },
    shuffle<T>(list: readonly T[]): T[] {
      const out: T[] = [];
      for (const rest = [...list]; rest.length > 0; ) out.push(...rest.splice(below(rest.length), 1));
      return out;
    },
  };
}
