import Type from 'typebox';
import { Name } from '../shapes.ts';

/** Sent by who dialled after an interval without another frame, and by who listened in answer. State, never queued. */
export const beat = Type.Object({
  kind: Type.Literal('beat'),
  /** From a hub: whether it reaches the leading master. */
  leader: Type.Optional(Type.Boolean()),
});

/** Asks for a beat at once. */
export const probe = Type.Object({ kind: Type.Literal('probe') });

/** A planned end: the peer moves away and counts no failure. */
export const bye = Type.Object({ kind: Type.Literal('bye'), reason: Name });
