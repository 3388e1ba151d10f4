import { code, fail, type Json } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { type CertificateState, list } from '@csm/pki';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { optionalNodeset } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import { CERTIFICATE_COLUMNS, type CertificateRow, caDirOf, certificateRow, DIR_OPTION } from './directory.ts';

interface Row extends CertificateRow {
  readonly state: CertificateState;
  readonly issued: string;
}

export const certList: CommandSpec = {
  path: ['cert', 'list'],
  arguments: [nodesetArgument(false)],
  options: [DIR_OPTION],
  summary: 'Lists the certificates a CA has issued',
  purpose: `Every certificate, oldest first, with its state: valid, expired or revoked. It reads the lists of the CA's directory; no daemon
is needed.`,
  examples: [
    { title: 'All', line: 'csm cert list' },
    { title: 'Those of some nodes', line: "csm cert list 'n[001-004]' -o csv" },
  ],
  exits: [[4, 'none was issued']],
  codes: [code.NO_RESULTS, code.INVALID_PARAMETER, code.PERMISSION],
  run: async (session, given) => {
    const nodes = optionalNodeset(given);
    const wanted = nodes === undefined ? undefined : NodeSet.parse(nodes);
    const dir = await caDirOf(given);
    const rows: Row[] = (await list(dir, session.now()))
      .filter(({ node }) => wanted === undefined || wanted.has(node))
      .map((row) => ({ ...certificateRow(row), state: row.state, issued: new Date(row.time).toISOString() }));
    if (rows.length === 0) {
      fail(code.NO_RESULTS, `no certificate${nodes === undefined ? '' : ` for '${nodes}'`} was issued in ${dir}`);
    }
    const { good, bad, warn } = session.colors;
    const paint = { valid: good, expired: warn, revoked: bad };
    const columns = [
      ...CERTIFICATE_COLUMNS,
      { head: 'STATE', cell: (c: Row) => ({ text: c.state, paint: paint[c.state] }) },
      { head: 'NAMES', cell: (c: Row) => c.names.join(',') },
    ];
    await session.print(
      answerText(session, rows as unknown as Json, () => table(rows, columns, session.header), 'records'),
    );
    return 0;
  },
};
