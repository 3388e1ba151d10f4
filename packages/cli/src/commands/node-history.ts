import type { NodeHistoryOutput } from '@csm/client';
import { code, fail } from '@csm/model';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { optionalNodeset, text, whole } from '../given.ts';
import { KIND_OPTION, kind, SERIAL_OPTION, serial } from '../inventory/kinds.ts';
import { told } from '../inventory/parts.ts';
import { MOMENT_RULE, readMoment } from '../moment.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';

type Row = NodeHistoryOutput[number];
const LIMIT_MAX = 10_000;

/** `from n001 DIMM_A1; firmware 1.0 -> 1.1` */
function what({ from_node, from_location, changes }: Row): string | null {
  const from = from_node === null ? [] : [`from ${from_node}${from_location === null ? '' : ` ${from_location}`}`];
  const changed = Object.entries(changes).map(
    ([field, { from: a, to: b }]) => `${field} ${told(a) ?? '-'} -> ${told(b) ?? '-'}`,
  );
  const words = [...from, ...changed].join('; ');
  return words === '' ? null : words;
}

function historyTable(session: Session, rows: readonly Row[]): string {
  const { good, bad, warn } = session.colors;
  const paint = { inserted: good, removed: bad, changed: warn, moved: warn };
  return table<Row>(
    rows,
    [
      { head: 'TIME', cell: (r) => r.time },
      { head: 'EVENT', cell: (r) => ({ text: r.event, paint: paint[r.event] }) },
      { head: 'KIND', cell: (r) => r.kind },
      { head: 'SERIAL', cell: (r) => r.serial },
      { head: 'NODE', cell: (r) => r.node },
      { head: 'LOCATION', cell: (r) => r.location },
      { head: 'WHAT', cell: what },
    ],
    session.header,
  );
}

export const nodeHistory: CommandSpec = {
  path: ['node', 'history'],
  arguments: [nodesetArgument(false)],
  options: [
    KIND_OPTION,
    SERIAL_OPTION,
    { flags: '--since <time>', help: `only what was noticed since: ${MOMENT_RULE}` },
    { flags: '--limit <rows>', help: `at most so many, the newest; 1 to ${LIMIT_MAX}, default 1000` },
  ],
  call: 'node.history',
  purpose: `What became of hardware parts: inserted, changed (such as its firmware), removed, moved from another node. Newest last. A node's
first inventory makes no lines, and where nothing ever happened the exit code is 4. With \`--serial\` it is the life of one
part, through all nodes it was in. The history of the states of nodes is told by \`csm node states\`.`,
  examples: [
    {
      title: 'The last twenty changes of the year',
      line: 'csm node history --since 365d --limit 20',
      exits: [0, code.NO_RESULTS],
    },
    {
      title: 'What happened to memory since a service day, for a spreadsheet',
      line: 'csm node history --kind dimm --since 2026-01-31T08:00:00Z -o csv',
      exits: [0, code.NO_RESULTS],
    },
  ],
  exits: [[4, 'nothing happened']],
  run: async (session, given) => {
    const nodes = optionalNodeset(given);
    const from = text(given, 'since');
    const since = from === undefined ? undefined : new Date(readMoment(from, '--since', session.now())).toISOString();
    const limit = whole(given, 'limit', 1, LIMIT_MAX);
    const input = { nodes, kind: kind(given), serial: serial(given), since, limit };
    const rows = await session.client.call('node.history', input, session.callOptions);
    if (rows.length === 0) fail(code.NO_RESULTS, 'nothing happened to such parts');
    await session.print(answerText(session, rows, () => historyTable(session, rows), 'records'));
    return 0;
  },
};
