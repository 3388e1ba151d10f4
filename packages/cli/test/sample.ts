/**
 * Answers as a small cluster gives them. They stand together, long as that is, because they tell of one cluster: the same
 * nodes, parts and moments come back in many of them.
 */
import type { CallContext } from '@csm/api';
import type {
  AggregatorListOutput,
  ClusterStateOutput,
  EnvQueryItem,
  EnvTopOutput,
  HealthOutput,
  NodeAvailabilityItem,
  NodeDiffOutput,
  NodeHardwareItem,
  NodeHistoryOutput,
  NodeListOutput,
  NodeProfileOutput,
  NodeStatesOutput,
  NodeWindowsOutput,
  SubscriptionListOutput,
} from '@csm/client';
import type { Json } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Handlers } from './harness.ts';
import { HEARTBEAT } from './heartbeat-sample.ts';

type Node = NodeListOutput[number];

const bare: Node = {
  name: '',
  type: 'compute',
  state: 'DISCOVERED',
  primary_aggregator: 'agg-A',
  secondary_aggregator: 'agg-B',
  connected: true,
  links: 2,
  first_seen: '2026-10-01T00:00:00.000Z',
  last_seen: '2026-10-17T09:59:59.000Z',
  address: '10.0.1.1',
  version: '1.0',
  machine_model: null,
  serial_number: null,
  architecture: 'x86_64',
  kernel_release: '6.1.0-25-amd64',
  kernel_version: '#1 SMP',
  os_image_name: 'Debian GNU/Linux 12 (bookworm)',
  boot_id: '6a1c',
  installed_memory: 131_890_524,
  installed_swap: 0,
  discovered_sockets: 2,
  discovered_cores: 48,
  discovered_threads: 96,
  discovered_gpus: null,
  discovered_hcas: 0,
  discovered_dimms: 16,
  discovered_ssds: 1,
  discovered_nics: 2,
  cpu_model: 'EPYC 7543',
  bios_version: '2.4',
  bmc_address: null,
  profile: '5f0c1a',
  collection_time: '2026-10-17T08:00:00.000Z',
  comment: null,
  features: [],
  location: null,
  ready: false,
  state_since: '2026-10-01T00:00:00.000Z',
  state_cause: 'inventory',
  state_reason: 'first contact',
  state_by: null,
};

export const NODES: readonly Node[] = [
  { ...bare, name: 'n001', features: ['gpu', 'fat'], location: 'R07 U12' },
  { ...bare, name: 'n002', links: 1, secondary_aggregator: null },
  {
    ...bare,
    name: 'n003',
    connected: false,
    links: 0,
    secondary_aggregator: null,
    last_seen: '2026-10-17T09:25:00.000Z',
    kernel_release: null,
    installed_memory: null,
    discovered_cores: null,
  },
  { ...bare, name: 'login1', type: 'utility', secondary_aggregator: null, links: 1, discovered_cores: 8 },
];

const SELF: NonNullable<HealthOutput['master']['self']> = {
  version: '0.1.0',
  started: '2026-10-14T06:00:00.000Z',
  certificate_expires: '2027-05-15T10:00:00.000Z',
  clock_ahead_ms: 12,
  clock_of: 'master/m1',
  dropped: 0,
  refused: 0,
  features: {},
};

