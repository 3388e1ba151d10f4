import type { HeartbeatShowOutput } from '@csm/client';
import { code } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { nodeName } from '../given.ts';
import { incidentLine, paintOf } from '../heartbeat/words.ts';
import { answerText } from '../print/answer.ts';
import type { Session } from '../session.ts';
import { age, duration, printable } from '../text.ts';

function showText(session: Session, it: HeartbeatShowOutput): string {
  const now = session.now();
  const { manager, next, incident } = it;
  const state = paintOf(session.colors, it.state)(it.state);
  const at = next.at === null ? '' : ` at ${next.at}${coming(next.at, now)}`;
  const gap = it.gap ? ', because nobody had watched for a while' : '';
  const interval = it.interval_ms === null ? '' : `, ${(it.interval_ms / 1000).toFixed(1)} s after the one before`;
  const beat = it.last_seen === null ? 'no beat yet' : `last beat ${age(it.last_seen, now)} ago${interval}`;
  const limits =
    it.source === 'csm'
      ? 'judged by its links in this cluster'
      : `late after ${it.warntime} s, dead after ${it.errtime} s (${printable(it.limits)})`;
  const there = manager.state === null ? 'not known here' : `${manager.state}/${manager.flag ?? '-'}`;
  const waiting = manager.waiting === null ? '' : `; ${manager.waiting} is yet to be told`;
  const lines = [
    `${printable(it.name)} is ${state} (${it.flag}) since ${it.since}${gap}; next: ${printable(next.text)}${at}`,
    `${beat}; ${limits}`,
    manager.mode === 'none' ? 'no state manager is told' : `state manager (${manager.mode}): ${there}${waiting}`,
    ...(incident === null ? [] : [`incident ${printable(incident.id)}: ${incidentLine(incident, now)}`]),
    ...(it.type === null ? [] : [`type       ${printable(it.type)}`]),
    ...(it.status === '' ? [] : [`status     ${printable(it.status)}`]),
    ...(it.timestamp === '' ? [] : [`timestamp  ${printable(it.timestamp)}`]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** ` (in 5 min)` */
function coming(iso: string, now: number): string {
  const ms = Date.parse(iso) - now;
  return ms > 0 ? ` (in ${duration(ms)})` : '';
}

export const heartbeatShow: CommandSpec = {
  path: ['heartbeat', 'show'],
  arguments: [{ name: 'component', required: true, help: 'xname, or name of a node of this cluster', values: 'node' }],
  options: [],
  call: 'heartbeat.show',
  purpose: `All that is known of one component. The first line says its state, since when, and what becomes of it next and when; the
second its beats and the thresholds in force, with whom they are for; the third how the state manager has it, and what that is
yet to be told.`,
  examples: [
    { title: 'A controller', line: 'csm heartbeat show x3000c0s1b0', exits: [0, code.UNKNOWN_NODES] },
    { title: 'For a program', line: 'csm heartbeat show x3000c0s1b0 -o json', exits: [0, code.UNKNOWN_NODES] },
  ],
  exits: [[46, 'no such component has ever beaten, or it was forgotten']],
  run: async (session, given) => {
    const name = nodeName(given, 'component');
    const answer = await session.client.call('heartbeat.show', { name }, session.callOptions);
    await session.print(answerText(session, answer, () => showText(session, answer), 'record'));
    return 0;
  },
};
