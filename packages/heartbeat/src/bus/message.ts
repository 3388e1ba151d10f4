/**
 * A change as it is published: the body is what hbtd tells, no more and in the same order; the rest stands in headers.
 * Pure.
 */
import type { ChangeRow } from '@csm/store';
import type { ChangeBody } from '../types.ts';
import { messageId } from './mark.ts';

export interface BusMessage {
  /** `Nats-Msg-Id` */
  readonly id: string;
  readonly text: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Of a sender's own text so much is passed on: a message always finds room in a stream. */
export const TIMESTAMP_MAX = 256;

export function busMessage(identity: string, row: ChangeRow): BusMessage {
  const { name, state, flag, timestamp, info, source, incident } = row.body as ChangeBody;
  const text = JSON.stringify({
    MessageID: 'Heartbeat Change Notification',
    ID: name,
    NewState: state,
    NewFlag: flag,
    LastHBTimeStamp: timestamp.slice(0, TIMESTAMP_MAX),
    Info: info,
  });
  const headers: [string, string][] = [
    ['Csm-Seq', String(row.seq)],
    ['Csm-Source', source],
  ];
  if (incident !== null) headers.push(['Csm-Incident', incident]);
  return { id: messageId(identity, row), text, headers };
}
