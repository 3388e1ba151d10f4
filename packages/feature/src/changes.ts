/** Changes as a client sees them, and which of them concern some nodes: the same for every stream of them. */
import { isObject, type Json } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { MAX_NODES_TEXT, wireLength } from '@csm/protocol';
import type { ChangeRow } from '@csm/store';

// The same row is given to all who follow: what is worked out from it, is so once.
const items = new WeakMap<ChangeRow, ChangeItem>();
const nodesOf = new WeakMap<ChangeRow, NodeSet | null>();

export interface ChangeItem {
  /** `{seq, time, kind, subject, body}`, time as ISO 8601. */
  readonly json: Json;
  /** What that takes on the wire between daemons. */
  readonly bytes: number;
}

export function changeItem(row: ChangeRow): ChangeItem {
  const known = items.get(row);
  if (known !== undefined) return known;
  const { seq, time, kind, subject, body } = row;
  const json = { seq, time: new Date(time).toISOString(), kind, subject, body: body as Json };
  const item = { json, bytes: wireLength(JSON.stringify(json)) };
  items.set(row, item);
  return item;
}

/** Whether a change is about one of these nodes: its subject, or named in its body. */
export function concerns(row: ChangeRow, wanted: NodeSet): boolean {
  if (wanted.has(row.subject)) return true;
  const named = namedIn(row);
  return named !== null && named.intersection(wanted).size > 0;
}

/** The body of a link's change may name many nodes. */
function namedIn(row: ChangeRow): NodeSet | null {
  if (row.kind !== 'link' || !isObject(row.body) || typeof row.body['nodes'] !== 'string') return null;
  const known = nodesOf.get(row);
  if (known !== undefined) return known;
  const parsed = NodeSet.tryParse(row.body['nodes'], { maxText: MAX_NODES_TEXT });
  const named = parsed.ok ? parsed.value : null;
  nodesOf.set(row, named);
  return named;
}
