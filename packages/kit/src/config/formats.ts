import { SEVERITIES, type Severity } from '../severity.ts';
import type { Format } from './setting.ts';

/**
 * Formats of single values. Each also takes its value as text, because that is all an environment variable can hold
 * and because CSM's own files quote numbers.
 */

const asText = <T extends string>(value: T): string => value;
const finite = (n: number): number | undefined => (Number.isFinite(n) ? n : undefined);

/** A number or a decimal number as text. */
function toNumber(raw: unknown): number | undefined {
  if (typeof raw === 'number') return finite(raw);
  if (typeof raw === 'string' && /^-?\d+(?:\.\d+)?$/.test(raw.trim())) return finite(Number(raw));
  return undefined;
}

export interface Range {
  readonly min?: number;
  readonly max?: number;
}

const within = (n: number, { min, max }: Range): boolean => n >= (min ?? -Infinity) && n <= (max ?? Infinity);

/** ` from 1 to 9`, ` of at least 1`, ` of at most 9` or nothing. */
function span({ min, max }: Range, write: (n: number) => string = String): string {
  if (min !== undefined && max !== undefined) return ` from ${write(min)} to ${write(max)}`;
  if (min !== undefined) return ` of at least ${write(min)}`;
  return max === undefined ? '' : ` of at most ${write(max)}`;
}

export function whole(range: Range = {}): Format<number> {
  const allowed = `a whole number${span(range)}`;
  return {
    name: 'whole number',
    read(raw, reading) {
      const n = toNumber(raw);
      return n !== undefined && Number.isSafeInteger(n) && within(n, range) ? n : reading.refuse(raw, allowed);
    },
    print: (n) => n,
  };
}

export function decimal(range: Range = {}): Format<number> {
  const allowed = `a number${span(range)}`;
  return {
    name: 'number',
    read(raw, reading) {
      const n = toNumber(raw);
      return n !== undefined && within(n, range) ? n : reading.refuse(raw, allowed);
    },
    print: (n) => n,
  };
}

export const flag: Format<boolean> = {
  name: 'true or false',
  read(raw, reading) {
    const value = typeof raw === 'string' ? ({ true: true, false: false } as Record<string, boolean>)[raw] : raw;
    return typeof value === 'boolean' ? value : reading.refuse(raw, 'true or false');
  },
  print: (value) => value,
};

/** Text of 1 to `max` (default 4096) characters without control characters; `pattern` is explained by `rule`. */
export function text(options: { max?: number; pattern?: RegExp; rule?: string; empty?: boolean } = {}): Format<string> {
  const max = options.max ?? 4096;
  const allowed = options.rule ?? `text of ${options.empty === true ? 0 : 1} to ${max} characters on one line`;
  return {
    name: 'text',
    read(raw, reading) {
      const fits =
        typeof raw === 'string' &&
        raw.length <= max &&
        (raw !== '' || options.empty === true) &&
        !/\p{Cc}/u.test(raw) &&
        (options.pattern === undefined || options.pattern.test(raw));
      return fits ? raw : reading.refuse(raw, allowed);
    },
    print: asText,
  };
}

/** One of the given words; upper and lower case are the same. */
export function choice<const T extends string>(words: readonly T[]): Format<T> {
  return {
    name: words.join(' | '),
    read(raw, reading) {
      const found = words.find((word) => typeof raw === 'string' && word.toLowerCase() === raw.toLowerCase());
      return found ?? reading.refuse(raw, `one of ${words.join(', ')}`);
    },
    print: asText,
  };
}

/** How much is logged, in CSM's words. */
export const severity: Format<Severity> = { ...choice(SEVERITIES), name: 'severity' };

