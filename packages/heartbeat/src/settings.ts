/**
 * Settings of the heartbeat service: under `csm.heartbeat` of a master, and directly under `csm` in the file of a daemon
 * of the role `heartbeat`. Light, since every daemon knows the schemas.
 */
import {
  bytes,
  type ConfigFault,
  type ConfigOf,
  choice,
  duration,
  filePath,
  flag,
  host,
  listOf,
  port,
  record,
  type Schema,
  setting,
  text,
  whole,
} from '@csm/kit';

export const HEARTBEAT_PORT = 28_500;
/** Seconds: the longest time of any threshold. */
const ERRTIME_MAX = 7 * 86_400;
const DAY_MS = 86_400_000;

const warntime = whole({ min: 1, max: ERRTIME_MAX - 1 });
const errtime = whole({ min: 2, max: ERRTIME_MAX });
const word = text({ max: 64, pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/, rule: 'a word of letters and digits' });

/** One pair of thresholds of its own. */
const special = record({
  type: setting({ doc: 'Type of components, such as NodeBMC.', format: word }),
  group: setting({ doc: 'Name of a group of components.', format: word }),
  components: setting({ doc: 'Who is in the group: ranges of xnames.', format: text({ max: 65_536 }) }),
  warntime: setting({ doc: 'Seconds without a beat: late.', format: warntime, required: true }),
  errtime: setting({ doc: 'Seconds without a beat: dead.', format: errtime, required: true }),
});

