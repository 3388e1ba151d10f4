import { code, fail } from '@csm/model';

/** Characters of a node set as a person or a script writes it: 64 KiB. */
export const NODESET_TEXT_MAX = 64 * 1024;

/** Names of one set, and the names that all operands of one text may spell out together. */
export const NODESET_NAMES_MAX = 1_000_000;

/**
 * Digits of a number in brackets. Fourteen keep a number and its width together inside one exact double (see
 * fold.ts). A longer run of digits in a name is allowed; it is text like any other and is not folded.
 */
export const NODESET_DIGITS_MAX = 14;

/** The error every part of this package throws: code 9, field `nodeset`. */
export function refuse(detail: string, allowed: string): never {
  fail(code.INVALID_PARAMETER, detail, { field: 'nodeset', allowed });
}

const QUOTED_MAX = 80;

/** In quotes, short, and with everything but printable ASCII escaped: bad input must not reach a terminal as it is. */
export function quote(text: string): string {
  const short = text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}...` : text;
  const escaped = short.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `'${escaped}'`;
}

/** The text around position `at`, quoted; dots show where it was cut. */
export function excerpt(text: string, at: number): string {
  const start = text.length <= QUOTED_MAX ? 0 : Math.max(0, at - QUOTED_MAX / 2);
  const end = Math.min(text.length, start + QUOTED_MAX);
  return `${start > 0 ? '...' : ''}${quote(text.slice(start, end))}${end < text.length ? '...' : ''}`;
}

/** Throws when a set of `size` names would be too large. */
export function checkSize(size: number): void {
  if (size > NODESET_NAMES_MAX) {
    refuse(`a node set of ${size} names is too large`, `at most ${NODESET_NAMES_MAX} names`);
  }
}
