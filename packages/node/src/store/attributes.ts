import { code, fail } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Tx } from '@csm/store';
import type { Attributes } from '../attributes.ts';

const FIELDS = ['comment', 'features', 'location'] as const;

/** Sets admin fields of nodes, all of them or none. One change row for each node that is another than before. */
export async function update(
  tx: Tx,
  { nodes, set }: { readonly nodes: readonly string[]; readonly set: Attributes },
): Promise<{ readonly updated: number }> {
  const unknown: string[] = [];
  let updated = 0;
  for (const node of nodes) {
    const known = await tx.get<{ [field in (typeof FIELDS)[number]]: string | null }>(
      'SELECT comment, features, location FROM node WHERE node_name = $1',
      [node],
    );
    if (known === undefined) {
      unknown.push(node);
      continue;
    }
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
    await tx.change('node', node, {
      cause: 'an admin',
      ...Object.fromEntries(changed.map((field) => [field, set[field] ?? null])),
    });
    updated += 1;
  }
  if (unknown.length > 0) {
    const named = NodeSet.of(unknown).toString();
    fail(code.UNKNOWN_NODES, `no node is named ${named}; nothing was changed`, {
      field: 'nodes',
      allowed: 'nodes that have reported at least once',
      nodes: [{ nodeset: named, code: code.UNKNOWN_NODES, text: 'not known' }],
    });
  }
  return { updated };
}