export const SERVICE = {
  listen: {
    host: setting({ doc: 'Address on which heartbeats are taken. Default: all, IPv4 and IPv6.', format: host }),
    port: setting({
      doc: "Port on which heartbeats are taken, hbtd's own.",
      format: port(),
      default: HEARTBEAT_PORT,
    }),
  },
  tls: {
    cert_file: setting({
      doc: 'Certificate of this service, PEM; with it TLS is spoken, and nothing else. Default: none, then plain HTTP.',
      format: filePath,
    }),
    key_file: setting({ doc: 'Its key, PEM. Default: none.', format: filePath }),
    ca_file: setting({
      doc: 'Certificate of the CA that has issued those of components, PEM. Default: none.',
      format: filePath,
    }),
    identity: setting({
      doc: 'Whether a component must prove who it is: none takes its word; optional holds a certificate, where one is shown, against the name of the component; required takes beats only with one.',
      format: choice(['none', 'optional', 'required']),
      default: 'none',
    }),
  },
  warntime: setting({
    doc: 'A component of which so long no heartbeat came is late. A change by PATCH of /hmi/v1/params or csm heartbeat params holds until this setting says something else.',
    format: warntime,
    default: 10,
    unit: 's',
    cost: 'Shorter: a failure is suspected sooner; a component that beats unevenly is late often.',
  }),
  errtime: setting({
    doc: 'A component of which so long no heartbeat came is dead; must be above warntime.',
    format: errtime,
    default: 30,
    unit: 's',
    cost: 'Shorter: a failure is found sooner; whoever is only slow is declared dead.',
  }),
  interval: setting({
    doc: 'Seconds between two heartbeats, as components may ask for. Nothing here waits for it.',
    format: whole({ min: 1, max: 4_294_967_295 }),
    default: 5,
    unit: 's',
  }),
  thresholds: setting({
    doc: 'Pairs of warntime and errtime of their own, for a type of components or a group of them; of two groups the first counts, and a group before a type. They count while none are kept in the database (csm heartbeat thresholds).',
    format: listOf(special, { max: 100 }),
    default: [],
  }),
  manager: {
    kind: setting({
      doc: 'The state manager that is told of changes: builtin is the one below /hsm/v2 of this service, external another one at sm_url, none is none.',
      format: choice(['builtin', 'external', 'none']),
      default: 'builtin',
    }),
    sm_url: setting({
      doc: 'Where the external one is, such as http://cray-smd/hsm/v2. Default: none; it must be given with external.',
      format: text({ max: 2048, pattern: /^https?:\/\/[^\s/?#]+[^\s?#]*$/, rule: 'an http or https URL' }),
    }),
    sm_timeout: setting({
      doc: 'An external state manager that has not answered by then is asked again later.',
      format: whole({ min: 1, max: 86_400 }),
      default: 10,
      unit: 's',
    }),
    sm_retries: setting({
      doc: 'Tries with short pauses; after them it is tried every few seconds, for as long as it takes.',
      format: whole({ min: 0, max: 4_294_967_295 }),
      default: 3,
    }),
    discover: setting({
      doc: 'Whether a component that beats and is not known to the built-in state manager is made there, as Ready.',
      format: flag,
      default: true,
    }),
  },
  bus: {
    url: setting({
      doc: 'Where changes are published: nats://host:port/subject, a NATS server with JetStream. Default: none.',
      format: text({
        max: 1024,
        pattern: /^(?:nats|tls):\/\/[^\s/]+(?:\/[^\s/:]+)?$/,
        rule: 'nats://[user:password@]host[:port][/subject], or the same with tls://',
      }),
      sensitive: true,
    }),
  },
  max_components: setting({
    doc: 'Components that are tracked; one more is refused with HTTP 503.',
    format: whole({ min: 1, max: 1_000_000 }),
    default: 200_000,
    cost: 'About 1 KiB of memory each.',
  }),
  history_keep: setting({
    doc: 'Rows of the history of components, and incidents, older than this are removed.',
    format: duration({ min: 60_000 }),
    default: (90 * DAY_MS) / 1000,
    unit: 's',
  }),
  flush_interval: setting({
    doc: 'How often the times of the last beats are written. Changes are written at once.',
    format: duration({ min: 100, max: 60_000 }),
    default: 2,
    unit: 's',
    cost: 'Longer: fewer writes; after a crash more of the last times are older than they were.',
  }),
  limits: {
    body: setting({
      doc: 'Largest body of a request; one byte more is refused with HTTP 413. Lists (batches, BulkStateData) may have 256 times as much.',
      format: bytes({ min: 1024, max: 16 * 1024 * 1024 }),
      default: '64KiB',
      unit: 'bytes',
    }),
    connections: setting({
      doc: 'Connections at a time; one more is closed at once.',
      format: whole({ min: 16, max: 60_000 }),
      default: 8192,
      cost: 'About 15 KiB of memory each, and a file descriptor.',
    }),
  },
} as const satisfies Schema;

export const masterSettings = {
  heartbeat: {
    enabled: setting({
      doc: 'Whether this master takes heartbeats over HTTP while it leads, from components that run no CSM daemon.',
      format: flag,
      default: true,
    }),
    ...SERVICE,
  },
} as const satisfies Schema;

export type ServiceConfig = ConfigOf<typeof SERVICE>;
export type MasterHeartbeatConfig = ConfigOf<typeof masterSettings>;

/** What no single setting can know; `under` is where they stand, such as `csm.heartbeat`. */
export function serviceFaults(config: ServiceConfig, under: string): ConfigFault[] {
  const { warntime: warn, errtime: err, manager, tls, thresholds } = config;
  const faults: ConfigFault[] = [];
  const wrong = (key: string, value: unknown, allowed: string, hint?: string): void => {
    const shown = value === undefined ? '' : JSON.stringify(value);
    faults.push({ key: `${under}.${key}`, value: shown, allowed, ...(hint === undefined ? {} : { hint }) });
  };
  if (err <= warn) wrong('errtime', err, `more than warntime, which is ${warn}`);
  if (manager.kind === 'external' && manager.sm_url === undefined)
    wrong('manager.sm_url', undefined, 'the URL of a state manager, with kind external', 'it must be given');
  if (manager.kind !== 'external' && manager.sm_url !== undefined)
    wrong('manager.sm_url', manager.sm_url, `nothing with kind ${manager.kind}; or kind external`);
  if ((tls.cert_file === undefined) !== (tls.key_file === undefined)) {
    const key = tls.cert_file === undefined ? 'tls.cert_file' : 'tls.key_file';
    wrong(key, undefined, 'certificate and key together', 'it must be given');
  }
  if (tls.identity !== 'none' && (tls.cert_file === undefined || tls.ca_file === undefined))
    wrong('tls.identity', tls.identity, 'none where cert_file, key_file or ca_file are not given');
  const names = new Set<string>();
  for (const [i, { type, group, components, warntime: w, errtime: e }] of thresholds.entries()) {
    const at = `thresholds[${i}]`;
    if (e <= w) wrong(`${at}.errtime`, e, `more than its warntime, which is ${w}`);
    if ((type === undefined) === (group === undefined)) wrong(at, type ?? group, 'either type or group');
    if ((group === undefined) !== (components === undefined))
      wrong(`${at}.components`, components, 'components with a group, and only there');
    const name = type === undefined ? `group ${group}` : `type ${type}`;
    if (names.has(name)) wrong(at, type ?? group, 'each type and each group once');
    names.add(name);
  }
  return faults;
}

export const masterFaults = ({ heartbeat }: MasterHeartbeatConfig): ConfigFault[] =>
  heartbeat.enabled ? serviceFaults(heartbeat, 'csm.heartbeat') : [];
