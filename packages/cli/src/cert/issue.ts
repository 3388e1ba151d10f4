import { existsSync } from 'node:fs';
import { code, fail } from '@csm/model';
import { fold } from '@csm/nodeset';
import { DEFAULT_DAYS, issue, pemFile } from '@csm/pki';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { flag, text } from '../given.ts';
import {
  caDirOf,
  DIR_OPTION,
  daysOf,
  daysOption,
  eachNode,
  ROLE_ARGUMENT,
  showWritten,
  subjectsOf,
  USER_OPTION,
} from './directory.ts';
import { NAMES_OPTIONS, namesOf } from './names.ts';

export const certIssue: CommandSpec = {
  path: ['cert', 'issue'],
  arguments: [
    { ...ROLE_ARGUMENT, required: false },
    { ...nodesetArgument(true), required: false },
  ],
  options: [DIR_OPTION, USER_OPTION, ...NAMES_OPTIONS, daysOption(DEFAULT_DAYS)],
  summary: 'Issues a key and a certificate to the daemons of nodes, or to a user',
  purpose: `Writes \`<role>-<node>.pem\` (certificate and key, mode 0600) for each node: the file that \`net.ssl.cred_pem\` of its daemon names.
The role and the node stand in the certificate; a daemon is refused under any other. Where the node's name is not what others
dial, give \`--names\` or \`--host-name\`. If a file of any of the nodes exists, nothing is issued; \`csm cert renew\` makes a
new one.

With \`--user\` it writes \`user-<name>.pem\`: with it that user calls over HTTPS (\`csm --url … --cert user-<name>.pem\`), where
\`net.api_listen\` of a daemon says so. Whoever has the file is that user; for \`root\` he may do everything.`,
  examples: [
    {
      title: 'Two aggregators that are dialled by address too',
      line: 'csm cert issue aggregator agg-A,agg-B --names 10.0.0.1,10.0.0.2',
    },
    { title: 'All compute nodes', line: "csm cert issue compute 'n[001-008]' --days 90" },
    { title: 'A user who calls over HTTPS', line: 'csm cert issue --user alice --days 30' },
  ],
  codes: [code.MISSING_PARAMETER, code.INVALID_PARAMETER, code.PERMISSION, code.SAME_STATE],
  run: async (session, given) => {
    const { role, names: nodes } = subjectsOf(given);
    const dir = await caDirOf(given);
    const days = daysOf(given);
    const taken = nodes.filter((node) => existsSync(pemFile(dir, role, node)));
    if (taken.length > 0 && nodes.length > 1) {
      fail(
        code.SAME_STATE,
        `${fold(taken)} of ${nodes.length} nodes have a ${role} certificate in ${dir}; none was issued`,
        {
          field: 'nodeset',
          allowed: 'nodes without one; csm cert renew makes a new one',
        },
      );
    }
    if (role === 'user' && (text(given, 'names') !== undefined || flag(given, 'hostName'))) {
      fail(code.INVALID_PARAMETER, 'the certificate of a user has no host names', {
        field: '--names',
        allowed: '--user without --names and --host-name',
      });
    }
    const named = (node: string) => (role === 'user' ? {} : { names: namesOf(given, node) });
    const outcome = await eachNode(nodes, (node) => issue(dir, { role, node, ...named(node), ...days }));
    return showWritten(session, outcome);
  },
};
