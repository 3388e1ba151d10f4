/** Whether a node may be moved, and in what words it may not. */
import { code, type Problem, problem } from '@csm/model';
import { type Cause, isOut, MOVES, type NodeState, targets } from './table.ts';

export interface Wish {
  readonly from: NodeState | null;
  readonly to: NodeState | null;
  readonly cause: Cause;
  readonly reason: string | null;
}

/** Code 43 for a move that is not in the table, 8 for a node taken out of service without a reason. */
export function refusal({ from, to, cause, reason }: Wish): Problem | undefined {
  if (!MOVES.some((row) => row.from === from && row.to === to && row.by.includes(cause)))
    return problem(code.STATE_CHANGE, notAllowed(from, to, cause), { field: 'state' });
  if (to !== null && isOut(to) && reason === null) return missingReason(to);
  return undefined;
}

export const missingReason = (to: NodeState): Problem =>
  problem(code.MISSING_PARAMETER, `who moves a node to ${to} must say why`, {
    field: 'reason',
    allowed: 'a line of text',
  });

/** `IN_SERVICE → DISCOVERED is not allowed; from IN_SERVICE: ADMIN_RESERVED, MAINTENANCE, OUT_OF_SERVICE` */
function notAllowed(from: NodeState | null, to: NodeState | null, cause: Cause): string {
  const allowed = targets(from, cause);
  const named = from ?? 'not known';
  return `${named} → ${to ?? 'deleted'} is not allowed; from ${named}: ${allowed.length === 0 ? 'nothing' : allowed.join(', ')}`;
}
