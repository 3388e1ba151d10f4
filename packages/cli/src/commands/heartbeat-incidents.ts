import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { flag, whole } from '../given.ts';
import { type Incident, paintOf, past } from '../heartbeat/words.ts';
import { MOMENT_RULE } from '../moment.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { duration, nodesWords } from '../text.ts';

const LIMIT_MAX = 1000;

function incidentsTable(session: Session, rows: readonly Incident[]): string {
  const now = session.now();
  const lasted = ({ began, ended }: Incident): string => {
    const ms = (ended === null ? now : Date.parse(ended)) - Date.parse(began);
    return `${duration(ms)}${ended === null ? ' so far' : ''}`;
  };
  return table<Incident>(
    rows,
    [
      { head: 'ID', cell: (r) => r.id },
      { head: 'BEGAN', cell: (r) => r.began },
      { head: 'LASTED', cell: lasted },
      { head: 'KIND', cell: (r) => ({ text: r.kind, paint: paintOf(session.colors, r.kind) }) },
      { head: 'SCOPE', cell: (r) => r.scope },
      { head: 'COUNT', align: 'right', cell: (r) => r.count },
      { head: 'WHAT', cell: (r) => r.words },
      { head: 'COMPONENTS', cell: (r) => (r.components === '' ? null : nodesWords(r.components)) },
    ],
    session.header,
  );
}

export const heartbeatIncidents: CommandSpec = {
  path: ['heartbeat', 'incidents'],
  arguments: [],
  options: [
    { flags: '--open', help: 'only those that last' },
    { flags: '--since <time>', help: `only those that began since: ${MOMENT_RULE}` },
    { flags: '--limit <rows>', help: `at most so many, the newest; 1 to ${LIMIT_MAX}, default 100` },
  ],
  call: 'heartbeat.incidents',
  purpose: `Many components of one cabinet, chassis or group, or of all, that fall silent within two seconds have one cause: that is one
incident, in place of as many alarms. So is a time in which nobody watched, such as a restart of the service (\`blind\`). Newest last.`,
  examples: [
    { title: 'What lasts', line: 'csm heartbeat incidents --open', exits: [0, code.NO_RESULTS] },
    { title: 'Those of the last week', line: 'csm heartbeat incidents --since 1w', exits: [0, code.NO_RESULTS] },
  ],
  exits: [[4, 'there is no such incident']],
  run: async (session, given) => {
    const input = {
      open: flag(given, 'open') ? true : undefined,
      since: past(session, given, '--since'),
      limit: whole(given, 'limit', 1, LIMIT_MAX),
    };
    const rows = await session.client.call('heartbeat.incidents', input, session.callOptions);
    if (rows.length === 0) fail(code.NO_RESULTS, 'there is no such incident');
    await session.print(answerText(session, rows, () => incidentsTable(session, rows), 'records'));
    return 0;
  },
};
