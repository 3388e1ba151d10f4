import Type from 'typebox';
import { ClaimShape, Count, Id, Name, RosterEntry } from '../shapes.ts';

/** Hub to leader after each (re)connect: everyone linked to it. Long rosters come in parts; the last has `more: false`. */
export const roster = Type.Object({
  kind: Type.Literal('roster'),
  session: Id,
  /** Link events after this roster continue from here. */
  sequence: Count,
  entries: Type.Array(RosterEntry, { maxItems: 1000 }),
  more: Type.Boolean(),
});

/** Hub to leader: what changed since, numbered without gaps. */
export const links = Type.Object({
  kind: Type.Literal('links'),
  sequence: Count,
  events: Type.Array(
    Type.Union([
      Type.Object({ event: Type.Literal('linked'), entry: RosterEntry }),
      Type.Object({ event: Type.Literal('lost'), ref: Count, reason: Name, planned: Type.Boolean() }),
      Type.Object({ event: Type.Literal('claim'), ref: Count, claim: ClaimShape }),
    ]),
    { minItems: 1, maxItems: 500 },
  ),
});

/** Leader to hub: roster and link events up to `sequence` are taken in. */
export const noted = Type.Object({ kind: Type.Literal('noted'), sequence: Count });

/** Hub to leader: these daemons were heard since the last such message. */
export const seen = Type.Object({ kind: Type.Literal('seen'), refs: Type.Array(Count, { maxItems: 20_000 }) });
