import Type from 'typebox';
import { Count, DaemonName, Id, Name, Term } from '../shapes.ts';

/** Node to hub: "you are my primary now". Terms of one node only rise. */
export const claim = Type.Object({ kind: Type.Literal('claim'), term: Term, incarnation: Id });

/**
 * Hub to node: the claim holds. With a cursor the leader has confirmed it and stored the node's reports up to there;
 * without one the hub reaches no leader and the claim holds locally until it does.
 */
export const claimed = Type.Object({
  kind: Type.Literal('claimed'),
  term: Term,
  incarnation: Id,
  cursor: Type.Optional(Count),
  /** Hash of the inventory the master has, so that only a changed one is sent. */
  inventory: Type.Optional(Name),
  /**
   * The hub hands copies of reports on before it acknowledges them: `cursor` acknowledges nothing, and the node sends
   * all again that it has not seen acknowledged.
   */
  again: Type.Optional(Type.Boolean()),
});

/** Hub to node: a claim with this term was seen already; claim above it. */
export const behind = Type.Object({ kind: Type.Literal('behind'), term: Term });

/** Hub to node: another hub holds a newer claim of yours; this link is secondary. */
export const demoted = Type.Object({ kind: Type.Literal('demoted'), term: Term });

/** Hub to leader and back: verdicts on claims that stood in the roster. */
export const verdicts = Type.Object({
  kind: Type.Literal('verdicts'),
  list: Type.Array(
    Type.Object({
      daemon: DaemonName,
      term: Term,
      incarnation: Id,
      /** `held`: primary, with the cursor; `behind`: `term` is the newest known; `demoted`: claimed elsewhere since. */
      verdict: Type.Union([Type.Literal('held'), Type.Literal('behind'), Type.Literal('demoted')]),
      cursor: Type.Optional(Count),
      inventory: Type.Optional(Name),
    }),
  ),
});
