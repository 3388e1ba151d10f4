import { CsmError } from '@csm/model';
import type { Level } from '../severity.ts';

/** How an event becomes exactly one line of text. Never throws, whatever the fields are. */

export type Fields = Readonly<Record<string, unknown>>;

/** Longer messages and fields are cut, so that one event cannot fill a disk. Characters. */
export const MESSAGE_MAX = 8192;
export const FIELD_MAX = 4096;
const FIELDS_MAX = 40;
const CAUSES_MAX = 8;

/** Everything that could end a line, move a cursor or turn the reading direction. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069\p{Cs}]/gu;
const escapeOne = (c: string): string =>
  c === '\n' ? '\\n' : c === '\t' ? '\\t' : c === '\r' ? '\\r' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;

const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max)}…(${text.length - max} more)`;

export function escapeText(text: string, max: number): string {
  return cut(text, max).replace(UNSAFE, escapeOne);
}

/** `message key=value key="two words"`; child fields stand before those of the event. */
export function formatBody(message: string, fields: Fields): string {
  const parts = [escapeText(message, MESSAGE_MAX)];
  const keys = Object.keys(fields);
  for (const key of keys.slice(0, FIELDS_MAX)) {
    const text = formatValue(readField(fields, key));
    if (text !== undefined) parts.push(`${escapeText(key, 64).replaceAll(/[\s="]/g, '_')}=${text}`);
  }
  if (keys.length > FIELDS_MAX) parts.push(`fields_left_out=${keys.length - FIELDS_MAX}`);
  return parts.join(' ');
}

export function formatLine(time: Date, level: Level, name: string, body: string): string {
  return `${time.toISOString()} ${level.padEnd(5)} ${name} ${body}`;
}

function readField(fields: Fields, key: string): unknown {
  try {
    return fields[key];
  } catch (thrown) {
    return `(unreadable: ${toText(thrown)})`;
  }
}

function formatValue(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    return /^[^\s"=]+$/.test(value) ? escapeText(value, FIELD_MAX) : quote(cut(value, FIELD_MAX));
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return escapeText(toJson(value), FIELD_MAX);
}

const quote = (text: string): string => JSON.stringify(text).replace(UNSAFE, escapeOne);

const toText = (value: unknown): string =>
  typeof value === 'string' ? value : value instanceof Error ? value.message : toJson(value);

function toJson(value: unknown): string {
  try {
    const simple = (_: string, one: unknown): unknown =>
      one instanceof Error ? serializeError(one) : typeof one === 'bigint' ? String(one) : one;
    return JSON.stringify(value, simple) ?? typeof value;
  } catch (thrown) {
    return quote(`(unprintable: ${thrown instanceof Error ? thrown.message : typeof thrown})`);
  }
}

export interface SerializedError {
  readonly name: string;
  readonly message: string;
  /** `ECONNREFUSED` and the like. */
  readonly code?: string;
  readonly problem?: unknown;
  /** The first frames, one a line. */
  readonly stack?: string;
  readonly cause?: unknown;
}

/** An error with what made it, as plain data; at most 8 causes deep, and a cause that is its own ends the chain. */
export function serializeError(thrown: unknown, depth = 0): SerializedError {
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: cut(toText(thrown), FIELD_MAX / 2) };
  const systemCode = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const isOurs = thrown instanceof CsmError;
  return {
    name: thrown.name,
    message: cut(thrown.message, FIELD_MAX / 2),
    ...(systemCode !== undefined && { code: systemCode }),
    ...(isOurs && { problem: thrown.problem }),
    ...(!isOurs &&
      depth === 0 &&
      frames.length > 0 && {
        stack: frames
          .slice(0, 6)
          .map((f) => f.trim())
          .join('\n'),
      }),
    ...(thrown.cause !== undefined &&
      depth < CAUSES_MAX && {
        cause: thrown.cause instanceof Error ? serializeError(thrown.cause, depth + 1) : cut(toText(thrown.cause), 512),
      }),
  };
}
