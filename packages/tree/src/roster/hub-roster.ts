/**
 * Who is linked to a hub, and how the leader learns of it.
 *
 * | an entry is… | enters                                | leaves                                        |
 * |--------------|---------------------------------------|-----------------------------------------------|
 * | secondary    | the link is up                        | `claim` → active                              |
 * | active       | `claim`                               | demoted by the leader → secondary             |
 * | absent       | the link is lost                      | the link is up → secondary; forgotten when    |
 * |              |                                       | more than `ABSENT_MAX` are absent             |
 *
 * The leader is told by one stream a session: a full roster after each connect, then numbered link events. It answers
 * `noted`. When it is slow to (more than `UNNOTED_MAX` events), events are no longer queued one by one: a fresh roster
 * is sent once it has caught up, so that memory stays bounded however many nodes flap.
 */
import { type DaemonId, type Role, roleRank, type Wall } from '@csm/model';
import { type MessageOf, type RosterEntry, wireLength } from '@csm/protocol';
import type { LinkId, Peer } from '../link/link.ts';

export const ABSENT_MAX = 20_000;
export const UNNOTED_MAX = 10_000;
const ENTRIES_A_FRAME = 400;
const EVENTS_A_FRAME = 400;
/** Entries or events of one frame, bytes on the wire: well below what a frame may be. */
const BYTES_A_FRAME = 192 * 1024;

export interface HubEntry {
  readonly ref: number;
  readonly role: Role;
  readonly node: string;
  readonly daemon: DaemonId;
  session: string;
  version: string;
  address: string;
  since: Wall;
  /** Times it linked anew while we run. */
  bounced: number;
  link?: LinkId;
  claim?: { readonly term: number; readonly incarnation: string; confirmed: boolean };
  /** Newest claim term ever seen here, so that a stale one is answered `behind` also while no leader is reachable. */
  term: number;
  lostAt?: Wall;
  reason?: string;
}

type LinksEvent = MessageOf<'links'>['events'][number];

export class HubRoster {
  readonly #byDaemon = new Map<DaemonId, HubEntry>();
  readonly #byLink = new Map<LinkId, HubEntry>();
  readonly #byNode = new Map<string, HubEntry>();
  readonly #absent = new Set<HubEntry>();
  #nextRef = 1;
  #sequence = 0;
  #noted = 0;
  #events: LinksEvent[] = [];
  #rosterDue = false;
  #trunk = false;
  readonly #seen = new Set<number>();

  byLink(link: LinkId): HubEntry | undefined {
    return this.#byLink.get(link);
  }

  byDaemon(daemon: DaemonId): HubEntry | undefined {
    return this.#byDaemon.get(daemon);
  }

  /** The active daemon of a node that takes commands here. */
  activeOn(node: string): HubEntry | undefined {
    const entry = this.#byNode.get(node);
    return entry?.link !== undefined && entry.claim !== undefined ? entry : undefined;
  }

  entries(): Iterable<HubEntry> {
    return this.#byDaemon.values();
  }

