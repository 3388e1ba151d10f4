/** Incidents: a row each, written when it begins, when it grows and when it is over. */
import type { Tx } from '@csm/store';
import type { Incident } from '../types.ts';
import { plain } from './lists.ts';

/** Characters of the folded components: a change's body has room for 256 KiB of all. */
const COMPONENTS_MAX = 100_000;
const WORDS_MAX = 1_000;

const COLUMNS = ['id', 'scope', 'kind', 'began', 'ended', 'components', 'size', 'words'];
// One that grows may come to stand in a larger place, and late ones die.
const NEWEST = `(id) DO UPDATE SET scope = excluded.scope, kind = excluded.kind, ended = excluded.ended,
  components = excluded.components, size = excluded.size, words = excluded.words`;

/** Within what is kept of one; a set that is cut ends with a comma and three dots, and the count is still that of all. */
export const tidyIncident = (incident: Incident): Incident => ({
  ...incident,
  components:
    incident.components.length <= COMPONENTS_MAX
      ? incident.components
      : `${incident.components.slice(0, incident.components.lastIndexOf(',', COMPONENTS_MAX))},...`,
  words: plain(incident.words, WORDS_MAX),
});

export async function noteIncidents(tx: Tx, incidents: readonly Incident[]): Promise<void> {
  const newest = new Map(incidents.map((incident) => [incident.id, incident]));
  const rows = [...newest.values()].map(({ id, scope, kind, began, ended, components, count, words }) => [
    id,
    scope,
    kind,
    began,
    ended,
    components,
    count,
    words,
  ]);
  await tx.insert('heartbeat_incident', COLUMNS, rows, { onConflict: NEWEST });
}
