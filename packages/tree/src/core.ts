/**
 * The top of the tree, in the leading master: the roster of all daemons, the way of reports into the database, the
 * origin of commands, the end of calls. It joins these machines and owns no socket and no database: what is to be
 * stored leaves as an effect, and its answer comes back as an event.
 */
import { after, type DaemonId, daemonId, earliest, type Mono, type Now, type Role, roleRank } from '@csm/model';
import { MAX_REPORT_BYTES, type Message, type MessageOf, type ResultPart } from '@csm/protocol';
import { ServedCalls, type ServedEffect } from './calls/served.ts';
import { type Order, Origin, type Whereabouts } from './fanout/origin.ts';
import { type CommitBatch, type CommitResult, Intake } from './intake.ts';
import type { LinkId } from './link/link.ts';
import { type LogEffect, log } from './log-effect.ts';
import { CoreRoster } from './roster/core-roster.ts';
import { RecordQueue } from './roster/record-queue.ts';
import type { ClaimRecord, DaemonRecord, DaemonView, KnownDaemon, RosterRecord, Telling } from './roster/view.ts';

/** Bytes of reports a hub may have under way to the leader. */
export const HUB_WINDOW = 8 * 1024 * 1024;
/** `last_seen` is written at most this often, ms. */
export const TOUCH_MS = 60_000;
const LIST_A_FRAME = 500;
/**
 * A leader that has just begun waits so long for its hubs at least, ms: one that finds its master gone waits for its
 * back-off (a second), dials (a second) and sends its roster, however short the interval is.
 */
const SETTLE_LEAST_MS = 3000;

/** The database's answer: for each claim, where its reports stand and the hash of the inventory it has. */
export interface RosterRecorded {
  readonly claims: readonly {
    readonly daemon: string;
    readonly incarnation: string;
    readonly cursor: number;
    readonly inventory: string | null;
  }[];
}

export type CoreEffect =
  | LogEffect
  | { readonly kind: 'send'; readonly link: LinkId; readonly message: Message }
  | { readonly kind: 'drop'; readonly link: LinkId; readonly reason: string }
  /** Store; answer with `recorded` or `recordFailed`. One at a time. */
  | { readonly kind: 'record'; readonly record: RosterRecord }
  /** Store; answer with `committed` or `commitFailed`. One at a time. */
  | { readonly kind: 'commit'; readonly batches: readonly CommitBatch[] }
  | { readonly kind: 'touch'; readonly seen: readonly { readonly daemon: DaemonId; readonly lastSeen: number }[] }
  | ServedEffect
  | { readonly kind: 'parts'; readonly id: string; readonly parts: readonly ResultPart[] }
  | { readonly kind: 'ended'; readonly id: string };

interface Trunk {
  readonly hub: string;
  readonly link: LinkId;
  /** Credit given and not yet used up. */
  credit: number;
}

export class Core {
  readonly roster: CoreRoster;
  readonly intake = new Intake();
  readonly origin = new Origin();
  readonly counters = { staleReports: 0, overdrawn: 0 };
  readonly #trunks = new Map<LinkId, Trunk>();
  readonly #linkOf = new Map<string, LinkId>();
  readonly #mains = new Map<string, DaemonId>();
  readonly records = new RecordQueue();
  readonly calls = new ServedCalls();
  readonly #touched = new Set<DaemonId>();
  #touchAt: Mono | undefined;
  /** Their claims were recorded: commands that wait for them go out behind the verdicts. */
  #held: DaemonId[] = [];
  #out: CoreEffect[] = [];

  /** `interval`: the heartbeat interval, ms. */
  constructor(known: readonly KnownDaemon[], hubs: readonly string[], interval: number, now: Now) {
    const grace = 3 * interval;
    this.roster = new CoreRoster(known, hubs, grace, now, Math.max(grace, SETTLE_LEAST_MS));
    for (const k of known) this.#noteMain(k.daemon);
  }

