/** The cluster feature in a master: answers to its calls. */
import type { CallContext, Handler } from '@csm/api';
import { type MasterPart, type MasterPorts, once } from '@csm/feature';
import { code, fail, type Json } from '@csm/model';
import { dbHandlers } from './db/handlers.ts';
import { type DrainRow, Drains } from './drains.ts';
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
    await orders.carry({ command: 'run', nodes, input: { argv }, deadline, partial }, ctx);
    return undefined;
  };
  const rebalance: Handler<{ nodes: string; spread?: number }> = async ({ nodes, spread = 5 }, ctx) => {
    await orders.carry({ command: 'rebalance', nodes, input: { spread }, deadline: 10, partial: false }, ctx);
    return undefined;
  };
  const drains = new Drains(ports);
  const list: Handler = async () => {
    const rows = aggregators(ports.tree(), ports.self.node);
    if (rows.length === 0) fail(code.NO_RESULTS, 'no aggregator has linked to this master yet');
    const drained = new Map((await drains.rows()).map((row) => [row.hub, row]));
    return rows.map((row) => ({ ...row, drained: drainedOf(drained.get(row.node)) })) as unknown as Json;
  };
  /** How it is afterwards; the aggregator has been told where it is linked and answered in time. */
  const drainOrder = async (name: string, order: object, given: object, ctx: CallContext): Promise<Json> => {
    await drains.checkKnown(name);
    const input = { hub: name, by: ctx.caller.user, ...order };
    const key = once(ctx, given);
    const { changed } = await ports.store.call<{ changed: boolean }>('cluster.drain', input, { once: key });
    await Promise.race([drains.tell(), new Promise((resolve) => setTimeout(resolve, TELL_MS).unref())]);
    const row = aggregators(ports.tree(), ports.self.node).find(({ node }) => node === name);
    const drained = drainedOf((await drains.rows()).find(({ hub }) => hub === name));
    return { node: name, changed, drained, problem: drains.failure(name) ?? null, serves: row?.primary.active ?? 0 };
  };
  const drain: Handler<{ name: string; reason: string; rate?: number }> = async (input, ctx) => {
    const { name, reason, rate = DRAIN_RATE } = input;
    await drains.checkKnown(name);
    await drains.checkOther(name, ports.self.node);
    return drainOrder(name, { perSecond: rate, reason }, { call: 'aggregator.drain', ...input }, ctx);
  };
  const undrain: Handler<{ name: string; reason?: string }> = (input, ctx) =>
    drainOrder(
      input.name,
      { perSecond: null, reason: input.reason ?? null },
      { call: 'aggregator.undrain', ...input },
      ctx,
    );
  return {
    handlers: {
      health: (({ nodes }) => health(ports, nodes)) satisfies Handler<{ nodes?: boolean }>,
      'aggregator.list': list,
      'aggregator.drain': drain,
      'aggregator.undrain': undrain,
      'tree.rebalance': rebalance,
      ping,
      run,
      ...dbHandlers(ports),
    },
    async problems() {
      const served = new Map(aggregators(ports.tree(), ports.self.node).map((row) => [row.node, row.primary.active]));
      return (await drains.rows()).flatMap((row) => drainWords(row, served.get(row.hub) ?? 0, drains.failure(row.hub)));
    },
    stop: () => drains.stop(),
  };
}

/** Nodes a second that leave an aggregator when nothing else is asked for. */
const DRAIN_RATE = 50;
/** An order waits so long for the aggregator's answer, ms; it is told again when it has not come. */
const TELL_MS = 5000;

function drainedOf(row: DrainRow | undefined) {
  if (row === undefined || row.per_second === null) return null;
  return { since: new Date(row.since).toISOString(), by: row.who, reason: row.reason, rate: row.per_second };
}

/** Until it has answered, an aggregator that is drained no longer is told of too. */
function drainWords(row: DrainRow, serves: number, failure: string | undefined): string[] {
  const { hub, per_second, who, reason } = row;
  const not = failure === undefined ? '' : `; it could not be told: ${failure}`;
  if (per_second === null) return failure === undefined ? [] : [`aggregator ${hub} is to be drained no longer${not}`];
  const left = serves === 0 ? '' : `, and serves ${serves} nodes yet`;
  return [`aggregator ${hub} is drained by ${who}: ${reason ?? ''}${left}${not}`];
}
