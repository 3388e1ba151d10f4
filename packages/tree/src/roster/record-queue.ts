/**
 * What the roster wants remembered, on its way into the database.
 *
 * | a record is… | enters                              | leaves                                                  |
 * |--------------|-------------------------------------|---------------------------------------------------------|
 * | gathering    | something changed                   | begun, when none is under way                            |
 * | under way    | handed to the database              | stored; it failed → before what was gathered since, and  |
 * |              |                                     | again after `RETRY_MS`                                   |
 *
 * While the database is away, memory follows the number of daemons, not of events: a daemon's newest state and claim
 * replace older ones. Tellings are history and cannot be merged; beyond `TELLINGS_MAX` the oldest are dropped and counted.
 */
import { after, type DaemonId, type Mono, type Now } from '@csm/model';
import type { ClaimRecord, DaemonRecord, RosterRecord, Telling } from './view.ts';

const RETRY_MS = 500;
export const TELLINGS_MAX = 10_000;

interface Draft {
  readonly daemons: Map<DaemonId, DaemonRecord>;
  readonly claims: Map<DaemonId, ClaimRecord>;
  readonly hubs: Map<string, boolean>;
  tellings: readonly Telling[];
}

export interface RecordChanges {
  readonly daemons?: readonly DaemonRecord[];
  readonly claims?: readonly ClaimRecord[];
  readonly tellings?: readonly Telling[];
  readonly hubs?: readonly { readonly hub: string; readonly linked: boolean }[];
}

export class RecordQueue {
  #gathering = empty();
  #underWay: Draft | undefined;
  #retryAt: Mono | undefined;
  /** Tellings dropped because the database was away for too long. */
  dropped = 0;

  wakeAt(): Mono | undefined {
    return this.#retryAt;
  }

  add(changes: RecordChanges): void {
    this.#gathering = this.#merge(this.#gathering, changes);
  }

  /** A daemon that is known no more is not to be written again. */
  forget(daemon: DaemonId): void {
    this.#gathering.daemons.delete(daemon);
    this.#gathering.claims.delete(daemon);
  }

  /** The next record, if one may begin now. */
  begin(now: Now): RosterRecord | undefined {
    if (this.#underWay !== undefined || (this.#retryAt !== undefined && now.mono < this.#retryAt)) return undefined;
    this.#retryAt = undefined;
    const draft = this.#gathering;
    if (draft.daemons.size + draft.claims.size + draft.hubs.size + draft.tellings.length === 0) return undefined;
    this.#gathering = empty();
    this.#underWay = draft;
    return {
      daemons: [...draft.daemons.values()],
      tellings: draft.tellings,
      claims: [...draft.claims.values()],
      hubs: hubsOf(draft),
    };
  }

  /** The record is stored. Gives its claims, which may be answered now. */
  stored(): readonly ClaimRecord[] {
    const claims = [...(this.#underWay?.claims.values() ?? [])];
    this.#underWay = undefined;
    return claims;
  }

  failed(now: Now): void {
    const since = this.#gathering;
    const draft = this.#underWay ?? empty();
    this.#underWay = undefined;
    this.#gathering = this.#merge(draft, {
      daemons: [...since.daemons.values()],
      claims: [...since.claims.values()],
      tellings: since.tellings,
      hubs: hubsOf(since),
    });
    this.#retryAt = after(now.mono, RETRY_MS);
  }

  #merge(draft: Draft, { daemons = [], claims = [], tellings = [], hubs = [] }: RecordChanges): Draft {
    for (const d of daemons) draft.daemons.set(d.daemon, d);
    for (const c of claims) draft.claims.set(c.daemon, c);
    for (const { hub, linked } of hubs) draft.hubs.set(hub, linked);
    if (tellings.length > 0) {
      const all = [...draft.tellings, ...tellings];
      const surplus = Math.max(0, all.length - TELLINGS_MAX);
      this.dropped += surplus;
      draft.tellings = surplus > 0 ? all.slice(surplus) : all;
    }
    return draft;
  }
}

const empty = (): Draft => ({ daemons: new Map(), claims: new Map(), hubs: new Map(), tellings: [] });

const hubsOf = (draft: Draft): { hub: string; linked: boolean }[] =>
  [...draft.hubs].map(([hub, linked]) => ({ hub, linked }));
