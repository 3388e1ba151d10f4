import { compareNames, digitsEnd, isDigit } from './compare.ts';
import { NODESET_DIGITS_MAX } from './limits.ts';
import { digits } from './pattern.ts';

/**
 * Folding. Names that differ only in their numbers form a *group*; each number is a *dimension*. A group becomes a
 * list of *boxes*: in each dimension a list of values, and every combination is a name of the set. At first each
 * name is a box; two boxes that differ in one dimension only become one. Boxes are never widened, so nothing is added.
 *
 * A number is kept as one double: its value times `WIDTHS`, plus its width when padded. Equal doubles are equal texts,
 * neighbours in a range differ by exactly `WIDTHS`, and their order is that of `compareNames`. With at most
 * `NODESET_DIGITS_MAX` = 14 digits, that is below 1.6e15 and exact.
 */
const WIDTHS = 16;

/** Numbers of a name that may fold, from the left; later ones are text. Bounds the passes over irregular sets. */
const DIMENSIONS_MAX = 8;

/** Names times dimensions squared up to which every order of folding is tried; above, only the usual one. */
const EFFORT_MAX = 100_000;

/** Folds distinct, legal names to text; the same set gives the same text whatever the order it comes in. */
export function foldNames(names: Iterable<string>): string {
  const folded: Folded[] = [];
  for (const group of groups(names)) {
    const lines = group.dimensions === 1 ? [foldLine(group)] : foldBoxes(group);
    for (const line of lines) folded.push(line);
  }
  return folded
    .sort((a, b) => compareNames(a.first, b.first))
    .map((line) => line.text)
    .join(',');
}

/** One operand of the result, and its first name, by which operands are ordered. */
interface Folded {
  readonly text: string;
  readonly first: string;
}

interface Group {
  /** The texts around the numbers: one more than there are dimensions. */
  readonly parts: readonly string[];
  readonly dimensions: number;
  /** Row after row, `dimensions` numbers each. */
  readonly rows: number[];
  /** Per dimension, bit w is set when some number is padded to w digits. */
  readonly padded: number[];
}

function groups(names: Iterable<string>): Iterable<Group> {
  const known = new Map<string, Group>();
  const row: number[] = [];
  for (const name of names) {
    let shape = '';
    let text = 0;
    let padded = 0;
    row.length = 0;
    for (let at = 0; at < name.length; ) {
      if (!isDigit(name.charCodeAt(at))) {
        at++;
        continue;
      }
      const end = digitsEnd(name, at);
      const width = end - at;
      if (width <= NODESET_DIGITS_MAX && row.length < DIMENSIONS_MAX) {
        let value = 0;
        for (let i = at; i < end; i++) value = value * 10 + name.charCodeAt(i) - 48;
        if (width > 1 && name.charCodeAt(at) === 48) padded |= 1 << row.length;
        row.push(value * WIDTHS + width);
        shape += `${name.slice(text, at)}\0`;
        text = end;
      }
      at = end;
    }
    shape += name.slice(text);
    let group = known.get(shape);
    if (group === undefined) {
      group = { parts: shape.split('\0'), dimensions: row.length, rows: [], padded: row.map(() => 0) };
      known.set(shape, group);
    }
    for (let d = 0; d < row.length; d++) {
      const number = row[d] as number;
      group.rows.push(number);
      if (padded & (1 << d)) group.padded[d] = (group.padded[d] as number) | (1 << (number % WIDTHS));
    }
  }
  for (const group of known.values()) settleWidths(group);
  return known.values();
}

/**
 * A number without a leading zero, such as 10, continues 01–09 where its dimension has numbers padded to its length;
 * anywhere else it is unpadded, and its width is taken out again.
 */
function settleWidths({ rows, dimensions, padded }: Group): void {
  for (let i = 0; i < rows.length; i++) {
    const number = rows[i] as number;
    const width = number % WIDTHS;
    if (!((padded[i % dimensions] as number) & (1 << width))) rows[i] = number - width;
  }
}

/** The values of a dimension in one box, sorted, with their text: `7` or `[1-4,7]`. `id` tells sides of a dimension apart. */
interface Side {
  readonly id: number;
  readonly values: ArrayLike<number> & Iterable<number>;
  readonly text: string;
}

type Box = readonly Side[];

/** A group with one number needs no boxes. */
function foldLine({ parts, rows }: Group): Folded {
  const values = sorted(rows);
  return { text: parts[0] + sideText(values) + parts[1], first: parts[0] + numberText(values[0] as number) + parts[1] };
}

function foldBoxes(group: Group): Folded[] {
  if (group.dimensions === 0) return [{ text: group.parts[0] as string, first: group.parts[0] as string }];
  // Folding the last number first is what racks and nodes want. Where it leaves several boxes, another may do better.
  const usual = Array.from({ length: group.dimensions }, (_, i) => group.dimensions - 1 - i);
  let best = foldInOrder(group, usual);
  let length = textLength(best);
  const effort = (group.rows.length / group.dimensions) * group.dimensions ** 2;
  for (let d = 0; d < group.dimensions - 1 && best.length > 1 && effort <= EFFORT_MAX; d++) {
    const other = foldInOrder(group, [d, ...usual.filter((x) => x !== d)]);
    if (textLength(other) < length) {
      best = other;
      length = textLength(other);
    }
  }
  return best;
}