export const HEALTHY: HealthOutput = {
  degraded: false,
  problems: [],
  warnings: [],
  master: {
    node: 'm1',
    reachable: true,
    version: '0.1.0',
    since: '2026-10-14T06:00:00.000Z',
    settling: false,
    term: 3,
    engine: 'sqlite',
    database: 'ok',
    reports: { queued: 0, committed: 1042, stale: 3, rejected: 0 },
    store: {
      queued: 2,
      queue_limit: 10_000,
      queued_bytes: 400,
      refused: 0,
      last_commit_ms: 1.234,
      file_bytes: 4 * 1024 * 1024,
      wal_bytes: 0,
    },
    self: { ...SELF, clock_ahead_ms: null, clock_of: null },
  },
  aggregators: [
    {
      node: 'agg-A',
      connected: true,
      since: '2026-10-17T09:20:00.000Z',
      reason: null,
      address: '10.0.0.1',
      version: '1.0',
      bounced: 1,
      primary: { active: 2, unresponsive: 0 },
      secondary: { active: 1, unresponsive: 0 },
      credit: 8 * 1024 * 1024,
      self: { ...SELF, features: { environment: { receiver: 'sink:4739', state: 'connected' } } },
    },
    {
      node: 'agg-B',
      connected: true,
      since: '2026-10-14T06:00:05.000Z',
      reason: null,
      address: '10.0.0.2',
      version: '1.0',
      bounced: 0,
      primary: { active: 1, unresponsive: 0 },
      secondary: { active: 2, unresponsive: 0 },
      credit: 8 * 1024 * 1024,
      self: null,
    },
  ],
  masters: [],
  utilities: [
    {
      node: 'login1',
      connected: true,
      last_seen: '2026-10-17T09:59:58.000Z',
      address: '10.0.0.9',
      since: '2026-10-14T06:00:05.000Z',
      version: '1.4',
      bounced: 3,
      self: SELF,
    },
  ],
  computes: { known: 3, redundant: 3, single: 0, lost: 0, versions: [{ version: '0.1.0', count: 3 }] },
  certificates: [],
  clocks: [],
  drops: [],
  refused: [],
  local: {
    daemon: 'utility/login1',
    standby: null,
    primary: 'agg-A',
    secondary: 'agg-B',
    candidates: [
      { name: 'agg-A', state: 'primary', reason: null },
      { name: 'agg-B', state: 'secondary', reason: null },
    ],
    outbox: { bytes: 0, waiting: 0, unacknowledged: 0, dropped: 0, refused: 0 },
    journal: 'ok',
    refused: 0,
    features: {},
  },
};

export const AGGREGATORS: AggregatorListOutput = HEALTHY.aggregators.map(
  ({ credit: _credit, self: _self, ...row }) => ({ ...row, drained: null }),
);

const LOST = { connected: false, address: null, since: null, version: null, bounced: null, self: null } as const;

export const SICK: HealthOutput = {
  ...HEALTHY,
  degraded: true,
  problems: ['aggregator agg-B is not linked: stopped answering', 'utility login1 is not linked'],
  master: { ...HEALTHY.master, settling: true },
  aggregators: HEALTHY.aggregators.map((a) =>
    a.node === 'agg-A'
      ? a
      : { ...a, connected: false, reason: 'stopped answering', primary: { active: 0, unresponsive: 1 } },
  ),
  masters: [{ node: 'm2', last_seen: '2026-10-17T09:59:00.000Z', ...LOST }],
  utilities: [{ node: 'login1', last_seen: null, ...LOST }],
  computes: { known: 3, redundant: 0, single: 2, lost: 1, versions: [] },
  warnings: ['the certificate of compute/n[001-002] expires in 12 days, at 2026-10-29T10:00:00.000Z'],
  certificates: [{ role: 'compute', nodes: 'n[001-002]', expires: '2026-10-29T10:00:00.000Z' }],
  refused: [
    {
      by: 'agg-A',
      daemon: 'compute/n009',
      address: '10.0.1.9',
      code: 'certificate',
      reason: 'certificate has expired',
      last: '2026-10-17T09:58:00.000Z',
      count: 12,
    },
  ],
};

export const UNREACHABLE: HealthOutput = {
  ...HEALTHY,
  degraded: true,
  problems: ['the master is not reachable: agg-A and agg-B are lost'],
  master: {
    node: null,
    reachable: false,
    version: null,
    since: null,
    term: null,
    engine: null,
    settling: false,
    database: null,
    reports: { queued: 0, committed: 0, stale: 0, rejected: 0 },
    store: null,
    self: null,
  },
  aggregators: [],
  utilities: [],
  local: {
    ...HEALTHY.local,
    primary: null,
    secondary: null,
    candidates: [{ name: 'agg-A', state: 'dialling', reason: 'connection refused' }],
    outbox: { ...HEALTHY.local.outbox, waiting: 5, bytes: 2000 },
  },
};

