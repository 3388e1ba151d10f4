/** What becomes of a component next, in words, and whose thresholds hold for it. Pure. */
import { type Wall, wall } from '@csm/model';
import type { Thresholds, Tracked } from './types.ts';
import { componentSet, typeOf } from './xname/index.ts';

export interface Outlook {
  readonly text: string;
  /** Null: when something else happens. */
  readonly at: Wall | null;
}

const WAITS: Outlook = { text: 'it is told as started when it beats again', at: null };

/**
 * Of `now` only the wall clock is needed: deadlines are kept on the other one, and are told here as the time they come
 * to while nobody steps the clock.
 */
export function outlookOf(component: Tracked, now: Wall): Outlook {
  const { source, life, since, lastBeat, gap, warnMs, errMs } = component;
  if (source === 'csm') {
    const text = life === 'beating' ? 'it is dead when all its links are lost' : 'it is back when it links again';
    return { text, at: null };
  }
  switch (life) {
    case 'beating':
      return coming('it is late, unless it beats', wall((lastBeat ?? since) + warnMs), now);
    case 'late':
      // Who was warned because nobody watched has the whole time from then on.
      return coming('it is dead, unless it beats', wall((gap ? since : (lastBeat ?? since)) + errMs), now);
    case 'dead':
    case 'halted':
    case 'left':
      return WAITS;
    case 'off':
      return { text: 'it is silent until it beats, or the state manager says On or Ready', at: null };
    default:
      return life satisfies never;
  }
}

/** A deadline that has passed and was not kept was put off: after a gap, or while the service itself is cut off. */
function coming(text: string, at: Wall, now: Wall): Outlook {
  return at > now ? { text, at } : { text: `${text} before the time it was given anew is over`, at: null };
}

/** `group:NAME`, `type:NodeBMC` or `global`; `none` for what is judged by its links. */
export function limitsOf({ name, source }: Pick<Tracked, 'name' | 'source'>, { special }: Thresholds): string {
  if (source === 'csm') return 'none';
  const type = typeOf(name);
  for (const one of special) {
    if ('group' in one && componentSet(one.components, 'components').has(name)) return `group:${one.group}`;
  }
  return special.some((one) => 'type' in one && one.type === type) ? `type:${type}` : 'global';
}
