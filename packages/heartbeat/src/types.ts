/** The words of the service that more than one of its rooms uses. */
import type { Mono, Now, Wall } from '@csm/model';
import type { OnceKey } from '@csm/store';

/** How a component is, as the tracker sees it. */
export type Life = 'beating' | 'late' | 'dead' | 'halted' | 'left' | 'off';

/** What may become of a component. */
export type ChangeKind = 'started' | 'restarted' | 'warning' | 'dead' | 'halted' | 'left';

/** Who tells of a component: its own beats, or the links of this cluster's tree. */
export type Source = 'beat' | 'csm';

/** One change of one component, as it is kept, told to the state manager and published. */
export interface Change {
  /** Normalised xname, or the name of a node of this cluster. */
  readonly name: string;
  readonly kind: ChangeKind;
  readonly source: Source;
  /** When it was noticed. */
  readonly at: Wall;
  /** When the last beat came; null where there never was one. */
  readonly lastBeat: Wall | null;
  /** The sender's own text of its last beat; empty where there was none. */
  readonly timestamp: string;
  readonly status: string;
  /** It is told because nobody watched for a while. */
  readonly gap: boolean;
  /** The incident it belongs to. */
  readonly incident: string | null;
}

/** A component as the tracker keeps it; objects of this shape are the tracker's own and change in place. */
export interface Tracked {
  readonly name: string;
  readonly source: Source;
  readonly life: Life;
  /** Since when it is so. */
  readonly since: Wall;
  readonly lastBeat: Wall | null;
  /** Milliseconds between its last two beats; null before the second. */
  readonly interval: number | null;
  readonly timestamp: string;
  readonly status: string;
  /** Warned because nobody watched for a while. */
  readonly gap: boolean;
  /** Milliseconds, in force for it. */
  readonly warnMs: number;
  readonly errMs: number;
}

/** Many changes of one cause. */
export interface Incident {
  readonly id: string;
  /** `all`, or the xname of the cabinet, chassis or group they stand in. */
  readonly scope: string;
  readonly kind: 'warning' | 'dead' | 'blind';
  readonly began: Wall;
  readonly ended: Wall | null;
  /** Components it concerns, and their number; folded names. */
  readonly components: string;
  readonly count: number;
  /** A sentence. */
  readonly words: string;
}

/** A pair of thresholds, milliseconds; errMs > warnMs. */
export interface Limits {
  readonly warnMs: number;
  readonly errMs: number;
}

/** Whom a pair of thresholds is for. */
export type LimitsFor = { readonly type: string } | { readonly group: string; readonly components: string };

export interface Thresholds {
  readonly global: Limits;
  /** Group before type before global; of two groups the one that stands first. */
  readonly special: readonly (LimitsFor & Limits)[];
}

/** What is restored after a restart. */
export interface Restored {
  readonly name: string;
  readonly source: Source;
  readonly life: Life;
  readonly since: Wall;
  readonly lastBeat: Wall | null;
  readonly timestamp: string;
  readonly status: string;
  readonly gap: boolean;
}

/** An arrival to be written. */
export interface Arrival {
  readonly name: string;
  readonly at: Wall;
}

/** What the machine is; `Tracker` in `tracker/tracker.ts` has these methods. Time is an argument of each. */
export interface TrackerPort {
  /** Before anything else. `blindMs`: how long nobody watched; undefined: never before. */
  restore(rows: readonly Restored[], blindMs: number | undefined, now: Now): void;
  /**
   * A beat of a component with this normalised name. `full` when there is no room for another one (the bound is a
   * setting); nothing has changed then.
   */
  beat(name: string, timestamp: string, status: string, now: Now): 'taken' | 'full';
  /** The tracker's own record of a name, to be given to `beatOf`: saves the look-up on the hot path. */
  find(name: string): Tracked | undefined;
  beatOf(component: Tracked, timestamp: string, status: string, now: Now): void;
  verdict(name: string, what: 'up' | 'lost' | 'restarted' | 'bye', now: Now): void;
  /** The state manager says how a component is: Off is silence, On or Ready ends it. */
  power(name: string, state: 'off' | 'on', now: Now): void;
  /** Whether it was known. History stays. */
  forget(name: string, now: Now): boolean;
  setThresholds(thresholds: Thresholds, now: Now): void;
  /** Nothing is declared dead while it holds; when it ends, all begin a grace. */
  hold(on: boolean, now: Now): void;
  /** Nobody listened for so long, until now: what came due in that time is judged as after a restart. */
  slept(ms: number, now: Now): void;
  /**
   * Does what is due, at most so many deadlines. Gives when to come again: `now` where more is due, undefined where
   * nothing ever will be.
   */
  advance(now: Now, atMost: number): Mono | undefined;
  /** Takes what has happened since it was last asked. */
  takeChanges(atMost: number): Change[];
  takeIncidents(): Incident[];
  takeArrivals(atMost: number): Arrival[];
  readonly waiting: { readonly changes: number; readonly arrivals: number; readonly incidents: number };
  readonly size: number;
  /** In order of their names, behind `after`. */
  list(filter: ListFilter, after: string | undefined, limit: number, now: Now): Tracked[];
  /** A record exists and its last beat is younger than its error time; as hbtd answers `Heartbeating`. */
  isHeartbeating(name: string, now: Now): boolean;
  counts(): Readonly<Record<Life, number>>;
}