export const CHANGES = [
  {
    seq: 1001,
    time: '2026-10-17T09:00:00.000Z',
    kind: 'node',
    subject: 'n004',
    body: { from: null, to: 'DISCOVERED', cause: 'inventory', reason: 'first contact', by: null, type: 'compute' },
  },
  {
    seq: 1002,
    time: '2026-10-17T09:00:01.000Z',
    kind: 'inventory',
    subject: 'n004',
    body: { hash: 'x', rebooted: true },
  },
  {
    seq: 1005,
    time: '2026-10-17T09:10:00.000Z',
    kind: 'link',
    subject: 'agg-B',
    body: {
      event: 'aggregator_lost',
      nodes: 'n[001-003]',
      count: 3,
      cause: 'stopped answering',
      planned: false,
      at: 1,
    },
  },
  { seq: 1006, time: '2026-10-17T09:11:00.000Z', kind: 'other', subject: 'n001', body: { a: 1, b: 'x\u001b' } },
] as const;

export const HARDWARE: readonly NodeHardwareItem[] = [
  {
    node: 'n001',
    kind: 'cpu',
    location: 'CPU0',
    serial: null,
    vendor: 'AMD',
    model: 'EPYC 7543',
    part_number: null,
    firmware: null,
    since: '2026-10-01T00:00:00.000Z',
    details: { cores: 32, socket: null },
    passing: {},
  },
  {
    node: 'n001',
    kind: 'ssd',
    location: '0000:41:00.0',
    serial: 'S4EV0R1',
    vendor: 'Acme',
    model: 'Fast\u001b[2J 1',
    part_number: null,
    firmware: '1.2',
    since: '2026-10-01T00:00:00.000Z',
    details: { device_name: 'nvme0n1', size: 960197124096 },
    passing: { wear_lifespan_used: 3 },
  },
];

export const HISTORY: NodeHistoryOutput = [
  {
    seq: 7,
    time: '2026-10-17T09:00:00.000Z',
    event: 'changed',
    kind: 'ssd',
    serial: 'S4EV0R1',
    node: 'n001',
    location: '0000:41:00.0',
    from_node: null,
    from_location: null,
    changes: { firmware: { from: '1.1', to: '1.2' }, slot: { from: null, to: 3 } },
  },
  {
    seq: 8,
    time: '2026-10-17T09:10:00.000Z',
    event: 'moved',
    kind: 'dimm',
    serial: 'D1',
    node: 'n002',
    location: 'DIMM_A1',
    from_node: 'n001',
    from_location: 'DIMM_B2',
    changes: {},
  },
  {
    seq: 9,
    time: '2026-10-17T09:20:00.000Z',
    event: 'removed',
    kind: 'nic',
    serial: null,
    node: 'n003',
    location: 'eth1',
    from_node: null,
    from_location: null,
    changes: {},
  },
];

export const ALIKE: NodeDiffOutput = { a: 'n001', b: 'n002', equal: true, fields: [], parts: [] };
export const DIFFERENT: NodeDiffOutput = {
  a: 'n001',
  b: 'n002',
  equal: false,
  fields: [
    { field: 'bios_version', a: '2.4', b: '2.3' },
    { field: 'installed_memory', a: 131_890_524, b: null },
  ],
  parts: [{ kind: 'dimm', what: 'Acme 8 GiB 3200 MT/s', a: 16, b: 15 }],
};

export const PROFILES: NodeProfileOutput = [
  {
    profile: '5f0c1a',
    nodes: 'n[001-002]',
    count: 2,
    machine_model: 'Acme X1',
    cpu_model: 'EPYC 7543',
    summary: '2 x 32 cores, 16 dimm, 1 ssd',
  },
  { profile: '77aa01', nodes: 'n003', count: 1, machine_model: null, cpu_model: null, summary: '1 x 4 cores' },
];

