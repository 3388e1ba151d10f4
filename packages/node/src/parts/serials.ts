/** Which serials identify a part, and which do not: claims settled, shared serials found. Pure; told above `rules.ts`. */
import type { PartKind } from '../hardware.ts';
import type { PartsReport } from './read.ts';
import { type Claim, keyOf, OPEN_MS, type Situation } from './situation.ts';

export interface Judged {
  /** All serials of the report that are no identity. */
  readonly shared: ReadonlySet<string>;
  readonly found: { readonly kind: PartKind; readonly serial: string }[];
  /** Parts that the node had all the time though they seemed to have moved away. */
  readonly reinstated: ReadonlySet<string>;
  /** Parts told by a report older than their move. */
  readonly stale: ReadonlySet<string>;
  readonly corrected: number[];
  readonly settled: Claim[];
}

/** Which serials identify a part, now that this node told its own. */
export function judgeSerials(s: Situation, report: PartsReport): Judged {
  const shared = new Set(s.shared);
  const found: { kind: PartKind; serial: string }[] = [];
  const share = ({ kind, serial }: { kind: PartKind; serial: string | null }) => {
    if (serial === null || shared.has(keyOf({ kind, serial }))) return;
    shared.add(keyOf({ kind, serial }));
    found.push({ kind, serial });
  };
  const told = new Set<string>();
  for (const part of report.parts) {
    if (part.serial !== null && told.has(keyOf(part))) share(part);
    told.add(keyOf(part));
  }
  const heldElsewhere = new Set(s.elsewhere.map(keyOf));
  const heldHere = new Set(s.known.map(keyOf));
  const reinstated = new Set<string>();
  const stale = new Set<string>();
  const corrected: number[] = [];
  const settled: Claim[] = [];
  for (const claim of s.claims) {
    const key = keyOf(claim);
    if (claim.node !== s.node) {
      const movesOn = told.has(key) && heldElsewhere.has(key) && !heldHere.has(key) && !shared.has(key);
      if (!movesOn || claim.time <= s.now - OPEN_MS) continue;
      share(claim);
      corrected.push(claim.seq);
    } else if (!told.has(key)) {
      if (!report.unread.has(claim.kind)) settled.push(claim);
    } else if (shared.has(key)) {
      reinstated.add(key);
      settled.push(claim);
    } else if (heldElsewhere.has(key) && s.madeAt < claim.madeAt) {
      stale.add(key);
    } else {
      settled.push(claim);
      if (!heldElsewhere.has(key)) continue;
      share(claim);
      corrected.push(claim.seq);
      reinstated.add(key);
    }
  }
  return { shared, found, reinstated, stale, corrected, settled };
}
