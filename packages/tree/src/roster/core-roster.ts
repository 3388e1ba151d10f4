/**
 * Who serves whom, as the master sees it: link counts from 0 to 2, claims by their terms, and what followers are told.
 *
 * | a daemon is…   | enters                                        | leaves                                                |
 * |----------------|-----------------------------------------------|-------------------------------------------------------|
 * | down (0)       | its last link is lost; limbo ended            | first link → up                                        |
 * | in limbo       | its last link was lost with a whole hub, or    | a link → as it was; three intervals → down             |
 * |                | just after we ourselves slept                 |                                                       |
 * | up (1)         | one link                                      | second → full_redundancy; none → down or limbo         |
 * | redundant (2)  | two links                                     | one → lost_redundancy                                  |
 *
 * Each change is told once. A lost hub is one telling that names its nodes, and so is its return. While *settling*
 * after a start, gains are told, losses are not: the hubs have yet to say who is there. It ends when every hub last
 * known has sent its roster, or after three intervals; then each daemon that is absent is told down once, with the time
 * it was last seen. Where it ends early, a daemon that none of those hubs served (it links to the master itself) still
 * has the rest of the three intervals to come back.
 *
 * Claims: the highest term wins. Below it the answer is `behind`; above it the former primary's hub is told `demoted`.
 * Reports that arrive under any other term, or through any other hub, are dropped (their node sends them again).
 *
 * Ignored: link events of a hub session that is over, events before the session's roster, a `lost` of an unknown ref.
 * Events whose number does not follow the last one are not taken in: the hub's link is dropped, and a fresh roster comes.
 *
 * This file is long because links, claims, limbo and what was told are fields of one view of a daemon, and each event
 * changes several of them: counted apart, they could disagree.
 */
import { after, type DaemonId, daemonId, earliest, type Mono, type Now, ROLES, type Wall } from '@csm/model';
import type { MessageOf, RosterEntry } from '@csm/protocol';
import { Deadlines } from '../deadlines.ts';
import type { LinkId } from '../link/link.ts';
import type { ClaimRecord, DaemonView, HubView, KnownDaemon, LinkLoss, Telling, What } from './view.ts';

export type RosterEffect =
  | { readonly kind: 'verdict'; readonly hub: string; readonly verdict: MessageOf<'verdicts'>['list'][number] }
  | { readonly kind: 'noted'; readonly hub: string; readonly sequence: number };

export class CoreRoster {
  readonly #daemons = new Map<DaemonId, DaemonView>();
  readonly #hubs = new Map<string, HubView>();
  readonly #dirty = new Set<DaemonView>();
  #gathered: Gathered[] = [];
  /** Where the newest telling of this kind and cause stands among the gathered ones. */
  readonly #gatheredAt = new Map<string, number>();
  /** Where the newest telling about a daemon or a hub stands. */
  readonly #toldAt = new Map<string, number>();
  /** When those in limbo are down. */
  readonly #limbo = new Deadlines<DaemonView>();
  readonly #grace: number;
  readonly #expected: Set<string>;
  /** Hubs that were expected and have sent their roster: who was served there and is absent is absent. */
  readonly #arrived = new Set<string>();
  #settleAt: Mono | undefined;
  /** Until then a lost link may be the consequence of our own sleep. */
  #distrustUntil: Mono | undefined;
  #claims: ClaimRecord[] = [];
  #effects: RosterEffect[] = [];

  /** `grace`: three intervals, ms; `settle`: how long hubs may take to come. `hubs`: those linked when the last master stopped. */
  constructor(known: readonly KnownDaemon[], hubs: readonly string[], grace: number, now: Now, settle = grace) {
    this.#grace = grace;
    this.#expected = new Set(hubs);
    this.#settleAt = after(now.mono, settle);
    for (const k of known) {
      const slash = k.daemon.indexOf('/');
      const view: DaemonView = {
        daemon: k.daemon,
        role: k.daemon.slice(0, slash) as DaemonView['role'],
        node: k.daemon.slice(slash + 1),
        links: new Map(),
        lost: new Set(k.hubs ?? (k.primary === undefined ? [] : [k.primary])),
        held: false,
        term: k.term,
        incarnation: k.incarnation,
        incarnationSince: k.incarnationSince,
        told: k.told,
        lastSeen: k.lastSeen,
        ...(k.primary === undefined ? {} : { primary: k.primary }),
      };
      this.#daemons.set(k.daemon, view);
    }
    for (const hub of hubs) this.#hubs.set(hub, absentHub(hub, now.wall, 'not linked since this master started'));
  }

