/** Node records out of the database, with what only memory knows. */
import { code, fail, wall } from '@csm/model';
import { compareNames, NodeSet } from '@csm/nodeset';
import type { Store } from '@csm/store';
import type { CoreShell } from '@csm/tree';
import type { NodeRecord } from './api.ts';

type Row = Readonly<Record<string, string | number | null>>;

/** More nodes than this are not answered in one list. */
const NODES_MAX = 50_000;

const LIST = `
  SELECT n.*, d.daemon, d.connected, d.primary_agg, d.secondary_agg, d.last_seen, d.address, d.version
  FROM node n LEFT JOIN daemon d ON d.daemon = n.type || '/' || n.node_name`;

/** All nodes, or those of a set, in natural order. */
export async function listNodes(
  store: Store,
  tree: CoreShell,
  wanted: NodeSet | undefined,
  type: string | undefined,
): Promise<NodeRecord[]> {
  const one = wanted?.size === 1 ? wanted.names()[0] : undefined;
  const rows =
    one === undefined
      ? await store.query<Row>(LIST, [], { limit: NODES_MAX })
      : await store.query<Row>(`${LIST} WHERE n.node_name = $1`, [one]);
  return rows
    .filter(
      (row) =>
        (wanted === undefined || wanted.has(String(row['node_name']))) && (type === undefined || row['type'] === type),
    )
    .map((row) => record(row, tree))
    .sort((a, b) => compareNames(a.name, b.name));
}

export async function showNode(store: Store, tree: CoreShell, name: string): Promise<NodeRecord> {
  const [node] = await listNodes(store, tree, NodeSet.of([name]), undefined);
  return (
    node ??
    fail(code.UNKNOWN_NODES, `no node is named '${name}'`, {
      field: 'name',
      allowed: 'a node that has reported at least once',
    })
  );
}

const iso = (ms: string | number | null | undefined): string | null =>
  typeof ms === 'number' ? new Date(wall(ms)).toISOString() : null;

function record(row: Row, tree: CoreShell): NodeRecord {
  const view = tree.core.roster.daemon(
    `${row['type']}/${row['node_name']}` as Parameters<typeof tree.core.roster.daemon>[0],
  );
  const links = view?.links.size ?? 0;
  const at = (field: string) => row[field] ?? null;
  return {
    name: String(row['node_name']),
    type: row['type'] as NodeRecord['type'],
    state: row['state'] as NodeRecord['state'],
    primary_aggregator: view?.primary ?? (at('primary_agg') as string | null),
    secondary_aggregator: [...(view?.links.keys() ?? [])].find((hub) => hub !== view?.primary) ?? null,
    connected: tree.core.roster.settling ? links > 0 || at('connected') === 1 : links > 0,
    links: Math.min(2, links),
    first_seen: iso(at('first_seen')) ?? '',
    last_seen: iso(view?.lastSeen ?? at('last_seen')),
    address: at('address') as string | null,
    version: at('version') as string | null,
    machine_model: at('machine_model') as string | null,
    serial_number: at('serial_number') as string | null,
    architecture: at('architecture') as string | null,
    kernel_release: at('kernel_release') as string | null,
    kernel_version: at('kernel_version') as string | null,
    os_image_name: at('os_image_name') as string | null,
    boot_id: at('boot_id') as string | null,
    installed_memory: at('installed_memory') as number | null,
    installed_swap: at('installed_swap') as number | null,
    discovered_sockets: at('discovered_sockets') as number | null,
    discovered_cores: at('discovered_cores') as number | null,
    discovered_threads: at('discovered_threads') as number | null,
    collection_time: iso(at('collection_time')),
  };
}