  wakeAt(): Mono | undefined {
    const own = earliest(this.#touchAt, this.records.wakeAt());
    return earliest(earliest(this.roster.wakeAt(), own), earliest(this.intake.wakeAt(), this.origin.wakeAt()));
  }

  hubUp(link: LinkId, hub: string, about: { session: string; address: string; version: string }, now: Now): void {
    this.roster.hubUp(hub, link, about, now);
    this.#trunks.set(link, { hub, link, credit: HUB_WINDOW });
    this.#linkOf.set(hub, link);
    this.records.add({ hubs: [{ hub, linked: true }] });
  }

  hubDown(link: LinkId, reason: string, planned: boolean, now: Now): void {
    const trunk = this.#trunks.get(link);
    if (trunk === undefined) return;
    this.#trunks.delete(link);
    this.calls.linkLost(link);
    if (this.#linkOf.get(trunk.hub) !== link) return;
    this.#linkOf.delete(trunk.hub);
    this.records.add({ hubs: [{ hub: trunk.hub, linked: false }] });
    this.origin.hubLost(trunk.hub);
    this.roster.hubDown(trunk.hub, reason, planned, now);
  }

  hubMessage(link: LinkId, message: Message, now: Now): void {
    const trunk = this.#trunks.get(link);
    if (trunk === undefined) return;
    switch (message.kind) {
      case 'roster':
        this.roster.roster(trunk.hub, message, now);
        return;
      case 'links':
        if (!this.roster.links(trunk.hub, message, now)) {
          const reason = `link events before number ${message.sequence} are missing`;
          this.#out.push({ kind: 'drop', link, reason });
        }
        return;
      case 'seen':
        for (const daemon of this.roster.seen(trunk.hub, message.refs, now)) this.#touched.add(daemon);
        this.#touchAt ??= after(now.mono, TOUCH_MS);
        return;
      case 'reports':
        this.#reports(trunk, message);
        return;
      case 'result':
        this.origin.result(trunk.hub, message, (node) => this.where(node), now);
        return;
      case 'call':
        // Only a daemon that is linked to this hub can have vouched; a call that overtook its roster is asked for again.
        if (this.roster.daemon(message.caller.vouchedBy as DaemonId)?.links.has(trunk.hub))
          this.calls.message(link, message);
        else this.#send(link, { kind: 'lost', id: message.id });
        return;
      case 'more':
      case 'cancel':
        this.calls.message(link, message);
        return;
      case 'bye':
        return;
      default:
        this.#out.push(log('debug', `'${message.kind}' has no meaning here and is ignored`, { from: trunk.hub }));
    }
  }

  /** The database took the reports of the last `commit`. */
  committed(results: readonly CommitResult[]): void {
    const { acks, credit } = this.intake.committed(results);
    const lists = new Map<LinkId, MessageOf<'acks'>['list']>();
    for (const { daemon, incarnation, cursor, resend } of acks) {
      const primary = this.roster.daemon(daemon)?.primary;
      const link = primary === undefined ? undefined : this.#linkOf.get(primary);
      if (link === undefined) continue; // its next claim brings the cursor
      const entry = { daemon, incarnation, cursor, ...(resend ? { resend } : {}) };
      const list = lists.get(link);
      if (list === undefined) lists.set(link, [entry]);
      else list.push(entry);
    }
    for (const [link, list] of lists) {
      for (let i = 0; i < list.length; i += LIST_A_FRAME)
        this.#send(link, { kind: 'acks', list: list.slice(i, i + LIST_A_FRAME) });
    }
    for (const [link, bytes] of credit) this.#refund(link, bytes);
  }

  commitFailed(now: Now): void {
    this.intake.failed(now);
  }

  recorded(answer: RosterRecorded): void {
    const known = new Map(answer.claims.map((c) => [`${c.daemon} ${c.incarnation}`, c]));
    for (const claim of this.records.stored()) {
      const found = known.get(`${claim.daemon} ${claim.incarnation}`);
      const inventory = found?.inventory ?? undefined;
      this.roster.recorded(claim, found?.cursor ?? 0, inventory);
      this.#held.push(claim.daemon);
    }
    // At once: a cursor must not leave behind the acknowledgement of a later commit. To its node that would be a database set back.
    this.#flushVerdicts();
  }

  /** Everything of the failed record is tried again, with what has changed since. */
  recordFailed(now: Now): void {
    this.records.failed(now);
  }

  /** A node that was deleted: of its daemons only those that are linked are still known. */
  forget(node: string): void {
    for (const daemon of this.roster.forget(node)) {
      this.records.forget(daemon);
      this.#touched.delete(daemon);
      if (this.#mains.get(node) === daemon) this.#mains.delete(node);
    }
  }

  order(order: Order, now: Now): void {
    this.origin.start(order, (node) => this.where(node, order.role), now);
  }

  cancelOrder(id: string): void {
    this.origin.cancel(id);
  }

  tick(now: Now): void {
    this.roster.tick(now);
    this.origin.tick(now);
    if (this.#touchAt === undefined || now.mono < this.#touchAt) return;
    this.#touchAt = undefined;
    const seen = [...this.#touched].map((daemon) => ({
      daemon,
      lastSeen: this.roster.daemon(daemon)?.lastSeen ?? now.wall,
    }));
    this.#touched.clear();
    this.#out.push({ kind: 'touch', seen });
  }

  /** Bytes a hub may send at present; undefined where it is not linked. */
  creditOf(hub: string): number | undefined {
    return this.#trunks.get(this.#linkOf.get(hub) ?? -1)?.credit;
  }

  stalled(now: Now): void {
    this.roster.stalled(now);
  }

  /** Where the daemon is that takes commands for `node`: its main one, or that of this role. */
  where(node: string, role?: Role): Whereabouts {
    const id = role === undefined ? this.#mains.get(node) : daemonId(role, node);
    const d = id === undefined ? undefined : this.roster.daemon(id);
    if (d === undefined) return { kind: 'unknown' };
    if (d.held && d.primary !== undefined && d.links.has(d.primary) && this.#linkOf.has(d.primary)) {
      return { kind: 'at', hub: d.primary, incarnation: d.incarnation, since: d.incarnationSince };
    }
    if (d.links.size > 0 || d.limboUntil !== undefined || this.roster.settling) return { kind: 'moving' };
    return { kind: 'down', text: `the node is down, last seen ${new Date(d.lastSeen).toISOString()}` };
  }

  /** Everything that is due after a batch of events, in the order in which it must leave. */
  flush(now: Now): CoreEffect[] {
    this.#flushVerdicts();
    this.#flushHeld(now);
    this.#flushOrigin();
    this.#out.push(...this.calls.takeEffects());
    const batches = this.intake.begin(now);
    if (batches !== undefined) this.#out.push({ kind: 'commit', batches });
    this.#flushRecord(now);
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #send(link: LinkId, message: Message): void {
    this.#out.push({ kind: 'send', link, message });
  }

  #refund(link: LinkId, bytes: number): void {
    const trunk = this.#trunks.get(link);
    if (trunk === undefined) return;
    trunk.credit += bytes;
    this.#send(link, { kind: 'credit', bytes });
  }

  #reports(trunk: Trunk, message: MessageOf<'reports'>): void {
    let stale = 0;
    let total = 0;
    for (const batch of message.batches) {
      total += batch.bytes;
      if (this.roster.serves(trunk.hub, batch.daemon as DaemonId, batch.term)) this.intake.add(trunk.link, batch);
      else stale += batch.bytes;
    }
    trunk.credit -= total;
    if (trunk.credit < -MAX_REPORT_BYTES) {
      this.counters.overdrawn++;
      this.#out.push({ kind: 'drop', link: trunk.link, reason: 'sent more than its credit' });
      return;
    }
    if (stale === 0) return;
    this.counters.staleReports++;
    this.#refund(trunk.link, stale);
  }

