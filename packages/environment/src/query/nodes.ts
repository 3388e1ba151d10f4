/** The nodes that have samples, as the tables number them. */
import { code, fail } from '@csm/model';
import { compareNames, NodeSet } from '@csm/nodeset';
import type { SqlValue, Store } from '@csm/store';
import { NODE_ID_MAX } from '../store/slot.ts';

export interface Node {
  readonly id: number;
  readonly name: string;
}

/** Nodes named in one statement; of larger sets several lists are asked for. */
export const LISTED_MAX = 512;
/** Names that are looked up list by list; of larger sets all nodes are read, and picked from. */
const LOOKED_UP_MAX = 16 * LISTED_MAX;

export interface KnownNodes {
  /** In natural order. */
  readonly nodes: readonly Node[];
  /** Nodes that have given samples, whether asked for or not. */
  readonly total: number;
}

/** The nodes of a set that have given samples, all without one. Code 4 when there are none. */
export async function knownNodes(store: Store, given: string | undefined): Promise<KnownNodes> {
  const wanted = given === undefined ? undefined : NodeSet.parse(given);
  const nodes = wanted === undefined ? await allNodes(store) : await nodesOf(store, wanted);
  if (nodes.length === 0)
    fail(code.NO_RESULTS, given === undefined ? 'no node has sent samples yet' : `no node matches '${shown(given)}'`, {
      field: 'nodes',
      allowed: 'nodes that have sent samples',
    });
  const [row] = await store.query<{ n: number }>('SELECT count(*) AS n FROM env_node');
  return { nodes: nodes.sort((a, b) => compareNames(a.name, b.name)), total: Math.max(nodes.length, row?.n ?? 0) };
}

const SQL = 'SELECT id, node_name AS name FROM env_node';

const allNodes = (store: Store): Promise<Node[]> => store.query<Node>(SQL, [], { limit: NODE_ID_MAX });

async function nodesOf(store: Store, wanted: NodeSet): Promise<Node[]> {
  if (wanted.size > LOOKED_UP_MAX) return (await allNodes(store)).filter(({ name }) => wanted.has(name));
  const found: Node[] = [];
  for (const list of lists(wanted.names())) {
    found.push(...(await store.query<Node>(`${SQL} WHERE node_name IN (${placeholders(list)})`, padded(list))));
  }
  return found;
}

/** A long list as several that a statement can hold. */
export function lists<T>(all: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += LISTED_MAX) parts.push(all.slice(at, at + LISTED_MAX));
  return parts;
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
