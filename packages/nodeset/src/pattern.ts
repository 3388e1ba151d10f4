/** One operand of a node set: literal text and brackets in turn, such as `r[1-2]n[01-04]-ib`. */

/** `from` to `to`, every `step`; `width` > 0 pads with zeros to that many digits. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly width: number;
}

export type Piece = string | readonly Range[];
export type Pattern = readonly Piece[];

/** How many names the pattern spells out, repetitions included; computed without expanding it. */
export function countNames(pattern: Pattern): number {
  let count = 1;
  for (const piece of pattern) {
    if (typeof piece === 'string') continue;
    let numbers = 0;
    for (const r of piece) numbers += Math.floor((r.to - r.from) / r.step) + 1;
    count *= numbers;
  }
  return count;
}

/**
 * The longest name of the pattern. All its names share the same text outside the digits, so when this one is a legal
 * node name, every one is.
 */
export function longestName(pattern: Pattern): string {
  let name = '';
  for (const piece of pattern) {
    if (typeof piece === 'string') name += piece;
    else name += piece.map((r) => digits(r.to, r.width)).reduce((a, b) => (b.length > a.length ? b : a));
  }
  return name;
}

/** All names, in the order of writing; a name may repeat. The caller has checked `countNames`. */
export function expandPattern(pattern: Pattern): string[] {
  let names = [''];
  for (const piece of pattern) {
    if (typeof piece === 'string') {
      for (let i = 0; i < names.length; i++) names[i] += piece;
      continue;
    }
    const numbers = expandRanges(piece);
    const longer: string[] = [];
    for (const name of names) {
      for (const n of numbers) longer.push(name + n);
    }
    names = longer;
  }
  return names;
}

function expandRanges(ranges: readonly Range[]): string[] {
  const texts: string[] = [];
  for (const r of ranges) {
    for (let n = r.from; n <= r.to; n += r.step) texts.push(digits(n, r.width));
  }
  return texts;
}

export function digits(value: number, width: number): string {
  const text = String(value);
  return text.length < width ? text.padStart(width, '0') : text;
}
