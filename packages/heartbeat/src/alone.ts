/** The rooms from which a daemon of the role `heartbeat` is made. */
export { type Assembled, assemble } from './assemble.ts';
export { heartbeatCalls } from './calls.ts';
export { cutOffOf } from './cut-off.ts';
export { openDoor } from './door.ts';
export { storageOf } from './params/kv-url.ts';
export { hasOptions, readOptions } from './params/options.ts';
export { kvUrlOf, type Setup, setupOf, withOptions } from './setup.ts';
export { realTime } from './time-port.ts';

/** For a database in memory, which runs in the caller's thread. */
export const storeModule = () => import('./store.ts');
