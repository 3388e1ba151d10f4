import { typeOf } from './match.ts';

/**
 * What a component stands in and may fail together with: its cabinet, its chassis there, and the switch it is or is
 * part of; or its cooling unit. From the largest to the smallest, the component itself where it is such a place:
 *
 *     x3c1s5b0n0   x3, x3c1
 *     x3c1r7b0     x3, x3c1, x3c1r7
 *     x3m0p1       x3
 *     d2w1         d2, d2w1
 *
 * None for names that stand nowhere (`sms01`, `p1.2`, `all`, `s0`), and for those that are no xnames.
 */
export function placesOf(name: string): readonly string[] {
  const isCabinet = name.startsWith('x');
  if ((!isCabinet && !name.startsWith('d')) || typeOf(name) === undefined) return [];
  const places: string[] = [];
  let end = numberEnd(name, 1);
  places.push(name.slice(0, end));
  for (const letters of isCabinet ? ['c', 'rwh'] : ['w']) {
    if (end >= name.length || !letters.includes(name.charAt(end))) break;
    end = numberEnd(name, end + 1);
    places.push(name.slice(0, end));
  }
  return places;
}

function numberEnd(name: string, start: number): number {
  let end = start;
  while (end < name.length && name.charCodeAt(end) >= 48 && name.charCodeAt(end) <= 57) end++;
  return end;
}