  #flushVerdicts(): void {
    const lists = new Map<string, MessageOf<'verdicts'>['list']>();
    for (const effect of this.roster.takeEffects()) {
      const link = this.#linkOf.get(effect.hub);
      if (link === undefined) continue;
      if (effect.kind === 'noted') this.#send(link, { kind: 'noted', sequence: effect.sequence });
      else {
        const list = lists.get(effect.hub) ?? [];
        list.push(effect.verdict);
        lists.set(effect.hub, list);
      }
    }
    for (const [hub, list] of lists) {
      const link = this.#linkOf.get(hub);
      for (let i = 0; link !== undefined && i < list.length; i += LIST_A_FRAME) {
        this.#send(link, { kind: 'verdicts', list: list.slice(i, i + LIST_A_FRAME) });
      }
    }
  }

  #flushRecord(now: Now): void {
    const fresh = this.roster.takeRecord();
    if (fresh !== undefined) {
      const { views, claims, tellings } = fresh;
      this.records.add({ daemons: views.map((view) => this.#recordOf(view)), claims, tellings });
      this.#toldTo(tellings, claims, now);
    }
    const record = this.records.begin(now);
    if (record !== undefined) this.#out.push({ kind: 'record', record });
  }

  /**
   * Commands that wait for a node go to where its claim is confirmed. Never before: a hub hands them only to daemons
   * whose claim it knows to be confirmed, so that none reaches a later life of the node, which lost its memory.
   */
  #flushHeld(now: Now): void {
    for (const daemon of this.#held) {
      const d = this.roster.daemon(daemon);
      if (d === undefined || this.#mains.get(d.node) !== daemon) continue;
      const place = this.where(d.node);
      if (place.kind === 'at') this.origin.claimed(d.node, place, now);
    }
    this.#held = [];
  }

  /** Commands that wait for a node hear of its end. */
  #toldTo(tellings: readonly Telling[], claims: readonly ClaimRecord[], now: Now): void {
    for (const { daemon } of claims) this.#noteMain(daemon);
    for (const telling of tellings) {
      if (telling.what !== 'down') continue;
      for (const daemon of telling.daemons) {
        const d = this.roster.daemon(daemon);
        if (d !== undefined && this.#mains.get(d.node) === daemon)
          this.origin.down(d.node, `the node is down: ${telling.cause}`, now);
      }
    }
    this.#flushOrigin();
  }

  #flushOrigin(): void {
    for (const effect of this.origin.takeEffects()) {
      if (effect.kind !== 'toHub') this.#out.push(effect);
      else {
        const link = this.#linkOf.get(effect.hub);
        if (link !== undefined) this.#send(link, effect.message);
      }
    }
  }

  #noteMain(daemon: DaemonId): void {
    const d = this.roster.daemon(daemon);
    if (d === undefined) return;
    const main = this.#mains.get(d.node);
    const other = main === undefined ? undefined : this.roster.daemon(main);
    if (other === undefined || roleRank(d.role) >= roleRank(other.role)) this.#mains.set(d.node, daemon);
  }

  #recordOf(d: DaemonView): DaemonRecord {
    const link = d.primary === undefined ? undefined : d.links.get(d.primary);
    const any = link ?? [...d.links.values()][0];
    const secondary = [...d.links.keys()].find((hub) => hub !== d.primary) ?? null;
    const { daemon, told, term, incarnation, incarnationSince, lastSeen } = d;
    return {
      daemon,
      told,
      connected: d.links.size > 0,
      primary: d.primary ?? null,
      secondary,
      term,
      incarnation,
      incarnationSince,
      lastSeen,
      address: any?.address ?? null,
      version: any?.version ?? null,
      session: any?.session ?? null,
    };
  }
}
