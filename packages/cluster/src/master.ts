/** The cluster feature in a master: answers to its calls. */
import type { Handler } from '@csm/api';
import type { MasterPart, MasterPorts } from '@csm/feature';
import { code, fail, type Json } from '@csm/model';
import { dbHandlers } from './db/handlers.ts';
import { aggregators, health } from './health.ts';
import { Orders } from './orders.ts';

const RUN_DEADLINE = 30;
const PING_DEADLINE = 5;

export function masterPart(ports: MasterPorts): MasterPart {
  const orders = new Orders(ports);
  const ping: Handler<{ nodes: string; deadline?: number }> = async ({ nodes, deadline = PING_DEADLINE }, ctx) => {
    await orders.carry({ command: 'ping', nodes, input: {}, deadline, partial: true }, ctx);
    return undefined;
  };
  const run: Handler<{ nodes: string; argv: string[]; deadline?: number; partial?: boolean }> = async (input, ctx) => {
    const { nodes, argv, deadline = RUN_DEADLINE, partial = false } = input;
    ports.log.info('audit: run', {
      user: ctx.caller.user,
      uid: ctx.caller.uid,
      vouchedBy: ctx.caller.vouchedBy,
      nodes,
      argv,
      trace: ctx.trace,
    });
    await orders.carry({ command: 'run', nodes, input: { argv }, deadline, partial }, ctx);
    return undefined;
  };
  const rebalance: Handler<{ nodes: string; spread?: number }> = async ({ nodes, spread = 5 }, ctx) => {
    ports.log.info('audit: tree.rebalance', {
      user: ctx.caller.user,
      uid: ctx.caller.uid,
      vouchedBy: ctx.caller.vouchedBy,
      nodes,
      trace: ctx.trace,
    });
    await orders.carry({ command: 'rebalance', nodes, input: { spread }, deadline: 10, partial: false }, ctx);
    return undefined;
  };
  const list: Handler = async () => {
    const rows = aggregators(ports.tree(), ports.self.node);
    if (rows.length === 0) fail(code.NO_RESULTS, 'no aggregator has linked to this master yet');
    return rows as unknown as Json;
  };
  return {
    handlers: {
      health: () => health(ports),
      'aggregator.list': list,
      'tree.rebalance': rebalance,
      ping,
      run,
      ...dbHandlers(ports),
    },
  };
}
