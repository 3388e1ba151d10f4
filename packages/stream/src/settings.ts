/** Settings of the stream feature; they stand under `csm`. */
import { type ConfigOf, duration, listOf, type Schema, setting, text } from '@csm/kit';

export const masterSettings = {
  webhook: {
    url_prefixes: setting({
      doc: 'URLs below which the master may be told to call by users who are not privileged, such as https://hooks.example.org/csm/. Privileged users may name any. Default: none, and then only they have subscriptions.',
      format: listOf(text({ max: 2048, pattern: /^https?:\/\/[^\s]+$/, rule: 'an http or https URL' }), { max: 64 }),
      default: [],
      cost: 'Whoever may choose a URL can make the master call it, from where the master stands in the network.',
    }),
    timeout: setting({
      doc: 'A receiver that has not answered a request by then is tried again later.',
      format: duration({ min: 1000, max: 120_000 }),
      default: 10,
      unit: 's',
    }),
  },
} as const satisfies Schema;

export type StreamConfig = ConfigOf<typeof masterSettings>;
