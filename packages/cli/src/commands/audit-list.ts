import type { AuditListOutput } from '@csm/client';
import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { optionalNodeset, text, whole } from '../given.ts';
import { MOMENT_RULE, readMoment } from '../moment.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';

type Row = AuditListOutput[number];
const LIMIT_MAX = 1000;

/** `refused ×7`, `failed 48`, `ok` */
function outcome({ outcome: word, code: c, times }: Row): string {
  const more = times === 1 ? '' : ` ×${times}`;
  return word === 'failed' ? `failed ${c}` : `${word}${more}`;
}

function auditTable(session: Session, rows: readonly Row[]): string {
  const { good, bad, warn } = session.colors;
  const paint = { ok: good, failed: bad, refused: warn, unknown: bad, 'under way': warn };
  return table<Row>(
    rows,
    [
      { head: 'SEQ', align: 'right', cell: (r) => r.seq },
      { head: 'TIME', cell: (r) => r.time },
      { head: 'USER', cell: (r) => r.user },
      {
        head: 'BY',
        cell: (r) => (r.via === null || r.via === 'socket' ? r.vouched_by : `${r.vouched_by} (${r.token ?? r.via})`),
      },
      { head: 'CALL', cell: (r) => r.call },
      { head: 'OUTCOME', cell: (r) => ({ text: outcome(r), paint: paint[r.outcome] }) },
      { head: 'MS', align: 'right', cell: (r) => r.ms },
      { head: 'INPUT', cell: (r) => (r.input === null ? null : JSON.stringify(r.input)) },
    ],
    session.header,
  );
}

/** ISO 8601, as the call takes it. */
function moment(session: Session, value: string | undefined, field: string): string | undefined {
  return value === undefined ? undefined : new Date(readMoment(value, field, session.now())).toISOString();
}

export const auditList: CommandSpec = {
  path: ['audit', 'list'],
  arguments: [{ name: 'nodeset', required: false, help: 'only calls that name one of these nodes' }],
  options: [
    { flags: '--user <name>', help: 'only calls of this user' },
    { flags: '--call <name>', help: 'only this call, such as node.update' },
    { flags: '--since <time>', help: `only what began then or later: ${MOMENT_RULE}` },
    { flags: '--until <time>', help: 'only what began before; as --since' },
    { flags: '--before <seq>', help: 'only rows with a lower number: to read on' },
    { flags: '--limit <rows>', help: `at most so many, the newest; 1 to ${LIMIT_MAX}, default 100` },
  ],
  call: 'audit.list',
  purpose: `For administrators. Every call that changed something, needed privilege or was refused: who, vouched for by which daemon,
with which input (secrets are masked), how it ended and how long it took. Newest first. \`unknown\` is the outcome of a call
that was under way when its master died. Refusals alike within a minute are one line with their number; those at a
daemon's own socket are told by the daemon within about a minute, without their input.`,
  examples: [
    { title: 'What was done today', line: 'csm audit list --since 1d', exits: [0, code.NO_RESULTS] },
    { title: 'Who ran programs on a node', line: 'csm audit list n001 --call run', exits: [0, code.NO_RESULTS] },
    {
      title: 'All of one user, for a spreadsheet',
      line: 'csm audit list --user alice --limit 1000 -o csv',
      exits: [0, code.NO_RESULTS],
    },
  ],
  exits: [[4, 'there is no such call']],
  run: async (session, given) => {
    const input = {
      nodes: optionalNodeset(given),
      user: text(given, 'user'),
      call: text(given, 'call'),
      since: moment(session, text(given, 'since'), '--since'),
      until: moment(session, text(given, 'until'), '--until'),
      before: whole(given, 'before', 1, Number.MAX_SAFE_INTEGER),
      limit: whole(given, 'limit', 1, LIMIT_MAX),
    };
    const rows = await session.client.call('audit.list', input, session.callOptions);
    if (rows.length === 0) fail(code.NO_RESULTS, 'the audit record has no such call');
    await session.print(answerText(session, rows, () => auditTable(session, rows), 'records'));
    return 0;
  },
};
