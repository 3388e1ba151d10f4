/** All subscribers to the state manager's changes, each told at its own pace while this process leads. */
import { hostname } from 'node:os';
import type { Delivery, Store } from '@csm/store';
import { HttpClient } from '../manager/client.ts';
import type { Log, Telling } from '../ports.ts';
import { readSubscriptions } from '../store/queries.ts';
import type { TimePort } from '../types.ts';
import { FOLLOWER, followerName } from './scn.ts';
import { Subscriber } from './subscriber.ts';

/** Milliseconds until subscriptions that could not be read are read again. */
const AGAIN_MS = 1_000;

export interface NotificationPorts {
  readonly store: Store;
  readonly time: TimePort;
  readonly log: Pick<Log, 'warn'>;
  /** The name of this host when left out. */
  readonly userAgent?: string;
}

interface Running {
  readonly subscriber: Subscriber;
  readonly delivery: Delivery;
}

export class ScnNotifications {
  readonly #ports: NotificationPorts;
  readonly #client: HttpClient;
  readonly #running = new Map<number, Running>();
  /** Subscriptions are looked at one time after another. */
  #turn: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};
  #isOver = false;

  private constructor(ports: NotificationPorts) {
    this.#ports = ports;
    this.#client = new HttpClient(ports.time);
  }

  /** Begins with the subscriptions that are there. */
  static start(ports: NotificationPorts): ScnNotifications {
    const notifications = new ScnNotifications(ports);
    notifications.#begin();
    return notifications;
  }

  /**
   * After subscriptions were changed. Once it has resolved, a new subscriber will be told of all that changes from now
   * on, and one that is gone is told nothing more. Rejects when the database is away; then it is done when it is back.
   */
  refresh(): Promise<void> {
    const done = this.#turn.then(() => this.#look());
    this.#turn = done.catch(() => undefined);
    return done;
  }

  status(): Telling {
    const problems: string[] = [];
    let waiting = 0;
    for (const { subscriber, delivery } of this.#running.values()) {
      const { failures, lastProblem } = delivery.status();
      if (failures === 0) continue;
      const { Subscriber: name, Url } = subscriber.subscription;
      problems.push(`subscriber ${name} at ${Url} does not take notifications: ${lastProblem?.detail ?? 'it failed'}`);
      waiting += subscriber.waiting;
    }
    return { waiting, problems };
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    await this.#turn;
    await Promise.all([...this.#running.values()].map(({ delivery }) => delivery.stop()));
    this.#running.clear();
    this.#client.close();
  }

  #begin(): void {
    this.#cancel();
    this.refresh().catch((error: unknown) => {
      this.#ports.log.warn('the subscriptions to state changes could not be read', { error });
    });
  }

  async #look(): Promise<void> {
    if (this.#isOver) return;
    try {
      await this.#follow();
    } catch (error) {
      this.#cancel();
      if (!this.#isOver) this.#cancel = this.#ports.time.after(AGAIN_MS, () => this.#begin());
      throw error;
    }
  }

  async #follow(): Promise<void> {
    const { store } = this.#ports;
    const wanted = new Map((await readSubscriptions(store)).map((one) => [one.ID, one]));
    for (const [id, { delivery }] of this.#running) {
      if (wanted.has(id)) continue;
      await delivery.stop();
      this.#running.delete(id);
    }
    for (const [id, subscription] of wanted) {
      const known = this.#running.get(id);
      if (known !== undefined) known.subscriber.subscription = subscription;
      else if (!this.#isOver) await this.#start(new Subscriber(subscription, this.#subscriberPorts()));
    }
    // Whoever is gone no longer holds changes back from being removed.
    const kept = await store.query<{ name: string }>(`SELECT name FROM follower WHERE name LIKE '${FOLLOWER}%'`);
    const names = new Set([...wanted.keys()].map(followerName));
    for (const { name } of kept) if (!names.has(name)) await store.forgetFollower(name);
  }

  /** Its cursor is there before anybody is told that the subscription is. */
  async #start(subscriber: Subscriber): Promise<void> {
    const { store } = this.#ports;
    await store.call('store.openFollower', { name: subscriber.follower.name, from: 'now' });
    this.#running.set(subscriber.subscription.ID, { subscriber, delivery: store.deliver(subscriber.follower) });
  }

  #subscriberPorts(): ConstructorParameters<typeof Subscriber>[1] {
    return {
      client: this.#client,
      userAgent: this.#ports.userAgent ?? hostname(),
      lost: ({ Subscriber: name, Url }, count) => {
        this.#ports.log.warn('a subscriber could not be told of changes before they were removed', {
          name,
          Url,
          count,
        });
      },
    };
  }
}
