/** Nodes that are deleted: what is known of them goes, their history stays. */
import { deleteAmong, rowsAmong, type Tx } from '@csm/store';
import type { NodeState } from '../states/table.ts';
import { type Failed, Failures, NOT_KNOWN } from './failures.ts';
import { removeParts } from './hardware.ts';
import { NODE_KEY, noteMoves } from './states.ts';

const OF_NODE = ['inventory', 'hardware_claim', 'node_contact', 'node_window_node', 'node'] as const;

interface Row {
  readonly node_name: string;
  readonly state: NodeState;
  readonly profile: string | null;
}

/** A daemon of such a node makes it known again, as DISCOVERED, when it starts or links anew. */
export async function remove(
  tx: Tx,
  {
    nodes,
    by,
    reason = null,
  }: { readonly nodes: readonly string[]; readonly by: string; readonly reason?: string | null },
): Promise<{ readonly deleted: number; readonly failed: readonly Failed[] }> {
  const failures = new Failures();
  const names = [...new Set(nodes)];
  const rows = await rowsAmong<Row>(
    tx,
    { table: 'node', columns: ['node_name', 'state', 'profile'], key: NODE_KEY },
    names.map((node) => [node]),
  );
  const known = new Set(rows.map(({ node_name }) => node_name));
  for (const name of names) if (!known.has(name)) failures.add(name, NOT_KNOWN);
  const keys = [...known].map((node) => [node]);
  await removeParts(tx, [...known]);
  for (const table of OF_NODE) await deleteAmong(tx, { table, key: NODE_KEY }, keys);
  await deleteAmong(tx, { table: 'daemon', key: NODE_KEY }, keys);
  const profiles = [...new Set(rows.flatMap(({ profile }) => profile ?? []))];
  for (const profile of profiles)
    await tx.run('DELETE FROM profile WHERE profile = $1 AND NOT EXISTS (SELECT 1 FROM node WHERE node.profile = $1)', [
      profile,
    ]);
  await noteMoves(
    tx,
    rows.map(({ node_name: node, state: from }) => ({ node, from, to: null, cause: 'user', reason, by })),
  );
  return { deleted: rows.length, failed: failures.list() };
}
