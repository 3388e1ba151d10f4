/** What a fault is: data that the runner carries out, one round after another, on a cluster that lives through all. */
import type { Ground } from './ground.ts';

/** What a fault needs of the machine and of the run; without it, it is skipped in words. */
export type Need = 'root' | 'nftables' | 'sqlite' | 'postgresql';

/** A cluster: daemons on loopback addresses, with proxies between and small disks, or each in a network namespace. */
export type Place = 'loopback' | 'namespaces';

export interface Round {
  /** What is done, in words, such as `kill -9 agg-a`. */
  readonly what: string;
  /** Nodes that lose all their ways by it, so that telling them down is true. */
  readonly cut: (ground: Ground) => readonly string[];
  /** It goes on at least so long, ms, before it is undone. */
  readonly lasts: number;
  /** Whether the leader, or a daemon in its place, must tell of it before it is undone. */
  readonly noticed: boolean;
  /**
   * Throws when something is not as it must be while the fault stands. Calls `begins` where what comes before was only
   * preparation.
   */
  inject(ground: Ground, begins: () => void): Promise<void>;
  heal(ground: Ground): Promise<void>;
}

export interface Fault {
  readonly name: string;
  readonly what: string;
  readonly needs: readonly Need[];
  /** Where it happens; `anywhere`: it needs nothing that only one of them has. */
  readonly place: Place | 'anywhere';
  /** Chance is an argument; `short` asks for one round of each sort. */
  rounds(ground: Ground, random: () => number, short: boolean): readonly Round[];
}

/** One round, as it went. */
export interface RoundResult {
  readonly what: string;
  /** From the injection to the first word of it, ms; undefined where there was none. */
  readonly detected: number | undefined;
  /** From the end of the fault until the leader says that all is whole, ms. */
  readonly recovered: number;
  /** Nodes told down whose way was never cut. */
  readonly falseDeaths: readonly string[];
}
