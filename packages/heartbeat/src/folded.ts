/** Names that were folded here, and whether a component is among those of an incident. Pure. */
import { NodeSet } from '@csm/nodeset';
import type { Incident } from './types.ts';
import { placesOf } from './xname/index.ts';

/** Folded names may be longer than what a person may write; undefined where nobody could read them. */
function readFolded(text: string): NodeSet | undefined {
  const parsed = NodeSet.tryParse(text, { maxText: text.length });
  return parsed.ok ? parsed.value : undefined;
}

/**
 * Tells of a component whether an incident is its own. One that concerns very many names the cabinets they stand in, or
 * nobody at all; better one incident too many than one that is not told.
 */
export function concernedBy({ scope, components }: Pick<Incident, 'scope' | 'components'>): (name: string) => boolean {
  const named = readFolded(components);
  if (named === undefined || named.size === 0) return () => scope === 'all';
  return (name) => named.has(name) || placesOf(name).some((place) => named.has(place));
}