  linked(link: LinkId, peer: Peer): HubEntry {
    const { role, node, daemon, session, version, address, since } = peer;
    let entry = this.#byDaemon.get(daemon);
    if (entry === undefined) {
      entry = { ref: this.#nextRef++, role, node, daemon, session, version, address, since, bounced: 0, term: 0 };
      this.#byDaemon.set(daemon, entry);
    } else {
      Object.assign(entry, { session, version, address, since, bounced: entry.bounced + 1 });
      delete entry.claim;
      delete entry.lostAt;
      delete entry.reason;
      this.#absent.delete(entry);
    }
    entry.link = link;
    this.#byLink.set(link, entry);
    const main = this.#byNode.get(node);
    if (main?.link === undefined || roleRank(main.role) <= roleRank(role)) this.#byNode.set(node, entry);
    this.#tell({ event: 'linked', entry: wire(entry) });
    return entry;
  }

  lost(link: LinkId, reason: string, planned: boolean, at: Wall): HubEntry | undefined {
    const entry = this.#byLink.get(link);
    if (entry === undefined) return undefined;
    this.#byLink.delete(link);
    delete entry.link;
    delete entry.claim;
    entry.lostAt = at;
    entry.reason = reason;
    this.#seen.delete(entry.ref);
    this.#absent.add(entry);
    this.#tell({ event: 'lost', ref: entry.ref, reason: reason.slice(0, 128) || 'lost', planned });
    if (this.#absent.size > ABSENT_MAX) this.#forgetOldest();
    return entry;
  }

  /** A node claims this hub. False when an equal or newer claim of it is known: the caller answers `behind`. */
  claim(entry: HubEntry, term: number, incarnation: string): boolean {
    if (term <= entry.term) return false;
    entry.term = term;
    entry.claim = { term, incarnation, confirmed: false };
    this.#tell({ event: 'claim', ref: entry.ref, claim: { term, incarnation } });
    return true;
  }

  /** The leader knows of a claim elsewhere with this term. */
  demote(entry: HubEntry, term: number): boolean {
    entry.term = Math.max(entry.term, term);
    if (entry.claim === undefined || entry.claim.term >= term) return false;
    delete entry.claim;
    return true;
  }

  /** A sign of life, for the next `seen`. */
  heard(link: LinkId): void {
    const entry = this.#byLink.get(link);
    if (entry !== undefined) this.#seen.add(entry.ref);
  }

  /** The frames that are due to the leader now. */
  flush(session: string, withSeen: boolean): (MessageOf<'roster'> | MessageOf<'links'> | MessageOf<'seen'>)[] {
    if (!this.#trunk) return [];
    const out: (MessageOf<'roster'> | MessageOf<'links'> | MessageOf<'seen'>)[] = [];
    if (this.#rosterDue && this.#noted === this.#sequence) out.push(...this.#fullRoster(session));
    const told = this.#events;
    this.#events = [];
    for (const events of framed(told, EVENTS_A_FRAME, replaces))
      out.push({ kind: 'links', sequence: ++this.#sequence, events });
    if (withSeen && this.#seen.size > 0) {
      const refs = [...this.#seen];
      this.#seen.clear();
      for (let i = 0; i < refs.length; i += 20_000) out.push({ kind: 'seen', refs: refs.slice(i, i + 20_000) });
    }
    return out;
  }

  trunkUp(): void {
    this.#trunk = true;
    this.#rosterDue = true;
    this.#noted = this.#sequence;
    this.#events = [];
    for (const entry of this.#byLink.values()) if (entry.claim !== undefined) entry.claim.confirmed = false;
  }

  trunkDown(): void {
    this.#trunk = false;
    this.#events = [];
  }

  noted(sequence: number): void {
    this.#noted = Math.max(this.#noted, Math.min(sequence, this.#sequence));
  }

  #tell(event: LinksEvent): void {
    if (!this.#trunk || this.#rosterDue) return;
    if (this.#events.length + (this.#sequence - this.#noted) * EVENTS_A_FRAME > UNNOTED_MAX) {
      this.#events = [];
      this.#rosterDue = true;
      return;
    }
    this.#events.push(event);
  }

  #fullRoster(session: string): MessageOf<'roster'>[] {
    this.#rosterDue = false;
    this.#events = [];
    this.#sequence++;
    const parts = framed([...this.#byLink.values()].map(wire), ENTRIES_A_FRAME);
    if (parts.length === 0) parts.push([]);
    const last = parts.length - 1;
    return parts.map((entries, i) => ({ kind: 'roster', session, sequence: this.#sequence, entries, more: i < last }));
  }

  #forgetOldest(): void {
    for (const entry of this.#absent) {
      this.#absent.delete(entry);
      this.#byDaemon.delete(entry.daemon);
      if (this.#byNode.get(entry.node) === entry) this.#byNode.delete(entry.node);
      return;
    }
  }
}

/** A link that was lost because its daemon made a new one: told in one frame, so that nobody is taken for down. */
const replaces = (a: LinksEvent, b: LinksEvent): boolean =>
  a.event === 'lost' && b.event === 'linked' && a.ref === b.entry.ref;

/** Parts of a list, in order, that each fit a frame. `together`: two neighbours that no cut may part. */
function framed<T>(list: readonly T[], most: number, together: (a: T, b: T) => boolean = () => false): T[][] {
  const out: T[][] = [];
  let part: T[] = [];
  let bytes = 0;
  for (const item of list) {
    const size = sizeOf(item);
    if (part.length >= most || (part.length > 0 && bytes + size > BYTES_A_FRAME)) {
      const last = part.at(-1);
      const taken = last !== undefined && part.length > 1 && together(last, item) ? part.splice(-1) : [];
      out.push(part);
      part = taken;
      bytes = taken.reduce((sum, one) => sum + sizeOf(one), 0);
    }
    part.push(item);
    bytes += size;
  }
  if (part.length > 0) out.push(part);
  return out;
}

/** Bytes on the wire, with the comma behind it. */
const sizeOf = (value: unknown): number => wireLength(JSON.stringify(value)) + 1;

function wire(e: HubEntry): RosterEntry {
  const { ref, role, node, session, version, address, since, bounced, claim } = e;
  const base = { ref, role, node, session, version, address, since, bounced };
  return claim === undefined ? base : { ...base, claim: { term: claim.term, incarnation: claim.incarnation } };
}
