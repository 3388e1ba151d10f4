/** The node feature in a master: answers to its calls. */
import type { CallContext, Handler } from '@csm/api';
import type { MasterPart, MasterPorts } from '@csm/feature';
import { code, fail, isObject, type Json } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { MAX_NODES_TEXT } from '@csm/protocol';
import type { ChangeRow } from '@csm/store';
import { listNodes, showNode } from './records.ts';

const WATCHED = ['node', 'link', 'inventory'];
const PAGE = 500;

export function masterPart(ports: MasterPorts): MasterPart {
  const { store } = ports;
  const list: Handler<{ nodes?: string; type?: string }> = async ({ nodes, type }) => {
    const wanted = nodes === undefined ? undefined : NodeSet.parse(nodes);
    const found = await listNodes(store, ports.tree(), wanted, type);
    if (found.length === 0)
      fail(code.NO_RESULTS, nodes === undefined ? 'no node has reported yet' : `no node matches '${nodes}'`, {
        field: 'nodes',
      });
    return found as unknown as Json;
  };
  const show: Handler<{ name: string }> = async ({ name }) =>
    (await showNode(store, ports.tree(), name)) as unknown as Json;
  const watch: Handler<{ nodes?: string; since?: number }> = async ({ nodes, since }, ctx) => {
    const wanted = nodes === undefined ? undefined : NodeSet.parse(nodes);
    await follow(ports, wanted, since ?? (await store.changes.head()), ctx);
    return undefined;
  };
  return { handlers: { 'node.list': list, 'node.show': show, 'node.watch': watch } };
}

/** Emits changes from behind `cursor` until the caller goes away. */
async function follow(
  ports: MasterPorts,
  wanted: NodeSet | undefined,
  cursor: number,
  ctx: CallContext,
): Promise<void> {
  const { store } = ports;
  let wake = () => {};
  const unsubscribe = store.changes.subscribe(() => wake());
  const ended = () => wake();
  ctx.signal.addEventListener('abort', ended);
  try {
    for (let at = cursor; !ctx.signal.aborted; ) {
      const next = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const rows = await store.changes.since(at, PAGE, { kinds: WATCHED });
      for (const row of rows) {
        at = row.seq;
        if (wanted === undefined || concerns(row, wanted)) await ctx.emit(item(row));
      }
      if (rows.length < PAGE && !ctx.signal.aborted) await next;
    }
  } finally {
    unsubscribe();
    ctx.signal.removeEventListener('abort', ended);
  }
}

const item = ({ seq, time, kind, subject, body }: ChangeRow): Json => ({
  seq,
  time: new Date(time).toISOString(),
  kind,
  subject,
  body: body as Json,
});

function concerns(row: ChangeRow, wanted: NodeSet): boolean {
  if (wanted.has(row.subject)) return true;
  if (row.kind !== 'link' || !isObject(row.body) || typeof row.body['nodes'] !== 'string') return false;
  const named = NodeSet.tryParse(row.body['nodes'], { maxText: MAX_NODES_TEXT });
  return named.ok && named.value.intersection(wanted).size > 0;
}
