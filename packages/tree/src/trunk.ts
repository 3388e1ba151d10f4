/**
 * Which of its links to masters a hub takes for its trunk. Each master says in its welcome whether it leads, and under
 * which term; terms rise with each leader, so the highest one says who leads now.
 *
 * | a link is… | enters                                     | leaves                                            |
 * |------------|--------------------------------------------|---------------------------------------------------|
 * | standby    | `up` without leader                        | `down`: it says goodbye when it takes over         |
 * | outdated   | `up` with a term below one that was seen   | `down`; the newer leader is away for `TERM_KEPT`   |
 * | trunk      | `up` with the highest term                 | `down`; a higher term comes up → dropped           |
 *
 * A leader that was stopped, or has lost its database, does not know yet that it leads no more: its term does, also when
 * its link is made anew. A term is forgotten when nobody who holds it was linked for `TERM_KEPT`: a database that was
 * restored from a backup begins below it, and an outdated leader has long ended by then. Masters before 1.3 tell no
 * term; one that leads counts as the lowest.
 */
import { after, type Mono, type Now } from '@csm/model';
import type { LinkId } from './link/link.ts';

/** How long the term of a leader counts that is not linked any more, ms: several leases, in which an outdated one ends. */
export const TERM_KEPT = 30_000;

export interface TrunkState {
  /** The links that stand; `term` only of those that lead, 0 where none was told. */
  readonly links: Map<LinkId, { readonly term: number | undefined }>;
  trunk?: LinkId;
  /** The highest term seen, and until when it counts, where nobody who holds it is linked. */
  seen: number;
  seenUntil?: Mono;
}

export type TrunkEvent =
  | { readonly kind: 'up'; readonly link: LinkId; readonly leader: boolean; readonly term?: number | undefined }
  | { readonly kind: 'down'; readonly link: LinkId }
  | { readonly kind: 'tick' };

export type TrunkEffect =
  /** From now on `link` is the trunk; without one there is none. */
  | { readonly kind: 'trunk'; readonly link?: LinkId }
  /** It was the trunk until now. */
  | { readonly kind: 'drop'; readonly link: LinkId; readonly reason: string };

export const initialTrunk = (): TrunkState => ({ links: new Map(), seen: 0 });

export const trunkWakeAt = (s: TrunkState): Mono | undefined => s.seenUntil;

/** What a master's link is to this hub; undefined where none stands. */
export function standingOf(s: TrunkState, link: LinkId): 'trunk' | 'standby' | 'outdated' | undefined {
  const known = s.links.get(link);
  if (known === undefined) return undefined;
  if (link === s.trunk) return 'trunk';
  return known.term === undefined ? 'standby' : 'outdated';
}

export function stepTrunk(s: TrunkState, event: TrunkEvent, now: Now): TrunkEffect[] {
  apply(s, event, now);
  const best = leading(s);
  if (best === s.trunk) return [];
  const former = s.trunk;
  const effects: TrunkEffect[] = [{ kind: 'trunk', ...(best === undefined ? {} : { link: best }) }];
  if (best === undefined) delete s.trunk;
  else s.trunk = best;
  if (former !== undefined && s.links.has(former))
    effects.push({ kind: 'drop', link: former, reason: `another master leads now, under term ${s.seen}` });
  return effects;
}

function apply(s: TrunkState, event: TrunkEvent, now: Now): void {
  switch (event.kind) {
    case 'up': {
      const term = event.leader ? (event.term ?? 0) : undefined;
      s.links.set(event.link, { term });
      if (term === undefined || term < s.seen) return;
      s.seen = term;
      delete s.seenUntil;
      return;
    }
    case 'down': {
      const gone = s.links.get(event.link);
      if (!s.links.delete(event.link) || gone?.term !== s.seen) return;
      if (![...s.links.values()].some(({ term }) => term === s.seen)) s.seenUntil = after(now.mono, TERM_KEPT);
      return;
    }
    case 'tick':
      if (s.seenUntil === undefined || now.mono < s.seenUntil) return;
      delete s.seenUntil;
      s.seen = Math.max(0, ...[...s.links.values()].map(({ term }) => term ?? 0));
      return;
    default:
      event satisfies never;
  }
}

/** The link that leads under the highest term seen; the trunk where two are alike. */
function leading(s: TrunkState): LinkId | undefined {
  if (s.trunk !== undefined && s.links.get(s.trunk)?.term === s.seen) return s.trunk;
  for (const [link, { term }] of s.links) if (term === s.seen) return link;
  return undefined;
}
