/** Node records out of the database, with what only memory knows. */
import { code, fail, type JsonObject, wall } from '@csm/model';
import { compareNames, NodeSet } from '@csm/nodeset';
import type { Store } from '@csm/store';
import type { CoreShell } from '@csm/tree';
import type { NodeRecord } from './api-records.ts';
import { isReady, type NodeState } from './states/table.ts';

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

/** Code 46 when there is none; `field` is where the caller named it. */
export async function showNode(store: Store, tree: CoreShell, name: string, field = 'name'): Promise<NodeRecord> {
  const [node] = await listNodes(store, tree, NodeSet.of([name]), undefined);
  return (
    node ??
    fail(code.UNKNOWN_NODES, `no node is named '${name}'`, {
      field,
      allowed: 'a node that has reported at least once',
    })
  );
}

/** The document a node sent last. */
export async function readDocument(store: Store, name: string): Promise<JsonObject | undefined> {
  const [row] = await store.query<{ document: string }>('SELECT document FROM inventory WHERE node_name = $1', [name]);
  return row === undefined ? undefined : (JSON.parse(row.document) as JsonObject);
}

const iso = (ms: string | number | null | undefined): string | null =>
  typeof ms === 'number' ? new Date(wall(ms)).toISOString() : null;

function record(row: Row, tree: CoreShell): NodeRecord {
  const view = tree.core.roster.daemon(
    `${row['type']}/${row['node_name']}` as Parameters<typeof tree.core.roster.daemon>[0],
  );
  const links = view?.links.size ?? 0;
  const at = (field: string) => row[field] ?? null;
  const text = (field: string) => at(field) as string | null;
  const number = (field: string) => at(field) as number | null;
  return {
    name: String(row['node_name']),
    type: row['type'] as NodeRecord['type'],
    state: row['state'] as NodeRecord['state'],
    primary_aggregator: view?.primary ?? text('primary_agg'),
    secondary_aggregator: [...(view?.links.keys() ?? [])].find((hub) => hub !== view?.primary) ?? null,
    connected: tree.core.roster.settling ? links > 0 || at('connected') === 1 : links > 0,
    links: Math.min(2, links),
    first_seen: iso(at('first_seen')) ?? '',
    last_seen: iso(view?.lastSeen ?? at('last_seen')),
    address: text('address'),
    version: text('version'),
    machine_model: text('machine_model'),
    serial_number: text('serial_number'),
    architecture: text('architecture'),
    kernel_release: text('kernel_release'),
    kernel_version: text('kernel_version'),
    os_image_name: text('os_image_name'),
    boot_id: text('boot_id'),
    installed_memory: number('installed_memory'),
    installed_swap: number('installed_swap'),
    discovered_sockets: number('discovered_sockets'),
    discovered_cores: number('discovered_cores'),
    discovered_threads: number('discovered_threads'),
    discovered_gpus: number('discovered_gpus'),
    discovered_hcas: number('discovered_hcas'),
    discovered_dimms: number('discovered_dimms'),
    discovered_ssds: number('discovered_ssds'),
    discovered_nics: number('discovered_nics'),
    cpu_model: text('cpu_model'),
    bios_version: text('bios_version'),
    bmc_address: text('bmc_address'),
    profile: text('profile'),
    collection_time: iso(at('collection_time')),
    comment: text('comment'),
    features: JSON.parse(text('features') ?? '[]') as string[],
    location: text('location'),
    ready: isReady(row['state'] as NodeState),
    state_since: iso(at('state_since') ?? at('first_seen')) ?? '',
    state_cause: text('state_cause'),
    state_reason: text('state_reason'),
    state_by: text('state_by'),
  };
}
