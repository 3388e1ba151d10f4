/**
 * Numbers as they stand in the tables. A sample is a JSON list of its values in the order of its layout; a rollup is a
 * list of tallies. Both are short since they are most of the database: a fraction keeps six significant digits, and a
 * value that stayed the same all hour (error counts, sizes) takes the room of one number.
 */

/** What is known of one value over a time. */
export interface Tally {
  /** How many samples had it. */
  readonly n: number;
  readonly min: number;
  readonly sum: number;
  readonly max: number;
}

/** Beyond this sums might overflow; no sensor or counter comes near. */
export const VALUE_MAX = 1e30;

/** A whole number stays as it is, a fraction keeps six significant digits and all those before the point. */
export function compact(value: number): number {
  if (Number.isInteger(value)) return value + 0;
  return Math.abs(value) >= 1e5 ? Math.round(value) : Number(value.toPrecision(6));
}

/** Sums of decimal fractions without the dust of binary ones. */
const trim = (sum: number): number => (Number.isInteger(sum) ? sum : Number(sum.toPrecision(12)));

export const single = (value: number): Tally => ({ n: 1, min: value, sum: value, max: value });

export const merge = (a: Tally, b: Tally): Tally => ({
  n: a.n + b.n,
  min: Math.min(a.min, b.min),
  sum: trim(a.sum + b.sum),
  max: Math.max(a.max, b.max),
});

/** `v`, `[v, n]`, `[min, sum, max]` or `[min, sum, max, n]`: shorter when all are equal, or when n is the row's count. */
type Figure = number | readonly [number, number] | readonly [number, number, number, number?];

/** The text of a rollup of `count` samples. */
export function encodeTallies(tallies: readonly Tally[], count: number): string {
  const figures: Figure[] = tallies.map(({ n, min, sum, max }) => {
    if (min === max) return n === count ? min : [min, n];
    return n === count ? [min, sum, max] : [min, sum, max, n];
  });
  return JSON.stringify(figures);
}

/** Reads what `encodeTallies` wrote. */
export function decodeTallies(text: string, count: number): Tally[] {
  return (JSON.parse(text) as readonly Figure[]).map((figure) => {
    if (typeof figure === 'number') return { n: count, min: figure, sum: trim(figure * count), max: figure };
    if (figure.length === 2) {
      const [value, n] = figure;
      return { n, min: value, sum: trim(value * n), max: value };
    }
    const [min, sum, max, n = count] = figure;
    return { n, min, sum, max };
  });
}
