/**
 * The settings of every role: the foundation's, which stand here, and what each feature adds to them. Names follow IBM
 * CSM's configuration files where those have one. Everything stands under the key `csm`, as there.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Feature } from '@csm/feature';
import {
  bytes,
  ConfigError,
  type ConfigFault,
  type ConfigOf,
  choice,
  duration,
  fileMode,
  filePath,
  flag,
  type HostPort,
  host,
  hostPort,
  listOf,
  loadConfig,
  nodesetMap,
  oneOrMany,
  port,
  printHostPort,
  type Schema,
  setting,
  severity,
  socketPath,
  text,
  whole,
} from '@csm/kit';
import { isNodeName, NODE_NAME_RULE, type Role } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { INTERVAL_MAX, INTERVAL_MIN } from '@csm/tree';
import { DATABASE, databaseFaults } from './database-settings.ts';
import { FEATURES } from './features.ts';

/** CSM's REST daemon had it. */
const API_PORT = 4213;
/** Apart, so that daemons of several roles on one node get along. */
const METRICS_PORTS: Readonly<Record<Role, number>> = { master: 4214, aggregator: 4215, utility: 4216, compute: 4217 };

const nodesetKey = (key: string): string | undefined => {
  const parsed = NodeSet.tryParse(key);
  return parsed.ok ? undefined : parsed.error.detail;
};

const nodeName = text({ max: 64, pattern: /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/, rule: NODE_NAME_RULE });

export const common = (role: Role) => ({
  role: setting({ doc: 'The role of this daemon; must agree with --role.', format: choice([role]), default: role }),
  node_name: setting({ doc: 'Name of this node in the cluster. Default: the host name.', format: nodeName }),
  state_dir: setting({
    doc: 'Where the outbox journal, the TLS ticket keys and (master) the database stand. On a diskless node a directory below /run.',
    format: filePath,
    default: '/var/lib/csm',
  }),
  outbox_max: setting({
    doc: 'Reports that wait to be acknowledged. When it is full, samples are dropped first, oldest first; others are refused to their maker.',
    format: bytes({ min: 1024 * 1024, max: 4 * 1024 ** 3 }),
    default: '64MiB',
    unit: 'bytes',
    cost: 'Larger: more memory and disk on the node while no master is reachable. Smaller: samples of a long outage are lost.',
  }),
  privileged_user_id: setting({
    doc: 'Users that may make privileged calls, besides root. Asked where a call enters and again at the master: both must name them.',
    format: listOf(text({ max: 256 })),
    default: [],
    reload: true,
  }),
  privileged_group_id: setting({
    doc: 'Groups whose members may make privileged calls; supplementary groups count. Asked where a call enters and again at the master.',
    format: listOf(text({ max: 256 })),
    default: [],
    reload: true,
  }),
  api_permission_file: setting({
    doc: 'Who may make which calls: a file in the format of IBM CSM (csm_api.acl). With it, a call that it does not list is privileged. Default: none, then each call has the class of its table.',
    format: filePath,
    reload: true,
  }),
  api_configuration_file: setting({
    doc: 'Seconds each call may take: a file in the format of IBM CSM (csm_api.cfg). Counts where a call enters. Default: none, then each call has the time of its table.',
    format: filePath,
    reload: true,
  }),
  api: {
    max_body: setting({
      doc: 'Largest body of a request that enters here; one byte more is refused with HTTP 413 and code 12.',
      format: bytes({ min: 64 * 1024, max: 256 * 1024 * 1024 }),
      default: '16MiB',
      unit: 'bytes',
      cost: 'Larger: up to eight times as many bytes of memory for bodies under way. Smaller: long node sets and lists are refused.',
    }),
  },
  host: {
    root: setting({
      doc: "Where this machine's /proc, /sys and /etc are seen: / or, in a container, the directory at which the root of its host is mounted.",
      format: filePath,
      default: '/',
    }),
    program_path: setting({
      doc: 'Directories, separated by colons, in which the programs that tell of hardware are looked for: dmidecode, nvidia-smi, nvme, smartctl, ipmitool.',
      format: text({ max: 4096, pattern: /^\/[^:]*(?::\/[^:]*)*$/, rule: 'absolute directories separated by colons' }),
      default: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    }),
  },
  log: {
    default_sev: setting({ doc: 'How much is logged.', format: severity, default: 'info', reload: true }),
    console: setting({
      doc: 'Whether the log goes to standard output (under systemd: the journal).',
      format: flag,
      default: true,
    }),
    file: setting({ doc: 'File the log goes to as well; appended, never truncated.', format: filePath }),
    rotation_size: setting({
      doc: 'Size at which the file is rotated.',
      format: bytes({ min: 64 * 1024 }),
      default: '100MiB',
      unit: 'bytes',
    }),
    rotation_keep: setting({ doc: 'Rotated files kept.', format: whole({ min: 1, max: 100 }), default: 5 }),
  },
});

