import type { Static, TSchema } from 'typebox';
import * as call from './messages/call.ts';
import * as claim from './messages/claim.ts';
import * as command from './messages/command.ts';
import * as greeting from './messages/greeting.ts';
import * as liveness from './messages/liveness.ts';
import * as report from './messages/report.ts';
import * as roster from './messages/roster.ts';

/** The four directions a message can travel in. A leaf is any daemon's own lower end, a hub serves leaves, the core leads. */
export type Way = 'leaf>hub' | 'hub>leaf' | 'hub>core' | 'core>hub';

interface MessageRow {
  readonly schema: TSchema;
  readonly ways: readonly Way[];
  /** The version that brought it. */
  readonly since: `1.${number}`;
}

const every = ['leaf>hub', 'hub>leaf', 'hub>core', 'core>hub'] as const;
const up = ['leaf>hub', 'hub>core'] as const;
const down = ['hub>leaf', 'core>hub'] as const;
const row = <S extends TSchema>(schema: S, ways: readonly Way[], since: `1.${number}` = '1.0') => ({
  schema,
  ways,
  since,
});

/** Every message there is. Adding a kind or an optional field raises the minor version; nothing is ever removed or retyped. */
export const MESSAGES = {
  hello: row(greeting.hello, up),
  welcome: row(greeting.welcome, down),
  refused: row(greeting.refused, every),
  unsupported: row(greeting.unsupported, every),
  beat: row(liveness.beat, every),
  probe: row(liveness.probe, every),
  bye: row(liveness.bye, every),
  claim: row(claim.claim, ['leaf>hub']),
  claimed: row(claim.claimed, ['hub>leaf']),
  behind: row(claim.behind, ['hub>leaf']),
  demoted: row(claim.demoted, ['hub>leaf']),
  verdicts: row(claim.verdicts, ['core>hub']),
  report: row(report.report, ['leaf>hub']),
  ack: row(report.ack, ['hub>leaf']),
  resend: row(report.resend, ['hub>leaf']),
  credit: row(report.credit, down),
  want: row(report.want, ['leaf>hub']),
  reports: row(report.reports, ['hub>core']),
  acks: row(report.acks, ['core>hub']),
  roster: row(roster.roster, ['hub>core']),
  links: row(roster.links, ['hub>core']),
  noted: row(roster.noted, ['core>hub']),
  seen: row(roster.seen, ['hub>core']),
  command: row(command.command, down),
  result: row(command.result, up),
  call: row(call.call, up),
  data: row(call.data, down),
  more: row(call.more, up),
  piece: row(call.piece, down),
  end: row(call.end, down),
  lost: row(call.lost, down),
  cancel: row(call.cancel, up),
} as const satisfies Record<string, MessageRow>;

export type Kind = keyof typeof MESSAGES;
export type MessageOf<K extends Kind> = Static<(typeof MESSAGES)[K]['schema']>;
export type Message = { [K in Kind]: MessageOf<K> }[Kind];

export const KINDS = Object.keys(MESSAGES) as Kind[];