/** An hour of two nodes, a sample every ten minutes; n002 was silent in the middle. */
export const SAMPLES: readonly EnvQueryItem[] = [0, 10, 20, 30, 40, 50].flatMap((minute) =>
  ['n001', 'n002']
    .filter((node) => node === 'n001' || minute < 10 || minute > 30)
    .map((node) => ({
      node,
      item: 'cpu' as const,
      time: new Date(Date.parse('2026-10-17T09:00:00Z') + minute * 60_000).toISOString(),
      values: { user_percent: minute, 'core:0.temp_celsius': node === 'n001' ? 40.5 : 50 - minute / 10 },
    })),
);

export const TOP: EnvTopOutput = [
  { node: 'n002', item: 'temperature', metric: 'cpu0.package_celsius', time: '2026-10-17T09:59:30.000Z', value: 71.25 },
  { node: 'n001', item: 'temperature', metric: 'cpu1.package_celsius', time: '2026-10-17T09:50:00.000Z', value: 45 },
];

const json = (value: unknown) => value as Json;

/** Parts in which every node of the order says the same, in two pieces as two aggregators give them. */
async function inTwo(nodes: unknown, answer: object, ctx: CallContext): Promise<undefined> {
  const names = NodeSet.parse(String(nodes)).names();
  const half = Math.ceil(names.length / 2);
  for (const some of [names.slice(half), names.slice(0, half)]) {
    if (some.length > 0) await ctx.emit(json({ nodes: NodeSet.of(some).toString(), ...answer }));
  }
  return undefined;
}

/** A cluster where all is well. */
export const DB_STATUS = {
  engine: 'sqlite',
  version: '3.53.2',
  place: '/var/lib/csm/csm.db',
  term: 3,
  bytes: 12_582_912,
  log_bytes: 1_048_576,
  commits: 1042,
  calls_per_commit: 2.5,
  last_commit_ms: 1.25,
  queued: 0,
  refused: 0,
  changes: { oldest: 11, newest: 42 },
  streams: 6,
  rejected_reports: 0,
  schema: { cluster: 2, store: 2 },
  followers: [{ name: 'sink', behind: 2, updated: '2026-10-17T09:59:00.000Z' }],
} as const;

export const RETENTION = [
  {
    table: 'change',
    rows: 32,
    bytes: 65_536,
    oldest: '2026-10-07T10:00:00.000Z',
    rule: 'by age; never what a follower has yet to get, nor the newest',
    setting: 'csm.db.change_keep',
    due: 0,
  },
  {
    table: 'node',
    rows: 6,
    bytes: 4_096,
    oldest: null,
    rule: 'as long as what it tells of is there',
    setting: null,
    due: null,
  },
] as const;

export const STATES: NodeStatesOutput = [
  {
    seq: 1,
    time: '2026-10-17T08:00:00.000Z',
    node: 'n001',
    from: 'IN_SERVICE',
    to: 'MAINTENANCE',
    cause: 'window',
    alteration: 'SYSTEM ADMINISTRATOR',
    reason: 'firmware',
    by: 'root',
    until: '2026-10-17T12:00:00.000Z',
  },
  {
    seq: 2,
    time: '2026-10-17T09:00:00.000Z',
    node: 'n003',
    from: 'OUT_OF_SERVICE',
    to: null,
    cause: 'user',
    alteration: 'CSM API',
    reason: null,
    by: 'root',
    until: null,
  },
];

export const WINDOWS: NodeWindowsOutput = [
  {
    id: 3,
    phase: 'open',
    state: 'MAINTENANCE',
    from: '2026-10-17T08:00:00.000Z',
    until: '2026-10-17T12:00:00.000Z',
    nodes: 'n[001-002]',
    count: 2,
    reason: 'firmware',
    by: 'root',
    made: '2026-10-16T08:00:00.000Z',
  },
];

