/** Heartbeats in words: states of components, what becomes of them, incidents. */
import type { HeartbeatIncidentsOutput, HeartbeatListItem, HeartbeatWatchItem } from '@csm/client';
import { code, fail, isObject } from '@csm/model';
import { type Argument, type Given, optionKey } from '../command.ts';
import { didYouMean, text } from '../given.ts';
import { readMoment } from '../moment.ts';
import type { Colors } from '../print/colors.ts';
import type { Session } from '../session.ts';
import { duration, either, nodesWords, printable } from '../text.ts';

export type Component = HeartbeatListItem;
export type Incident = HeartbeatIncidentsOutput[number];
export type State = Component['state'];

/** The worst first. */
export const STATES = ['halted', 'dead', 'late', 'left', 'off', 'beating'] as const satisfies readonly State[];
export const FLAGS = ['OK', 'Warning', 'Alert'] as const;
export const KINDS = ['started', 'restarted', 'warning', 'dead', 'halted', 'left'] as const;

/** Components, as node sets are written. */
export const componentsArgument = (required: boolean): Argument => ({
  name: 'nodeset',
  required,
  help: `set of components such as x3000c[0-7]s[0-7]b0n0 or @rack:r1${required ? '' : '; all when left out'}`,
});

/** How a state, or what became of a component, looks. */
export function paintOf({ good, bad, warn }: Colors, word: string): (text: string) => string {
  switch (word) {
    case 'beating':
    case 'started':
    case 'restarted':
    case 'over':
      return good;
    case 'dead':
    case 'halted':
      return bad;
    default:
      return warn;
  }
}

/** Words with commas between, each one of some. */
export function words<T extends string>(given: Given, name: string, known: readonly T[]): T[] | undefined {
  const value = text(given, name);
  if (value === undefined) return undefined;
  return value.split(',').map((part) => {
    const word = part.trim();
    const found = known.find((one) => one.toLowerCase() === word.toLowerCase());
    if (found !== undefined) return found;
    return fail(code.INVALID_PARAMETER, `'${printable(word.slice(0, 80))}' is not allowed${didYouMean(word, known)}`, {
      field: `--${name}`,
      allowed: `${either(known)}, several with commas between`,
    });
  });
}

/** The option `flag`, such as `--seen-since`, a moment that is over, as ISO 8601. */
export function past(session: Session, given: Given, flag: string): string | undefined {
  const value = text(given, optionKey(flag));
  return value === undefined ? undefined : new Date(readMoment(value, flag, session.now())).toISOString();
}

/** A change of a component, or of an incident, as people read it. */
export interface Told {
  /** started, dead …; of an incident: incident, over. */
  readonly what: string;
  /** The component; of an incident its scope. */
  readonly subject: string;
  /** Why, or what else is to be known; may be empty. */
  readonly why: string;
  /** The incident it belongs to, or is. */
  readonly incident: string | null;
}

const stringIn = (body: { readonly [field: string]: unknown }, field: string): string => {
  const value = body[field];
  return typeof value === 'string' ? value : '';
};

/** What an item of `heartbeat.watch` tells. */
export function toldOf({ kind, subject, body }: HeartbeatWatchItem): Told {
  if (!isObject(body)) return { what: kind, subject, why: JSON.stringify(body) ?? '', incident: null };
  if (kind === 'heartbeat.incident') {
    const isOver = typeof body['ended'] === 'number';
    const what = isOver ? 'over' : 'incident';
    return { what, subject: stringIn(body, 'scope'), why: stringIn(body, 'words'), incident: subject };
  }
  const incident = stringIn(body, 'incident');
  return {
    what: stringIn(body, 'kind') || kind,
    subject,
    why: why(body),
    incident: incident === '' ? null : incident,
  };
}

function why(body: { readonly [field: string]: unknown }): string {
  const { at, lastBeat, gap, source } = body;
  const what = stringIn(body, 'kind');
  const isSilence = what === 'warning' || what === 'dead';
  const parts = [
    ...(isSilence && typeof at === 'number' && typeof lastBeat === 'number'
      ? [`last beat ${duration(at - lastBeat)} before`]
      : []),
    ...(what === 'halted' || what === 'left' ? [stringIn(body, 'status')] : []),
    ...(gap === true ? ['nobody had watched for a while'] : []),
    ...(source === 'csm' ? ['by its links'] : []),
  ];
  return parts.filter((part) => part !== '').join('; ');
}

/** A line for those who read on, `seq  time  what  subject  why`. */
export function changeLine(item: HeartbeatWatchItem): string {
  const { what, subject, why: reason, incident } = toldOf(item);
  const belongs = incident === null || what === 'incident' || what === 'over' ? '' : `incident ${incident}`;
  const more = [reason, belongs].filter((part) => part !== '').join('; ');
  const line = `${item.seq}  ${printable(item.time)}  ${printable(what).padEnd(9)}  ${printable(subject)}  ${printable(more)}`;
  return `${line.trimEnd()}\n`;
}

/** `dead x3 since 12 s: 312 components of cabinet x3 fell silent within 2 s: x3c[0-7]s[0-7]b0n0 (312)` */
export function incidentLine(
  { kind, scope, began, ended, words: sentence, components }: Incident,
  now: number,
): string {
  const end = ended === null ? now : Date.parse(ended);
  const lasted = `${ended === null ? 'since' : 'for'} ${duration(end - Date.parse(began))}`;
  const who = components === '' ? '' : `: ${nodesWords(components)}`;
  return `${kind} ${printable(scope)} ${lasted}: ${printable(sentence)}${who}`;
}
