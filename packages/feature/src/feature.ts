/**
 * The shape of a feature: one folder that plugs into the daemons, and of which adding one changes no other.
 *
 * What stands here directly (name, API rows, the address of the store module) is light and known to every daemon. The
 * parts that run in a role are made by functions that import them when called, so that a compute daemon never loads
 * what only a master needs.
 */
import type { ApiRow, Handler } from '@csm/api';
import type { Role } from '@csm/model';
import type { Store } from '@csm/store';
import type { Clock, CommandHandler, CoreShell, Log, RefusedPeer, Report } from '@csm/tree';

/** Who this daemon is. */
export interface Self {
  readonly role: Role;
  readonly node: string;
  readonly version: string;
}

/** What a feature's node part gets. Every daemon has one: it reports, and it carries out commands. */
export interface NodePorts {
  readonly self: Self;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when the report will be in the database exactly once. */
  offer(report: Report): Promise<void>;
  /** Moves this daemon back to its first choice of hub within so many ms. */
  rebalance(spreadMs: number): void;
}

export interface NodePart {
  readonly commands?: Readonly<Record<string, CommandHandler>>;
  /** Those of them that may run any number of times: they are not journalled before they run. */
  readonly repeatable?: readonly string[];
  /** The leader confirmed this daemon; it has the inventory with this hash. */
  confirmed?(inventory: string | undefined): void;
  /** A peer was refused at one of this daemon's listeners. */
  refused?(peer: RefusedPeer): void;
  stop?(): Promise<void>;
}

/** What a feature's master part gets. */
export interface MasterPorts {
  readonly self: Self;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  /** The tree below; there once the master leads. */
  tree(): CoreShell;
  readonly startedAt: number;
}

export interface MasterPart {
  /** By the name of the API row. */
  readonly handlers: Readonly<Record<string, Handler<never>>>;
  stop?(): Promise<void>;
}

export interface Feature {
  readonly name: string;
  readonly api: readonly ApiRow[];
  /** URL of its store module as built, for the database's writer. */
  readonly store?: string;
  readonly onNode?: (ports: NodePorts) => Promise<NodePart>;
  readonly onMaster?: (ports: MasterPorts) => Promise<MasterPart>;
}
