/**
 * Which of its links to masters a hub takes for its trunk. Each master says in its welcome whether it leads, and under
 * which term; terms rise with each leader, so of those that are linked the highest one leads now.
 *
 * | a link is… | enters                                        | leaves                                     |
 * |------------|-----------------------------------------------|--------------------------------------------|
 * | standby    | `up` without leader                           | `down`: it says goodbye when it takes over |
 * | trunk      | `up` with the highest term of those linked    | `down`; a higher term comes up → dropped   |
 * | outdated   | `up` beside a higher term; or of a session    | `down`; where it was only beside it: the   |
 * |            | that another leader came after, for good      | higher one is down → trunk                 |
 *
 * A leader that was stopped, or has lost its database, does not know yet that it leads no more, and says so again when
 * its link is made anew. What it cannot do is begin anew under its old session: so a session that led before one of a
 * higher term is done with, and the hub stays without a trunk rather than go back to it. A session that is new is taken
 * whatever its term is, as long as no higher one is linked: terms begin below where a database was copied back, and a
 * master before 1.3 tells none, which counts as the lowest.
 */
import type { LinkId } from './link/link.ts';

/** Sessions of leaders that are remembered; a master that begins anew has a new one. */
export const SESSIONS_KEPT = 64;

interface Leader {
  readonly session: string;
  /** 0 where none was told. */
  readonly term: number;
  /** The term of one that came after it. */
  replaced?: number;
}

export interface TrunkState {
  /** The links that stand, and the leaders behind them; none behind a standby. */
  readonly links: Map<LinkId, Leader | undefined>;
  /** By session, the newest last. */
  readonly leaders: Map<string, Leader>;
  trunk?: LinkId;
}

export type TrunkEvent =
  | {
      readonly kind: 'up';
      readonly link: LinkId;
      readonly session: string;
      readonly leader: boolean;
      readonly term?: number | undefined;
    }
  | { readonly kind: 'down'; readonly link: LinkId };

export type TrunkEffect =
  /** From now on `link` is the trunk; without one there is none. */
  | { readonly kind: 'trunk'; readonly link?: LinkId }
  /** It was the trunk until now. */
  | { readonly kind: 'drop'; readonly link: LinkId; readonly reason: string };

/** What a master's link is to this hub; `by`: the term of the leader that counts in place of an outdated one. */
export type Standing =
  | { readonly kind: 'trunk' | 'standby' }
  | { readonly kind: 'outdated'; readonly term: number; readonly by: number };

export const initialTrunk = (): TrunkState => ({ links: new Map(), leaders: new Map() });

/** Undefined where no such link stands. */
export function standingOf(s: TrunkState, link: LinkId): Standing | undefined {
  if (!s.links.has(link)) return undefined;
  if (link === s.trunk) return { kind: 'trunk' };
  const leader = s.links.get(link);
  if (leader === undefined) return { kind: 'standby' };
  const linked = s.trunk === undefined ? undefined : s.links.get(s.trunk)?.term;
  return { kind: 'outdated', term: leader.term, by: leader.replaced ?? linked ?? leader.term };
}

export function stepTrunk(s: TrunkState, event: TrunkEvent): TrunkEffect[] {
  apply(s, event);
  const best = leading(s);
  if (best === s.trunk) return [];
  const former = s.trunk;
  const effects: TrunkEffect[] = [{ kind: 'trunk', ...(best === undefined ? {} : { link: best }) }];
  if (best === undefined) delete s.trunk;
  else s.trunk = best;
  if (former !== undefined && best !== undefined && s.links.has(former)) {
    const reason = `another master leads now, under term ${s.links.get(best)?.term}`;
    effects.push({ kind: 'drop', link: former, reason });
  }
  return effects;
}

function apply(s: TrunkState, event: TrunkEvent): void {
  switch (event.kind) {
    case 'up': {
      const leader = event.leader ? known(s, event.session, event.term ?? 0) : undefined;
      s.links.set(event.link, leader);
      if (leader === undefined || leader.replaced !== undefined) return;
      // Whoever comes while a higher one is linked may yet be the only one: it is only not used beside it.
      for (const other of s.leaders.values())
        if (other.term < leader.term && other.replaced === undefined) other.replaced = leader.term;
      return;
    }
    case 'down':
      s.links.delete(event.link);
      return;
    default:
      event satisfies never;
  }
}

/** The leader of a session; what it said first of its term stands. */
function known(s: TrunkState, session: string, term: number): Leader {
  const leader = s.leaders.get(session) ?? { session, term };
  s.leaders.delete(session);
  s.leaders.set(session, leader);
  for (const oldest of s.leaders.keys()) {
    if (s.leaders.size <= SESSIONS_KEPT) break;
    s.leaders.delete(oldest);
  }
  return leader;
}

/** The link of the leader with the highest term that no other came after; the trunk where two are alike. */
function leading(s: TrunkState): LinkId | undefined {
  let best: LinkId | undefined;
  let highest = -1;
  for (const [link, leader] of s.links) {
    if (leader === undefined || leader.replaced !== undefined) continue;
    if (leader.term < highest || (leader.term === highest && link !== s.trunk)) continue;
    best = link;
    highest = leader.term;
  }
  return best;
}
