/**
 * What happened since the last time, in one transaction: each change is a row of `change`, a row of history, how its
 * component now is, and what the state manager makes of it or is yet to be told. A thousand changes cost about as many
 * statements as one.
 */
import type { NewChange, Tx } from '@csm/store';
import { INFO, shown } from '../hsm/rules.ts';
import type { Change, ChangeBody, Incident, Procedures } from '../types.ts';
import { noteArrivals, noteComponents } from './components.ts';
import { noteHistory } from './history.ts';
import { tellBuiltIn } from './hsm.ts';
import { noteIncidents, tidyIncident } from './incidents.ts';
import { plain } from './lists.ts';
import { forgetWaiting, noteWaiting } from './outbox.ts';

/** Characters of what a sender says of itself. */
const SAID_MAX = 256;

export async function record(tx: Tx, input: Procedures['record']): Promise<null> {
  const { arrivals, manager, watchedUntil } = input;
  const changes = input.changes.map(tidy);
  const incidents = input.incidents.map(tidyIncident);
  const ids = await noteComponents(tx, changes);
  await noteArrivals(tx, arrivals);
  await noteIncidents(tx, incidents);
  const told = manager === 'builtin' ? await tellBuiltIn(tx, { ...input, changes }) : [];
  const seqs = await publish(tx, incidents, changes, told);
  await noteHistory(tx, changes, ids, seqs);
  if (manager === 'external') await noteWaiting(tx, changes, seqs);
  else await forgetWaiting(tx, changes);
  await tx.insert('heartbeat_watch', ['id', 'watched_until'], [[1, watchedUntil]], {
    onConflict: '(id) DO UPDATE SET watched_until = excluded.watched_until',
  });
  return null;
}

/** A sender's own words, as every database keeps them: one that were refused would hold up all others. */
const tidy = (change: Change): Change => ({
  ...change,
  timestamp: plain(change.timestamp, SAID_MAX),
  status: plain(change.status, SAID_MAX),
});

/**
 * Incidents, then each change and what subscribers of the state manager are told of it. Gives the number of each change.
 */
async function publish(
  tx: Tx,
  incidents: readonly Incident[],
  changes: readonly Change[],
  told: readonly (NewChange | undefined)[],
): Promise<number[]> {
  const news: NewChange[] = incidents.map((body) => ({ kind: 'heartbeat.incident', subject: body.id, body }));
  const places = changes.map((change, i) => {
    const place = news.push({ kind: 'heartbeat', subject: change.name, body: bodyOf(change) }) - 1;
    const scn = told[i];
    if (scn !== undefined) news.push(scn);
    return place;
  });
  if (news.length === 0) return [];
  const first = await tx.changes(news);
  return places.map((place) => first + place);
}

const bodyOf = (change: Change): ChangeBody => ({ ...change, ...shown(change.kind), info: INFO[change.kind] });
