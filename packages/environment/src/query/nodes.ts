/** The nodes that have samples, as the tables number them. */
import { code, fail } from '@csm/model';
import { compareNames, NodeSet } from '@csm/nodeset';
import type { SqlValue, Store } from '@csm/store';
import { NODE_ID_MAX } from '../store/slot.ts';

export interface Node {
  readonly id: number;
  readonly name: string;
}

/** Nodes named in one statement; larger sets are picked from all. */
export const LISTED_MAX = 512;

/** The nodes of a set that have given samples, all without one, in natural order. Code 4 when there are none. */
export async function knownNodes(store: Store, given: string | undefined): Promise<readonly Node[]> {
  const wanted = given === undefined ? undefined : NodeSet.parse(given);
  const sql = 'SELECT id, node_name AS name FROM env_node';
  const rows =
    wanted === undefined || wanted.size > LISTED_MAX
      ? await store.query<Node>(sql, [], { limit: NODE_ID_MAX })
      : await store.query<Node>(`${sql} WHERE node_name IN (${placeholders(wanted.names())})`, padded(wanted.names()));
  const nodes = wanted === undefined ? rows : rows.filter(({ name }) => wanted.has(name));
  if (nodes.length === 0)
    fail(code.NO_RESULTS, given === undefined ? 'no node has sent samples yet' : `no node matches '${shown(given)}'`, {
      field: 'nodes',
      allowed: 'nodes that have sent samples',
    });
  return nodes.sort((a, b) => compareNames(a.name, b.name));
}

const shown = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** Lists of few lengths, the last value repeated, so that few statements are prepared. */
export function padded(list: readonly SqlValue[]): SqlValue[] {
  const length = [1, 8, 64].find((most) => list.length <= most) ?? LISTED_MAX;
  return Array.from({ length }, (_, i) => list[Math.min(i, list.length - 1)] ?? null);
}

/** `$1, $2 …` for a padded list. */
export const placeholders = (list: readonly SqlValue[], from = 1): string =>
  padded(list)
    .map((_, i) => `$${from + i}`)
    .join(', ');
