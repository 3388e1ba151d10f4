/**
 * The body of a heartbeat: what hbtd asks of it, in its order and words. All of this stands on the hot path, and nearly
 * every body has exactly the five fields as they are written here: that one costs a look at each. Pure.
 */

export interface FullBeat {
  readonly Component: string;
  readonly Hostname: string;
  readonly NID: string;
  readonly Status: string;
  readonly Timestamp: string;
}

/** Of a component whose name stands in the path. */
export type ShortBeat = Pick<FullBeat, 'Status' | 'Timestamp'>;

export const BAD_JSON = 'Invalid JSON data type';
export const BAD_NAME = 'Invalid Component Name';
export const BAD_NID = 'Invalid NID';

const FULL = ['Component', 'Hostname', 'NID', 'Status', 'Timestamp'] as const satisfies readonly (keyof FullBeat)[];
const SHORT = ['Status', 'Timestamp'] as const satisfies readonly (keyof ShortBeat)[];

/** The fields of a parsed body, or the detail of its refusal. Neither name nor NID is looked at. */
export function fullBeat(body: unknown): FullBeat | string {
  if (typeof body === 'object' && body !== null) {
    const { Component, Hostname, NID, Status, Timestamp } = body as { readonly [field in keyof FullBeat]?: unknown };
    // Text that is neither empty nor missing; with a sixth field there may be the same one in another case.
    if (
      typeof Component === 'string' &&
      typeof Hostname === 'string' &&
      typeof NID === 'string' &&
      typeof Status === 'string' &&
      typeof Timestamp === 'string' &&
      Component !== '' &&
      Hostname !== '' &&
      NID !== '' &&
      Status !== '' &&
      Timestamp !== '' &&
      Object.keys(body).length === FULL.length
    )
      return body as FullBeat;
  }
  return gather(body, FULL);
}

export const shortBeat = (body: unknown): ShortBeat | string => gather(body, SHORT);

/** Keys in any case, the last of several; null is no value, what is not asked for is passed over. */
function gather<F extends keyof FullBeat>(body: unknown, fields: readonly F[]): Record<F, string> | string {
  const found: Partial<Record<F, string>> = {};
  if (body !== null) {
    if (typeof body !== 'object' || Array.isArray(body)) return BAD_JSON;
    let isWrong = false;
    for (const [key, value] of Object.entries(body)) {
      const lower = key.toLowerCase();
      const field = fields.find((name) => name.toLowerCase() === lower);
      if (field === undefined || value === null) continue;
      if (typeof value === 'string') found[field] = value;
      else isWrong = true;
    }
    if (isWrong) return wrongType(body as { readonly [field in F]?: unknown }, fields);
  }
  const missing = fields.find((field) => (found[field] ?? '') === '');
  return missing === undefined ? (found as Record<F, string>) : `Missing ${missing} field`;
}

/** hbtd names the culprit only where it stands under its exact name. */
function wrongType<F extends string>(body: { readonly [field in F]?: unknown }, fields: readonly F[]): string {
  const culprit = fields.find((field) => {
    const value = Object.hasOwn(body, field) ? body[field] : undefined;
    return value !== undefined && value !== null && typeof value !== 'string';
  });
  return culprit === undefined ? BAD_JSON : `Invalid data type in ${culprit} field`;
}
