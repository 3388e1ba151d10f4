import Type from 'typebox';
import { Count, Id, Moment, Name, NodeName, RoleName, Span, Term, Text } from '../shapes.ts';

/** The dialer's first message; nothing else is read before it. */
export const hello = Type.Object({
  kind: Type.Literal('hello'),
  version: Type.String({ maxLength: 32 }),
  role: RoleName,
  node: NodeName,
  /** Made with the outbox journal: the same as long as nothing accepted was lost. */
  incarnation: Id,
  /** Made at each start of the daemon. */
  session: Id,
  /** The dialer's heartbeat interval in ms; the pair uses the shorter one. */
  interval: Span,
  /** Present since 1.1. */
  clock: Type.Optional(Moment),
});

/** The listener's yes. A link exists from here on, not from the TLS handshake. */
export const welcome = Type.Object({
  kind: Type.Literal('welcome'),
  version: Type.String({ maxLength: 32 }),
  node: NodeName,
  session: Id,
  interval: Span,
  /** Whether the listener is, or reaches, the leading master. */
  leader: Type.Boolean(),
  /** Bytes of reports the dialer may send before it gets more. */
  credit: Count,
  /** Present since 1.1. */
  clock: Type.Optional(Moment),
  /** From a leading master, since 1.3: the term under which it leads. Of two that say so, the lower one leads no more. */
  term: Type.Optional(Term),
});

/** The listener's no; it closes after it. The dialer retries slowly and shows the reason. */
export const refused = Type.Object({ kind: Type.Literal('refused'), code: Name, reason: Text });

/** Answer to a message whose kind this version does not know; the link stays. */
export const unsupported = Type.Object({ kind: Type.Literal('unsupported'), of: Name });
