/** The reference pages of settings: purpose and examples are written here by hand, the tables come from the schemas. */
import { configReference } from '@csm/kit';
import { ROLES, type Role } from '@csm/model';
import { schemaOf } from './config.ts';
import { HEARTBEAT_SCHEMA } from './heartbeat-config.ts';

interface Page {
  readonly title: string;
  readonly purpose: string;
  /** Each is a whole configuration that `csmd --check` takes, once its certificates are there; a test does that. */
  readonly examples: readonly { readonly title: string; readonly config: object }[];
}

const ssl = (role: Role, revocations = false) => ({
  ca_file: '/etc/csm/ca.pem',
  cred_pem: `/etc/csm/${role}.pem`,
  ...(revocations ? { revoked_file: '/etc/csm/revoked.json' } : {}),
});

/** Thresholds of a large site, and who is told. */
const SITE = {
  warntime: 35,
  errtime: 60,
  manager: { kind: 'external', sm_url: 'http://cray-smd/hsm/v2' },
  bus: { url: 'nats://10.0.0.5:4222/cray-hmsheartbeat-notifications' },
};

/** Roles of the tree, and the service that may stand alone. */
const PAGE_OF = [...ROLES, 'heartbeat'] as const;
type PageOf = (typeof PAGE_OF)[number];

const PAGES: Readonly<Record<PageOf, Page>> = {
  master: {
    title: 'Settings of a master',
    purpose: `The master keeps the record of the cluster and answers every call. Aggregators and utility daemons link to it; it
links to nobody but, while it stands by, to the other masters. What it needs most is a disk whose writes are quick and
lasting, or a PostgreSQL server with one: no report is acknowledged before it is in the database.`,
    examples: [
      { title: 'The least', config: { csm: { net: { ssl: ssl('master') } } } },
      {
        title: 'Its database on a disk of its own, one network, the operators as admins',
        config: {
          csm: {
            privileged_group_id: ['operators'],
            db: { file: '/fast/csm/csm.db', change_keep: '240:00:00' },
            net: {
              ssl: ssl('master', true),
              aggregator_listen: { host: '10.0.0.1', port: 9815 },
              utility_listen: { host: '10.0.0.1', port: 9816 },
            },
          },
        },
      },
      {
        title: 'One of two masters on PostgreSQL (docs/operate/high-availability.md)',
        config: {
          csm: {
            db: { engine: 'postgresql', postgresql: { host: 'pg.example.org', database: 'csm', user: 'csm' } },
            net: { ssl: ssl('master', true), master: ['m2'] },
          },
        },
      },
    ],
  },
  aggregator: {
    title: 'Settings of an aggregator',
    purpose: `An aggregator keeps the links of compute nodes, passes their reports to the master, commands to them and their
answers back. It stores nothing of theirs, so it may be stopped, moved and added at any time. Two of them for each group
of nodes give every node a second way.`,
    examples: [
      { title: 'The least', config: { csm: { net: { ssl: ssl('aggregator'), master: 'm1' } } } },
      {
        title: 'Two addresses of masters (for the day there are two), IPv6, failures found within three seconds',
        config: {
          csm: {
            net: {
              heartbeat_interval: 1,
              ssl: ssl('aggregator', true),
              compute_listen: { host: '::', port: 9800 },
              master: ['m1.example.org', '[2001:db8::2]:9815'],
            },
          },
        },
      },
    ],
  },
  utility: {
    title: 'Settings of a utility daemon',
    purpose: `A utility daemon is the entry of login, launch and service nodes: it links to the master itself, and \`csm\` on that
node asks it. Admins work here.`,
    examples: [
      { title: 'The least', config: { csm: { net: { ssl: ssl('utility'), master: 'm1' } } } },
      {
        title: 'A login node on which one user may run commands on all nodes (the master must name her too)',
        config: { csm: { privileged_user_id: ['alice'], net: { ssl: ssl('utility'), master: ['m1', 'm2'] } } },
      },
    ],
  },
  compute: {
    title: 'Settings of a compute daemon',
    purpose: `A compute daemon reports what its node is and does, and runs what an admin sends. It links to two aggregators and
needs no other way into the network. One file can serve all nodes: names differ only by the host name, and
\`net.aggregators\` says who links where.`,
    examples: [
      {
        title: 'Two aggregators',
        config: { csm: { net: { ssl: ssl('compute'), aggregatorA: 'agg-a', aggregatorB: 'agg-b:9800' } } },
      },
      {
        title: 'One file for all nodes, diskless, half of them the other way round',
        config: {
          csm: {
            state_dir: '/run/csm/state',
            outbox_max: '16MiB',
            net: {
              ssl: ssl('compute'),
              aggregators: {
                'n[0001-0288]': ['agg-a', 'agg-b'],
                'n[0289-0576]': ['agg-b', 'agg-a'],
              },
              return_after: '00:10:00',
            },
          },
        },
      },
    ],
  },
  heartbeat: {
    title: 'Settings of the heartbeat service alone',
    purpose: `\`csmd --role heartbeat\` is the heartbeat service without a tree, on a database of its own: for machines that have no
master, and in place of hbtd, whose options count more than the file. In a master the service is built in, and its settings stand
under \`csm.heartbeat\`. How it is used: docs/operate/heartbeat.md.`,
    examples: [
      { title: 'As hbtd is mostly run, with the state manager of the site', config: { csm: SITE } },
      {
        title: 'One of two instances on one PostgreSQL, on the inner network only, controllers with more patience',
        config: {
          csm: {
            listen: { host: '10.0.0.1', port: 28500 },
            advertise: '10.0.0.1:28500',
            thresholds: [{ type: 'NodeBMC', warntime: 120, errtime: 300 }],
            db: { engine: 'postgresql', postgresql: { host: 'pg.example.org', database: 'heartbeat', user: 'csm' } },
          },
        },
      },
    ],
  },
};

const COMMON = `The file is JSON; keys that begin with \`#\` are comments. Durations are seconds or \`HH:MM:SS\`, sizes a number or
\`64MiB\`, addresses \`host:port\`, \`[IPv6]:port\` or an object of \`host\` and \`port\`. An unknown key is refused, with the
nearest known one. \`csmd --role ROLE --check\` prints every fault at once and exits 78; \`--print-effective\` prints what is
in force, defaults included. Settings marked SIGHUP change while the daemon runs.`;

export function settingsPages(): { readonly path: string; readonly text: string }[] {
  return PAGE_OF.map((role) => ({ path: `docs/reference/settings-${role}.md`, text: page(role, PAGES[role]) }));
}

function page(role: PageOf, { title, purpose, examples }: Page): string {
  const { csm } = role === 'heartbeat' ? HEARTBEAT_SCHEMA : schemaOf(role);
  return [
    `# ${title}\n`,
    '<!-- Made by npm run generate from the schema; do not edit. -->\n',
    `File: \`/etc/csm/csm_${role}.cfg\`; a commented sample: \`etc/csm_${role}.cfg\`.\n`,
    `${purpose}\n`,
    `${COMMON.replace('ROLE', role)}\n`,
    ...examples.map(
      ({ title: what, config }) => `${what}:\n\n\`\`\`json\n${JSON.stringify(config, null, 2)}\n\`\`\`\n`,
    ),
    'All settings stand below the key `csm`.\n',
    configReference(csm).trimEnd(),
    '',
  ].join('\n');
}
