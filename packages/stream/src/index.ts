import type { Feature } from '@csm/feature';
import { api } from './api.ts';
import { masterSettings } from './settings.ts';

/** Subscriptions: changes delivered to webhooks. */
export const stream: Feature = {
  name: 'stream',
  api,
  settings: { master: masterSettings },
  store: new URL('./store.js', import.meta.url).href,
  onMaster: async (ports) => (await import('./master.ts')).masterPart(ports),
};
