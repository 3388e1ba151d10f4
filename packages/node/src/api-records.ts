/** What the answers of the node feature are made of. */
import { ROLES } from '@csm/model';
import Type, { type Static, type TSchema } from 'typebox';
import { PART_KINDS } from './hardware.ts';
import { NODE_STATES } from './states/table.ts';

/** Or null. */
export const nullable = <S extends TSchema>(schema: S, description: string) =>
  Type.Union([schema, Type.Null()], { description });
const text = (description: string) => nullable(Type.String(), description);
const count = (description: string) => nullable(Type.Integer(), description);

export const NodeRecord = Type.Object({
  name: Type.String({ description: 'name of the node' }),
  type: Type.Union(
    ROLES.map((role) => Type.Literal(role)),
    { description: 'role of its main daemon' },
  ),
  state: Type.Union(
    NODE_STATES.map((state) => Type.Literal(state)),
    { description: 'DISCOVERED at first contact' },
  ),
  primary_aggregator: text('the hub that serves it now, or served it last'),
  secondary_aggregator: text('the hub that would take over at once; null without one'),
  connected: Type.Boolean({ description: 'whether it has a link now' }),
  links: Type.Integer({ description: 'links it has now: 0, 1 or 2' }),
  first_seen: Type.String({ description: 'ISO 8601, UTC' }),
  last_seen: text('ISO 8601, UTC; at most one heartbeat interval plus a moment old while it is linked'),
  address: text('address of its primary link'),
  version: text('protocol version of its daemon'),
  machine_model: text('from the firmware; null where the firmware says nothing'),
  serial_number: text('from the firmware'),
  architecture: text('such as x86_64'),
  kernel_release: text('as uname -r'),
  kernel_version: text('as uname -v'),
  os_image_name: text('PRETTY_NAME of its os-release'),
  boot_id: text('changes with each boot'),
  installed_memory: count('MemTotal, kB'),
  installed_swap: count('kB'),
  discovered_sockets: count('processor packages with an online CPU'),
  discovered_cores: count('physical cores online; SMT threads of one core count once'),
  discovered_threads: count('logical CPUs online'),
  discovered_gpus: count('as are the next four: how many were found; null when that kind cannot be read there'),
  discovered_hcas: count('host channel adapters: InfiniBand and its like'),
  discovered_dimms: count('memory modules'),
  discovered_ssds: count('solid-state drives, NVMe among them'),
  discovered_nics: count('network adapters that are no HCA'),
  cpu_model: text('of its first processor'),
  bios_version: text('of its firmware'),
  bmc_address: text('of its baseboard management controller'),
  profile: text('short hash of its hardware: nodes that have the same are alike'),
  collection_time: text('when the inventory was taken on the node, ISO 8601, UTC'),
  comment: text('free text of an admin; null when there is none'),
  features: Type.Array(Type.String(), { description: 'words of an admin on what it is good for' }),
  location: text('where an admin says it stands'),
  ready: Type.Boolean({ description: 'it takes work: it is IN_SERVICE' }),
  state_since: Type.String({ description: 'in this state since, ISO 8601, UTC' }),
  state_cause: text('what moved it there: user, contact, recovery, event, inventory or window'),
  state_reason: text('why'),
  state_by: text('who moved it there, where somebody did'),
});
export type NodeRecord = Static<typeof NodeRecord>;

/** One node, with the whole document when that was asked for. */
export const NodeDetails = Type.Object({
  ...NodeRecord.properties,
  next: Type.Object(
    {
      text: Type.String({ description: 'in words' }),
      at: text('ISO 8601, UTC; null: when something else happens'),
    },
    { description: 'what the system will do with it next' },
  ),
  inventory: Type.Optional(
    Type.Unknown({
      description:
        'the document as the node sent it: facts, hardware, numa, and reasons for what is missing; null before the first',
    }),
  ),
});
export type NodeDetails = Static<typeof NodeDetails>;

export const Kind = Type.Union(
  PART_KINDS.map((kind) => Type.Literal(kind)),
  { description: 'kind of part' },
);

export const HardwareRecord = Type.Object({
  node: Type.String({ description: 'name of the node' }),
  kind: Kind,
  location: Type.String({ description: 'where it sits in the node: slot, PCI address, socket' }),
  serial: text('null where none is told'),
  vendor: text('in words where they are known'),
  model: text('in words where they are known'),
  part_number: text('of its maker'),
  firmware: text('version'),
  since: Type.String({ description: 'known in this node since, ISO 8601, UTC' }),
  details: Type.Record(Type.String(), Type.Unknown(), { description: 'what else is known of this kind, such as size' }),
  passing: Type.Record(Type.String(), Type.Unknown(), {
    description: 'what changes while the part is the same, such as wear',
  }),
});
export type HardwareRecord = Static<typeof HardwareRecord>;

export const HARDWARE_EVENTS = ['inserted', 'changed', 'removed', 'moved'] as const;

export const HistoryRecord = Type.Object({
  seq: Type.Integer({ description: 'names this row for good' }),
  time: Type.String({ description: 'when the master learned of it, ISO 8601, UTC' }),
  event: Type.Union(
    HARDWARE_EVENTS.map((event) => Type.Literal(event)),
    {
      description:
        'moved: from another node. A part that is removed here and found there within 30 days becomes one moved',
    },
  ),
  kind: Kind,
  serial: text('null where none is told'),
  node: Type.String({ description: 'where it is now, or was removed' }),
  location: Type.String({ description: 'where it sits in there, or sat' }),
  from_node: text('where it moved from'),
  from_location: text('where it sat there'),
  changes: Type.Record(
    Type.String(),
    Type.Object({ from: Type.Unknown({ description: 'before' }), to: Type.Unknown({ description: 'after' }) }),
    { description: 'by field, for changed and moved; a value of more than 400 characters is cut' },
  ),
});
export type HistoryRecord = Static<typeof HistoryRecord>;

export const NodeDifference = Type.Object({
  a: Type.String({ description: 'name of the one node' }),
  b: Type.String({ description: 'name of the other' }),
  equal: Type.Boolean({ description: 'nothing differs' }),
  fields: Type.Array(
    Type.Object({
      field: Type.String(),
      a: Type.Unknown({ description: 'null: not known' }),
      b: Type.Unknown({ description: 'null: not known' }),
    }),
    { description: 'facts that differ' },
  ),
  parts: Type.Array(
    Type.Object({
      kind: Kind,
      what: Type.String({ description: 'vendor, model and what else tells such parts from others' }),
      a: Type.Integer({ description: 'how many of them the one node has' }),
      b: Type.Integer({ description: 'how many the other' }),
    }),
    { description: 'parts of which they have different numbers' },
  ),
});
export type NodeDifference = Static<typeof NodeDifference>;

export const ProfileRecord = Type.Object({
  profile: Type.String({ description: 'short hash of the hardware' }),
  nodes: Type.String({ description: 'folded node set of those that have it' }),
  count: Type.Integer({ description: 'how many they are' }),
  machine_model: text('from the firmware'),
  cpu_model: text('of the first processor'),
  summary: Type.String({ description: 'processors, memory and parts in a line' }),
});
export type ProfileRecord = Static<typeof ProfileRecord>;
