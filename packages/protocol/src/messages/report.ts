import Type from 'typebox';
import { Count, DaemonName, Id, ReportItem, Term } from '../shapes.ts';

/** Node to hub: numbered reports, the first numbered `first`, the next one more. `bytes` is their charge against credit. */
export const report = Type.Object({
  kind: Type.Literal('report'),
  term: Term,
  incarnation: Id,
  first: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  bytes: Count,
  items: Type.Array(ReportItem, { minItems: 1, maxItems: 4096 }),
});

/** Hub to node: everything up to `cursor` is in the database. */
export const ack = Type.Object({ kind: Type.Literal('ack'), incarnation: Id, cursor: Count });

/** Hub to node: a gap was seen; send again from behind `cursor`. */
export const resend = Type.Object({ kind: Type.Literal('resend'), incarnation: Id, cursor: Count });

/** Downwards: room for `bytes` more. */
export const credit = Type.Object({ kind: Type.Literal('credit'), bytes: Count });

/** Node to hub: it has `bytes` to send and no room for them. */
export const want = Type.Object({ kind: Type.Literal('want'), bytes: Count });

/** Hub to leader: the reports of several nodes, each under the node's own numbers. */
export const reports = Type.Object({
  kind: Type.Literal('reports'),
  batches: Type.Array(
    Type.Object({
      daemon: DaemonName,
      term: Term,
      incarnation: Id,
      first: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
      bytes: Count,
      items: Type.Array(ReportItem, { minItems: 1, maxItems: 4096 }),
    }),
    { minItems: 1, maxItems: 4096 },
  ),
});

/** Leader to hub: cursors after a commit; `resend` where a gap was seen. */
export const acks = Type.Object({
  kind: Type.Literal('acks'),
  list: Type.Array(
    Type.Object({ daemon: DaemonName, incarnation: Id, cursor: Count, resend: Type.Optional(Type.Boolean()) }),
  ),
});