export const AVAILABILITY: readonly NodeAvailabilityItem[] = [
  {
    nodes: 'n[001-003]',
    count: 3,
    from: '2026-09-17T10:00:00.000Z',
    to: '2026-10-17T10:00:00.000Z',
    hours: { IN_SERVICE: 2100, SOFT_FAILURE: 60 },
    percent: { IN_SERVICE: 97.222, SOFT_FAILURE: 2.778 },
    failures: 2,
    mtbf_hours: 1050,
    mttr_hours: 30,
  },
];

export const COUNTS: ClusterStateOutput = [
  {
    nodes: 'n[001-002]',
    state: 'IN_SERVICE',
    type: 'compute',
    count: 2,
    ready: true,
    since: '2026-10-17T08:00:00.000Z',
  },
  { nodes: 'n003', state: 'SOFT_FAILURE', type: 'compute', count: 1, ready: false, since: '2026-10-17T09:55:00.000Z' },
];

const sizeOf = (nodes: unknown): number => (typeof nodes === 'string' ? NodeSet.parse(nodes).size : 0);

/** A record as `node.show` gives it. */
export const shown = (node: Node | undefined) =>
  node && { ...node, next: { text: 'nothing by itself: csm node resume puts it into service', at: null } };

export const SUBSCRIPTION: SubscriptionListOutput[number] = {
  id: '0123456789ab',
  owner: 'ann',
  url: 'https://hooks.example.org/csm',
  kinds: ['node'],
  nodes: null,
  created: '2026-10-17T09:00:00.000Z',
  cursor: 1042,
  behind: 0,
  sent: 17,
  failures: 0,
  lost: 0,
  problem: null,
};

export const TOKEN = {
  id: '7c1x0q4m9zab',
  user: 'ann',
  scopes: ['node.*', 'health'],
  created: '2026-10-16T10:00:00.000Z',
  created_by: 'ann',
  expires: '2026-11-16T10:00:00.000Z',
  last_used: '2026-10-17T09:55:00.000Z',
};
export const AUDITED = {
  seq: 12,
  time: '2026-10-17T09:59:59.000Z',
  user: 'ann',
  uid: 1000,
  vouched_by: 'utility/login1',
  via: 'socket',
  token: null,
  call: 'node.update',
  input: { nodes: 'n1', comment: 'x' },
  outcome: 'ok',
  code: 0,
  detail: null,
  ms: 7,
  times: 1,
  trace: '0123456789abcdef',
};

