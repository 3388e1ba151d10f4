/** What the figures are read from; each is asked at a scrape, and may be absent then. */
import type { ApiServer } from '@csm/api';
import type { Self } from '@csm/feature';
import type { JsonObject } from '@csm/model';
import type { Store, StoreStats } from '@csm/store';
import type { ClockAhead, CoreShell, HubShell, LeafShell, StandbyShell } from '@csm/tree';

export interface Sources {
  readonly self: Self;
  /** Wall ms; undefined before the certificate was read. */
  readonly certificateExpires: () => number | undefined;
  readonly clockAhead: () => ClockAhead | undefined;
  readonly now: () => number;
  readonly leaf: () => LeafShell | undefined;
  readonly outboxMax: () => number;
  readonly servers: () => readonly ApiServer[];
  /** Of an aggregator. */
  readonly hub: () => HubShell | undefined;
  /** States and counters of the features' parts, by feature. */
  readonly status: () => JsonObject;
  /** Of a master that leads. */
  readonly core: () => CoreShell | undefined;
  readonly standby: () => StandbyShell | undefined;
  readonly store: () => Store | undefined;
}

/** What is asked of the database before a scrape. */
export interface DatabaseLook {
  readonly stats: StoreStats;
  readonly rejected: number;
}
