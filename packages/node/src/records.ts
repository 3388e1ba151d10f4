/** Node records out of the database, with what only memory knows. */
import { code, daemonId, fail, type JsonObject, type Role } from '@csm/model';
import { compareNames, NodeSet } from '@csm/nodeset';
import type { Sql, Store } from '@csm/store';
import type { CoreShell } from '@csm/tree';
import type { NodeRecord } from './api-records.ts';
import { IsoTimes } from './iso.ts';
import { isReady, type NodeState } from './states/table.ts';

/** More nodes than this are not answered in one list. */
const NODES_MAX = 50_000;

/**
 * What stands in a record as it stands in the tables, side by side: the database writes it as JSON. For ten thousand
 * nodes that is one text each, in place of thirty values that would be read, passed between threads and written again.
 */
const INVENTORY = [
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
] as const satisfies readonly (keyof NodeRecord)[];
const CAUSE = ['state_cause', 'state_reason', 'state_by'] as const satisfies readonly (keyof NodeRecord)[];

interface Row {
  readonly node_name: string;
  readonly type: Role;
  readonly state: NodeState;
  /** Times in ms. */
  readonly first_seen: number;
  readonly collection_time: number | null;
  readonly state_since: number | null;
  readonly comment: string | null;
  /** JSON. */
  readonly features: string | null;
  readonly location: string | null;
  /** Null where the daemon is not known. */
  readonly connected: number | null;
  readonly primary_agg: string | null;
  readonly last_seen: number | null;
  /** Objects in JSON. */
  readonly inventory: string;
  readonly cause: string;
}

const pairs = (columns: readonly string[]): string => columns.map((column) => `'${column}', ${column}`).join(', ');

const listing = (object: (columns: readonly string[]) => string, where: string): string => `
  SELECT n.node_name, n.type, n.state, n.first_seen, n.collection_time, n.state_since, n.comment, n.features, n.location,
    d.connected, d.primary_agg, d.last_seen, ${object(INVENTORY)} AS inventory, ${object(CAUSE)} AS cause
  FROM node n LEFT JOIN daemon d ON d.daemon = n.type || '/' || n.node_name ${where}`;

const statement = (where = ''): Sql => ({
  sqlite: listing((columns) => `json_object(${pairs(columns)})`, where),
  postgresql: listing((columns) => `json_build_object(${pairs(columns)})::text`, where),
});
const ALL = statement();
const ONE = statement('WHERE n.node_name = $1');

/** The records of all nodes, or of those of a set, as JSON, in natural order. */
export async function listRecords(
  store: Store,
  tree: CoreShell,
  wanted: NodeSet | undefined,
  type: string | undefined,
): Promise<string[]> {
  const one = wanted?.size === 1 ? wanted.names()[0] : undefined;
  const rows =
    one === undefined ? await store.query<Row>(ALL, [], { limit: NODES_MAX }) : await store.query<Row>(ONE, [one]);
  const times = new IsoTimes();
  return rows
    .filter((row) => (wanted === undefined || wanted.has(row.node_name)) && (type === undefined || row.type === type))
    .sort((a, b) => compareNames(a.node_name, b.node_name))
    .map((row) => record(row, tree, times));
}

/** As `listRecords`, read. */
export async function listNodes(...given: Parameters<typeof listRecords>): Promise<NodeRecord[]> {
  return (await listRecords(...given)).map((text) => JSON.parse(text) as NodeRecord);
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

/** A `NodeRecord` as JSON, its fields in the order of the schema. */
function record(row: Row, tree: CoreShell, times: IsoTimes): string {
  const { roster } = tree.core;
  const view = roster.daemon(daemonId(row.type, row.node_name));
  const links = view?.links.size ?? 0;
  const secondary = [...(view?.links.keys() ?? [])].find((hub) => hub !== view?.primary);
  const connected = roster.settling ? links > 0 || row.connected === 1 : links > 0;
  const time = (ms: number | null): string => (ms === null ? 'null' : `"${times.of(ms)}"`);
  return (
    `{"name":${json(row.node_name)},"type":${json(row.type)},"state":${json(row.state)},` +
    `"primary_aggregator":${json(view?.primary ?? row.primary_agg)},"secondary_aggregator":${json(secondary ?? null)},` +
    `"connected":${connected},"links":${Math.min(2, links)},` +
    `"first_seen":${time(row.first_seen)},"last_seen":${time(view?.lastSeen ?? row.last_seen)},` +
    `${inside(row.inventory)},"collection_time":${time(row.collection_time)},` +
    `"comment":${json(row.comment)},"features":${features(row.features)},"location":${json(row.location)},` +
    `"ready":${isReady(row.state)},"state_since":${time(row.state_since ?? row.first_seen)},${inside(row.cause)}}`
  );
}

const json = (value: string | null): string => JSON.stringify(value);
const inside = (object: string): string => object.slice(1, -1);
/** Read once more, so that a record stays on its line whatever stands in the column. */
const features = (text: string | null): string => (text === null ? '[]' : JSON.stringify(JSON.parse(text)));
