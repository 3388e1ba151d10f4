/** A master that does not lead, as others are told of it. */
import type { Leader } from '@csm/store';

/** Why a master does not lead, and who does, as far as known. */
export interface Standby {
  readonly why: string;
  readonly leader: Leader | undefined;
}

/** Why it stands by, and for whom, in a sentence. */
export function wordsOf({ why, leader }: Standby): string {
  if (leader === undefined) return why;
  const { master, term, since } = leader;
  return `${why}; the leader last known is ${master}, term ${term}, since ${new Date(since).toISOString()}`;
}