  /** Hubs whose loss was told by an earlier master: they are missed, and their return is told. */
  missed(hubs: readonly { readonly hub: string; readonly since: Wall }[]): void {
    for (const { hub, since } of hubs) {
      this.#hubs.set(hub, { ...absentHub(hub, since, 'lost before this master started'), lostAt: since });
    }
  }

  get settling(): boolean {
    return this.#settleAt !== undefined;
  }

  daemon(id: DaemonId): DaemonView | undefined {
    return this.#daemons.get(id);
  }

  daemons(): Iterable<DaemonView> {
    return this.#daemons.values();
  }

  hub(name: string): HubView | undefined {
    return this.#hubs.get(name);
  }

  hubs(): Iterable<HubView> {
    return this.#hubs.values();
  }

  /** Daemons of this node that are not linked are known no more; gives them. */
  forget(node: string): DaemonId[] {
    const gone = ROLES.flatMap((role) => this.#daemons.get(daemonId(role, node)) ?? []).filter(
      (d) => d.links.size === 0,
    );
    for (const d of gone) {
      this.#leaveLimbo(d);
      this.#dirty.delete(d);
      this.#daemons.delete(d.daemon);
    }
    return gone.map(({ daemon }) => daemon);
  }

  wakeAt(): Mono | undefined {
    return earliest(this.#settleAt, this.#limbo.next());
  }

  hubUp(hub: string, link: LinkId, about: { session: string; address: string; version: string }, now: Now): void {
    const old = this.#hubs.get(hub);
    if (old?.link !== undefined) this.hubDown(hub, 'replaced by a new connection', false, now);
    const bounced = old === undefined ? 0 : old.bounced + 1;
    this.#hubs.set(hub, {
      hub,
      link,
      ...about,
      since: now.wall,
      bounced,
      sequence: 0,
      complete: false,
      refs: new Map(),
    });
    if (old?.lostAt !== undefined) this.#tell('aggregator_back', [], `aggregator ${hub} is back`, false, now, hub);
  }

  hubDown(hub: string, reason: string, planned: boolean, now: Now): void {
    const view = this.#hubs.get(hub);
    if (view?.link === undefined) return;
    delete view.link;
    view.complete = false;
    view.lostAt = now.wall;
    view.reason = reason;
    const cause = `aggregator ${hub} ${planned ? 'stopped' : 'was lost'}: ${reason}`;
    // Not the refs: while a second roster comes in parts, these are not all of them.
    const members = [...this.#daemons.values()].filter((d) => d.links.has(hub)).map((d) => d.daemon);
    view.refs.clear();
    this.#tell('aggregator_lost', members, cause, planned, now, hub);
    for (const id of members) {
      const d = this.#daemons.get(id);
      if (d === undefined || !unlink(d, hub)) continue;
      this.#dirty.add(d);
      if (d.links.size > 0) this.#count(d, { cause, planned }, now);
      // A hub that stops takes its own daemon along, and no other.
      else this.#toLimbo(d, { cause, planned: planned && d.node === hub, within: hub }, now);
    }
  }

  roster(hub: string, message: MessageOf<'roster'>, now: Now): void {
    const view = this.#hubs.get(hub);
    if (view?.link === undefined) return;
    if (view.complete) this.#restartRoster(view);
    view.sequence = message.sequence;
    for (const entry of message.entries) this.#linked(view, entry, now);
    if (message.more) return;
    view.complete = true;
    this.#dropUnlisted(view, now);
    for (const id of view.refs.values()) {
      const d = this.#daemons.get(id);
      if (d !== undefined) this.#count(d, unplanned(`aggregator ${hub} told its roster`), now);
    }
    this.#effects.push({ kind: 'noted', hub, sequence: message.sequence });
    if (this.#expected.delete(hub)) this.#arrived.add(hub);
    if (this.#expected.size === 0) this.#settle(now);
  }

  /**
   * What changed at a hub. Counts are judged at the end of the frame: a link that was replaced by a new one tells
   * nothing. False: events before these are missing, and only a new link of the hub, with a fresh roster, can help.
   */
  links(hub: string, message: MessageOf<'links'>, now: Now): boolean {
    const view = this.#hubs.get(hub);
    if (view?.link === undefined || !view.complete) return true;
    if (message.sequence !== view.sequence + 1) return false;
    view.sequence = message.sequence;
    /** Who gained or lost a link, and how it lost the last one. */
    const touched = new Map<DaemonView, Loss | undefined>();
    for (const event of message.events) {
      switch (event.event) {
        case 'linked': {
          const d = this.#linked(view, event.entry, now);
          touched.set(d, touched.get(d));
          break;
        }
        case 'lost': {
          const d = this.#lost(view, event, now);
          if (d !== undefined) touched.set(d, event);
          break;
        }
        case 'claim': {
          const id = view.refs.get(event.ref);
          const d = id === undefined ? undefined : this.#daemons.get(id);
          if (d !== undefined) this.#claim(view, d, event.claim, now);
          break;
        }
        default:
          event satisfies never;
      }
    }
    for (const [d, loss] of touched) {
      if (loss === undefined || d.links.size > d.told) this.#count(d, unplanned(`linked to ${hub}`), now);
      else this.#count(d, lossOf(hub, loss), now);
    }
    this.#effects.push({ kind: 'noted', hub, sequence: message.sequence });
    return true;
  }

  /** Signs of life of one batch; gives the daemons they belong to. */
  seen(hub: string, refs: readonly number[], now: Now): DaemonId[] {
    const view = this.#hubs.get(hub);
    const out: DaemonId[] = [];
    for (const ref of refs) {
      const id = view?.refs.get(ref);
      const d = id === undefined ? undefined : this.#daemons.get(id);
      if (d === undefined) continue;
      d.lastSeen = now.wall;
      out.push(d.daemon);
    }
    return out;
  }

  tick(now: Now): void {
    if (this.#settleAt !== undefined && now.mono >= this.#settleAt) this.#settle(now);
    for (let d = this.#limbo.due(now.mono); d !== undefined; d = this.#limbo.due(now.mono)) {
      const loss = d.limboLoss ?? unplanned('lost');
      delete d.limboUntil;
      delete d.limboLoss;
      this.#count(d, loss, now);
    }
  }

  /** We ourselves slept: nobody in limbo, and nobody whose link ended meanwhile, is judged before the grace has passed. */
  stalled(now: Now): void {
    this.#distrustUntil = after(now.mono, this.#grace);
    for (const d of this.#limbo.keys()) {
      d.limboUntil = this.#distrustUntil;
      this.#limbo.set(d, d.limboUntil);
    }
    if (this.#settleAt !== undefined) this.#settleAt = after(now.mono, this.#grace);
  }

  /** Whether reports of `daemon` under `term` through `hub` count. */
  serves(hub: string, daemon: DaemonId, term: number): boolean {
    const d = this.#daemons.get(daemon);
    return d !== undefined && d.primary === hub && d.term === term;
  }

  takeEffects(): RosterEffect[] {
    const out = this.#effects;
    this.#effects = [];
    return out;
  }

  /** What the database is to be told: changed daemons, tellings and claims, since the last time. */
  takeRecord(): { views: DaemonView[]; tellings: Telling[]; claims: ClaimRecord[] } | undefined {
    if (this.#dirty.size === 0 && this.#gathered.length === 0 && this.#claims.length === 0) return undefined;
    const out = { views: [...this.#dirty], tellings: this.#gathered, claims: this.#claims };
    this.#dirty.clear();
    this.#gathered = [];
    this.#gatheredAt.clear();
    this.#toldAt.clear();
    this.#claims = [];
    return out;
  }

  /** A claim is in the database, with the cursor of its reports: its hub may be told, if it is still the newest. */
  recorded(claim: ClaimRecord, cursor: number, inventory: string | undefined): void {
    const { daemon, term, incarnation } = claim;
    const d = this.#daemons.get(daemon);
    if (d === undefined || !this.serves(claim.hub, daemon, term) || d.incarnation !== incarnation) return;
    d.held = true;
    const verdict = {
      daemon,
      term,
      incarnation,
      verdict: 'held' as const,
      cursor,
      ...(inventory === undefined ? {} : { inventory }),
    };
    this.#effects.push({ kind: 'verdict', hub: claim.hub, verdict });
  }

  #linked(view: HubView, entry: RosterEntry, now: Now): DaemonView {
    const id = daemonId(entry.role, entry.node);
    let d = this.#daemons.get(id);
    if (d === undefined) {
      d = {
        daemon: id,
        role: entry.role,
        node: entry.node,
        links: new Map(),
        lost: new Set(),
        held: false,
        term: 0,
        incarnation: '',
        incarnationSince: now.wall,
        told: 0,
        lastSeen: now.wall,
      };
      this.#daemons.set(id, d);
    }
    const { ref, session, version, address, bounced } = entry;
    view.refs.set(ref, id);
    d.lost.delete(view.hub);
    d.links.set(view.hub, { hub: view.hub, ref, session, version, address, since: entry.since as Wall, bounced });
    d.lastSeen = now.wall;
    this.#leaveLimbo(d);
    this.#dirty.add(d);
    if (entry.claim !== undefined) this.#claim(view, d, entry.claim, now);
    return d;
  }

  /** Gives the daemon that has lost a link; its count is to be judged yet. */
  #lost(view: HubView, loss: Loss & { readonly ref: number }, now: Now): DaemonView | undefined {
    const id = view.refs.get(loss.ref);
    if (id === undefined) return undefined;
    view.refs.delete(loss.ref);
    const d = this.#daemons.get(id);
    if (d === undefined || !unlink(d, view.hub)) return undefined;
    this.#dirty.add(d);
    const distrusted = this.#distrustUntil !== undefined && now.mono < this.#distrustUntil;
    // Daemons gave up on us while we slept. The link is gone, but whoever made it will make it again.
    if (distrusted && !loss.planned && d.links.size === 0) this.#toLimbo(d, lossOf(view.hub, loss), now);
    return d;
  }

  #claim(view: HubView, d: DaemonView, claim: { readonly term: number; readonly incarnation: string }, now: Now): void {
    const { term, incarnation } = claim;
    if (term < d.term || (term === d.term && d.primary !== view.hub)) {
      this.#verdict(view.hub, d, d.term, incarnation, 'behind');
      return;
    }
    const former = d.primary;
    if (former !== undefined && former !== view.hub && d.links.has(former))
      this.#verdict(former, d, term, incarnation, 'demoted');
    d.term = term;
    d.primary = view.hub;
    d.held = false;
    if (d.incarnation !== incarnation) d.incarnationSince = now.wall;
    d.incarnation = incarnation;
    this.#dirty.add(d);
    this.#claims.push({ daemon: d.daemon, term, incarnation, hub: view.hub });
  }

  #verdict(hub: string, d: DaemonView, term: number, incarnation: string, verdict: 'behind' | 'demoted'): void {
    this.#effects.push({ kind: 'verdict', hub, verdict: { daemon: d.daemon, term, incarnation, verdict } });
  }

  /** A second full roster in one session: what it does not name is gone. */
  #restartRoster(view: HubView): void {
    view.complete = false;
    view.refs.clear();
  }

  #dropUnlisted(view: HubView, now: Now): void {
    const listed = new Set(view.refs.values());
    for (const d of this.#daemons.values()) {
      if (!listed.has(d.daemon) && unlink(d, view.hub)) {
        this.#dirty.add(d);
        this.#count(d, unplanned(`link to ${view.hub} is gone`), now);
      }
    }
  }

  #toLimbo(d: DaemonView, loss: LinkLoss, now: Now, until = after(now.mono, this.#grace)): void {
    d.limboUntil = until;
    d.limboLoss = loss;
    this.#limbo.set(d, until);
  }

  #leaveLimbo(d: DaemonView): void {
    delete d.limboUntil;
    delete d.limboLoss;
    this.#limbo.set(d, undefined);
  }

  #settle(now: Now): void {
    const graceEnd = this.#settleAt;
    if (graceEnd === undefined) return;
    this.#settleAt = undefined;
    this.#expected.clear();
    const cause = 'absent since the master was away';
    for (const d of this.#daemons.values()) {
      if (d.limboUntil !== undefined) continue;
      const mayCome = now.mono < graceEnd && (d.primary === undefined || !this.#arrived.has(d.primary));
      const away = d.primary === undefined || this.#linkedHub(d.lost) ? undefined : d.primary;
      const loss = away === undefined ? unplanned(cause) : { ...unplanned(cause), within: away };
      if (mayCome && d.links.size === 0 && d.told > 0) this.#toLimbo(d, loss, now, graceEnd);
      else this.#count(d, loss, now);
    }
    this.#arrived.clear();
  }

  /** Whether one of these hubs is here to tell of the daemons it had. */
  #linkedHub(hubs: ReadonlySet<string>): boolean {
    for (const hub of hubs) if (this.#hubs.get(hub)?.complete === true) return true;
    return false;
  }

  /** Tells the difference between what is and what was told. */
  #count(d: DaemonView, { cause, planned, within }: LinkLoss, now: Now): void {
    const count = Math.min(2, d.links.size);
    if (count < d.told && (this.settling || d.limboUntil !== undefined)) return;
    if (count === d.told) return;
    const before = d.told;
    d.told = count;
    this.#dirty.add(d);
    if (count === 0) this.#tell('down', [d.daemon], cause, planned, now, undefined, within);
    else if (count < before) this.#tell('lost_redundancy', [d.daemon], cause, planned, now);
    else {
      if (before === 0) this.#tell('up', [d.daemon], cause, false, now);
      if (count === 2) this.#tell('full_redundancy', [d.daemon], cause, false, now);
    }
  }

  /** Folds equal tellings into one, as long as each daemon's own stay in their order. */
  #tell(
    what: What,
    daemons: readonly DaemonId[],
    cause: string,
    planned: boolean,
    now: Now,
    hub?: string,
    within?: string,
  ): void {
    const key = `${what}\n${cause}\n${planned}`;
    const subjects = hub === undefined ? daemons : [...daemons, `hub ${hub}`];
    let at = this.#gatheredAt.get(key);
    const open = at ?? -1;
    if (at === undefined || subjects.some((id) => (this.#toldAt.get(id) ?? -1) >= open)) {
      at = this.#gathered.length;
      const about = hub === undefined ? {} : { hub };
      this.#gathered.push({ what, daemons: [], cause, planned, at: now.wall, ...about });
      this.#gatheredAt.set(key, at);
    }
    const told = this.#gathered[at];
    told?.daemons.push(...daemons);
    if (told !== undefined && within !== undefined) {
      told.within ??= {};
      const others = told.within[within] ?? [];
      told.within[within] = others;
      others.push(...daemons);
    }
    for (const id of subjects) this.#toldAt.set(id, at);
  }
}

type Gathered = Omit<Telling, 'daemons' | 'within'> & {
  readonly daemons: DaemonId[];
  within?: Record<string, DaemonId[]>;
};

interface Loss {
  readonly reason: string;
  readonly planned: boolean;
}

const unplanned = (cause: string): LinkLoss => ({ cause, planned: false });
const lossOf = (hub: string, { reason, planned }: Loss): LinkLoss => ({ cause: `link to ${hub}: ${reason}`, planned });

/** The daemon's link to `hub` is gone. False: it had none. */
function unlink(d: DaemonView, hub: string): boolean {
  if (!d.links.delete(hub)) return false;
  d.lost.add(hub);
  if (d.primary === hub) d.held = false;
  return true;
}

/** A hub that is known and not linked. Its first link is no bounce. */
function absentHub(hub: string, since: Wall, reason: string): HubView {
  return { hub, address: '', since, bounced: -1, version: '', sequence: 0, complete: false, refs: new Map(), reason };
}
