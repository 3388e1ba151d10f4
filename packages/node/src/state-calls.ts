/** The calls about states of nodes, in a master. */
import type { CallContext, Handler } from '@csm/api';
import { type MasterPorts, once } from '@csm/feature';
import { code, fail, type Json } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { type Attributes, readAttributes, readReason } from './attributes.ts';
import { momentOf } from './moment.ts';
import type { JobsPort } from './ports.ts';
import { availability, countStates, listStates, listWindows } from './state-records.ts';
import { missingReason } from './states/judge.ts';
import { isOut, type NodeState, type OutState } from './states/table.ts';
import type { Failed } from './store/failures.ts';

/** Nodes changed in one transaction, which holds up the reports of all others. */
const UPDATE_MAX = 20_000;
/** Rows of history when nothing else is asked for. */
const STATES_LIMIT = 1000;
const PERIOD_MS = 30 * 86_400_000;

type Ports = Pick<MasterPorts, 'store' | 'clock' | 'tree'> & { readonly jobs?: JobsPort };

interface Span {
  readonly from?: string;
  readonly to?: string;
}

export function stateCalls(ports: Ports): { readonly [name: string]: Handler<never> } {
  const { store, clock } = ports;
  const key = (name: string, input: object, ctx: CallContext) => ({ once: once(ctx, { call: name, ...input }) });

  type Changed = { readonly updated: number; readonly failed: readonly Failed[] };
  const change = async (call: string, given: { nodes: string }, more: object, ctx: CallContext): Promise<Json> => {
    const wanted = manyNodes(given.nodes);
    const input = { nodes: wanted.names(), set: {}, by: ctx.caller.user, ...more };
    const answer = await store.call<Changed>('node.update', input, key(call, given, ctx));
    return { nodes: wanted.toString(), ...answer } as unknown as Json;
  };

  const update: Handler<{ nodes: string; state?: NodeState; reason?: string } & Attributes> = async (input, ctx) => {
    const { state, reason: given, comment, features, location } = input;
    const set = readAttributes({
      ...(comment === undefined ? {} : { comment }),
      ...(features === undefined ? {} : { features }),
      ...(location === undefined ? {} : { location }),
    });
    const reason = readReason(given);
    if (state === undefined && Object.keys(set).length === 0)
      fail(code.MISSING_PARAMETER, 'nothing is to be changed', {
        allowed: 'at least one of comment, features, location, state',
      });
    if (state !== undefined && isOut(state) && reason === null) {
      const { code: missing, detail, ...more } = missingReason(state);
      fail(missing, detail, more);
    }
    if (state === undefined && reason !== null)
      fail(code.INVALID_PARAMETER, 'a reason belongs to a state', { field: 'reason', allowed: 'with state' });
    return change('node.update', input, { set, state, reason }, ctx);
  };

  const resume: Handler<{ nodes: string; reason?: string }> = (input, ctx) =>
    change('node.resume', input, { state: 'IN_SERVICE', reason: readReason(input.reason) }, ctx);

  const drain: Handler<{ nodes: string; reason: string; state?: OutState; from?: string; until?: string }> = async (
    input,
    ctx,
  ) => {
    const { nodes, from, until } = input;
    const isWindow = from !== undefined || until !== undefined;
    const state = input.state ?? (isWindow ? 'MAINTENANCE' : 'OUT_OF_SERVICE');
    const why = readReason(input.reason);
    if (why === null) {
      const { code: missing, detail, ...more } = missingReason(state);
      fail(missing, detail, more);
    }
    if (!isWindow) {
      const done = (await change('node.drain', input, { state, reason: why }, ctx)) as {
        readonly [field: string]: Json;
      };
      return { ...done, window: null };
    }
    const wanted = manyNodes(nodes);
    const wish = {
      nodes: wanted.names(),
      state,
      reason: why,
      by: ctx.caller.user,
      ...(from === undefined ? {} : { from: momentOf(from, 'from') }),
      ...(until === undefined ? {} : { until: momentOf(until, 'until') }),
    };
    const made = await store.call<Changed & { readonly window: number | null }>(
      'node.openWindow',
      wish,
      key('node.drain', input, ctx),
    );
    return { nodes: wanted.toString(), ...made } as unknown as Json;
  };

  const remove: Handler<{ nodes: string; reason?: string }> = async (input, ctx) => {
    const wanted = manyNodes(input.nodes);
    const names = wanted.names();
    const tree = ports.tree().core;
    // Before the rows go: what the roster still has to write of these nodes would bring them back.
    for (const name of names) tree.forget(name);
    const gone = { nodes: names, by: ctx.caller.user, reason: readReason(input.reason) };
    const answer = await store.call<{ deleted: number; failed: readonly Failed[] }>(
      'node.remove',
      gone,
      key('node.delete', input, ctx),
    );
    return { nodes: wanted.toString(), ...answer } as unknown as Json;
  };

  const expectReboot: Handler<{ nodes: string; within: number; reason?: string }> = async (input, ctx) => {
    const wanted = manyNodes(input.nodes);
    const within = Math.round(input.within * 1000);
    const expected = { nodes: wanted.names(), within, reason: readReason(input.reason), by: ctx.caller.user };
    const { until, ...answer } = await store.call<Changed & { readonly until: number }>(
      'node.expectReboot',
      expected,
      key('node.reboot-expected', input, ctx),
    );
    return { nodes: wanted.toString(), ...answer, until: new Date(until).toISOString() } as unknown as Json;
  };

  const states: Handler<{ nodes?: string; since?: string; limit?: number }> = async (input, ctx) => {
    const since = input.since === undefined ? undefined : momentOf(input.since, 'since');
    const filter = { nodes: setOf(input.nodes), since, limit: input.limit ?? STATES_LIMIT };
    return orNone(await listStates(store, filter, ctx.signal), 'no node has changed its state then');
  };

  const windows: Handler<{ nodes?: string; all?: boolean }> = async ({ nodes, all = false }) => {
    const which = nodes === undefined ? 'window' : 'window of these nodes';
    return orNone(
      await listWindows(store, setOf(nodes), all),
      all ? `there has been no ${which}` : `no ${which} waits or is open`,
    );
  };

  const cancel: Handler<{ id: number }> = async ({ id }, ctx) =>
    store.call<Json>('node.cancelWindow', { id, by: ctx.caller.user }, key('node.cancel-window', { id }, ctx));

  const available: Handler<Span & { nodes?: string; each?: boolean }> = async (input, ctx) => {
    const period = periodOf(input, clock.now().wall);
    let told = 0;
    const filter = { nodes: setOf(input.nodes), each: input.each === true };
    for await (const item of availability(store, period, filter, ctx.signal)) {
      await ctx.emit(item as unknown as Json);
      told++;
    }
    if (told === 0) fail(code.NO_RESULTS, 'no such node was known then', { field: 'nodes' });
    return undefined;
  };

  const findJob: Handler<Span & { nodes: string; user?: string }> = async (input) => {
    const wanted = manyNodes(input.nodes);
    const period = periodOf(input, clock.now().wall);
    if (ports.jobs === undefined)
      return fail(code.NO_RESULTS, 'nothing in this cluster keeps allocations yet, so no job is known', {
        allowed: 'once allocations are managed by CSM',
      });
    const found = await ports.jobs.jobsOn(wanted.names(), period);
    const mine = found.filter(({ user }) => input.user === undefined || user === input.user);
    const rows = mine.map(({ begin, end, ...job }) => ({
      ...job,
      begin: new Date(begin).toISOString(),
      end: end === null ? null : new Date(end).toISOString(),
    }));
    return orNone(rows, 'no job used these nodes then');
  };

  const state: Handler<{ nodes?: string; state?: string; type?: string }> = async (input) =>
    orNone(
      await countStates(store, { nodes: setOf(input.nodes), state: input.state, type: input.type }),
      'no node matches',
    );

  return {
    'node.update': update,
    'node.drain': drain,
    'node.resume': resume,
    'node.delete': remove,
    'node.reboot-expected': expectReboot,
    'node.states': states,
    'node.windows': windows,
    'node.cancel-window': cancel,
    'node.availability': available,
    'node.find-job': findJob,
    'cluster.state': state,
  };
}

