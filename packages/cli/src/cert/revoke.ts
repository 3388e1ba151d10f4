import { code, fail } from '@csm/model';
import { type Revoked, revoke, revokedFile } from '@csm/pki';
import { type CommandSpec, type Given, nodesetArgument } from '../command.ts';
import { text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import { caDirOf, DIR_OPTION, eachNode, type Outcome, refuseFailed, subjectsOf, USER_OPTION } from './directory.ts';

interface RevokedRow {
  readonly role: string;
  readonly node: string;
  readonly serial: string;
  readonly time: string;
  readonly reason: string;
}

/** A serial or nodes, and why. */
async function carryOut(dir: string, given: Given): Promise<Outcome<Revoked[]>> {
  const serial = text(given, 'serial');
  const reason = text(given, 'reason');
  if (serial !== undefined) {
    if (given.arguments['role'] !== undefined || text(given, 'user') !== undefined) {
      fail(code.INVALID_PARAMETER, 'a serial and nodes or a user are given', {
        field: '--serial',
        allowed: 'one of them',
      });
    }
    return { done: [await revoke(dir, serial, reason ?? 'unspecified')], failed: [] };
  }
  const missing = (field: string, allowed: string): never =>
    fail(code.MISSING_PARAMETER, `${field.startsWith('-') ? 'the option' : 'the argument'} '${field}' is missing`, {
      field,
      allowed,
    });
  if (given.arguments['role'] === undefined && text(given, 'user') === undefined) {
    missing('role', 'a role and a node set, --user, or --serial');
  }
  const { role, names } = subjectsOf(given);
  const why = reason ?? missing('--reason', 'a reason of 1 to 200 characters');
  return eachNode(names, (node) => revoke(dir, { role, node }, why));
}

export const certRevoke: CommandSpec = {
  path: ['cert', 'revoke'],
  arguments: [
    { name: 'role', required: false, help: 'master, aggregator, utility or compute' },
    { ...nodesetArgument(true), required: false },
  ],
  options: [
    DIR_OPTION,
    USER_OPTION,
    { flags: '--reason <text>', help: 'why, at most 200 characters; needed for nodes and users' },
    { flags: '--serial <serial>', help: 'one certificate by its serial, instead of all of a node' },
  ],
  summary: 'Revokes certificates',
  purpose: `Adds every certificate of the nodes, or of a user, that is still valid to \`revoked.json\` of the CA's directory, or one by its serial, as
\`csm cert list\` or openssl shows it. Daemons refuse a revoked peer once they have read the new list: copy the file to
where \`net.ssl.revoked_file\` of masters and aggregators points (and of daemons with \`net.api_listen\`), and send them SIGHUP.`,
  examples: [{ title: 'A node that was stolen', line: "csm cert revoke compute n008 --reason 'stolen with its disk'" }],
  exits: [
    [4, 'nothing of the kind was issued here'],
    [42, 'it is revoked already'],
  ],
  codes: [code.NO_RESULTS, code.MISSING_PARAMETER, code.INVALID_PARAMETER, code.PERMISSION, code.SAME_STATE],
  run: async (session, given) => {
    const dir = await caDirOf(given);
    const outcome = await carryOut(dir, given);
    const rows: RevokedRow[] = outcome.done.flat().map(({ role, node, serial, time, reason }) => {
      return { role, node, serial, time: new Date(time).toISOString(), reason };
    });
    const shown = () =>
      table<RevokedRow>(
        rows,
        [
          { head: 'ROLE', cell: (r) => r.role },
          { head: 'NODE', cell: (r) => r.node },
          { head: 'SERIAL', cell: (r) => r.serial },
          { head: 'REASON', cell: (r) => r.reason },
        ],
        session.header,
      );
    if (rows.length > 0) await session.print(answerText(session, rows as never, shown, 'records'));
    if (session.verbose) await session.note(`the list is ${revokedFile(dir)}`);
    refuseFailed(outcome);
    return 0;
  },
};
