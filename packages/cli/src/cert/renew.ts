import { code } from '@csm/model';
import { DEFAULT_DAYS, renew } from '@csm/pki';
import { type CommandSpec, nodesetArgument } from '../command.ts';
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

export const certRenew: CommandSpec = {
  path: ['cert', 'renew'],
  arguments: [
    { ...ROLE_ARGUMENT, required: false },
    { ...nodesetArgument(true), required: false },
  ],
  options: [DIR_OPTION, USER_OPTION, daysOption(DEFAULT_DAYS)],
  summary: 'Makes new keys and certificates in place of earlier ones',
  purpose: `Writes \`<role>-<node>.pem\` anew, with the names of the last certificate. The old one stays valid until it expires or is revoked,
so that daemons change over one by one without a gap.`,
  examples: [{ title: 'All compute nodes, for another year', line: "csm cert renew compute 'n[001-008]'" }],
  exits: [[4, 'none was ever issued to a node or the user']],
  codes: [code.NO_RESULTS, code.MISSING_PARAMETER, code.INVALID_PARAMETER, code.PERMISSION],
  run: async (session, given) => {
    const { role, names } = subjectsOf(given);
    const dir = await caDirOf(given);
    const days = daysOf(given);
    return showWritten(session, await eachNode(names, (node) => renew(dir, role, node, days)));
  },
};
