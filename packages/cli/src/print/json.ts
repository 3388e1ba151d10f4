/** JSON for people and programs alike. */
import type { Json } from '@csm/model';

/**
 * As JSON.stringify, and with the control characters escaped that it leaves as they are: some terminals obey U+009B, and
 * others turn their text around. It means the same.
 */
export function jsonText(value: Json, indent: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
