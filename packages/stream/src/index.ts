import type { Feature } from '@csm/feature';

/** Subscriptions. */
export const stream: Feature = { name: 'stream', api: [] };
