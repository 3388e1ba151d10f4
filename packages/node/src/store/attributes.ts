import { rowsAmong, type Tx } from '@csm/store';
import type { Attributes } from '../attributes.ts';
import { refusal } from '../states/judge.ts';
import type { NodeState } from '../states/table.ts';
import { type Failed, Failures, NOT_KNOWN } from './failures.ts';
import { moveAll, NODE_KEY, readStates, type StateMove } from './states.ts';

const FIELDS = ['comment', 'features', 'location'] as const;
type Said = { readonly [field in (typeof FIELDS)[number]]: string | null };

export interface Update {
  readonly nodes: readonly string[];
  readonly set: Attributes;
  readonly state?: NodeState | undefined;
  readonly reason?: string | null;
  /** Who asks. */
  readonly by: string;
}

export interface Updated {
  /** Nodes that are another than before. */
  readonly updated: number;
  readonly failed: readonly Failed[];
}

/**
 * Sets admin fields of nodes and their state. Of a node whose move is not allowed nothing is changed; the others are.
 * One change row for what was said of a node that is another than before, and one for its move.
 */
export async function update(tx: Tx, { nodes, set, state, reason = null, by }: Update): Promise<Updated> {
  const failures = new Failures();
  const known = await readStates(tx, nodes);
  const moves: StateMove[] = [];
  const granted: string[] = [];
  for (const name of nodes) {
    const row = known.get(name);
    if (row === undefined) {
      failures.add(name, NOT_KNOWN);
      continue;
    }
    // A node that is there already is left as it is. One that a window holds there is an admin's from now on.
    const isHeld = row.state_window !== null;
    if (state !== undefined && (state !== row.state || isHeld)) {
      const problem = state === row.state ? undefined : refusal({ from: row.state, to: state, cause: 'user', reason });
      if (problem !== undefined) {
        failures.add(name, problem);
        continue;
      }
      moves.push({ node: row, to: state, cause: 'user', reason, by });
    }
    granted.push(name);
  }
  const changed = await say(tx, granted, set, by);
  await moveAll(tx, moves);
  for (const { node } of moves) changed.add(node.node_name);
  return { updated: changed.size, failed: failures.list() };
}

/** Gives whom it changed. */
async function say(tx: Tx, nodes: readonly string[], set: Attributes, by: string): Promise<Set<string>> {
  const told = new Set<string>();
  if (FIELDS.every((field) => set[field] === undefined)) return told;
  const rows = await rowsAmong<Said & { readonly node_name: string }>(
    tx,
    { table: 'node', columns: ['node_name', ...FIELDS], key: NODE_KEY },
    nodes.map((node) => [node]),
  );
  for (const { node_name: node, ...known } of rows) {
    const next = {
      comment: set.comment === undefined ? known.comment : set.comment,
      location: set.location === undefined ? known.location : set.location,
      features: set.features === undefined ? known.features : set.features && JSON.stringify(set.features),
    };
    const changed = FIELDS.filter((field) => next[field] !== known[field]);
    if (changed.length === 0) continue;
    await tx.run('UPDATE node SET comment = $2, features = $3, location = $4, update_time = $5 WHERE node_name = $1', [
      node,
      next.comment,
      next.features,
      next.location,
      tx.now,
    ]);
    const was = Object.fromEntries(changed.map((field) => [field, before(known, field)]));
    await tx.change('node', node, {
      cause: 'user',
      by,
      ...Object.fromEntries(changed.map((field) => [field, set[field] ?? null])),
      was,
    });
    told.add(node);
  }
  return told;
}

const before = (known: Said, field: (typeof FIELDS)[number]): unknown =>
  field === 'features' && known.features !== null ? JSON.parse(known.features) : known[field];