function orNone(rows: readonly unknown[], none: string): Json {
  return rows.length === 0 ? fail(code.NO_RESULTS, none) : (rows as unknown as Json);
}

const setOf = (nodes: string | undefined): NodeSet | undefined =>
  nodes === undefined ? undefined : NodeSet.parse(nodes);

function manyNodes(nodes: string): NodeSet {
  const wanted = NodeSet.parse(nodes);
  if (wanted.size === 0)
    fail(code.INVALID_PARAMETER, 'the node set names no node', { field: 'nodes', allowed: 'at least one node' });
  if (wanted.size > UPDATE_MAX)
    fail(code.INVALID_PARAMETER, `the node set names ${wanted.size} nodes`, {
      field: 'nodes',
      allowed: `at most ${UPDATE_MAX} at a time`,
    });
  return wanted;
}

/** The last 30 days when nothing is said. */
function periodOf({ from, to }: Span, now: number): { readonly from: number; readonly to: number } {
  const end = Math.min(to === undefined ? now : momentOf(to, 'to'), now);
  const begin = from === undefined ? end - PERIOD_MS : momentOf(from, 'from');
  if (begin >= end)
    fail(
      code.INVALID_PARAMETER,
      `the period begins at ${new Date(begin).toISOString()} and ends at ${new Date(end).toISOString()}`,
      {
        field: 'from',
        allowed: 'a moment before its end, which is not after now',
      },
    );
  return { from: begin, to: end };
}
