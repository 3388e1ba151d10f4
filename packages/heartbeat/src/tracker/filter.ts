import type { Life, ListFilter, Tracked } from '../types.ts';

/** The flag that the state manager has for one whose life is this. */
export function flagOf(life: Life): 'OK' | 'Warning' | 'Alert' {
  switch (life) {
    case 'beating':
    case 'left':
    case 'off':
      return 'OK';
    case 'late':
      return 'Warning';
    case 'dead':
    case 'halted':
      return 'Alert';
    default:
      return life satisfies never;
  }
}

/** The whole filter as one question; what is not asked for is not looked at. */
export function asked(filter: ListFilter): (component: Tracked) => boolean {
  const lives = filter.lives === undefined ? undefined : new Set(filter.lives);
  const flags = filter.flags === undefined ? undefined : new Set(filter.flags);
  const { wants, seenSince, seenBefore } = filter;
  return (component) => {
    if (lives !== undefined && !lives.has(component.life)) return false;
    if (flags !== undefined && !flags.has(flagOf(component.life))) return false;
    if (seenSince !== undefined || seenBefore !== undefined) {
      const { lastBeat } = component;
      if (lastBeat === null) return false;
      if (seenSince !== undefined && lastBeat < seenSince) return false;
      if (seenBefore !== undefined && lastBeat >= seenBefore) return false;
    }
    return wants === undefined || wants(component.name);
  };
}
