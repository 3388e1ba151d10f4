import type { HeartbeatStatusOutput } from '@csm/client';
import type { CommandSpec } from '../command.ts';
import { incidentLine, paintOf, STATES } from '../heartbeat/words.ts';
import { answerText } from '../print/answer.ts';
import { onceOrWatch, WATCH_OPTION } from '../repeat.ts';
import type { Session } from '../session.ts';
import { age, count, printable } from '../text.ts';

function statusText(session: Session, status: HeartbeatStatusOutput): string {
  const { colors } = session;
  const { counts, waiting, incidents, problems, lost_history: lost } = status;
  const ago = (iso: string | null): string => {
    const words = age(iso, session.now());
    return words === null ? 'never' : `${words} ago`;
  };
  // The built-in state manager has every change in the same transaction.
  const isTold = status.manager !== 'builtin' && status.manager !== 'none';
  const told = isTold ? `   state manager took something ${ago(status.last_delivery)}` : '';
  const figures = STATES.map((state) => {
    const figure = `${counts[state]} ${state}`;
    return counts[state] === 0 ? figure : paintOf(colors, state)(figure);
  });
  return [
    `${count(status.components, 'component')}: ${figures.join(', ')}`,
    `${status.leads ? 'leads' : 'stands by'}   database ${status.database}   state manager ${status.manager}   bus ${status.bus}`,
    `deadlines looked at ${ago(status.last_check)}${told}`,
    `waiting: ${waiting.store} to be stored, ${waiting.manager} for the state manager, ${waiting.bus} for the bus${lost === 0 ? '' : `   history of ${count(lost, 'change')} lost`}`,
    ...problems.map((problem) => colors.bad(`problem: ${printable(problem)}`)),
    `INCIDENTS: ${incidents.length}`,
    ...incidents.map((incident) => `  ${incidentLine(incident, session.now())}`),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

export const heartbeatStatus: CommandSpec = {
  path: ['heartbeat', 'status'],
  arguments: [],
  options: [WATCH_OPTION],
  call: 'heartbeat.status',
  purpose: `The heartbeat service at a glance: how many components are in which state, whether its database, state manager and message
bus are there, what is on its way to them, which incidents last, and what is wrong.`,
  examples: [
    { title: 'At a glance', line: 'csm heartbeat status' },
    { title: 'For a program', line: 'csm heartbeat status -o json' },
  ],
  run: (session, given) =>
    onceOrWatch(session, given, async () => {
      const status = await session.client.call('heartbeat.status', {}, session.callOptions);
      return { text: answerText(session, status, () => statusText(session, status), 'document'), exit: 0 };
    }),
};
