/** Puts the service together over a store that leads: reads what the database has, and brings the rooms to each other. */
import type { Store } from '@csm/store';
import { FOLLOWERS_LIKE } from './bus/mark.ts';
import type { CutOff } from './cut-off.ts';
import { ScnNotifications } from './hsm/notifications.ts';
import { outboxOf } from './manager/outbox.ts';
import { ManagerSender } from './manager/sender.ts';
import type { Kept, Log } from './ports.ts';
import { HeartbeatService } from './service.ts';
import { busAddressOf, type Setup } from './setup.ts';
import {
  readHsmComponents,
  readIncidents,
  readParams,
  readRestored,
  readThresholds,
  readWatchedUntil,
} from './store/queries.ts';
import { Tracker } from './tracker/index.ts';
import type { Restored, TimePort } from './types.ts';

const PAGE = 10_000;
const IS_OFF: Parameters<typeof readHsmComponents>[1] = [{ field: 'State', is: ['Off'] }];
/** Incidents without an end that a process before may have left. */
const OPEN_MAX = 10_000;

export interface AssembleOptions {
  readonly store: Store;
  readonly setup: Setup;
  readonly time: TimePort;
  readonly log: Log;
  readonly cutOff: CutOff;
}

export interface Assembled {
  readonly service: HeartbeatService;
  readonly notifications: ScnNotifications;
  readonly store: Store;
}

/** Resolves when it is at work; what begins with it ends with `service.stop()`. */
export async function assemble({ store, setup, time, log, cutOff }: AssembleOptions): Promise<Assembled> {
  const kept = await readKept(store);
  const special = kept.special.length > 0 ? kept.special : setup.special;
  const notifications = ScnNotifications.start({ store, time, log });
  const service = new HeartbeatService({
    store,
    time,
    log,
    tracker: new Tracker({ max: setup.max_components }),
    kept: { ...kept, special },
    readKept: async () => ({ params: await readParams(store), special: await readThresholds(store) }),
    configured: setup.params,
    discover: setup.manager.discover,
    flushMs: setup.flush_interval,
    historyKeepMs: setup.history_keep,
    cutOff,
    clearOnGap: setup.clearOnGap,
    tellers: {
      sender: (params) => {
        const sender = new ManagerSender({ outbox: outboxOf(store), params, time, log });
        sender.start();
        return sender;
      },
      // Loaded only where there is one.
      bus: async (target) => {
        const { MessageBus } = await import('./bus/bus.ts');
        return new MessageBus({ store, address: busAddressOf(target, setup.bus) });
      },
      noBus: async () => {
        const sql = 'SELECT name FROM follower WHERE name LIKE $1 LIMIT 1';
        const known = await store.query(sql, [FOLLOWERS_LIKE]);
        if (known.length > 0) await (await import('./bus/bus.ts')).forgetBus(store);
      },
      notifications: () => notifications,
    },
  });
  try {
    await service.start();
  } catch (error) {
    await service.stop();
    throw error;
  }
  return { service, notifications, store };
}

async function readKept(store: Store): Promise<Kept> {
  const [params, special, open, watchedUntil] = await Promise.all([
    readParams(store),
    readThresholds(store),
    readIncidents(store, { open: true, limit: OPEN_MAX }),
    readWatchedUntil(store),
  ]);
  const components: Restored[] = [];
  for (let next: number | undefined = 0; next !== undefined; ) {
    const page: Awaited<ReturnType<typeof readRestored>> = await readRestored(store, next);
    components.push(...page.rows);
    next = page.next;
  }
  const off: string[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: Awaited<ReturnType<typeof readHsmComponents>> = await readHsmComponents(store, IS_OFF, after, PAGE);
    off.push(...page.map(({ ID }) => ID));
    after = page.length < PAGE ? undefined : page.at(-1)?.ID;
  }
  return { components, params, special, off, open, watchedUntil };
}
