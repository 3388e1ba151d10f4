/**
 * The node feature on a node: takes the inventory whenever a master confirms this daemon, and reports it
 * when the master's differs.
 */
import type { NodePart, NodePorts } from '@csm/feature';
import { toProblem } from '@csm/model';
import { collectInventory, inventoryHash } from './inventory/index.ts';

export function nodePart(ports: NodePorts): NodePart {
  /** Hash of a document that is on its way into the outbox. */
  let offering: string | undefined;
  let stopped = false;

  async function report(known: string | undefined): Promise<void> {
    const { wall } = ports.clock.now();
    const document = await collectInventory({ now: wall });
    const hash = inventoryHash(document);
    if (stopped || hash === known || hash === offering) return;
    offering = hash;
    try {
      await ports.offer({ kind: 'node.inventory', urgency: 'normal', time: wall, body: { hash, document } });
    } finally {
      offering = undefined;
    }
  }

  return {
    confirmed(known) {
      report(known).catch((error: unknown) => {
        if (!stopped) ports.log.warn('the inventory could not be reported', { error: toProblem(error).detail });
      });
    },
    async stop() {
      stopped = true;
    },
  };
}
