/** Pages of the manual that no table makes. */
import { CONFIRM_DEFAULT } from '../confirm.ts';
import type { Page } from './roff.ts';

export const CSM_TEXT = {
  description: `## Description

\`csm\` asks a daemon of this machine, which passes the question on to the master, and shows the answer. What it may ask is
decided by who runs it. Each command has a page of its own, and \`csm\` NOUN VERB \`--help\` shows the same with examples.

Tables are for people. With \`-o json\` or \`-o yaml\` the answer is that of the API as it is, and \`-o csv\` has a line for
each record. Errors are sentences on standard error, with the field and what is allowed; with \`-o json\` one JSON object.
`,
  nodesets: `## Node sets

Nodes are named by node sets such as \`n[001-128],login1\`: \`,\` or a blank joins, \`!\` takes away, \`&\` keeps what is in both,
\`^\` what is in one of both, from left to right. Groups can stand wherever a node can: \`@gpu\`, \`@genders:rack=r1\`,
\`@state:SOFT_FAILURE\`; see \`csm-groups\`(5). Quote node sets, for the shell has brackets of its own.

## Changes

A command that changes nodes asks first when they are more than CSM_CONFIRM; \`--yes\` answers, and is needed where nobody can
be asked. \`--dry-run\` prints the call that would be made and makes none. Where some nodes could be changed and others not,
the others are told by reason, and the exit code is 27, or 26 of a deletion.
`,
  environment: `## Environment

| variable | meaning |
|---|---|
| \`CSM_SOCKET\` | socket of the daemon to ask |
| \`CSM_URL\` | \`https://host:port\` of a daemon to ask over HTTPS |
| \`CSM_TOKEN\` | token to ask with, over HTTPS |
| \`CSM_CERT\` | certificate of the user, over HTTPS |
| \`CSM_CERT_KEY\` | its key, where that is in a file of its own |
| \`CSM_CA\` | certificate of the CA of the cluster |
| \`CSM_CONFIRM\` | nodes that are changed without a question; default ${CONFIRM_DEFAULT}; \`never\` asks for no number |
| \`CSM_GROUPS\` | our file of groups; default \`/etc/csm/groups.cfg\` |
| \`GENDERS\` | the genders database; default \`/etc/genders\` |
| \`CLUSTERSHELL_CFGDIR\` | where ClusterShell is configured; default \`/etc/clustershell\` |
| \`NO_COLOR\` | no colours when it is not empty |
`,
};

export const CSMD_PAGE: Page = {
  name: 'csmd',
  section: 8,
  summary: 'the CSM daemon: one executable, four roles',
  synopsis: [
    'csmd --role <role> [--file <path>]',
    'csmd --role <role> [--file <path>] --check [--probe]',
    'csmd --role <role> [--file <path>] --print-effective',
    'csmd --role master [--file <path>] --db <work> [--from <file>] [--json]',
  ],
  body: `## Description

A daemon of a CSM cluster. A *master* keeps the record and answers calls, *aggregators* link compute nodes to it, a *utility*
daemon is the entry of login and service nodes, and a *compute* daemon reports what its node is and runs what an admin sends.
Every daemon opens a socket below \`/run/csm\` on which \`csm\`(1) asks.

Usually systemd starts it: \`systemctl enable --now csmd-compute\`. It says when it is ready, and it is watched.

## Options

| option | meaning |
|---|---|
| \`-r, --role <role>\` | master, aggregator, utility or compute |
| \`-f, --file <path>\` | configuration file; default \`/etc/csm/csm_\`ROLE\`.cfg\` |
| \`--check\` | check the configuration and the certificates, tell every fault, and exit |
| \`--probe\` | with \`--check\`: try every collector once, and say what it found |
| \`--print-effective\` | print the settings in force, defaults included, and exit |
| \`--db <work>\` | work on the database while no master runs: restore, check or copy; see \`csm-db-restore\`(1) |
| \`--from <file>\` | with \`--db\`: the backup to restore, or the SQLite file to check or copy |
| \`--json\` | with \`--db\`: tell the outcome as JSON |
| \`--version\` | show the versions of the program and of its protocol |
| \`-h, --help\` | show help |

## Signals

| signal | meaning |
|---|---|
| \`SIGTERM\` | say goodbye to all links, end, and exit 0 |
| \`SIGHUP\` | read again what may change while running: certificates, lists, levels |

## Exit status

| exit | meaning |
|---|---|
| \`0\` | it was asked to end, or what was to be checked is well |
| \`78\` | the configuration is wrong; every fault was told |

Work with \`--db\` ends with the codes of \`csm-db-restore\`(1), \`csm-db-check\`(1) and \`csm-db-copy\`(1).

## Files

| file | meaning |
|---|---|
| \`/etc/csm/csm_\`ROLE\`.cfg\` | settings; see \`csm_master.cfg\`(5), \`csm_aggregator.cfg\`(5), \`csm_utility.cfg\`(5), \`csm_compute.cfg\`(5) |
| \`/run/csm/\`ROLE\`.sock\` | where \`csm\` asks |
| \`/var/lib/csm\` | what is kept: the database of a master, the journals of reports |

## See also

\`csm\`(1), \`csm-cert-init-ca\`(1), \`systemd.service\`(5)
`,
};

