/**
 * Reports on their way into the database, at the leader.
 *
 * | a batch is… | enters                                     | leaves                                                     |
 * |-------------|--------------------------------------------|------------------------------------------------------------|
 * | queued      | arrived under the claim that counts         | taken into a commit                                        |
 * | committing  | one commit is under way at a time           | committed → its credit goes back, its cursor is told;       |
 * |             |                                            | the database failed → queued again, in front, after a wait |
 *
 * After a failure the next commit takes half as many batches, down to one, and each success lets it double again: the
 * database gives up what takes it too long, and the same commit once more would take it as long.
 *
 * Nothing is acknowledged before its commit, and credit goes back only with it: a database that is away fills the
 * windows of the hubs, their nodes keep what they have, and nobody's memory grows.
 */
import { after, type DaemonId, type Mono, type Now } from '@csm/model';
import type { MessageOf } from '@csm/protocol';
import type { LinkId } from './link/link.ts';
import { Queue } from './queue.ts';

type WireBatch = MessageOf<'reports'>['batches'][number];

/** What one commit takes at most. */
export const COMMIT_ITEMS = 4000;
export const COMMIT_BYTES = 2 * 1024 * 1024;
const RETRY_FIRST = 250;
const RETRY_MAX = 5000;

interface Queued {
  readonly link: LinkId;
  readonly batch: WireBatch;
}

/** One daemon's reports as the database takes them. */
export interface CommitBatch {
  readonly daemon: string;
  readonly incarnation: string;
  readonly first: number;
  readonly items: WireBatch['items'];
}

/** What the database says of one batch: where the daemon's stream stands now, and whether the batch left a gap. */
export interface CommitResult {
  readonly daemon: string;
  readonly incarnation: string;
  readonly cursor: number;
  readonly gap: boolean;
}

export interface Ack {
  readonly daemon: DaemonId;
  readonly incarnation: string;
  readonly cursor: number;
  readonly resend: boolean;
}

export class Intake {
  readonly #queue = new Queue<Queued>();
  #committing: Queued[] | undefined;
  #retryAt: Mono | undefined;
  #failures = 0;
  /** Batches the next commit takes at most. */
  #most = Number.POSITIVE_INFINITY;
  readonly counters = { committed: 0, stale: 0, failures: 0 };

  get depth(): number {
    return this.#queue.size + (this.#committing?.length ?? 0);
  }

  /** Whether the database failed when it was last asked. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  wakeAt(): Mono | undefined {
    return this.#retryAt;
  }

  add(link: LinkId, batch: WireBatch): void {
    this.#queue.push({ link, batch });
  }

  /** The next commit, if one may begin now. */
  begin(now: Now): CommitBatch[] | undefined {
    if (this.#committing !== undefined || this.#queue.size === 0) return undefined;
    if (this.#retryAt !== undefined && now.mono < this.#retryAt) return undefined;
    this.#retryAt = undefined;
    const taken: Queued[] = [];
    let items = 0;
    let bytes = 0;
    for (
      let next = this.#queue.at(0);
      next !== undefined && items < COMMIT_ITEMS && bytes < COMMIT_BYTES && taken.length < this.#most;
      next = this.#queue.at(0)
    ) {
      this.#queue.shift();
      taken.push(next);
      items += next.batch.items.length;
      bytes += next.batch.bytes;
    }
    this.#committing = taken;
    return taken.map(({ batch: { daemon, incarnation, first, items: all } }) => ({
      daemon,
      incarnation,
      first,
      items: all,
    }));
  }

  /** The commit is durable. Gives the acknowledgements, newest per stream, and the credit that goes back by link. */
  committed(results: readonly CommitResult[]): { acks: Ack[]; credit: Map<LinkId, number> } {
    const credit = new Map<LinkId, number>();
    for (const { link, batch } of this.#committing ?? []) {
      credit.set(link, (credit.get(link) ?? 0) + batch.bytes);
      this.counters.committed += batch.items.length;
    }
    this.#committing = undefined;
    this.#failures = 0;
    // A batch has one report at least: beyond that the number of reports is what bounds.
    this.#most = this.#most >= COMMIT_ITEMS ? Number.POSITIVE_INFINITY : 2 * this.#most;
    const acks = new Map<string, Ack>();
    for (const { daemon, incarnation, cursor, gap } of results) {
      acks.set(`${daemon} ${incarnation}`, { daemon: daemon as DaemonId, incarnation, cursor, resend: gap });
    }
    return { acks: [...acks.values()], credit };
  }

  /** The database could not; all of it stays and is tried again. */
  failed(now: Now): void {
    this.#most = Math.max(1, Math.floor((this.#committing?.length ?? 0) / 2));
    this.#queue.unshiftAll(this.#committing ?? []);
    this.#committing = undefined;
    this.counters.failures++;
    this.#retryAt = after(now.mono, Math.min(RETRY_MAX, RETRY_FIRST * 2 ** Math.min(this.#failures++, 10)));
  }
}