/** A length of time; in memory whole milliseconds, in files seconds or HH:MM:SS. The range is in milliseconds. */
export function duration(range: Range = { min: 0 }): Format<number> {
  const allowed = `seconds or 'HH:MM:SS'${span(range, (ms) => `${ms / 1000} s`)}`;
  return {
    name: 'duration',
    read(raw, reading) {
      const clock = typeof raw === 'string' ? /^(\d{1,4}):([0-5]\d):([0-5]\d)$/.exec(raw.trim()) : null;
      const seconds =
        clock === null ? toNumber(raw) : Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
      const ms = seconds === undefined ? Number.NaN : Math.round(seconds * 1000);
      const isNumber = Number.isSafeInteger(ms) && ms >= 0 && within(ms, range);
      return isNumber ? ms : reading.refuse(raw, allowed, wordyDuration(raw));
    },
    print: (ms) => ms / 1000,
  };
}

/** Someone wrote `5m` or `15 s`: say what it is in seconds. */
function wordyDuration(raw: unknown): string | undefined {
  const match = typeof raw === 'string' ? /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)$/.exec(raw.trim()) : null;
  const factors: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, min: 60, h: 3600, d: 86_400 };
  return match === null ? undefined : `write ${Number(match[1]) * (factors[match[2] ?? ''] ?? 1)}`;
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** A number of bytes, written as a number or with a unit: `64MiB`, `1 GB`. */
export function bytes(range: Range = { min: 0 }): Format<number> {
  const allowed = `bytes as a number or with ${Object.keys(BYTE_UNITS).join(', ')}${span(range, printBytes)}`;
  const unitOf = new Map(Object.entries(BYTE_UNITS).map(([unit, factor]) => [unit.toLowerCase(), factor]));
  return {
    name: 'bytes',
    read(raw, reading) {
      const match = typeof raw === 'string' ? /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(raw.trim()) : null;
      const n =
        match === null
          ? toNumber(raw)
          : Number(match[1]) * (match[2] === '' ? 1 : (unitOf.get(match[2]?.toLowerCase() ?? '') ?? Number.NaN));
      return n !== undefined && Number.isSafeInteger(n) && n >= 0 && within(n, range)
        ? n
        : reading.refuse(raw, allowed);
    },
    print: printBytes,
  };
}

/** The largest binary unit that gives a whole number, `1536` → `1536B`, `2097152` → `2MiB`. */
function printBytes(n: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const factor = BYTE_UNITS[unit] ?? 1;
    if (n >= factor && n % factor === 0) return `${n / factor}${unit}`;
  }
  return `${n}B`;
}

const PATH_MAX = 4095;

/** An absolute path. Whether anything is there is not looked at. */
export const filePath: Format<string> = {
  name: 'path',
  read: (raw, reading) =>
    typeof raw === 'string' && raw.startsWith('/') && !raw.includes('\0') && Buffer.byteLength(raw) <= PATH_MAX
      ? raw
      : reading.refuse(raw, `an absolute path of at most ${PATH_MAX} bytes`),
  print: asText,
};

/** The kernel takes 107 and cuts longer paths silently; the rest is room for a suffix of ours. */
export const SOCKET_PATH_MAX = 100;

export const socketPath: Format<string> = {
  name: 'socket path',
  read(raw, reading) {
    const allowed = `an absolute path of at most ${SOCKET_PATH_MAX} bytes`;
    if (typeof raw !== 'string' || !raw.startsWith('/') || raw.includes('\0')) return reading.refuse(raw, allowed);
    const length = Buffer.byteLength(raw);
    return length <= SOCKET_PATH_MAX ? raw : reading.refuse(raw, allowed, `it has ${length} bytes`);
  },
  print: asText,
};

/** File permissions such as `0660`: octal digits as text. In memory the number. */
export const fileMode: Format<number> = {
  name: 'octal mode',
  read: (raw, reading) =>
    typeof raw === 'string' && /^0?[0-7]{3}$/.test(raw)
      ? Number.parseInt(raw, 8)
      : reading.refuse(raw, "three octal digits as text, such as '0660'"),
  print: (mode) => mode.toString(8).padStart(4, '0'),
};
