/**
 * The shape of a feature: one folder that plugs into the daemons, and of which adding one changes no other.
 *
 * What stands here directly (name, API rows, the address of the store module) is light and known to every daemon. The
 * parts that run in a role are made by functions that import them when called, so that a compute daemon never loads
 * what only a master needs.
 */
import type { Access, ApiRow, Caller, Handler } from '@csm/api';
import type { Host } from '@csm/host';
import type { ConfigFault, Schema } from '@csm/kit';
import type { Json, JsonObject, Problem, Role, Wall } from '@csm/model';
import type { Store } from '@csm/store';
import type { Clock, ClockAhead, CommandHandler, CoreShell, Log, RefusedPeer, Report } from '@csm/tree';

/** Who this daemon is. */
export interface Self {
  readonly role: Role;
  readonly node: string;
  readonly version: string;
}

/** What every part gets. */
export interface Ports {
  readonly self: Self;
  readonly clock: Clock;
  readonly log: Log;
  /** What stands under `csm` in this daemon's configuration; the feature knows the type of its own settings there. */
  readonly config: unknown;
}

/** How a daemon itself is, as it is to be known to the whole cluster. */
export interface DaemonFacts {
  /** Wall ms. */
  readonly startedAt: number;
  /** Its certificate is valid from and until then, wall ms. */
  readonly certificateIssued: number;
  readonly certificateExpires: number;
  /** How far its clock is ahead of that of whom it is linked to; undefined where that is not known, or is itself. */
  readonly clockAhead: ClockAhead | undefined;
  /** Reports its outbox dropped, and refused to their makers, since the start. */
  readonly dropped: number;
  readonly refused: number;
  /** What is wrong here now, a sentence each. */
  readonly problems: readonly string[];
  /** What the features' parts of this daemon say of themselves, by name of the feature. */
  readonly features: JsonObject;
}

/** What a feature's node part gets. Every daemon has one: it reports, and it carries out commands. */
export interface NodePorts extends Ports {
  /** The files and programs of this machine. */
  readonly host: Host;
  /** Resolves when the report will be in the database exactly once. */
  offer(report: Report): Promise<void>;
  /** Moves this daemon back to its first choice of hub within so many ms. */
  rebalance(spreadMs: number): void;
  /** What is to be known of this daemon itself; undefined while its lower end is made anew, as when a master has begun to lead. */
  about?(): DaemonFacts | undefined;
  /**
   * Only in an aggregator: its nodes are sent away, so many a second, and kept away, also when it is started again;
   * undefined: they may come back. Resolves, once that is on disk, with how many nodes it serves yet.
   */
  drain?(perSecond: number | undefined): Promise<number>;
}

/** A call that was turned away where it would have entered. */
export interface RefusedCall {
  /** Undefined where nobody proved who calls, such as with a token that is none. */
  readonly caller: Caller | undefined;
  readonly call: string;
  readonly problem: Problem;
}

export interface NodePart {
  readonly commands?: Readonly<Record<string, CommandHandler>>;
  /** Those of them that may run any number of times: they are not journalled before they run. */
  readonly repeatable?: readonly string[];
  /** The leader confirmed this daemon; it has the inventory with this hash. */
  confirmed?(inventory: string | undefined): void;
  /** A peer was refused at one of this daemon's listeners. */
  refused?(peer: RefusedPeer): void;
  /** A call was refused at one of this daemon's doors; it did not get to the master. */
  callRefused?(refused: RefusedCall): void;
  /** What is wrong here now, a sentence each; stands in the local part of `health`. */
  problems?(): readonly string[];
  stop?(): Promise<void>;
}

/** A report on its way through an aggregator, as its sink sees it. */
export interface CopiedReport {
  readonly node: string;
  readonly incarnation: string;
  /** Its number in the stream of (daemon, incarnation). */
  readonly seq: number;
  readonly kind: string;
  readonly time: Wall;
  readonly body: Json;
}

/** What a feature's aggregator part gets. */
export interface AggregatorPorts extends Ports {
  /** Where it may keep files of its own. */
  readonly stateDir: string;
}

