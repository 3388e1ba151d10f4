/** Settings of the access feature; they stand under `csm`. */
import { type ConfigOf, duration, type Schema, setting } from '@csm/kit';

const DAY_S = 86_400;

export const masterSettings = {
  audit: {
    keep: setting({
      doc: 'Rows of the audit record older than this are removed. At most 2,000,000 rows are kept in any case.',
      format: duration({ min: DAY_S * 1000, max: 100 * 365 * DAY_S * 1000 }),
      default: 90 * DAY_S,
      unit: 's',
      cost: 'Longer: more can be looked up; a row takes some 500 bytes of the database.',
    }),
  },
} as const satisfies Schema;

export type MasterConfig = ConfigOf<typeof masterSettings>;
