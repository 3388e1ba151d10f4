/** Tables and procedures of the heartbeat service: components, history, incidents, the state manager and its outbox. */
import type { Tx } from '@csm/store';
import { clear, forget } from './store/components.ts';
import { prune } from './store/history.ts';
import { hsmCreate, hsmDelete, hsmFlag, hsmPatch } from './store/hsm.ts';
import { refused, sent } from './store/outbox.ts';
import { record } from './store/record.ts';
import { leads, setParams, setThresholds } from './store/settings.ts';
import { scnCreate, scnDelete, scnReplace } from './store/subscriptions.ts';
import type { Procedures } from './types.ts';

export { migrations } from './store/tables.ts';

export const name = 'heartbeat';

export const procedures = {
  record,
  forget,
  clear,
  setParams,
  setThresholds,
  sent,
  refused,
  prune,
  leads,
  hsmPatch,
  hsmFlag,
  hsmCreate,
  hsmDelete,
  scnCreate,
  scnReplace,
  scnDelete,
} satisfies { readonly [name in keyof Procedures]: (tx: Tx, input: Procedures[name]) => Promise<unknown> };
