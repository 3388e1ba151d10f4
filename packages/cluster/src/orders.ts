/**
 * Commands on behalf of callers. An order under a key is one order however often it is asked for: a repetition while it
 * runs gets the same parts, one after a master's restart goes on where nodes remember it.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { CallContext } from '@csm/api';
import type { MasterPorts } from '@csm/feature';
import { code, fail, type Json, wall } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { ResultPart } from '@csm/protocol';
import { foldParts } from '@csm/tree';

type Part = ResultPart;

export interface OrderInput {
  readonly command: string;
  readonly nodes: string;
  readonly input: Json;
  /** Seconds. */
  readonly deadline: number;
  /** Parts as they come; else all at the end, which keeps the call repeatable on its way. */
  readonly partial: boolean;
}

interface Running {
  readonly parts: Part[];
  readonly listeners: Set<() => void>;
  readonly abort: AbortController;
  callers: number;
  done: boolean;
}

export class Orders {
  readonly #ports: MasterPorts;
  readonly #running = new Map<string, Running>();

  constructor(ports: MasterPorts) {
    this.#ports = ports;
  }

  /** Carries an order out and emits its parts. */
  async carry(order: OrderInput, ctx: CallContext): Promise<void> {
    const nodes = NodeSet.parse(order.nodes);
    if (nodes.size === 0)
      fail(code.INVALID_PARAMETER, 'the node set names no node', { field: 'nodes', allowed: 'at least one node' });
    const { id, begunAt } = await this.#begin(order, ctx);
    const running = this.#running.get(id) ?? this.#start(id, begunAt, order, nodes);
    running.callers++;
    try {
      await this.#follow(running, order.partial, ctx);
    } finally {
      running.callers--;
      // Without a key nobody can ask again: the nodes need not be waited for.
      if (running.callers === 0 && ctx.idempotencyKey === undefined) running.abort.abort();
    }
  }

  async #begin(order: OrderInput, ctx: CallContext): Promise<{ id: string; begunAt?: number }> {
    if (ctx.idempotencyKey === undefined) return { id: randomUUID() };
    const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('base64url');
    const id = digest([ctx.caller.user, ctx.idempotencyKey]);
    const hash = digest([order.command, order.nodes, order.input]);
    const { begunAt } = await this.#ports.store.call<{ begunAt: number | null }>('cluster.begin', { id, hash });
    return begunAt === null ? { id } : { id, begunAt };
  }

  #start(id: string, begunAt: number | undefined, order: OrderInput, nodes: NodeSet): Running {
    const running: Running = { parts: [], listeners: new Set(), abort: new AbortController(), callers: 0, done: false };
    this.#running.set(id, running);
    const tell = () => {
      for (const listener of running.listeners) listener();
    };
    const { command, input, deadline } = order;
    const more = begunAt === undefined ? {} : { begunAt: wall(begunAt) };
    const take = (parts: readonly Part[]) => {
      running.parts.push(...parts);
      tell();
    };
    this.#ports
      .tree()
      .order({ id, command, input, nodes, within: deadline * 1000, ...more }, take, running.abort.signal)
      .finally(() => {
        running.done = true;
        this.#running.delete(id);
        tell();
      })
      .catch((error: unknown) => this.#ports.log.error('an order failed', { id, error }));
    return running;
  }

  async #follow(running: Running, partial: boolean, ctx: CallContext): Promise<void> {
    let wake = () => {};
    const listener = () => wake();
    running.listeners.add(listener);
    ctx.signal.addEventListener('abort', listener);
    try {
      for (let at = 0; ; ) {
        const next = new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (partial) {
          for (; at < running.parts.length; at++) await ctx.emit(running.parts[at] as unknown as Json);
        } else if (running.done) {
          for (const part of foldParts(running.parts)) await ctx.emit(part as unknown as Json);
        }
        if (running.done || ctx.signal.aborted) return;
        await next;
      }
    } finally {
      running.listeners.delete(listener);
      ctx.signal.removeEventListener('abort', listener);
    }
  }
}
