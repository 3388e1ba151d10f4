import { NODE_NAME_MAX } from '@csm/model';
import Type, { type Static } from 'typebox';
import { MAX_NODES_TEXT } from './limits.ts';

/**
 * The values that stand in many messages. Every text and list has a limit, so that a frame that passed its schema
 * costs no more than its bytes.
 */

/** Ids are ours to choose: visible ASCII, so that none costs more on the wire than its length. */
export const Id = Type.String({ minLength: 1, maxLength: 128, pattern: '^[\\x21-\\x7e]+$' });
export const NodeName = Type.String({ minLength: 1, maxLength: NODE_NAME_MAX });
export const RoleName = Type.Union([
  Type.Literal('master'),
  Type.Literal('aggregator'),
  Type.Literal('utility'),
  Type.Literal('compute'),
]);
export const DaemonName = Type.String({ minLength: 3, maxLength: NODE_NAME_MAX + 16 });
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const Term = Count;
/** Milliseconds; ten years stand for "without limit". */
export const Span = Type.Number({ minimum: 0, maximum: 315_360_000_000 });
/** Wall-clock milliseconds since 1970 UTC. */
export const Moment = Type.Number({ minimum: 0, maximum: 8.64e15 });
export const Text = Type.String({ maxLength: 4096 });
export const Name = Type.String({ minLength: 1, maxLength: 128 });
export const NodesText = Type.String({ maxLength: MAX_NODES_TEXT });
export const Body = Type.Unknown();

/** The one error, as it stands in messages (`Problem` of the model). */
export const ProblemShape = Type.Object({
  code: Type.Integer({ minimum: 0, maximum: 55 }),
  name: Type.String({ maxLength: 64 }),
  detail: Type.String({ maxLength: 65_536 }),
  field: Type.Optional(Type.String({ maxLength: 512 })),
  allowed: Type.Optional(Type.String({ maxLength: 4096 })),
  nodes: Type.Optional(
    Type.Array(
      Type.Object({
        nodeset: NodesText,
        code: Type.Integer({ minimum: 0, maximum: 55 }),
        text: Type.String({ maxLength: 65_536 }),
      }),
    ),
  ),
  trace: Type.Optional(Type.String({ maxLength: 64 })),
});

/** Who calls: found out by the daemon where the call entered, which vouches for it. */
export const CallerShape = Type.Object({
  user: Type.String({ maxLength: 256 }),
  uid: Count,
  gid: Count,
  groups: Type.Array(Type.String({ maxLength: 256 }), { maxItems: 1024 }),
  pid: Type.Integer(),
  vouchedBy: DaemonName,
  /** How the caller was known, since 1.4; absent: by the kernel's credentials. */
  via: Type.Optional(Type.Union([Type.Literal('certificate'), Type.Literal('token')])),
  /** Since 1.4: the public id of the token, which the leader judges again. */
  token: Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: '^[\\x21-\\x7e]+$' })),
});

/** One report as it travels: `cost` bytes are charged against credit for it (see `itemCost`). */
export const ReportItem = Type.Object({ kind: Name, time: Type.Integer({ minimum: 0, maximum: 8.64e15 }), body: Body });

/** What a hub knows of a claim: the node's word, not yet the master's verdict. */
export const ClaimShape = Type.Object({ term: Term, incarnation: Id });

/** One daemon linked to a hub. `ref` is the hub's short number for it, valid within one hub session. */
export const RosterEntry = Type.Object({
  ref: Count,
  role: RoleName,
  node: NodeName,
  session: Id,
  version: Type.String({ maxLength: 32 }),
  address: Type.String({ maxLength: 128 }),
  since: Moment,
  bounced: Count,
  claim: Type.Optional(ClaimShape),
});
export type RosterEntry = Static<typeof RosterEntry>;

/** The part of a node set that answered a command alike. */
export const ResultPart = Type.Object({
  nodes: NodesText,
  code: Type.Integer({ minimum: 0, maximum: 55 }),
  text: Type.String({ maxLength: 4096 }),
  body: Type.Optional(Body),
  /** From a hub: these nodes are not linked to it as their primary; the command did not reach them. */
  away: Type.Optional(Type.Boolean()),
});
export type ResultPart = Static<typeof ResultPart>;
