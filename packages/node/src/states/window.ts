/**
 * Maintenance windows: what becomes of a node when one begins and when it ends.
 *
 * | a window is… | enters                        | leaves                                                        |
 * |--------------|-------------------------------|---------------------------------------------------------------|
 * | waiting      | it is made, for later         | its begin → open; cancelled; its end was missed too → ended    |
 * | open         | its begin                     | its end, or cancelled: its nodes go back                       |
 * | ended        | its end                       | removed with the history                                      |
 * | cancelled    | an admin                      | removed with the history                                      |
 *
 * A window holds the nodes it has moved, and gives back those it still holds: whom an admin moved meanwhile is his. A
 * node that is out of service already by an admin's will is left alone. Where windows overlap, the one that began last
 * holds the node, and at its end hands it to another that is open.
 */
import { isContactFailure, type Standing } from './contact.ts';
import { isOut, type NodeState, type OutState } from './table.ts';

export interface Held extends Pick<Standing, 'state' | 'cause' | 'back'> {
  /** The window that moved it here. */
  readonly window: number | null;
}

export interface Taken {
  /** Where it is now; undefined: it stays in its state, and only its holder changes. */
  readonly to: NodeState | undefined;
  /** Where it goes when no window holds it any more. */
  readonly back: NodeState | null;
  readonly window: number | null;
}

/** A window begins; undefined: it leaves this node alone. */
export function atBegin(node: Held, window: { readonly id: number; readonly state: OutState }): Taken | undefined {
  const to = node.state === window.state ? undefined : window.state;
  if (node.window !== null) return { to, back: node.back, window: window.id };
  if (isOut(node.state) && node.state !== 'ADMIN_RESERVED') return undefined;
  if (to === undefined) return undefined;
  // Lost contact is judged anew when the window has ended.
  const back = isContactFailure(node) ? (node.back ?? 'IN_SERVICE') : node.state;
  return { to, back, window: window.id };
}

/** A window ends; `other`: one that is open and names this node too. Undefined: the node is not its own. */
export function atEnd(
  node: Held,
  window: number,
  other: { readonly id: number; readonly state: OutState } | undefined,
): Taken | undefined {
  if (node.window !== window) return undefined;
  if (other !== undefined)
    return { to: node.state === other.state ? undefined : other.state, back: node.back, window: other.id };
  const to = node.back ?? 'IN_SERVICE';
  return { to: to === node.state ? undefined : to, back: null, window: null };
}
