/**
 * A feature for measuring: on SIGUSR2 a master makes changes, never more than a few ahead of what its followers were
 * given, and measures how late its event loop is meanwhile. How far it is stands in a file `changes` of its state
 * directory. `csmd --role master --feature <this file>`, with what to make in CSM_SIM_CHANGES.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Feature, MasterPorts } from '@csm/feature';

export const CHANGES = 'changes';
export const CHANGES_ENV = 'CSM_SIM_CHANGES';

export interface ChangesOrder {
  readonly count: number;
  readonly followers: number;
  /** Changes made before the slower half of the followers has them. */
  readonly ahead: number;
}

export interface ChangesMade {
  /** How often that many were made. */
  readonly runs: number;
  readonly made: number;
  /** Milliseconds: how late the event loop was at most since the run began, and of a hundred times but one. */
  readonly lagMax: number;
  readonly lagP99: number;
  /** The same at most, without the time for which the thread waited for a CPU that others had. */
  readonly lagOwn: number;
  /** Pages read for all followers, and for one that was behind; ever since the start. */
  readonly sharedReads: number;
  readonly ownReads: number;
}

const TRANSACTION = 50;
const WAIT_MS = 2;
const TELL_MS = 100;
const RESOLUTION_MS = 2;

/** Milliseconds this thread was ready to run and did not (proc(5), schedstat). */
const waited = (): number => Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e6;

const feature: Feature = {
  name: 'changing',
  api: [],
  store: new URL('./changes-store.js', import.meta.url).href,
  async onMaster({ store, config, log }: MasterPorts) {
    const order = JSON.parse(process.env[CHANGES_ENV] ?? '{}') as ChangesOrder;
    const file = join((config as { readonly state_dir: string }).state_dir, CHANGES);
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    let made = 0;
    let runs = 0;
    let lagOwn = 0;
    let last = { at: performance.now(), waited: waited() };
    const look = setInterval(() => {
      const now = { at: performance.now(), waited: waited() };
      lagOwn = Math.max(lagOwn, now.at - last.at - RESOLUTION_MS - (now.waited - last.waited));
      last = now;
    }, RESOLUTION_MS).unref();
    const tell = (): void => {
      const ms = (ns: number): number => ns / 1e6 - RESOLUTION_MS;
      const { sharedReads, ownReads } = store.changes.followStats();
      const [lagMax, lagP99] = [ms(delay.max), ms(delay.percentile(99))];
      const told: ChangesMade = { runs, made, lagMax, lagP99, lagOwn, sharedReads, ownReads };
      // A reader sees all of it or what was there before.
      writeFileSync(`${file}.new`, JSON.stringify(told));
      renameSync(`${file}.new`, file);
    };
    const run = async (): Promise<void> => {
      const before = store.changes.followStats().given;
      const end = made + order.count;
      const begin = made;
      delay.enable();
      delay.reset();
      lagOwn = 0;
      while (made < end) {
        const given = (store.changes.followStats().given - before) / order.followers;
        if (made - begin - given > order.ahead) await pause(WAIT_MS);
        else {
          await store.call('changing.make', { from: made + 1, count: TRANSACTION });
          made += TRANSACTION;
        }
      }
      runs += 1;
    };
    process.on('SIGUSR2', () => {
      run().catch((error: unknown) => log.error('changes could not be made', { error }));
    });
    const timer = setInterval(tell, TELL_MS).unref();
    return { handlers: {}, stop: async () => [timer, look].forEach(clearInterval) };
  },
};

export default feature;
