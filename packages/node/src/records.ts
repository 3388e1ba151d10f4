/** Node records out of the database, with what only memory knows. */
import { code, daemonId, fail, type JsonObject, type Role, type TakeItems } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Sql, Store } from '@csm/store';
import type { CoreShell, DaemonView } from '@csm/tree';
import type { NodeRecord } from './api-records.ts';
import { IsoTimes } from './iso.ts';
import { NameOrder } from './name-order.ts';
import { isReady, type NodeState } from './states/table.ts';

/** More nodes than this are not answered in one list. */
const NODES_MAX = 50_000;

/**
 * What stands in a record as it stands in the tables, side by side: the database writes it as JSON. A row is one text,
 * its fields with a separator between them: for ten thousand nodes each value by itself would be read, passed between
 * threads and written again at several times the cost.
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

/** Control characters, which stand in no name and in no JSON as it is. */
const FIELD = '\u001f';
const NAMES = '\u001e';

/** How a database says it. */
interface Dialect {
  readonly char: (of: string) => string;
  readonly object: (pairs: string) => string;
  readonly quoted: (column: string) => string;
  readonly joined: (column: string, by: string) => string;
}

const SQLITE: Dialect = {
  char: (of) => `char(${of.charCodeAt(0)})`,
  object: (pairs) => `json_object(${pairs})`,
  quoted: (column) => `json_quote(${column})`,
  joined: (column, by) => `group_concat(${column}, ${by})`,
};
const POSTGRESQL: Dialect = {
  char: (of) => `chr(${of.charCodeAt(0)})`,
  object: (pairs) => `json_build_object(${pairs})::text`,
  quoted: (column) => `coalesce(to_json(${column})::text, 'null')`,
  joined: (column, by) => `string_agg(${column}, ${by})`,
};

const plain = (column: string): string => `coalesce(CAST(${column} AS TEXT), '')`;

/** The text of a node's row; its fields are those of `record`. */
function row({ char, object, quoted }: Dialect): string {
  const objectOf = (columns: readonly string[]) => object(columns.map((c) => `'${c}', ${c}`).join(', '));
  return [
    ...['n.node_name', 'n.type', 'n.state', 'n.first_seen', 'n.collection_time', 'n.state_since'].map(plain),
    ...['n.features', 'd.connected', 'd.primary_agg', 'd.last_seen'].map(plain),
    quoted('n.comment'),
    quoted('n.location'),
    objectOf(INVENTORY),
    objectOf(CAUSE),
  ].join(` || ${char(FIELD)} || `);
}

const from = "FROM node n LEFT JOIN daemon d ON d.daemon = n.type || '/' || n.node_name";

/** All rows, and the names of all, which tell in what order they go: as most often they come. */
const listing = (dialect: Dialect): string => `
  SELECT ${dialect.char(NAMES)} || coalesce(${dialect.joined('node_name', dialect.char(FIELD))}, '') AS text FROM node
  UNION ALL SELECT text FROM (SELECT ${row(dialect)} AS text ${from} ORDER BY n.node_name) named`;

const ALL: Sql = { sqlite: listing(SQLITE), postgresql: listing(POSTGRESQL) };
const ONE: Sql = {
  sqlite: `SELECT ${row(SQLITE)} AS text ${from} WHERE n.node_name = $1`,
  postgresql: `SELECT ${row(POSTGRESQL)} AS text ${from} WHERE n.node_name = $1`,
};

