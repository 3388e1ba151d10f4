import type { Feature } from '@csm/feature';

/** Tokens and the audit record. */
export const access: Feature = { name: 'access', api: [] };
