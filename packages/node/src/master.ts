/** The node feature in a master: answers to its calls. */
import type { CallContext, Handler } from '@csm/api';
import type { MasterPart, MasterPorts } from '@csm/feature';
import { code, fail, isObject, type Json } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { MAX_NODES_TEXT } from '@csm/protocol';
import type { ChangeRow } from '@csm/store';
import { type Attributes, readAttributes } from './attributes.ts';
import { collectOn } from './collect-order.ts';
import { compareNodes, listProfiles } from './comparisons.ts';
import type { PartKind } from './hardware.ts';
import { hardwareOf, listHistory } from './hardware-records.ts';
import { keepHistory } from './keep-history.ts';
import { listNodes, showFull, showNode } from './records.ts';

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
  const show: Handler<{ name: string; full?: boolean }> = async ({ name, full = false }) =>
    (await (full ? showFull : showNode)(store, ports.tree(), name)) as unknown as Json;
  const watch: Handler<{ nodes?: string; since?: number }> = async ({ nodes, since }, ctx) => {
    const wanted = nodes === undefined ? undefined : NodeSet.parse(nodes);
    await follow(ports, wanted, since ?? (await store.changes.head()), ctx);
    return undefined;
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
    const filter = { ...more, nodes: setOf(nodes), since: since === undefined ? undefined : momentOf(since), limit };
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
  const update: Handler<{ nodes: string } & Attributes> = async ({ nodes, ...given }, ctx) => {
    const wanted = NodeSet.parse(nodes);
    if (wanted.size === 0)
      fail(code.INVALID_PARAMETER, 'the node set names no node', { field: 'nodes', allowed: 'at least one node' });
    if (wanted.size > UPDATE_MAX)
      fail(code.INVALID_PARAMETER, `the node set names ${wanted.size} nodes`, {
        field: 'nodes',
        allowed: `at most ${UPDATE_MAX} at a time`,
      });
    const set = readAttributes(given);
    const { user, uid, vouchedBy } = ctx.caller;
    ports.log.info('audit: node.update', { user, uid, vouchedBy, nodes, set, trace: ctx.trace });
    const { updated } = await store.call<{ updated: number }>('node.update', { nodes: wanted.names(), set });
    return { nodes: wanted.toString(), updated };
  };
  const keeping = keepHistory(ports);
  return {
    handlers: {
      'node.list': list,
      'node.show': show,
      'node.watch': watch,
      'node.update': update,
      'node.collect': collect,
      'node.hardware': hardware,
      'node.history': history,
      'node.diff': diff,
      'node.profile': profile,
    },
    async stop() {
      await keeping.stop();
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

/** Nodes changed in one transaction, which holds up the reports of all others. */
const UPDATE_MAX = 20_000;

/** Rows of history when nothing else is asked for. */
const HISTORY_LIMIT = 1000;

const setOf = (nodes: string | undefined): NodeSet | undefined =>
  nodes === undefined ? undefined : NodeSet.parse(nodes);

const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** ISO 8601 as milliseconds; without a zone it is UTC, as all times are that we tell. */
function momentOf(text: string): number {
  const match = MOMENT.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(text.includes('T') && match[1] === undefined ? `${text}Z` : text);
  return Number.isNaN(ms)
    ? fail(code.INVALID_PARAMETER, `since is '${text}'`, {
        field: 'since',
        allowed: 'a time such as 2026-01-31T08:00:00Z or 2026-01-31',
      })
    : ms;
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
