/** Asks nodes for their inventory on behalf of a caller, and passes their answers on as they come. */
import { randomUUID } from 'node:crypto';
import type { CallContext } from '@csm/api';
import type { MasterPorts } from '@csm/feature';
import { code, fail, type Json } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { ResultPart } from '@csm/protocol';

/** Seconds: programs that read hardware take up to ten each. */
const DEADLINE = 60;

export async function collectOn(
  ports: MasterPorts,
  { nodes, deadline = DEADLINE }: { readonly nodes: string; readonly deadline?: number },
  ctx: CallContext,
): Promise<void> {
  const wanted = NodeSet.parse(nodes);
  if (wanted.size === 0)
    fail(code.INVALID_PARAMETER, 'the node set names no node', { field: 'nodes', allowed: 'at least one node' });
  const order = {
    id: randomUUID(),
    command: 'node.collect',
    input: {},
    nodes: wanted,
    within: Math.min(deadline * 1000, ctx.remaining()),
  };
  const parts: ResultPart[] = [];
  let done = false;
  let wake = () => {};
  const running = ports
    .tree()
    .order(
      order,
      (more) => {
        parts.push(...more);
        wake();
      },
      ctx.signal,
    )
    .finally(() => {
      done = true;
      wake();
    });
  for (;;) {
    const next = new Promise<void>((resolve) => {
      wake = resolve;
    });
    // Those passed on are let go at once: the answers of a large machine need not all stand in memory.
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) await ctx.emit(part as unknown as Json);
    if (done && parts.length === 0) break;
    if (parts.length === 0) await next;
  }
  await running;
}
