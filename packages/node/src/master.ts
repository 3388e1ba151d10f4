/** The node feature in a master: answers to its calls. */
import type { Handler } from '@csm/api';
import type { MasterPart, MasterPorts } from '@csm/feature';
import { code, fail, type Json, JsonPages } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { collectOn } from './collect-order.ts';
import { compareNodes, listProfiles } from './comparisons.ts';
import { Deadlines } from './deadlines.ts';
import { groupHandler } from './groups.ts';
import type { PartKind } from './hardware.ts';
import { hardwareOf, listHistory } from './hardware-records.ts';
import { keepHistory } from './keep-history.ts';
import { momentOf } from './moment.ts';
import { detailsOf } from './outlook.ts';
import { showNode, writeRecords } from './records.ts';
import type { MasterConfig } from './settings.ts';
import { stateCalls } from './state-calls.ts';
import { failedWords } from './state-records.ts';
import { watchHandler } from './watch.ts';

export function masterPart(ports: MasterPorts): MasterPart {
  const { store } = ports;
  const { node, net } = ports.config as MasterConfig & { readonly net: { readonly heartbeat_interval: number } };
  const rules = {
    grace: node.grace,
    orphanGrace: node.orphan_grace,
    stableFor: node.stable_for,
    heal: node.heal,
    unexpectedReboot: node.unexpected_reboot,
    interval: net.heartbeat_interval,
  };
  const list: Handler<{ nodes?: string; type?: string }> = async ({ nodes, type }) => {
    const wanted = nodes === undefined ? undefined : NodeSet.parse(nodes);
    return new JsonPages(async (take) => {
      const count = await writeRecords(store, ports.tree(), wanted, type, take);
      if (count > 0) return;
      const why = nodes === undefined ? 'no node has reported yet' : `no node matches '${nodes}'`;
      fail(code.NO_RESULTS, why, { field: 'nodes' });
    });
  };
  const show: Handler<{ name: string; full?: boolean }> = async ({ name, full = false }) => {
    const record = await showNode(store, ports.tree(), name);
    return (await detailsOf(store, rules, record, ports.clock.now().wall, full)) as unknown as Json;
  };
  const hardware: Handler<{ nodes?: string; kind?: PartKind; serial?: string }> = async (input, ctx) => {
    let told = 0;
    for await (const part of hardwareOf(store, { ...input, nodes: setOf(input.nodes) }, ctx.signal)) {
      await ctx.emit(part as unknown as Json);
      told++;
    }
    if (told === 0) fail(code.NO_RESULTS, 'no part matches');
    return undefined;
  };
  const history: Handler<HistoryInput> = async ({ nodes, since, limit = HISTORY_LIMIT, ...more }, ctx) => {
    const filter = {
      ...more,
      nodes: setOf(nodes),
      since: since === undefined ? undefined : momentOf(since, 'since'),
      limit,
    };
    const found = await listHistory(store, filter, ctx.signal);
    if (found.length === 0) fail(code.NO_RESULTS, 'nothing has happened to such parts');
    return found as unknown as Json;
  };
  const diff: Handler<{ a: string; b: string }> = async ({ a, b }) =>
    (await compareNodes(store, ports.tree(), a, b)) as unknown as Json;
  const profile: Handler<{ nodes?: string }> = async ({ nodes }) => {
    const found = await listProfiles(store, setOf(nodes));
    if (found.length === 0) fail(code.NO_RESULTS, 'none of these nodes has sent an inventory yet', { field: 'nodes' });
    return found as unknown as Json;
  };
  const collect: Handler<{ nodes: string; deadline?: number }> = async (input, ctx) => {
    await collectOn(ports, input, ctx);
    return undefined;
  };
  const keeping = keepHistory(ports);
  const deadlines = new Deadlines(ports, rules);
  return {
    handlers: {
      'node.list': list,
      'node.group': groupHandler(ports),
      'node.show': show,
      'node.watch': watchHandler(ports),
      'node.collect': collect,
      'node.hardware': hardware,
      'node.history': history,
      'node.diff': diff,
      'node.profile': profile,
      ...stateCalls(ports),
    },
    problems: () => failedWords(store),
    async stop() {
      await Promise.all([keeping.stop(), deadlines.stop()]);
    },
  };
}

interface HistoryInput {
  readonly nodes?: string;
  readonly kind?: PartKind;
  readonly serial?: string;
  readonly since?: string;
  readonly limit?: number;
}

/** Rows of history when nothing else is asked for. */
const HISTORY_LIMIT = 1000;

const setOf = (nodes: string | undefined): NodeSet | undefined =>
  nodes === undefined ? undefined : NodeSet.parse(nodes);