const net = (role: Role) => ({
  heartbeat_interval: setting({
    doc: 'A beat is sent after so long without another frame, and answered; a peer is lost after three such spans of silence. A pair of daemons uses the shorter of both.',
    format: duration({ min: INTERVAL_MIN, max: INTERVAL_MAX }),
    default: 15,
    unit: 's',
    cost: 'Shorter: a silent failure is found sooner (3 intervals) and beats cost more, about 20 µs of CPU each at an aggregator. Longer: the reverse.',
  }),
  local_client_listen: {
    socket: setting({
      doc: 'Unix socket on which csm and other clients reach this daemon.',
      format: socketPath,
      default: `/run/csm/${role}.sock`,
    }),
    permissions: setting({
      doc: 'Mode of the socket. Who may do what is decided by the call, not by it.',
      format: fileMode,
      default: '0666',
    }),
  },
  metrics_listen: setting({
    doc: 'Address on which a Prometheus may fetch the figures of this daemon, /metrics over plain HTTP. Who can reach it can read them, and do nothing else. Default: none.',
    format: hostPort({ defaultPort: METRICS_PORTS[role] }),
  }),
  ssl: {
    ca_file: setting({
      doc: 'Certificate of the CA that all daemons trust, PEM.',
      format: filePath,
      required: true,
      reload: true,
    }),
    cred_pem: setting({
      doc: "This daemon's certificate and key in one PEM file (csm cert issue).",
      format: filePath,
      required: true,
      reload: true,
    }),
    revoked_file: setting({
      doc: 'Revoked certificates (csm cert revoke). Default: none.',
      format: filePath,
      reload: true,
    }),
  },
});

/** Off where it is not given: roles that users of other machines may ask. */
const apiListen = {
  api_listen: setting({
    doc: 'Address on which calls are taken over HTTPS, from users with a certificate (csm cert issue --user) or a token (csm token create). Default: none, then over the local socket only.',
    format: hostPort({ defaultPort: API_PORT }),
  }),
};

const listenAt = (what: string, defaultPort: number) => ({
  host: setting({ doc: `Address on which ${what} are accepted. Default: all, IPv4 and IPv6.`, format: host }),
  port: setting({ doc: `Port on which ${what} are accepted.`, format: port(), default: defaultPort }),
});

/** The foundation's settings. What a daemon reads is `schemaOf`. */
const SCHEMAS = {
  master: {
    csm: {
      ...common('master'),
      net: {
        ...net('master'),
        ...apiListen,
        aggregator_listen: listenAt('aggregators', 9815),
        utility_listen: listenAt('utility daemons and other masters', 9816),
        master: setting({
          doc: 'The other masters of this database, one or several: where this one, while it stands by, sends calls and its own reports. Default: none.',
          format: oneOrMany(hostPort({ defaultPort: 9816 }), { max: 8 }),
        }),
      },
      db: DATABASE,
    },
  },
  aggregator: {
    csm: {
      ...common('aggregator'),
      net: {
        ...net('aggregator'),
        ...apiListen,
        compute_listen: listenAt('compute nodes', 9800),
        master: setting({
          doc: 'The masters, one or several.',
          format: oneOrMany(hostPort({ defaultPort: 9815 }), { max: 8 }),
          required: true,
        }),
        drain_timeout: setting({
          doc: 'How long a stopping aggregator waits for its nodes to move away.',
          format: duration({ min: 0, max: 60_000 }),
          default: 3,
          unit: 's',
        }),
      },
    },
  },
  utility: {
    csm: {
      ...common('utility'),
      net: {
        ...net('utility'),
        ...apiListen,
        master: setting({
          doc: 'The masters, one or several.',
          format: oneOrMany(hostPort({ defaultPort: 9816 }), { max: 8 }),
          required: true,
        }),
      },
    },
  },
  compute: {
    csm: {
      ...common('compute'),
      net: {
        ...net('compute'),
        aggregatorA: setting({ doc: 'First choice of aggregator.', format: hostPort({ defaultPort: 9800 }) }),
        aggregatorB: setting({
          doc: 'Second choice. Without it the node has no redundancy.',
          format: hostPort({ defaultPort: 9800 }),
        }),
        aggregators: setting({
          doc: 'Instead of A and B: from node sets to ordered lists of aggregators, so that one file serves all nodes. The first node set that holds this node counts.',
          format: nodesetMap(nodesetKey, listOf(hostPort({ defaultPort: 9800 }), { min: 1, max: 8 })),
        }),
        return_after: setting({
          doc: 'How long the first choice must be back and well before the node returns to it by itself.',
          format: duration({ min: 1000, max: 7 * 86_400_000 }),
          default: 300,
          unit: 's',
          cost: 'Shorter: load is even again sooner. Longer: a flapping aggregator moves nodes less often.',
        }),
      },
    },
  },
} as const satisfies Record<Role, Schema>;