function textLength(lines: readonly Folded[]): number {
  return lines.reduce((sum, line) => sum + line.text.length + 1, 0);
}

function foldInOrder(group: Group, order: readonly number[]): Folded[] {
  const sides = group.padded.map(() => new Sides());
  let boxes: Box[] = [];
  for (let i = 0; i < group.rows.length; i += group.dimensions) {
    boxes.push(sides.map((s, d) => s.single(group.rows[i + d] as number)));
  }
  for (;;) {
    const before = boxes.length;
    for (const d of order) boxes = mergeAlong(boxes, d, sides);
    if (boxes.length === before || boxes.length === 1) break;
  }
  return boxes.map((box) => ({
    text: join(group.parts, (d) => (box[d] as Side).text),
    first: join(group.parts, (d) => numberText((box[d] as Side).values[0] as number)),
  }));
}

/** Makes one box of all boxes that differ in dimension `d` only. They are disjoint, so their values there are too. */
function mergeAlong(boxes: readonly Box[], d: number, sides: readonly Sides[]): Box[] {
  const alike = new Map<number | string, { readonly box: Box; values: number[] | undefined }>();
  const keyOf = keyWithout(d, sides);
  for (const box of boxes) {
    const key = keyOf(box);
    const found = alike.get(key);
    if (found === undefined) {
      alike.set(key, { box, values: undefined });
    } else {
      found.values ??= [...(found.box[d] as Side).values];
      for (const v of (box[d] as Side).values) found.values.push(v);
    }
  }
  const merged: Box[] = [];
  for (const { box, values } of alike.values()) {
    merged.push(values === undefined ? box : box.with(d, (sides[d] as Sides).of(sorted(values))));
  }
  return merged;
}

/** What boxes must share to be merged along `d`: the sides of all other dimensions, as one number where that is exact. */
function keyWithout(d: number, sides: readonly Sides[]): (box: Box) => number | string {
  const factors: number[] = [];
  let product = 1;
  for (let i = 0; i < sides.length; i++) {
    factors.push(i === d ? 0 : product);
    if (i !== d) product *= (sides[i] as Sides).count;
  }
  if (product > Number.MAX_SAFE_INTEGER) return (box) => box.map((side, i) => (i === d ? '' : side.id)).join();
  return (box) => {
    let key = 0;
    for (let i = 0; i < box.length; i++) key += (box[i] as Side).id * (factors[i] as number);
    return key;
  };
}

/** The sides of one dimension, each once. */
class Sides {
  readonly #singles = new Map<number, Side>();
  readonly #byText = new Map<string, Side>();
  #count = 0;

  /** Ids are below this. */
  get count(): number {
    return this.#count;
  }

  single(value: number): Side {
    let side = this.#singles.get(value);
    if (side === undefined) {
      side = { id: this.#count++, values: [value], text: numberText(value) };
      this.#singles.set(value, side);
    }
    return side;
  }

  /** `values` sorted and at least two, as a merge gives them. */
  of(values: Side['values']): Side {
    const text = sideText(values);
    let side = this.#byText.get(text);
    if (side === undefined) {
      side = { id: this.#count++, values, text };
      this.#byText.set(text, side);
    }
    return side;
  }
}

/** By number, then by width. A typed array sorts without calling a comparison for each pair. */
function sorted(numbers: readonly number[]): Float64Array {
  return new Float64Array(numbers).sort();
}

/** `7` for one value, else `[1-4,7]`. */
function sideText(values: Side['values']): string {
  if (values.length === 1) return numberText(values[0] as number);
  // Widths may alternate in a sorted list (1, 01, 2, 02), so each width keeps its own open range.
  const open = new Map<number, { readonly from: number; to: number }>();
  const ranges: { readonly from: number; to: number }[] = [];
  for (const v of values) {
    const width = v % WIDTHS;
    const range = open.get(width);
    if (range !== undefined && range.to + WIDTHS === v) {
      range.to = v;
    } else {
      const fresh = { from: v, to: v };
      open.set(width, fresh);
      ranges.push(fresh);
    }
  }
  const texts = ranges.map((r) => (r.from === r.to ? numberText(r.from) : `${numberText(r.from)}-${numberText(r.to)}`));
  return `[${texts.join(',')}]`;
}

function numberText(number: number): string {
  const width = number % WIDTHS;
  return digits((number - width) / WIDTHS, width);
}

function join(parts: readonly string[], number: (dimension: number) => string): string {
  let text = parts[0] as string;
  for (let d = 1; d < parts.length; d++) text += number(d - 1) + parts[d];
  return text;
}
