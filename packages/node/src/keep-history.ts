/** Removes old rows of the histories of parts and states, and what else is known for a time only, once a day. */
import type { MasterPorts } from '@csm/feature';
import { toProblem } from '@csm/model';
import type { MasterConfig } from './settings.ts';

const DAY_MS = 86_400_000;

export function keepHistory({ store, clock, config, log }: Pick<MasterPorts, 'store' | 'clock' | 'config' | 'log'>) {
  const { inventory, node } = config as MasterConfig;
  let stopped = false;
  let running: Promise<void> | undefined;

  async function prune(): Promise<void> {
    const { wall } = clock.now();
    const kept = { olderThan: wall - inventory.keep_history, states: wall - node.keep_history };
    while (!stopped && (await store.call<{ more: boolean }>('node.prune', kept)).more);
  }
  function start(): void {
    running ??= prune()
      .catch((error: unknown) => {
        if (!stopped)
          log.warn('the histories of parts and states could not be pruned', { error: toProblem(error).detail });
      })
      .finally(() => {
        running = undefined;
      });
  }

  start();
  const timer = setInterval(start, DAY_MS);
  timer.unref();
  return {
    async stop(): Promise<void> {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
