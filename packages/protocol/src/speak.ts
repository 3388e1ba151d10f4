import { isObject } from '@csm/model';
import { MESSAGES, type Message } from './message.ts';
import { parseVersion, VERSION, type Version } from './version.ts';

/**
 * Fields that are younger than their message, as `kind.field` or `kind.field.field`, with the version that brought them. The one place that
 * knows: recorded frames of older versions and `speakAs` both go by it.
 */
export const FIELDS_SINCE: Readonly<Record<string, `1.${number}`>> = {
  'hello.clock': '1.1',
  'welcome.clock': '1.1',
  'claimed.again': '1.2',
  'welcome.term': '1.3',
  'call.caller.via': '1.4',
  'call.caller.token': '1.4',
};

/** What a daemon of a later minor version adds to every message, for tests of the version rule. */
export const NEXT_FIELD = 'x_next';
/** A kind of message that only a later minor version knows. */
export const NEXT_KIND = 'x-next';

/**
 * What a daemon of protocol `version` sends where ours sends `message`: a test's way to a peer of another minor version.
 * Older: without the fields, and without the kinds, that came later. Newer: with a field nobody here knows, and after
 * its greeting with a message of an unknown kind. `hello` and `welcome` say `version`, whatever it is.
 */
export function speakAs(version: string, message: Message): readonly unknown[] {
  let spoken: Record<string, unknown> = { ...message };
  if ('version' in message) spoken['version'] = version;
  const theirs = parseVersion(version);
  const ours = parseVersion(VERSION);
  if (theirs === undefined || ours === undefined) return [spoken];
  if (compare(theirs, ours) > 0) {
    spoken[NEXT_FIELD] = { of: version };
    const greets = message.kind === 'hello' || message.kind === 'welcome';
    return greets ? [spoken, { kind: NEXT_KIND, [NEXT_FIELD]: 1 }] : [spoken];
  }
  if (isYounger(MESSAGES[message.kind].since, theirs)) return [];
  for (const [path, since] of Object.entries(FIELDS_SINCE)) {
    const [kind, ...fields] = path.split('.');
    if (kind === message.kind && isYounger(since, theirs)) spoken = without(spoken, fields);
  }
  return [spoken];
}

/** A copy without the field at the end of the path. */
function without(object: Record<string, unknown>, [field = '', ...inner]: readonly string[]): Record<string, unknown> {
  const { [field]: value, ...rest } = object;
  if (inner.length === 0 || !isObject(value)) return inner.length === 0 ? rest : object;
  return { ...rest, [field]: without(value, inner) };
}

const compare = (a: Version, b: Version): number => a.major - b.major || a.minor - b.minor;

function isYounger(since: string, than: Version): boolean {
  const version = parseVersion(since);
  return version !== undefined && compare(version, than) > 0;
}
