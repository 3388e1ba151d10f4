/** What an admin says about a node, apart from what is discovered. */
import { code, fail } from '@csm/model';

/** Characters of a comment or a location. */
export const TEXT_MAX = 1024;
/** Characters of a feature, and features of a node. */
export const FEATURE_MAX = 64;
export const FEATURES_MAX = 16;

/** What is left out stays as it is; null clears. */
export interface Attributes {
  readonly comment?: string | null;
  readonly features?: readonly string[] | null;
  readonly location?: string | null;
}

/**
 * What is to be set, without blanks around texts; empty text and an empty list are null. Throws code 9 for text that is
 * not one line, or a feature that is no word.
 */
export function readAttributes({ comment, features, location }: Attributes): Attributes {
  return {
    ...(comment === undefined ? {} : { comment: line('comment', comment) }),
    ...(features === undefined ? {} : { features: words(features) }),
    ...(location === undefined ? {} : { location: line('location', location) }),
  };
}

/** Why something is done: text without blanks around it; null where there is none. Throws code 9 for more than a line. */
export const readReason = (reason: string | undefined): string | null => line('reason', reason ?? null);

function line(field: string, value: string | null): string | null {
  const text = value?.trim() ?? '';
  if (/[\p{Cc}\p{Cs}]/u.test(text))
    fail(code.INVALID_PARAMETER, `${field} is ${JSON.stringify(text).slice(0, 100)}`, {
      field,
      allowed: 'one line of printable text',
    });
  return text === '' ? null : text;
}

/** Features stand in a list with commas between, and are compared: what cannot be seen would make two of one. */
function word(field: string, value: string): string {
  if (value !== '' && !/[,\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)) return value;
  return fail(code.INVALID_PARAMETER, `${field} is ${JSON.stringify(value).slice(0, 100)}`, {
    field,
    allowed: 'a printable word without commas',
  });
}

function words(features: readonly string[] | null): readonly string[] | null {
  const named = (features ?? []).map((feature, i) => word(`features[${i}]`, feature.trim()));
  const unique = [...new Set(named)];
  return unique.length === 0 ? null : unique;
}
