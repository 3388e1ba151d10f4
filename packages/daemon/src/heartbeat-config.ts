/**
 * The configuration of a daemon of the role `heartbeat`, which is no role of the tree: it stands alone with a database
 * of its own. Settings of the service stand directly under `csm`; hbtd's options count more than the file.
 */
import { basename } from 'node:path';
import { type Options, SERVICE, type Storage, serviceFaults } from '@csm/heartbeat';
import {
  ConfigError,
  type ConfigOf,
  choice,
  fileMode,
  filePath,
  hostPort,
  loadConfig,
  setting,
  socketPath,
} from '@csm/kit';
import { isNodeName, NODE_NAME_RULE } from '@csm/model';
import type { PostgresServer } from '@csm/store';
import { common } from './config.ts';
import { DATABASE, databaseFaults, serverOf } from './database-settings.ts';

export const HEARTBEAT_FILE = '/etc/csm/csm_heartbeat.cfg';
/** Of the SQLite file, below state_dir. */
export const HEARTBEAT_DB = 'heartbeat.db';

const { node_name, privileged_user_id, privileged_group_id, log } = common('master');

export const HEARTBEAT_SCHEMA = {
  csm: {
    role: setting({
      doc: 'The role of this daemon; must agree with --role.',
      format: choice(['heartbeat']),
      default: 'heartbeat',
    }),
    node_name,
    state_dir: setting({
      doc: 'Where the database heartbeat.db stands. It must survive a reboot.',
      format: filePath,
      default: '/var/lib/csm',
    }),
    ...SERVICE,
    db: {
      ...DATABASE,
      engine: setting({
        doc: 'The database, one of its own. With postgresql several instances may share one: one leads, the others forward to it and take over.',
        format: choice(['sqlite', 'postgresql']),
        default: 'sqlite',
      }),
      file: setting({ doc: 'The SQLite file. Default: heartbeat.db in state_dir.', format: filePath }),
    },
    advertise: setting({
      doc: 'Where other instances on the same PostgreSQL reach this one while it leads: host:port. Default: none, then the host name and listen.port.',
      format: hostPort({ defaultPort: SERVICE.listen.port.default as number }),
    }),
    net: {
      local_client_listen: {
        socket: setting({
          doc: 'Unix socket on which csm heartbeat reaches this daemon.',
          format: socketPath,
          default: '/run/csm/heartbeat.sock',
        }),
        permissions: setting({
          doc: 'Mode of the socket. Who may do what is decided by the call, not by it.',
          format: fileMode,
          default: '0666',
        }),
      },
    },
    privileged_user_id,
    privileged_group_id,
    log,
  },
} as const;

export type HeartbeatConfig = ConfigOf<typeof HEARTBEAT_SCHEMA>['csm'];

/** Reads and checks the file; without one, the defaults. Throws `ConfigError` with every fault. */
export function readHeartbeatConfig(file: string | undefined, hostName: string): HeartbeatConfig {
  const source = file === undefined ? { file: WITHOUT_FILE, text: '{}' } : { file };
  const { csm } = loadConfig(HEARTBEAT_SCHEMA, source);
  const node = csm.node_name ?? hostName;
  const hint = 'the host name cannot serve; set node_name';
  const faults = [
    ...(isNodeName(node) ? [] : [{ key: 'csm.node_name', value: JSON.stringify(node), allowed: NODE_NAME_RULE, hint }]),
    ...serviceFaults(csm, 'csm'),
    ...databaseFaults(csm.db, false),
  ];
  if (faults.length > 0) throw new ConfigError(source.file, faults);
  return csm;
}

/** Where faults are said to be that stand in no file. */
export const WITHOUT_FILE = 'the command line';

/** Which database, and what the options call it where they do. */
export type Place =
  | { readonly engine: 'memory' }
  | { readonly engine: 'sqlite'; readonly file: string }
  | { readonly engine: 'postgresql'; readonly server: PostgresServer };

/** Throws `ConfigError` for a `kv_url` that is no database of ours. */
export function placeOf(config: HeartbeatConfig, options: Options & { kind: 'options' }, storage: Storage): Place {
  const { db, state_dir: stateDir } = config;
  const kvUrl = options.given.has('Kv_url') ? options.params.Kv_url : '';
  if (kvUrl === '')
    return db.engine === 'postgresql'
      ? { engine: 'postgresql', server: serverOf(db) }
      : { engine: 'sqlite', file: db.file ?? `${stateDir}/${HEARTBEAT_DB}` };
  switch (storage.kind) {
    case 'memory':
      return { engine: 'memory' };
    case 'sqlite':
      return { engine: 'sqlite', file: storage.path };
    case 'postgresql':
      return { engine: 'postgresql', server: serverIn(storage.url) };
    case 'own':
      return refuse(kvUrl, kvUrl.includes('//') ? 'no etcd is used here' : undefined);
    default:
      return storage satisfies never;
  }
}

function refuse(kvUrl: string, hint: string | undefined): never {
  const allowed = `sqlite:/path/${basename(HEARTBEAT_DB)}, postgresql://user@host/database or mem:; left out: the database of the configuration, by default sqlite in state_dir`;
  throw new ConfigError(WITHOUT_FILE, [
    { key: 'kv_url', value: JSON.stringify(withoutPassword(kvUrl)), allowed, ...(hint === undefined ? {} : { hint }) },
  ]);
}

const withoutPassword = (url: string): string => url.replace(/\/\/[^/@]*@/, '//***@');

/** `postgresql://user:password@host:port/database`; a directory of a unix socket as `?host=/var/run/postgresql`. */
function serverIn(text: string): PostgresServer {
  const url = URL.canParse(text) ? new URL(text) : refuse(text, 'it is no URL');
  const directory = url.searchParams.get('host');
  const host = directory ?? url.hostname.replace(/^\[|\]$/g, '');
  const database = decodeURIComponent(url.pathname.slice(1));
  const user = decodeURIComponent(url.username);
  if (host === '' || database === '' || user === '') return refuse(text, 'user, host and database must be given');
  const port = Number(url.searchParams.get('port') ?? (url.port === '' ? 5432 : url.port));
  const password = decodeURIComponent(url.password);
  return { host, port, database, user, ...(password === '' ? {} : { password }) };
}
