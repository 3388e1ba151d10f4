/** What the rules of parts are given, and what they give. */
import type { Wall } from '@csm/model';
import type { Part, PartKind } from '../hardware.ts';
import type { Changes } from './same.ts';

/** A removed part that turns up in another node after longer than this was inserted there, not moved; ms. */
export const OPEN_MS = 30 * 86_400_000;

/** A part as it stands in the database, in some node. */
export interface Held extends Part {
  readonly node: string;
  readonly since: Wall;
}

/** A row `removed` that is not yet known to have been a move. */
export interface Removal {
  readonly seq: number;
  readonly time: Wall;
  readonly kind: PartKind;
  readonly serial: string;
  readonly node: string;
  readonly location: string;
  /** As it was known there. */
  readonly part: Part;
}

/** `node` has not reported yet since its part was found in another. */
export interface Claim {
  readonly node: string;
  readonly kind: PartKind;
  readonly serial: string;
  /** The row that says moved. */
  readonly seq: number;
  /** When the master learned of the move; when the other node read it. */
  readonly time: Wall;
  readonly madeAt: Wall;
}

export interface Situation {
  readonly node: string;
  readonly now: Wall;
  /** When the node made the report, on its clock. */
  readonly madeAt: Wall;
  /** What is known of the node. */
  readonly known: readonly Held[];
  /** Kinds it has told of before, from the source that tells all. */
  readonly seen: ReadonlySet<PartKind>;
  /** Parts of other nodes, open removals, and shared serials (by `keyOf`) that bear a serial of the report. */
  readonly elsewhere: readonly Held[];
  readonly removals: readonly Removal[];
  readonly shared: ReadonlySet<string>;
  /** Claims of this node, and of others on a serial of the report. */
  readonly claims: readonly Claim[];
}

/** A row of the history to be. */
export interface HistoryRow {
  readonly event: 'inserted' | 'changed' | 'removed' | 'moved';
  readonly kind: PartKind;
  readonly serial: string | null;
  readonly location: string;
  readonly from?: { readonly node: string; readonly location: string };
  readonly changes: Changes;
  /** Of removed: the part, while the row may become moved. */
  readonly part?: Part;
}

export interface Ruling {
  /** All parts of the node, as they are known now. */
  readonly after: readonly Held[];
  /** Of those the ones to be written; before that, places in this node and rows of other nodes to be emptied. */
  readonly put: readonly Held[];
  readonly drop: readonly Held[];
  readonly rows: readonly HistoryRow[];
  /** Removals that were moves to this node, at this location, and what is another value there. */
  readonly completed: readonly {
    readonly removal: Removal;
    readonly location: string;
    readonly changes: Changes;
  }[];
  /** Removals that stay removals. */
  readonly closed: readonly Removal[];
  /** Rows that said moved and were none. */
  readonly corrected: readonly number[];
  /** Claims of this node that are decided. */
  readonly settled: readonly Claim[];
  /** Serials found to be shared. */
  readonly shared: readonly { readonly kind: PartKind; readonly serial: string }[];
  readonly seen: ReadonlySet<PartKind>;
}

export const keyOf = ({ kind, serial }: { readonly kind: PartKind; readonly serial: string | null }): string =>
  `${kind} ${serial ?? ''}`;
export const placeOf = ({ kind, location }: { readonly kind: PartKind; readonly location: string }): string =>
  `${kind} ${location}`;
