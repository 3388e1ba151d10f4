import type { HeartbeatThresholdsOutput } from '@csm/client';
import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { flag, seconds, text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { table } from '../print/table.ts';
import type { Session } from '../session.ts';
import { nodesWords } from '../text.ts';

const SECONDS_MAX = 7 * 86_400;

interface Row {
  readonly whom: string;
  readonly warntime: number;
  readonly errtime: number;
  readonly components: string | null;
}

function thresholdsTable(session: Session, { global, special }: HeartbeatThresholdsOutput): string {
  const rows: readonly Row[] = [
    ...special.map(({ type, group, ...more }) => ({
      ...more,
      whom: type === null ? `group ${group}` : `type ${type}`,
    })),
    { whom: 'all others', ...global, components: null },
  ];
  return table(
    rows,
    [
      { head: 'FOR', cell: (r) => r.whom },
      { head: 'LATE s', align: 'right', cell: (r) => r.warntime },
      { head: 'DEAD s', align: 'right', cell: (r) => r.errtime },
      { head: 'COMPONENTS', cell: (r) => (r.components === null ? null : nodesWords(r.components)) },
    ],
    session.header,
  );
}

export const heartbeatThresholds: CommandSpec = {
  path: ['heartbeat', 'thresholds'],
  arguments: [],
  options: [
    { flags: '--type <type>', help: 'set or remove those of this type of components, such as NodeBMC' },
    { flags: '--group <name>', help: 'set or remove those of this group' },
    { flags: '--components <nodeset>', help: 'with --group: who is in it' },
    { flags: '--warntime <seconds>', help: `without a beat after which they are late, 1 to ${SECONDS_MAX}` },
    { flags: '--errtime <seconds>', help: 'without a beat after which they are dead; above --warntime' },
    { flags: '--remove', help: 'it goes; what else is said of its components holds' },
  ],
  call: 'heartbeat.update-thresholds',
  also: ['heartbeat.thresholds'],
  summary: 'Shows after how long without a beat components are late and dead, or changes it',
  purpose: `Without options the thresholds are shown, in the order in which they count: a group before a type of components before those for
all others, and of two groups the upper one. Setting them is for administrators; what is not named stays as it is. Those for all
others are changed with \`csm heartbeat params Warntime=… Errtime=…\`.`,
  examples: [
    { title: 'All of them', line: 'csm heartbeat thresholds' },
    {
      title: 'Controllers beat rarely',
      line: 'csm heartbeat thresholds --type NodeBMC --warntime 120 --errtime 300',
    },
    { title: 'As the others again', line: 'csm heartbeat thresholds --type NodeBMC --remove' },
  ],
  exits: [
    [4, 'what is to be removed is not there'],
    [8, 'a new pair lacks a time, or a new group its components'],
    [9, 'errtime is not above warntime, or there is no such type'],
  ],
  run: async (session, given) => {
    const input = {
      type: text(given, 'type'),
      group: text(given, 'group'),
      components: text(given, 'components'),
      warntime: seconds(given, 'warntime', 1, SECONDS_MAX),
      errtime: seconds(given, 'errtime', 1, SECONDS_MAX),
      remove: flag(given, 'remove') ? true : undefined,
    };
    const isChange = Object.values(input).some((value) => value !== undefined);
    if (isChange && input.type === undefined && input.group === undefined) {
      fail(code.MISSING_PARAMETER, 'it is not said whose thresholds are to change', {
        field: '--type',
        allowed: '--type or --group; those for all others are Warntime and Errtime of csm heartbeat params',
      });
    }
    const answer = isChange
      ? await session.client.call('heartbeat.update-thresholds', input, session.callOptions)
      : await session.client.call('heartbeat.thresholds', {}, session.callOptions);
    await session.print(answerText(session, answer, () => thresholdsTable(session, answer), 'document'));
    return 0;
  },
};
