/**
 * What a poor telling may do. A kind that was unread this time may come from a poorer source: without serials, with
 * other names of places and makers, or not whole. The next full telling must then find everything as it left it: no
 * row of history, and the same profile. Pure; told above `rules.ts`.
 */
import type { Part } from '../hardware.ts';
import { PARTS_MAX, type PartsReport } from './read.ts';
import { merged } from './same.ts';
import type { Held, Situation } from './situation.ts';

/**
 * Told parts that are neither new nor known, because nothing says which they are: without serial, of a kind unread, and
 * like no known part. They count all the same where the kind was never told in full and all that is known of it is
 * told again: it is the same source, which found more.
 */
export function overlooked(
  s: Situation,
  report: PartsReport,
  told: readonly Part[],
  pairs: ReadonlyMap<Part, Held>,
): ReadonlySet<Part> {
  const paired = new Set(pairs.values());
  const lacking = new Set(s.known.filter((part) => !paired.has(part)).map(({ kind }) => kind));
  return new Set(
    told.filter(
      (part) =>
        part.serial === null &&
        report.unread.has(part.kind) &&
        !pairs.has(part) &&
        (s.seen.has(part.kind) || lacking.has(part.kind)),
    ),
  );
}

/**
 * A known part as it is told now. Whatever tells it without the serial it has, or is not the source of its kind, knows
 * it less well than before: of that only counts what passes.
 */
export function retold(s: Situation, report: PartsReport, before: Held, part: Part): Part {
  const isPoor =
    part.serial === null && (before.serial !== null || (report.unread.has(part.kind) && s.seen.has(part.kind)));
  return isPoor ? { ...before, passing: merged(before, part).passing } : merged(before, part);
}

/** What was known of it came from a poor telling: a full one changes and removes it without a word. */
export const isBaseline = (s: Situation, before: Part): boolean => before.serial === null && !s.seen.has(before.kind);

/** Parts kept though they were not told this time, as many as a node may have; those known for longest go first. */
export function fitting(
  parts: readonly Held[],
  beside: number,
): { readonly kept: readonly Held[]; readonly outgrown: readonly Held[] } {
  const room = Math.max(0, PARTS_MAX - beside);
  if (parts.length <= room) return { kept: parts, outgrown: [] };
  const youngest = [...parts].sort((a, b) => b.since - a.since);
  return { kept: youngest.slice(0, room), outgrown: youngest.slice(room) };
}