export interface ListFilter {
  readonly lives?: readonly Life[];
  /** HSM flags: OK, Warning, Alert. */
  readonly flags?: readonly string[];
  /** Says whether a name is wanted, from a node set or a range of xnames. */
  readonly wants?: (name: string) => boolean;
  /** Last seen at or after, before; wall ms. */
  readonly seenSince?: Wall;
  readonly seenBefore?: Wall;
}

/** What is told to a state manager. */
export interface Notice {
  readonly state: 'Ready' | 'Standby' | 'Halt';
  readonly flag: 'OK' | 'Warning' | 'Alert';
  readonly message: string;
}

/** A row of the outbox to an external state manager. */
export interface OutboxRow extends Notice {
  readonly name: string;
  /** Newer rows of a component replace older ones and have a higher number. */
  readonly seq: number;
}

/** The twelve parameters, as text, in the order in which they are answered. */
export interface Params {
  readonly Debug: string;
  readonly Nosm: string;
  readonly Use_telemetry: string;
  readonly Telemetry_host: string;
  readonly Warntime: string;
  readonly Errtime: string;
  readonly Port: string;
  readonly Kv_url: string;
  readonly Interval: string;
  readonly Sm_url: string;
  readonly Sm_timeout: string;
  readonly Sm_retries: string;
}

/** A change as it was kept. */
export interface HistoryRow extends Change {
  readonly seq: number;
}

/**
 * Procedures of the store module `heartbeat`, and their inputs; answers are null where none stands here. Queries stand
 * beside them in `store/queries.ts`, as functions of a `Store`.
 */
export interface Procedures {
  /** `heartbeat.record` */
  readonly record: {
    readonly changes: readonly Change[];
    readonly arrivals: readonly Arrival[];
    readonly incidents: readonly Incident[];
    readonly manager: 'builtin' | 'external' | 'none';
    /** With `builtin`: components that the state manager does not know are made. */
    readonly discover: boolean;
    /** NIDs that first beats have told, by name: such a new component bears it. */
    readonly nids?: Readonly<Record<string, number>>;
    /** Until when this process watched. */
    readonly watchedUntil: Wall;
  };
  /** `heartbeat.forget`; answers whether it was known. */
  readonly forget: { readonly name: string };
  /** `heartbeat.clear`: forgets all; answers how many were known. */
  readonly clear: Readonly<Record<string, never>>;
  /**
   * `heartbeat.setParams`: the whole of them, and what the configuration said then: where it says something else at a
   * later start, that counts. Both are kept, and read together by `readParams(store)`.
   */
  readonly setParams: { readonly params: Params; readonly configured: Params };
  /** `heartbeat.setThresholds`: all special ones. */
  readonly setThresholds: { readonly special: Thresholds['special'] };
  /** `heartbeat.sent`: rows the external state manager has taken; a newer row of the same component stays. */
  readonly sent: { readonly rows: readonly { readonly name: string; readonly seq: number }[] };
  /** `heartbeat.refused`: a row no state manager will ever take; it is set aside with the reason, newest 1,000 kept. */
  readonly refused: { readonly name: string; readonly seq: number; readonly reason: string };
  /** `heartbeat.prune`: history older than this, in slices; answers how many went. */
  readonly prune: { readonly olderThan: Wall };
  /** `heartbeat.leads`: this process leads, and takes requests there. */
  readonly leads: { readonly address: string; readonly term: number };
  /**
   * `heartbeat.hsmPatch`: rules of the state manager; all or nothing is decided before. Answers what became of each,
   * in the order given: `changed`, `same`, `unknown`, or the sentence why its state does not allow it.
   */
  readonly hsmPatch: {
    readonly ids: readonly string[];
    readonly state: string;
    readonly flag: string;
    readonly force: boolean;
  };
  /** `heartbeat.hsmFlag`: the flag only; no notification. Answers as hsmPatch. */
  readonly hsmFlag: { readonly ids: readonly string[]; readonly flag: string };
  /** `heartbeat.hsmCreate`: with `force` those that are there are replaced. Answers how many were made or replaced. */
  readonly hsmCreate: { readonly components: readonly HsmComponent[]; readonly force: boolean };
  readonly hsmDelete: { readonly id: string };
  /** `heartbeat.scnCreate`; answers the object with its `ID`. Code 9 field `Url` for a second one of Subscriber and Url. */
  readonly scnCreate: { readonly subscription: Omit<ScnSubscription, 'ID'> };
  readonly scnReplace: { readonly subscription: ScnSubscription };
  /** Answers whether it was there; without an id: how many went. */
  readonly scnDelete: { readonly id: number | null };
}

