import type { DaemonId, Mono, Role, Wall } from '@csm/model';
import type { LinkId } from '../link/link.ts';

/** One link of a daemon to a hub, as that hub told it. */
export interface HubLink {
  readonly hub: string;
  readonly ref: number;
  readonly session: string;
  readonly version: string;
  readonly address: string;
  readonly since: Wall;
  readonly bounced: number;
}

/** What the master knows of one daemon below it. */
export interface DaemonView {
  readonly daemon: DaemonId;
  readonly role: Role;
  readonly node: string;
  readonly links: Map<string, HubLink>;
  /** Hubs whose link it lost and has not made again: unresponsive there. */
  readonly lost: Set<string>;
  /** The hub that holds its newest claim, whether or not it is linked there at this moment. */
  primary?: string;
  /** That claim is in the database under this master, and its hub was told: commands may go there. */
  held: boolean;
  term: number;
  incarnation: string;
  /** When a master first heard of this incarnation. */
  incarnationSince: Wall;
  /** The link count followers were last told: 0, 1 or 2. */
  told: number;
  lastSeen: Wall;
  /** All its links went with a hub: it has until then to come back through another one before it is told down. */
  limboUntil?: Mono;
  limboLoss?: LinkLoss;
}

/** How a daemon lost its last link. */
export interface LinkLoss {
  readonly cause: string;
  readonly planned: boolean;
  /** It went with this hub, which is away: nobody has seen the daemon itself go. */
  readonly within?: string;
}

/** One hub: an aggregator, or the master's own for the daemons that link to it directly. */
export interface HubView {
  readonly hub: string;
  link?: LinkId;
  session?: string;
  address: string;
  since: Wall;
  bounced: number;
  version: string;
  sequence: number;
  /** The full roster of this session has been taken in. */
  complete: boolean;
  readonly refs: Map<number, DaemonId>;
  lostAt?: Wall;
  reason?: string;
}

/** What followers are told, in the words of IBM CSM's `csm.status.*`, folded: one telling however many nodes it names. */
export type What = 'up' | 'full_redundancy' | 'lost_redundancy' | 'down' | 'aggregator_lost' | 'aggregator_back';

export interface Telling {
  readonly what: What;
  /** For aggregator tellings: the hub itself. */
  readonly hub?: string;
  readonly daemons: readonly DaemonId[];
  readonly cause: string;
  readonly planned: boolean;
  readonly at: Wall;
  /** With `down`, by hub that is away: those that lost their last link with it. Nobody has seen them go themselves. */
  readonly within?: Readonly<Record<string, readonly DaemonId[]>>;
}

/** A daemon as the database remembers it when a master starts. */
export interface KnownDaemon {
  readonly daemon: DaemonId;
  readonly told: number;
  readonly term: number;
  readonly incarnation: string;
  readonly incarnationSince: Wall;
  readonly primary?: string;
  /** Hubs it was linked to when this was written: until it is there again, it is unresponsive there. */
  readonly hubs?: readonly string[];
  readonly lastSeen: Wall;
}

export interface ClaimRecord {
  readonly daemon: DaemonId;
  readonly term: number;
  readonly incarnation: string;
  readonly hub: string;
}

/** One daemon as the database is to remember it. */
export interface DaemonRecord {
  readonly daemon: DaemonId;
  readonly told: number;
  readonly connected: boolean;
  readonly primary: string | null;
  readonly secondary: string | null;
  readonly term: number;
  readonly incarnation: string;
  readonly incarnationSince: number;
  readonly lastSeen: number;
  readonly address: string | null;
  readonly version: string | null;
  readonly session: string | null;
}

export interface RosterRecord {
  readonly daemons: readonly DaemonRecord[];
  readonly tellings: readonly Telling[];
  readonly claims: readonly ClaimRecord[];
  readonly hubs: readonly { readonly hub: string; readonly linked: boolean }[];
}