export const WELL: Handlers = {
  ...HEARTBEAT,
  'token.create': async () => json({ ...TOKEN, token: `csm_${TOKEN.id}_${'A'.repeat(43)}` }),
  'token.list': async () => json([TOKEN]),
  'token.revoke': async () => json(TOKEN),
  'audit.list': async () => json([AUDITED]),
  health: async () => json(HEALTHY),
  'node.group': async ({ name }) =>
    json(
      [
        { name: 'IN_SERVICE', nodes: 'n[001-007]', count: 7 },
        { name: 'SOFT_FAILURE', nodes: 'n008', count: 1 },
      ].filter((group) => name === undefined || group.name === name),
    ),
  'db.status': async () => json(DB_STATUS),
  'db.retention': async () => json(RETENTION),
  'db.backup': async ({ file }) =>
    json({
      master: 'm1',
      file,
      engine: 'sqlite',
      engine_version: '3.53.2',
      taken: '2026-10-17T10:00:00.000Z',
      seconds: 1.5,
      bytes: 3 * 1_048_576,
      sha256: 'ab'.repeat(32),
      schema: { store: 2 },
      tables: { change: 32, node: 6 },
    }),
  'db.archive': async ({ directory, remove }) =>
    json({
      master: 'm1',
      path: `${directory as string}/changes-before-2026-09-17`,
      rows: 10,
      bytes: 524_288,
      files: 2,
      removed: remove === true ? 8 : 0,
      held: remove === true ? 2 : 0,
    }),
  'aggregator.list': async () => json(AGGREGATORS),
  'aggregator.drain': async ({ name, reason }) =>
    json({
      node: name,
      changed: true,
      drained: { since: '2026-10-17T10:00:00.000Z', by: 'root', reason, rate: 50 },
      problem: null,
      serves: 2,
    }),
  'aggregator.undrain': async ({ name }) =>
    json({ node: name, changed: true, drained: null, problem: null, serves: 0 }),
  'node.list': async ({ nodes, type }) => {
    const wanted = typeof nodes === 'string' ? NodeSet.parse(nodes) : undefined;
    return json(NODES.filter((n) => (wanted?.has(n.name) ?? true) && (type === undefined || n.type === type)));
  },
  'node.show': async ({ name }) => json(shown(NODES.find((n) => n.name === name))),
  'node.watch': async ({ since }, ctx) => {
    for (const change of CHANGES) if (change.seq > Number(since ?? 0)) await ctx.emit(json(change));
    return undefined;
  },
  'subscription.create': async ({ url, kinds = null, nodes = null }) => {
    const { cursor: _, behind: _b, sent: _s, failures: _f, lost: _l, problem: _p, ...made } = SUBSCRIPTION;
    return json({ ...made, url, kinds, nodes, secret: 'b0xX3N3bGxfZ3Vlc3NlZA' });
  },
  'subscription.list': async () => json([SUBSCRIPTION]),
  'subscription.delete': async ({ id }) => json({ id }),
  'node.hardware': async ({ kind }, ctx) => {
    for (const part of HARDWARE) if (kind === undefined || part.kind === kind) await ctx.emit(json(part));
    return undefined;
  },
  'node.history': async () => json(HISTORY),
  'node.diff': async () => json(ALIKE),
  'node.profile': async () => json(PROFILES),
  'node.collect': async ({ nodes }, ctx) => inTwo(nodes, { code: 0, text: 'nothing new' }, ctx),
  'node.update': async ({ nodes }) => json({ nodes, updated: sizeOf(nodes), failed: [] }),
  'node.drain': async ({ nodes, from, until }) =>
    json({ nodes, updated: sizeOf(nodes), failed: [], window: from === undefined && until === undefined ? null : 3 }),
  'node.resume': async ({ nodes }) => json({ nodes, updated: sizeOf(nodes), failed: [] }),
  'node.delete': async ({ nodes }) => json({ nodes, deleted: sizeOf(nodes), failed: [] }),
  'node.reboot-expected': async ({ nodes }) =>
    json({ nodes, updated: sizeOf(nodes), until: '2026-10-17T10:30:00.000Z', failed: [] }),
  'node.states': async () => json(STATES),
  'node.windows': async () => json(WINDOWS),
  'node.cancel-window': async ({ id }) => json({ window: id, updated: 2 }),
  'node.availability': async (_input, ctx) => {
    for (const item of AVAILABILITY) await ctx.emit(json(item));
    return undefined;
  },
  'node.find-job': async () =>
    json([{ id: 7, user: 'alice', nodes: 'n001', begin: '2026-10-17T08:00:00.000Z', end: null }]),
  'cluster.state': async () => json(COUNTS),
  'env.query': async (_input, ctx) => {
    for (const sample of SAMPLES) await ctx.emit(json(sample));
    return undefined;
  },
  'env.archive': async ({ directory }) =>
    json({ path: `${directory as string}/samples-before-2026-09-17`, rows: 1, bytes: 1_048_576, files: 1 }),
  'env.top': async () => json(TOP),
  'env.watch': async (_input, ctx) => {
    for (const sample of SAMPLES) await ctx.emit(json(sample));
    return undefined;
  },
  ping: async ({ nodes }, ctx) => inTwo(nodes, { code: 0, text: 'alive' }, ctx),
  'tree.rebalance': async ({ nodes }, ctx) => inTwo(nodes, { code: 0, text: 'moves' }, ctx),
  run: async ({ nodes, argv }, ctx) =>
    inTwo(nodes, { code: 0, text: '', body: { exit: 0, output: `${JSON.stringify(argv)}\n` } }, ctx),
};

/** Parts given as they are. */
export const gives =
  (...parts: readonly object[]): Handlers[string] =>
  async (_input, ctx) => {
    for (const part of parts) await ctx.emit(json(part));
    return undefined;
  };
