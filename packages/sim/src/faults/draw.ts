/** Draws rounds by chance: each sort at least so often, in an order nobody chose. Pure. */

/** `total` of them, or more where `least` of each sort are more. */
export function drawRounds<Sort>(sorts: readonly Sort[], total: number, least: number, random: () => number): Sort[] {
  if (sorts.length === 0) return [];
  const drawn = Array.from({ length: least }, () => sorts).flat();
  while (drawn.length < total) drawn.push(pick(sorts, random));
  return shuffled(drawn, random);
}

export function pick<One>(from: readonly One[], random: () => number): One {
  const one = from[Math.floor(random() * from.length)];
  if (one === undefined) throw new Error('there is nothing to choose from');
  return one;
}

export function shuffled<One>(all: readonly One[], random: () => number): One[] {
  const order = [...all];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] as One, order[i] as One];
  }
  return order;
}

/** A whole number from `least` to `most`, both included. */
export const between = (least: number, most: number, random: () => number): number =>
  least + Math.floor(random() * (most - least + 1));
