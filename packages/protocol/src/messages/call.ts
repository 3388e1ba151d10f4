import Type from 'typebox';
import { Body, CallerShape, Count, Id, Name, ProblemShape, Span } from '../shapes.ts';

/** Upwards to the leader: an API request. `window` bytes of streamed answer may be under way at a time. */
export const call = Type.Object({
  kind: Type.Literal('call'),
  id: Id,
  call: Name,
  input: Body,
  caller: CallerShape,
  trace: Name,
  remaining: Span,
  window: Count,
  /** Idempotency key of a changing call. */
  key: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
});

/** Downwards: a part of a streamed answer. */
export const data = Type.Object({ kind: Type.Literal('data'), id: Id, items: Type.Array(Body), bytes: Count });

/** Upwards: `bytes` of the stream were read by the client. */
export const more = Type.Object({ kind: Type.Literal('more'), id: Id, bytes: Count });

/** Downwards: a long answer's JSON text in pieces, each at most 128 Ki characters; `end` follows. */
export const piece = Type.Object({ kind: Type.Literal('piece'), id: Id, text: Type.String({ maxLength: 131_072 }) });

/** Downwards: the call is over, with an answer or a problem. */
export const end = Type.Object({
  kind: Type.Literal('end'),
  id: Id,
  answer: Type.Optional(Body),
  problem: Type.Optional(ProblemShape),
});

/** Downwards: the way to the leader was lost; whoever entered the call decides whether to repeat it. */
export const lost = Type.Object({ kind: Type.Literal('lost'), id: Id });

/** Upwards: nobody waits for the answer any more. */
export const cancel = Type.Object({ kind: Type.Literal('cancel'), id: Id });
