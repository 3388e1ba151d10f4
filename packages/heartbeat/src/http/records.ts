/** What the door reads of the database; in its own words, so that tests and standbys may bring others. */
import type { Changes } from '@csm/store';
import type { HistoryFilter, IncidentFilter } from '../store/queries.ts';
import type { HistoryRow, Incident } from '../types.ts';

export interface RecordsPort {
  /** Newest first. */
  history(filter: HistoryFilter): Promise<readonly HistoryRow[]>;
  /** The one that began last first. */
  incidents(filter: IncidentFilter): Promise<readonly Incident[]>;
  readonly changes: Pick<Changes, 'since' | 'head' | 'follow'>;
}