/** Gives the records of all nodes, or of those of a set, as JSON, in natural order; resolves with how many they are. */
export async function writeRecords(
  store: Store,
  tree: CoreShell,
  wanted: NodeSet | undefined,
  type: string | undefined,
  take: TakeItems,
): Promise<number> {
  const times = new IsoTimes();
  let count = 0;
  const give = (rows: readonly Fields[]): void => {
    const chosen = rows.filter(
      ([name, of]) => (wanted === undefined || wanted.has(name)) && (type === undefined || of === type),
    );
    count += chosen.length;
    if (chosen.length > 0) take(chosen.map((fields) => record(fields, tree, times)));
  };
  const one = wanted?.size === 1 ? wanted.names()[0] : undefined;
  if (one !== undefined) await store.texts(ONE, [one], (texts) => give(texts.map(fieldsOf)));
  else {
    const ordered = new NameOrder<Fields>(([name]) => name, give);
    const takeTexts = (texts: readonly string[]): void => {
      const names = texts.find((text) => text.startsWith(NAMES));
      if (names !== undefined) ordered.names(within(names.slice(1).split(FIELD)));
      ordered.add(texts.filter((text) => text !== names).map(fieldsOf));
    };
    await store.texts(ALL, [], takeTexts, { limit: NODES_MAX + 1 });
    ordered.end();
  }
  return count;
}

/** Refused before the first of them is given. */
function within(names: readonly string[]): readonly string[] {
  if (names.length <= NODES_MAX) return names;
  return fail(code.BUFFER_OVERFLOW, `there are ${names.length} nodes`, {
    allowed: `at most ${NODES_MAX} in one answer`,
  });
}

/** As `writeRecords`, read. */
export async function listNodes(
  ...given: [store: Store, tree: CoreShell, wanted: NodeSet | undefined, type: string | undefined]
): Promise<NodeRecord[]> {
  const nodes: NodeRecord[] = [];
  await writeRecords(...given, (texts) => {
    for (const text of texts) nodes.push(JSON.parse(text) as NodeRecord);
  });
  return nodes;
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

/** The fields of a row, as `row` writes them; times in ms; all but the JSON empty for null. */
type Fields = readonly [
  name: string,
  type: Role,
  state: NodeState,
  firstSeen: string,
  collectionTime: string,
  stateSince: string,
  features: string,
  connected: string,
  primary: string,
  lastSeen: string,
  comment: string,
  location: string,
  inventory: string,
  cause: string,
];

const fieldsOf = (text: string): Fields => text.split(FIELD) as unknown as Fields;

/** A `NodeRecord` as JSON, its fields in the order of the schema. */
function record(fields: Fields, tree: CoreShell, times: IsoTimes): string {
  const [name, type, state, firstSeen, collectionTime, stateSince, features] = fields;
  const [, , , , , , , connectedThen, primary, lastSeen, comment, location, inventory, cause] = fields;
  const { roster } = tree.core;
  const view = roster.daemon(daemonId(type, name));
  const links = view?.links.size ?? 0;
  const connected = roster.settling ? links > 0 || connectedThen === '1' : links > 0;
  const time = (ms: string | number): string => (ms === '' ? 'null' : `"${times.of(Number(ms))}"`);
  return (
    `{"name":${json(name)},"type":${json(type)},"state":${json(state)},` +
    `"primary_aggregator":${json(view?.primary ?? (primary === '' ? null : primary))},` +
    `"secondary_aggregator":${json(view === undefined ? null : secondaryOf(view))},` +
    `"connected":${connected},"links":${Math.min(2, links)},` +
    `"first_seen":${time(firstSeen)},"last_seen":${time(view?.lastSeen ?? lastSeen)},` +
    `${inside(inventory)},"collection_time":${time(collectionTime)},` +
    `"comment":${comment},"features":${featuresOf(features)},"location":${location},` +
    `"ready":${isReady(state)},"state_since":${time(stateSince === '' ? firstSeen : stateSince)},${inside(cause)}}`
  );
}

function secondaryOf({ links, primary }: DaemonView): string | null {
  for (const hub of links.keys()) if (hub !== primary) return hub;
  return null;
}

const json = (value: string | null): string => JSON.stringify(value);
const inside = (object: string): string => object.slice(1, -1);
/** Read once more, so that a record stays on its line whatever stands in the column. */
const featuresOf = (text: string): string => (text === '' ? '[]' : JSON.stringify(JSON.parse(text)));
