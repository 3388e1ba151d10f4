/** What the node feature would ask of others, in its own words; a port that nobody gives is answered with code 4. */

/** Work that ran on nodes, as whoever schedules it knows. */
export interface JobOnNode {
  readonly id: number;
  readonly user: string;
  /** Folded node set: those asked for that it used. */
  readonly nodes: string;
  /** Wall ms. */
  readonly begin: number;
  /** Wall ms; null while it runs. */
  readonly end: number | null;
}

export interface JobsPort {
  /** Jobs that touched these nodes within the period, newest first. */
  jobsOn(
    nodes: readonly string[],
    period: { readonly from: number; readonly to: number },
  ): Promise<readonly JobOnNode[]>;
  /** Those of these nodes that somebody's work is on now. */
  busy(nodes: readonly string[]): Promise<readonly string[]>;
}
