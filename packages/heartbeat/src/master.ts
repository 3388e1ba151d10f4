/** The heartbeat feature in a master: the service while this master leads, or the word that it is off. */
import type { MasterPart, MasterPorts } from '@csm/feature';
import { api } from './api.ts';
import { heartbeatCalls } from './calls.ts';
import type { MasterHeartbeatConfig } from './settings.ts';

export async function masterPart(ports: MasterPorts): Promise<MasterPart> {
  const { heartbeat } = ports.config as MasterHeartbeatConfig;
  if (!heartbeat.enabled) return { handlers: heartbeatCalls({ store: ports.store, service: undefined }) };
  // Loaded only where it runs: a door, a tracker, a state manager.
  const { Running } = await import('./running.ts');
  const running = new Running(ports);
  return {
    handlers: Object.fromEntries(api.map(({ name }) => [name, running.handler(name)])),
    problems: async () => running.problems,
    stop: () => running.stop(),
  };
}
