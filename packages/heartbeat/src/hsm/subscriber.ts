/**
 * One subscriber as a follower of the state manager's changes: it is told in order, request by request, and what it does
 * not take is told again until changes so old are removed. What it has taken of an attempt that failed later is not told
 * twice, unless this process was restarted meanwhile.
 */
import { CsmError, code, problem } from '@csm/model';
import type { ChangeRow, Follower } from '@csm/store';
import { type HttpClient, wordsOf } from '../manager/client.ts';
import type { ScnBody, ScnSubscription } from '../types.ts';
import { followerName, type Item, type Notification, partsOf, payload, together, wants } from './scn.ts';

/** Changes looked at in one attempt. */
const BATCH = 1_000;
/** Milliseconds of an attempt, and of one request. */
const ATTEMPT_MS = 300_000;
const REQUEST_MS = 10_000;
const PAUSES = { firstMs: 500, maxMs: 30_000 };

export interface SubscriberPorts {
  readonly client: HttpClient;
  readonly userAgent: string;
  readonly lost: (subscription: ScnSubscription, count: number) => void;
}

export class Subscriber {
  readonly follower: Follower;
  /** May be changed while it is followed. */
  subscription: ScnSubscription;
  readonly #ports: SubscriberPorts;
  /** Keys of what it took, though the attempt failed. */
  readonly #taken = new Map<string, number>();
  #waiting = 0;

  constructor(subscription: ScnSubscription, ports: SubscriberPorts) {
    this.subscription = subscription;
    this.#ports = ports;
    this.follower = {
      name: followerName(subscription.ID),
      kinds: ['hsm.scn'],
      batch: BATCH,
      attemptMs: ATTEMPT_MS,
      backoff: PAUSES,
      send: (rows, signal) => this.#send(rows, signal),
      lost: async (from, to) => ports.lost(this.subscription, to - from + 1),
    };
  }

  /** Changes of components of the present attempt that it has not taken yet; there may be more behind them. */
  get waiting(): number {
    return this.#waiting;
  }

  async #send(rows: readonly ChangeRow[], signal: AbortSignal): Promise<void> {
    const first = rows[0]?.seq ?? 0;
    for (const [key, seq] of this.#taken) if (seq < first) this.#taken.delete(key);
    const items = rows.flatMap((row) => this.#itemsOf(row));
    const seqs = new Map(items.map(({ key, seq }) => [key, seq]));
    this.#waiting = items.length;
    for (const notification of together(items)) {
      await this.#post(notification, signal);
      for (const key of notification.keys) this.#taken.set(key, seqs.get(key) ?? 0);
      this.#waiting -= notification.keys.length;
    }
  }

  #itemsOf({ seq, subject, body }: ChangeRow): readonly (Item & { readonly seq: number })[] {
    return partsOf(body as ScnBody)
      .map((part, i) => ({ key: `${seq} ${i}`, name: subject, body: part, seq }))
      .filter(({ key, body: part }) => !this.#taken.has(key) && wants(this.subscription, part));
  }

  async #post(notification: Notification, signal: AbortSignal): Promise<void> {
    const { client, userAgent } = this.#ports;
    const { Url: url } = this.subscription;
    const asked = client.ask({ method: 'POST', url, body: payload(notification), userAgent, timeoutMs: REQUEST_MS });
    signal.addEventListener('abort', asked.drop, { once: true });
    if (signal.aborted) asked.drop();
    const answer = await asked.first;
    signal.removeEventListener('abort', asked.drop);
    if (answer.kind === 'late') asked.drop();
    if (answer.kind === 'answer' && answer.status >= 200 && answer.status < 300) return;
    throw new CsmError(problem(code.COMMUNICATION, wordsOf(answer)));
  }
}
