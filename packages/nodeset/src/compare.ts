/**
 * Natural order of names: runs of digits compare as numbers, so n2 stands before n10; of equal numbers the shorter
 * run comes first, so n1 stands before n01; everything else compares by character code. A total order: 0 means equal.
 */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (isDigit(x) && isDigit(y)) {
      const endA = digitsEnd(a, i);
      const endB = digitsEnd(b, i);
      const d = compareDigits(a, i, endA, b, i, endB);
      if (d !== 0) return d;
      i = endA;
    } else if (x !== y) {
      return x - y;
    } else {
      i++;
    }
  }
  return a.length - b.length;
}

export function isDigit(charCode: number): boolean {
  return charCode >= 48 && charCode <= 57;
}

/** Where the run of digits that begins at `start` ends. */
export function digitsEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text.charCodeAt(end))) end++;
  return end;
}

/** Compares two runs of digits of any length as numbers, then by their width. */
function compareDigits(a: string, startA: number, endA: number, b: string, startB: number, endB: number): number {
  let i = startA;
  let j = startB;
  while (i < endA && a.charCodeAt(i) === 48) i++;
  while (j < endB && b.charCodeAt(j) === 48) j++;
  const longer = endA - i - (endB - j);
  if (longer !== 0) return longer;
  for (; i < endA; i++, j++) {
    const d = a.charCodeAt(i) - b.charCodeAt(j);
    if (d !== 0) return d;
  }
  return endA - startA - (endB - startB);
}
