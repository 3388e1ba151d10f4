/** How values are told to people. */
import { NODE_NAME_MAX } from '@csm/model';
import { NODESET_NAMES_MAX, NodeSet } from '@csm/nodeset';

/** What daemons fold may be longer than what a person may write. */
const FOLDED_MAX = NODESET_NAMES_MAX * (NODE_NAME_MAX + 1);

export function parseFolded(text: string): NodeSet | undefined {
  const set = NodeSet.tryParse(text, { maxText: FOLDED_MAX });
  return set.ok ? set.value : undefined;
}

/** `n[001-008] (8)` */
export function nodesWords(folded: string): string {
  const set = parseFolded(folded);
  return set === undefined ? printable(folded) : `${folded} (${set.size})`;
}

/** Text of others on its way to a terminal: control characters would move its cursor or worse. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (c) => {
    if (c === '\n') return '\\n';
    return c === '\t' ? '\\t' : `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration in its two greatest units: `12 s`, `3 min`, `4 h 12 min`, `3 d 4 h`. Below 0 is told as 0. */
export function duration(ms: number): string {
  const whole = (unit: number) => Math.floor(Math.max(0, ms) / unit);
  const rest = (unit: number, of: number, word: string) =>
    whole(unit) % of === 0 ? '' : ` ${whole(unit) % of} ${word}`;
  if (ms < MINUTE) return `${whole(SECOND)} s`;
  if (ms < HOUR) return `${whole(MINUTE)} min`;
  if (ms < DAY) return `${whole(HOUR)} h${rest(MINUTE, 60, 'min')}`;
  return `${whole(DAY)} d${rest(HOUR, 24, 'h')}`;
}

/** How long ago an ISO 8601 moment is; null where there is none. */
export function age(iso: string | null, now: number): string | null {
  const at = iso === null ? Number.NaN : Date.parse(iso);
  return Number.isNaN(at) ? null : duration(now - at);
}

/** kB, as /proc/meminfo counts (1,024 bytes), in GiB with one decimal. */
export const gib = (kB: number | null): string | null => (kB === null ? null : (kB / 1024 / 1024).toFixed(1));

/** `1 node`, `2 nodes` */
export const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;

/** `a, b or c` */
export const either = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
