import type { HeartbeatHistoryOutput } from '@csm/client';
import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { optionalNodeset, whole } from '../given.ts';
import { componentsArgument, KINDS, paintOf, past, words } from '../heartbeat/words.ts';
import { MOMENT_RULE } from '../moment.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { duration } from '../text.ts';

type Row = HeartbeatHistoryOutput[number];
const LIMIT_MAX = 10_000;

/** How long it had been silent; null for what is no silence. */
function silent({ kind, time, last_seen: seen }: Row): string | null {
  if (seen === null || kind === 'started' || kind === 'restarted') return null;
  return duration(Date.parse(time) - Date.parse(seen));
}

function historyTable(session: Session, rows: readonly Row[]): string {
  return table<Row>(
    rows,
    [
      { head: 'SEQ', align: 'right', cell: (r) => r.seq },
      { head: 'TIME', cell: (r) => r.time },
      { head: 'COMPONENT', cell: (r) => r.name },
      { head: 'WHAT', cell: (r) => ({ text: r.kind, paint: paintOf(session.colors, r.kind) }) },
      { head: 'SILENT', cell: silent },
      { head: 'WHY', cell: (r) => (r.gap ? 'nobody watched' : r.source === 'csm' ? 'by its links' : null) },
      { head: 'INCIDENT', cell: (r) => r.incident },
      { head: 'STATUS', cell: (r) => r.status },
    ],
    session.header,
  );
}

export const heartbeatHistory: CommandSpec = {
  path: ['heartbeat', 'history'],
  arguments: [componentsArgument(false)],
  options: [
    { flags: '--kind <kinds>', help: `only these: ${KINDS.join(',')}` },
    { flags: '--since <time>', help: `only what was noticed since: ${MOMENT_RULE}` },
    { flags: '--before <seq>', help: 'only rows with a lower number: to read on into the past' },
    { flags: '--limit <rows>', help: `at most so many, the newest; 1 to ${LIMIT_MAX}, default 1000` },
  ],
  call: 'heartbeat.history',
  purpose: `What became of components: started, late (\`warning\`), dead, halted, left, back (\`restarted\`). Newest last. SILENT is how long
the last beat was ago then; STATUS the sender's own text of that beat.`,
  examples: [
    {
      title: 'What happened to a node',
      line: 'csm heartbeat history x3000c0s1b0n0',
      exits: [0, code.NO_RESULTS],
    },
    {
      title: 'Who died in the last day, for a spreadsheet',
      line: 'csm heartbeat history --kind dead,halted --since 1d -o csv',
      exits: [0, code.NO_RESULTS],
    },
  ],
  exits: [[4, 'nothing happened']],
  run: async (session, given) => {
    const input = {
      nodes: optionalNodeset(given),
      kinds: words(given, 'kind', KINDS),
      since: past(session, given, '--since'),
      before: whole(given, 'before', 1, Number.MAX_SAFE_INTEGER),
      limit: whole(given, 'limit', 1, LIMIT_MAX),
    };
    const rows = await session.client.call('heartbeat.history', input, session.callOptions);
    if (rows.length === 0) fail(code.NO_RESULTS, 'nothing happened to such components');
    await session.print(answerText(session, rows, () => historyTable(session, rows), 'records'));
    return 0;
  },
};
