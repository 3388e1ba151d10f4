/**
 * One subscription as a follower of the changes: a request for each change that it wants, in order for each subject, a
 * few subjects side by side. What a receiver has taken in an attempt that failed for others is not sent again, unless
 * the master was restarted meanwhile: then the same change comes again under the same event id.
 */
import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { changeItem, concerns } from '@csm/feature';
import { NodeSet } from '@csm/nodeset';
import type { ChangeRow, Follower } from '@csm/store';
import { inLanes } from './lanes.ts';
import { post } from './post.ts';
import { signature } from './signature.ts';

/** Subjects served side by side. */
const LANES = 8;
/** Changes looked at in one attempt. */
const BATCH = 100;
/** Milliseconds of an attempt; the time for one request is a setting and much less. */
const ATTEMPT_MS = 300_000;

export interface WebhookOptions {
  readonly id: string;
  readonly url: string;
  readonly kinds: readonly string[] | null;
  readonly nodes: string | null;
  readonly secret: string;
  /** Milliseconds one request may take. */
  readonly timeoutMs: number;
  readonly version: string;
  /** Wall time in ms. */
  readonly now: () => number;
  /** Counts changes that were pruned before they could be sent; told before the cursor moves behind them. */
  readonly lost: (from: number, to: number) => Promise<void>;
}

/** The name under which the store keeps its cursor. */
export const FOLLOWER = 'subscription ';
export const followerName = (id: string): string => `${FOLLOWER}${id}`;

export class Webhook {
  readonly follower: Follower;
  readonly #options: WebhookOptions;
  readonly #url: URL;
  readonly #nodes: NodeSet | undefined;
  readonly #agent: Agent | HttpsAgent;
  /** Taken by the receiver, though their attempt failed. */
  readonly #taken = new Set<number>();
  #requests = 0;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#nodes = options.nodes === null ? undefined : NodeSet.parse(options.nodes);
    const agent = { keepAlive: true, maxSockets: LANES };
    this.#agent = this.#url.protocol === 'https:' ? new HttpsAgent(agent) : new Agent(agent);
    this.follower = {
      name: followerName(options.id),
      batch: BATCH,
      attemptMs: ATTEMPT_MS,
      ...(options.kinds === null ? {} : { kinds: options.kinds }),
      send: (rows, signal) => this.#send(rows, signal),
      lost: (from, to, signal) => this.#tellLost(from, to, signal),
    };
  }

  /** Requests that were taken since the start. */
  get requests(): number {
    return this.#requests;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(rows: readonly ChangeRow[], signal: AbortSignal): Promise<void> {
    const first = rows[0]?.seq ?? 0;
    for (const seq of this.#taken) if (seq < first) this.#taken.delete(seq);
    const nodes = this.#nodes;
    const wanted = rows.filter((row) => !this.#taken.has(row.seq) && (nodes === undefined || concerns(row, nodes)));
    await inLanes(
      wanted,
      ({ subject }) => subject,
      LANES,
      async (row) => {
        await this.#post(String(row.seq), JSON.stringify(changeItem(row).json), signal);
        this.#taken.add(row.seq);
      },
    );
  }

  /** The receiver is told first, so that it is told at least once; the count knows what it has counted. */
  async #tellLost(from: number, to: number, signal: AbortSignal): Promise<void> {
    await this.#post(`lost-${to}`, JSON.stringify({ lost: { from, to } }), signal);
    await this.#options.lost(from, to);
  }

  async #post(event: string, body: string, signal: AbortSignal): Promise<void> {
    const { id, secret, timeoutMs, version, now } = this.#options;
    const headers = {
      'content-type': 'application/json',
      'user-agent': `csm/${version}`,
      'csm-event-id': event,
      'csm-subscription': id,
      'csm-signature': signature(secret, Math.floor(now() / 1000), body),
    };
    await post({ url: this.#url, body, headers, agent: this.#agent, timeoutMs, signal });
    this.#requests += 1;
  }
}