/** What a feature does with reports that pass an aggregator; rare. */
export interface AggregatorPart {
  /** The kinds it wants copies of. */
  readonly copies: readonly string[];
  /**
   * Reports the master has stored. The node is told so only when this has resolved; what is lost before comes again,
   * by this aggregator or another. It must resolve in any case.
   */
  take(reports: readonly CopiedReport[]): Promise<void>;
  /** Counters and states for the local part of `health`, under the feature's name. */
  status?(): Json;
  /** What is wrong here now, a sentence each. */
  problems?(): readonly string[];
  stop?(): Promise<void>;
}

/** What a feature's master part gets. */
export interface MasterPorts extends Ports {
  readonly store: Store;
  /** The tree below; there once the master leads. */
  tree(): CoreShell;
  readonly startedAt: number;
  /**
   * Tells every report of a kind once it is in the database, to be shown and forgotten: whoever must not miss one
   * reads the database. Returns what ends it.
   */
  onStored(kind: string, listener: (report: StoredReport) => void): () => void;
  /** What any feature's master part says is wrong now. */
  problems(): Promise<readonly string[]>;
  /** Names of all calls that are offered to users. */
  readonly calls: readonly string[];
  /** Whether a caller counts as an admin here and now, whatever the class of the call. */
  isPrivileged(caller: Caller): boolean;
}

/** A report that has just been stored. */
export interface StoredReport {
  readonly node: string;
  readonly time: Wall;
  readonly body: Json;
}

/** A call as the master is about to have it carried out. */
export interface GuardedCall {
  readonly row: ApiRow;
  /** Its class here and now. */
  readonly access: Access;
  readonly caller: Caller;
  readonly input: unknown;
  readonly trace: string;
}

/** What stands between a call and its handler at the master: the record of who did what, and the bounds of tokens. */
export interface Guard {
  /** What is wrong with the token a call bears, or with how many its user makes; undefined when nothing is. */
  judge(call: GuardedCall): Problem | undefined;
  /** Tells when the token becomes invalid while the call is under way. Returns what ends it. */
  watch(caller: Caller, gone: (problem: Problem) => void): () => void;
  /** A call that changes something or needs privilege. Only when this has resolved is it begun. */
  begin(call: GuardedCall): Promise<(outcome: Problem | undefined) => void>;
  /** A call that was refused, here or by its handler, and is not told by `begin`. Never throws. */
  refused(call: GuardedCall, problem: Problem): void;
}

export interface MasterPart {
  /** By the name of the API row. */
  readonly handlers: Readonly<Record<string, Handler<never>>>;
  /** At most one feature has one. */
  readonly guard?: Guard;
  /** What is wrong in the cluster now, a sentence each, node sets folded; stands in `health`. */
  problems?(): Promise<readonly string[]>;
  stop?(): Promise<void>;
}

/** What one collector found on this machine, for an admin who wonders why something is missing. */
export interface Probe {
  readonly collector: string;
  /** Milliseconds it took. */
  readonly ms: number;
  /** A few words on what was found, such as `2 dimm, 64 GiB` or `0 gpu`; null where it could not look. */
  readonly found: string | null;
  /** Field or part → why it is missing. */
  readonly missing: Readonly<Record<string, string>>;
}

export interface Feature {
  readonly name: string;
  readonly api: readonly ApiRow[];
  /** What it adds to the settings of a role, below `csm`. */
  readonly settings?: Readonly<Partial<Record<Role, Schema>>>;
  /** What no single setting can know; gets what stands under `csm`. */
  readonly check?: (role: Role, config: unknown) => readonly ConfigFault[];
  /** URL of its store module as built, for the database's writer. */
  readonly store?: string;
  readonly onNode?: (ports: NodePorts) => Promise<NodePart | undefined>;
  readonly onAggregator?: (ports: AggregatorPorts) => Promise<AggregatorPart | undefined>;
  readonly onMaster?: (ports: MasterPorts) => Promise<MasterPart>;
  /** Tries each collector of this feature once, for `csmd --check --probe`. */
  readonly probe?: (ports: Ports & { readonly host: Host }) => AsyncIterable<Probe>;
}
