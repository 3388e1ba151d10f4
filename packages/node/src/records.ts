/** Node records out of the database, with what only memory knows. */
import { code, daemonId, fail, type JsonObject, type Role } from '@csm/model';
import { compareNames, NodeSet } from '@csm/nodeset';
import type { Store } from '@csm/store';
import type { CoreShell } from '@csm/tree';
import type { NodeRecord } from './api-records.ts';
import { IsoTimes } from './iso.ts';
import { isReady, type NodeState } from './states/table.ts';

/** More nodes than this are not answered in one list. */
const NODES_MAX = 50_000;

/** What stands in a record as it stands in the tables. */
const PLAIN = [
  'address',
  'version',
  'machine_model',
  'serial_number',
  'architecture',
  'kernel_release',
  'kernel_version',
  'os_image_name',
  'boot_id',
  'installed_memory',
  'installed_swap',
  'discovered_sockets',
  'discovered_cores',
  'discovered_threads',
  'discovered_gpus',
  'discovered_hcas',
  'discovered_dimms',
  'discovered_ssds',
  'discovered_nics',
  'cpu_model',
  'bios_version',
  'bmc_address',
  'profile',
  'comment',
  'location',
  'state_cause',
  'state_reason',
  'state_by',
] as const satisfies readonly (keyof NodeRecord)[];

interface Row extends Pick<NodeRecord, (typeof PLAIN)[number]> {
  readonly node_name: string;
  readonly type: Role;
  readonly state: NodeState;
  /** Times in ms. */
  readonly first_seen: number;
  readonly collection_time: number | null;
  readonly state_since: number | null;
  /** JSON. */
  readonly features: string | null;
  /** From here on null where the daemon is not known. */
  readonly connected: number | null;
  readonly primary_agg: string | null;
  readonly last_seen: number | null;
}

/** By name: the tables hold more of each node, which would be carried along for ten thousand of them. */
const LIST = `
  SELECT n.node_name, n.type, n.state, n.first_seen, n.collection_time, n.state_since, n.features,
    d.connected, d.primary_agg, d.last_seen, ${PLAIN.join(', ')}
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
  const times = new IsoTimes();
  return rows
    .filter((row) => (wanted === undefined || wanted.has(row.node_name)) && (type === undefined || row.type === type))
    .sort((a, b) => compareNames(a.node_name, b.node_name))
    .map((row) => record(row, tree, times));
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

function record(row: Row, tree: CoreShell, times: IsoTimes): NodeRecord {
  const { roster } = tree.core;
  const view = roster.daemon(daemonId(row.type, row.node_name));
  const links = view?.links.size ?? 0;
  const lastSeen = view?.lastSeen ?? row.last_seen;
  return {
    name: row.node_name,
    type: row.type as NodeRecord['type'],
    state: row.state as NodeRecord['state'],
    primary_aggregator: view?.primary ?? row.primary_agg,
    secondary_aggregator: [...(view?.links.keys() ?? [])].find((hub) => hub !== view?.primary) ?? null,
    connected: roster.settling ? links > 0 || row.connected === 1 : links > 0,
    links: Math.min(2, links),
    first_seen: times.of(row.first_seen),
    last_seen: lastSeen === null ? null : times.of(lastSeen),
    address: row.address,
    version: row.version,
    machine_model: row.machine_model,
    serial_number: row.serial_number,
    architecture: row.architecture,
    kernel_release: row.kernel_release,
    kernel_version: row.kernel_version,
    os_image_name: row.os_image_name,
    boot_id: row.boot_id,
    installed_memory: row.installed_memory,
    installed_swap: row.installed_swap,
    discovered_sockets: row.discovered_sockets,
    discovered_cores: row.discovered_cores,
    discovered_threads: row.discovered_threads,
    discovered_gpus: row.discovered_gpus,
    discovered_hcas: row.discovered_hcas,
    discovered_dimms: row.discovered_dimms,
    discovered_ssds: row.discovered_ssds,
    discovered_nics: row.discovered_nics,
    cpu_model: row.cpu_model,
    bios_version: row.bios_version,
    bmc_address: row.bmc_address,
    profile: row.profile,
    collection_time: row.collection_time === null ? null : times.of(row.collection_time),
    comment: row.comment,
    features: row.features === null ? [] : (JSON.parse(row.features) as string[]),
    location: row.location,
    ready: isReady(row.state),
    state_since: times.of(row.state_since ?? row.first_seen),
    state_cause: row.state_cause,
    state_reason: row.state_reason,
    state_by: row.state_by,
  };
}