export const GROUPS_PAGE: Page = {
  name: 'csm-groups',
  section: 5,
  summary: 'groups of nodes in node sets',
  synopsis: [],
  body: `## Description

Wherever \`csm\`(1) takes a node set it takes groups: \`@\`GROUP or \`@\`SOURCE\`:\`GROUP, and \`@*\` or \`@\`SOURCE\`:*\` for all nodes. They can
be joined with names and with each other by \`,\` \`!\` \`&\` \`^\`, and \`@rack[1-4]\` are four groups. Groups may be made of groups.
\`csm nodeset groups\` lists them with where they come from.

A group without a source is looked for in \`csm\`, in the default source of ClusterShell, and in \`genders\`; the first that has
it counts. Within the definition of a group it is looked for in the same source only.

## Sources

| source | what it is |
|---|---|
| \`csm\` | our own file, \`/etc/csm/groups.cfg\` |
| \`genders\` | \`/etc/genders\`: a group for each attribute, and for each attribute with its value |
| of ClusterShell | what \`groups.conf\` defines by commands, and group files (\`*.yaml\`, \`*.cfg\`) in its directories |
| \`state\` | nodes by state: \`@state:SOFT_FAILURE\` |
| \`agg\` | compute nodes by the aggregator that serves them, or served them last: \`@agg:sn01\` |
| \`rack\` | nodes by the first word of their location: \`@rack:r1\` |
| \`profile\` | nodes by equal hardware; the names are those of \`csm node profile\` |
| \`role\` | nodes by the role of their daemon: \`@role:compute\` |

The last five are computed by the master. A source of that name that the site has defined for ClusterShell takes its place.

## Our own file

A line for each group, with the name, a colon, and a node set. Comments begin with \`#\`. Several lines of one name add up.

\`\`\`
# the large machines
fat:  n[001-016]
gpu:  n[017-032],@rack:r7
test: @fat!n001
\`\`\`

## ClusterShell

Its \`groups.conf\` is read where ClusterShell reads it: in \`/etc/clustershell\`, \`~/.local/etc/clustershell\` and
\`~/.config/clustershell\`. The commands \`map\`, \`all\`, \`list\` and \`reverse\` are run by \`/bin/sh\` in the directory of their file, with
\`$GROUP\`, \`$NODE\`, \`$SOURCE\` and \`$CFGDIR\` put in; one that takes longer than ten seconds is killed. Names of groups that would
mean something to a shell are refused. Group files in YAML are read in the form of its manual: sources, groups, and for each a
node set or a list of them.

## Bounds

At most 16 groups within each other, 4096 groups in one node set, and a million nodes. A group that contains itself is
refused with the way round.

## Files

| file | meaning |
|---|---|
| \`/etc/csm/groups.cfg\` | our groups; CSM_GROUPS names another |
| \`/etc/genders\` | the genders database; GENDERS names another |
| \`/etc/clustershell\` | ClusterShell's configuration; CLUSTERSHELL_CFGDIR names another |

## See also

\`csm\`(1), \`csm-nodeset-groups\`(1), \`csm-nodeset-expand\`(1)
`,
};