export type ConfigFor<R extends Role> = ConfigOf<(typeof SCHEMAS)[R]>;
export type AnyConfig = { [R in Role]: ConfigFor<R> }[Role];

/** All settings of a role, those of the features behind the foundation's. */
export function schemaOf(role: Role, features: readonly Feature[] = FEATURES): { readonly csm: Schema } {
  const csm: Record<string, Schema[string]> = { ...SCHEMAS[role].csm };
  for (const { name, settings } of features) {
    for (const [key, group] of Object.entries(settings?.[role] ?? {})) {
      if (csm[key] !== undefined)
        throw new Error(`feature ${name} brings the setting csm.${key}, which is there already`);
      csm[key] = group;
    }
  }
  return { csm };
}

/** Reads and checks a role's configuration; all faults at once. Throws `ConfigError`. */
export function readConfig<R extends Role>(
  role: R,
  file: string,
  hostName: string,
  features: readonly Feature[] = FEATURES,
): ConfigFor<R> {
  const config = loadConfig(schemaOf(role, features), { file }) as unknown as ConfigFor<R>;
  const faults = [
    ...crossFaults(role, config as AnyConfig, hostName),
    ...features.flatMap((feature) => feature.check?.(role, config.csm) ?? []),
  ];
  if (faults.length > 0) throw new ConfigError(file, faults);
  return config;
}

export function listenOf({ host, port }: { readonly host: string | undefined; readonly port: number }): {
  readonly host?: string;
  readonly port: number;
} {
  return host === undefined ? { port } : { host, port };
}

export const nodeNameOf = (config: AnyConfig, hostName: string): string => config.csm.node_name ?? hostName;

/** What no single setting can know. */
function crossFaults(role: Role, config: AnyConfig, hostName: string): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const node = nodeNameOf(config, hostName);
  if (!isNodeName(node))
    faults.push({
      key: 'csm.node_name',
      value: JSON.stringify(node),
      allowed: NODE_NAME_RULE,
      hint: 'the host name cannot serve; set node_name',
    });
  const { root } = config.csm.host;
  // Without it every fact would be missing, each with its reason, and the node would look like an empty shell.
  if (!existsSync(join(root, 'proc'))) {
    faults.push({
      key: 'csm.host.root',
      value: JSON.stringify(root),
      allowed: 'a directory that holds the proc and sys of a machine, such as / or /host',
      hint: `${join(root, 'proc')} is not there`,
    });
  }
  if (role === 'master') {
    const { db, net: master } = (config as ConfigFor<'master'>).csm;
    const { utility_listen: own } = master;
    const names = [node, hostName, own.host ?? 'localhost'];
    for (const other of master.master ?? []) {
      if (other.port !== own.port || !names.includes(other.host)) continue;
      const allowed = 'the other masters of this database';
      faults.push({ key: 'csm.net.master', value: printHostPort(other), allowed, hint: 'it is this one' });
    }
    return [...faults, ...databaseFaults(db, master.master !== undefined)];
  }
  if (role !== 'compute') return faults;
  const { aggregatorA, aggregatorB, aggregators } = (config as ConfigFor<'compute'>).csm.net;
  if (aggregators === undefined && aggregatorA === undefined) {
    faults.push({
      key: 'csm.net.aggregatorA',
      value: '',
      allowed: 'host:port of an aggregator, or net.aggregators instead',
      hint: 'it must be given',
    });
  }
  if (aggregators !== undefined && (aggregatorA ?? aggregatorB) !== undefined) {
    faults.push({
      key: 'csm.net.aggregators',
      value: 'given together with aggregatorA or aggregatorB',
      allowed: 'one way or the other',
    });
  }
  if (
    aggregatorA !== undefined &&
    aggregatorB !== undefined &&
    printHostPort(aggregatorA) === printHostPort(aggregatorB)
  ) {
    faults.push({
      key: 'csm.net.aggregatorB',
      value: printHostPort(aggregatorB),
      allowed: 'another aggregator than aggregatorA',
    });
  }
  if (aggregators !== undefined && aggregatorsFor(aggregators, node) === undefined) {
    faults.push({
      key: 'csm.net.aggregators',
      value: `for ${aggregators.map(([set]) => set).join(' | ')}`,
      allowed: `a node set that holds this node, ${node}`,
    });
  }
  return faults;
}

function aggregatorsFor(
  map: readonly (readonly [string, readonly HostPort[]])[],
  node: string,
): readonly HostPort[] | undefined {
  return map.find(([set]) => NodeSet.parse(set).has(node))?.[1];
}

/** The hubs a compute node may link to, first choice first. */
export function aggregatorsOf(config: ConfigFor<'compute'>, node: string): readonly HostPort[] {
  const { aggregatorA, aggregatorB, aggregators } = config.csm.net;
  if (aggregators !== undefined) return aggregatorsFor(aggregators, node) ?? [];
  return [aggregatorA, aggregatorB].filter((a) => a !== undefined);
}
