/** The reference pages of settings: purpose and examples are written here by hand, the tables come from the schemas. */
import { configReference } from '@csm/kit';
import { ROLES, type Role } from '@csm/model';
import { schemaOf } from './config.ts';

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

const PAGES: Readonly<Record<Role, Page>> = {
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
};

const COMMON = `The file is JSON; keys that begin with \`#\` are comments. Durations are seconds or \`HH:MM:SS\`, sizes a number or
\`64MiB\`, addresses \`host:port\`, \`[IPv6]:port\` or an object of \`host\` and \`port\`. An unknown key is refused, with the
nearest known one. \`csmd --role ROLE --check\` prints every fault at once and exits 78; \`--print-effective\` prints what is
in force, defaults included. Settings marked SIGHUP change while the daemon runs.`;

export function settingsPages(): { readonly path: string; readonly text: string }[] {
  return ROLES.map((role) => ({ path: `docs/reference/settings-${role}.md`, text: page(role, PAGES[role]) }));
}

function page(role: Role, { title, purpose, examples }: Page): string {
  const { csm } = schemaOf(role);
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
