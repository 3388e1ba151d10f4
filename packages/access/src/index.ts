import type { Feature } from '@csm/feature';
import { api } from './api.ts';
import { masterSettings } from './settings.ts';

/** Tokens and the audit record. */
export const access: Feature = {
  name: 'access',
  api,
  settings: { master: masterSettings },
  store: new URL('./store/index.js', import.meta.url).href,
  onNode: async (ports) => (await import('./node.ts')).nodePart(ports),
  onMaster: async (ports) => (await import('./master.ts')).masterPart(ports),
};

export { type AuditRecord, AuditRow, type TokenRecord, TokenRow } from './api.ts';