/** As HSM shows it; empty ones are left out. */
export interface HsmComponent {
  readonly ID: string;
  readonly Type: string;
  readonly State: string;
  readonly Flag: string;
  readonly Enabled?: boolean;
  readonly SoftwareStatus?: string;
  readonly Role?: string;
  readonly SubRole?: string;
  readonly NID?: number;
  readonly Subtype?: string;
  readonly NetType?: string;
  readonly Arch?: string;
  readonly Class?: string;
  readonly ReservationDisabled?: boolean;
  readonly Locked?: boolean;
}

export interface ScnSubscription {
  readonly ID: number;
  readonly Subscriber: string;
  readonly Url: string;
  readonly States?: readonly string[];
  readonly Roles?: readonly string[];
  readonly SubRoles?: readonly string[];
  readonly SoftwareStatus?: readonly string[];
  readonly Enabled?: boolean;
}

/**
 * Bodies of the rows of `change`. Kind `heartbeat`, subject the name: `Change` with the notice's state and flag.
 * Kind `heartbeat.incident`, subject the id: `Incident`. Kind `hsm.scn`, subject the xname: what a subscriber is told.
 */
export interface ChangeBody extends Change {
  readonly state: string;
  readonly flag: string;
  readonly info: string;
}

export interface ScnBody {
  readonly State?: string;
  readonly Flag?: string;
  readonly Role?: string;
  readonly SubRole?: string;
  readonly SoftwareStatus?: string;
  readonly Enabled?: boolean;
}

/** Where the shell gets time and timers from; tests pass their own. */
export interface TimePort {
  now(): Now;
  /** Once, after so many ms. Returns what ends it. */
  after(ms: number, run: () => void): () => void;
}

/**
 * The service as its doors (HTTP, the API's calls) see it: `service.ts` has these methods. With `once`, a change that was
 * made before under this key is not made again; what is in force afterwards is what the database has.
 */
export interface ServicePort {
  /** Hot path. `name` is normalised. */
  readonly tracker: TrackerPort;
  readonly time: TimePort;
  /** To be called after whatever may have made changes or new deadlines; cheap. */
  nudge(): void;
  /** The NID of a component that was not known: the built-in state manager is to make it with that. */
  noteNid?(name: string, nid: string): void;
  params(): Params;
  /** Kept in the database, then in force. */
  setParams(params: Params, once?: OnceKey): Promise<void>;
  thresholds(): Thresholds;
  setThresholds(special: Thresholds['special'], once?: OnceKey): Promise<void>;
  /** Whether it was known; under a key that was used before, what was answered then. */
  forget(name: string, once?: OnceKey): Promise<boolean>;
  health(): ServiceHealth;
}

export interface ServiceHealth {
  /** Words of the database, as hbtd's KvStore has them or as close as makes sense. */
  readonly database: 'open' | 'away';
  readonly databaseWords: string | null;
  /** What the external state manager said last; `builtin` and `none` are always ready. */
  readonly manager: 'builtin' | 'none' | 'not initialized' | 'not ready' | 'ready';
  readonly bus: 'off' | 'connected' | 'away';
  readonly leads: boolean;
  /** Wall ms; null before the first. */
  readonly lastCheck: Wall | null;
  readonly lastDelivery: Wall | null;
  /** Changes that wait: to be stored, for the state manager, for the bus. */
  readonly waiting: { readonly store: number; readonly manager: number; readonly bus: number };
  /** Changes whose history was given up while the database was away. */
  readonly lostHistory: number;
  readonly counts: Readonly<Record<Life, number>>;
  readonly incidents: readonly Incident[];
  /** What is wrong now, a sentence each. */
  readonly problems: readonly string[];
}
