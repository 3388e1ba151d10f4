import type { Feature } from '@csm/feature';
import { api } from './api.ts';
import { type MasterHeartbeatConfig, masterFaults, masterSettings } from './settings.ts';

/** Heartbeats of anything that can POST, and the state manager they are told to. */
export const heartbeat: Feature = {
  name: 'heartbeat',
  api,
  settings: { master: masterSettings },
  check: (role, config) => (role === 'master' ? masterFaults(config as MasterHeartbeatConfig) : []),
  store: new URL('./store.js', import.meta.url).href,
  onMaster: async (ports) => (await import('./master.ts')).masterPart(ports),
};

/** What a daemon is made of that runs the service without a tree; loaded by whoever is one. */
export const loadAlone = () => import('./alone.ts');

export type { OpenDoor } from './door.ts';
export type { Storage } from './params/kv-url.ts';
export type { Options } from './params/options.ts';
export type { HeartbeatService } from './service.ts';
export { SERVICE, type ServiceConfig, serviceFaults } from './settings.ts';
