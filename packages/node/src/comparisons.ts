/** In what nodes differ, and which are alike, out of the database. */
import { code, fail } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Store } from '@csm/store';
import type { CoreShell } from '@csm/tree';
import type { NodeDifference, ProfileRecord } from './api-records.ts';
import { readParts } from './hardware-records.ts';
import { type Compared, difference } from './parts/compare.ts';
import { readDocument, showNode } from './records.ts';

/** Code 46 when a node is not known, 4 when it has no inventory yet. */
export async function compareNodes(store: Store, tree: CoreShell, a: string, b: string): Promise<NodeDifference> {
  const [ofA, ofB] = [await read(store, tree, 'a', a), await read(store, tree, 'b', b)];
  const { fields, parts } = difference(ofA, ofB);
  return {
    a,
    b,
    equal: fields.length === 0 && parts.length === 0,
    fields: fields.map((row) => ({ ...row })),
    parts: parts.map((row) => ({ ...row, kind: row.kind as never })),
  };
}

async function read(store: Store, tree: CoreShell, field: string, name: string): Promise<Compared> {
  await showNode(store, tree, name, field);
  const document =
    (await readDocument(store, name)) ??
    fail(code.NO_RESULTS, `${name} has not sent an inventory yet`, { field, allowed: 'a node with an inventory' });
  return { document, parts: await readParts(store, [name]) };
}

interface Row {
  readonly node_name: string;
  readonly profile: string;
  readonly machine_model: string | null;
  readonly cpu_model: string | null;
  readonly summary: string;
}

const NODES_MAX = 50_000;

/** Nodes folded by equal hardware, the largest group first; those without an inventory are in none. */
export async function listProfiles(store: Store, wanted: NodeSet | undefined): Promise<ProfileRecord[]> {
  const rows = await store.query<Row>(
    'SELECT n.node_name, p.* FROM node n JOIN profile p ON p.profile = n.profile',
    [],
    { limit: NODES_MAX },
  );
  const groups = new Map<string, { readonly row: Row; readonly names: string[] }>();
  for (const row of rows) {
    if (wanted !== undefined && !wanted.has(row.node_name)) continue;
    const group = groups.get(row.profile);
    if (group === undefined) groups.set(row.profile, { row, names: [row.node_name] });
    else group.names.push(row.node_name);
  }
  return [...groups.values()]
    .sort((x, y) => y.names.length - x.names.length || (x.row.profile < y.row.profile ? -1 : 1))
    .map(({ row: { profile, machine_model, cpu_model, summary }, names }) => ({
      profile,
      nodes: NodeSet.of(names).toString(),
      count: names.length,
      machine_model,
      cpu_model,
      summary,
    }));
}
