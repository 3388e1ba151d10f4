/** Nodes as the tables number them. */
import { rowsAmong, type Tx } from '@csm/store';
import { NODE_ID_MAX } from './slot.ts';

/** The numbers of these nodes; those never seen before get theirs, in the order given. */
export async function nodeIds(tx: Tx, names: Iterable<string>): Promise<ReadonlyMap<string, number>> {
  const wanted = [...new Set(names)];
  const found = await rowsAmong<{ id: number; node_name: string }>(
    tx,
    { table: 'env_node', columns: ['id', 'node_name'], key: [['node_name', 'TEXT']] },
    wanted.map((name) => [name]),
  );
  const ids = new Map(found.map(({ id, node_name }) => [node_name, id]));
  const fresh = wanted.filter((name) => !ids.has(name));
  if (fresh.length === 0) return ids;
  const last = (await tx.get<{ id: number | null }>('SELECT max(id) AS id FROM env_node'))?.id ?? 0;
  for (const [i, name] of fresh.entries()) {
    const id = last + 1 + i;
    if (id > NODE_ID_MAX) throw new Error(`${name} would be node ${id}, at most ${NODE_ID_MAX} can have samples`);
    ids.set(name, id);
  }
  await tx.insert(
    'env_node',
    ['id', 'node_name'],
    fresh.map((name) => [ids.get(name) ?? 0, name]),
  );
  return ids;
}
