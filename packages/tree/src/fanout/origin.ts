/**
 * Commands where they begin, at the leader. One deadline for all hops; every node asked is in the answer, by name.
 *
 * | a node of a command is… | enters                                    | leaves                                             |
 * |-------------------------|-------------------------------------------|----------------------------------------------------|
 * | sent                    | handed to the hub that is its primary     | its answer → done; `away`, hub lost → waiting       |
 * | waiting                 | no hub serves it at this moment           | its claim → sent; told down before it was ever sent |
 * |                         |                                           | → done (48); the deadline → done (5)                |
 * | done                    | answered, down, unknown, or out of time   |                                                    |
 *
 * Nothing runs twice: a node remembers the ids it began in its journal, so a repetition is harmless as long as the
 * journal is the same. A node that comes back with another incarnation lost that memory: it is not asked again, and its
 * part says that the outcome is unknown (37). A command therefore goes only where a claim is confirmed: until then
 * nobody knows which incarnation it would reach.
 *
 * An order for the daemons of one role is not for the main daemons of its nodes: whoever gives it gives it again when
 * they have moved or come back.
 */
import { after, type Mono, type Now, type Role, type Wall } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { MAX_NODES_TEXT, type MessageOf, type ResultPart } from '@csm/protocol';
import { Deadlines } from '../deadlines.ts';
import { type Answer, Merge, partOf } from './merge.ts';

/** Results of one command that may be on their way or in memory at once, bytes; shared by its nodes. */
export const RESULT_BYTES = 32 * 1024 * 1024;
export const RESULT_NODE_MAX = 64 * 1024;
/** Commands under way at once; more are refused. */
export const COMMANDS_MAX = 64;

/** Where a node is served now. */
export type Whereabouts =
  /** `since`: when a master first heard of this incarnation. */
  | { readonly kind: 'at'; readonly hub: string; readonly incarnation: string; readonly since: Wall }
  | { readonly kind: 'moving' }
  | { readonly kind: 'down'; readonly text: string }
  | { readonly kind: 'unknown' };

interface Target {
  hub?: string;
  /** The incarnation it was first sent to. */
  incarnation?: string;
}

interface Open {
  readonly id: string;
  readonly command: string;
  readonly input: unknown;
  readonly until: Mono;
  readonly room: number;
  /** The order was begun before, at that time, by a master that is gone. */
  readonly begunAt?: Wall;
  readonly role?: Role;
  readonly pending: Map<string, Target>;
}

/** `id` must be new to this master; `within`: ms for everything; `begunAt` where another master began it already. */
export interface Order {
  readonly id: string;
  readonly command: string;
  readonly input: unknown;
  readonly nodes: NodeSet;
  readonly within: number;
  readonly begunAt?: Wall;
  /** For the daemon of this role on each node; default its main one. */
  readonly role?: Role;
}

export type OriginEffect =
  | { readonly kind: 'toHub'; readonly hub: string; readonly message: MessageOf<'command'> }
  | { readonly kind: 'parts'; readonly id: string; readonly parts: readonly ResultPart[] }
  | { readonly kind: 'ended'; readonly id: string };

export class Origin {
  readonly #open = new Map<string, Open>();
  readonly #deadlines = new Deadlines<string>();
  #out: OriginEffect[] = [];

  get open(): number {
    return this.#open.size;
  }

  wakeAt(): Mono | undefined {
    return this.#deadlines.next();
  }

  start(order: Order, where: (node: string) => Whereabouts, now: Now): void {
    const { id, command, input, nodes, within, begunAt, role } = order;
    if (this.#open.size >= COMMANDS_MAX) {
      const part = { nodes: nodes.toString(), code: 13, text: `more than ${COMMANDS_MAX} commands are under way` };
      this.#out.push({ kind: 'parts', id, parts: [part] }, { kind: 'ended', id });
      return;
    }
    const room = Math.min(RESULT_NODE_MAX, Math.max(1024, Math.floor(RESULT_BYTES / Math.max(1, nodes.size))));
    const open: Open = {
      id,
      command,
      input,
      until: after(now.mono, within),
      room,
      pending: new Map(),
      ...(begunAt === undefined ? {} : { begunAt }),
      ...(role === undefined ? {} : { role }),
    };
    this.#open.set(id, open);
    this.#deadlines.set(id, open.until);
    const merge = new Merge();
    const toHub = new Map<string, string[]>();
    for (const node of nodes) {
      const place = where(node);
      if (place.kind === 'down') merge.add([node], { code: 48, text: place.text });
      else if (place.kind === 'unknown') merge.add([node], { code: 46, text: 'no such node' });
      else {
        const target: Target = {};
        if (place.kind === 'at' && lostMemory(open, target, place)) {
          merge.add([node], LOST_MEMORY);
          continue;
        }
        open.pending.set(node, target);
        if (place.kind === 'at') enqueue(toHub, node, target, place);
      }
    }
    this.#dispatch(open, toHub, now);
    this.#answer(open, merge.take());
  }

  result(hub: string, message: MessageOf<'result'>, where: (node: string) => Whereabouts, now: Now): void {
    const open = this.#open.get(message.id);
    if (open === undefined) return;
    const merge = new Merge();
    const moved: string[] = [];
    for (const part of message.parts) {
      const nodes = NodeSet.tryParse(part.nodes, { maxText: MAX_NODES_TEXT });
      if (!nodes.ok) continue;
      if (part.away === true) {
        for (const node of nodes.value) {
          const target = open.pending.get(node);
          if (target?.hub !== hub) continue;
          delete target.hub;
          moved.push(node);
        }
        continue;
      }
      const mine = nodes.value.names().filter((node) => open.pending.has(node));
      for (const node of mine) open.pending.delete(node);
      const { code, text, body } = part;
      if (mine.length > 0) merge.add(mine, { code, text, ...(body === undefined ? {} : { body }) });
    }
    this.#answer(open, merge.take());
    if (open.role === undefined) for (const node of moved) this.#place(open, node, where(node), now, hub);
  }

  /** The leader recorded a claim of the main daemon of `node`: commands that wait for it go there. */
  claimed(node: string, place: Extract<Whereabouts, { kind: 'at' }>, now: Now): void {
    for (const open of this.#open.values()) if (open.role === undefined) this.#place(open, node, place, now);
  }

  /** The main daemon of `node` was told down. */
  down(node: string, text: string, now: Now): void {
    for (const open of this.#open.values())
      if (open.role === undefined) this.#place(open, node, { kind: 'down', text }, now);
  }

  hubLost(hub: string): void {
    for (const open of this.#open.values()) {
      for (const target of open.pending.values()) if (target.hub === hub) delete target.hub;
    }
  }

  cancel(id: string): void {
    this.#open.delete(id);
    this.#deadlines.set(id, undefined);
  }

  tick(now: Now): void {
    for (let id = this.#deadlines.due(now.mono); id !== undefined; id = this.#deadlines.due(now.mono)) {
      const open = this.#open.get(id);
      if (open === undefined) continue;
      const silent: string[] = [];
      const never: string[] = [];
      for (const [node, target] of open.pending) (target.incarnation === undefined ? never : silent).push(node);
      open.pending.clear();
      const parts: ResultPart[] = [];
      if (silent.length > 0) parts.push(partOf(silent, { code: 5, text: 'no answer in time; the outcome is unknown' }));
      if (never.length > 0) parts.push(partOf(never, { code: 5, text: 'not reached in time; nothing was run' }));
      this.#answer(open, parts);
    }
  }

  takeEffects(): OriginEffect[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  /** Takes notice of where a pending node is now. `notHub` just said that the node is not there. */
  #place(open: Open, node: string, place: Whereabouts, now: Now, notHub?: string): void {
    const target = open.pending.get(node);
    if (target === undefined) return;
    if (place.kind === 'down' && target.incarnation === undefined) {
      open.pending.delete(node);
      this.#answer(open, [partOf([node], { code: 48, text: place.text })]);
    }
    if (place.kind !== 'at' || place.hub === notHub || place.hub === target.hub) return;
    if (lostMemory(open, target, place)) {
      open.pending.delete(node);
      this.#answer(open, [partOf([node], LOST_MEMORY)]);
      return;
    }
    const toHub = new Map<string, string[]>();
    enqueue(toHub, node, target, place);
    this.#dispatch(open, toHub, now);
  }

  #dispatch(open: Open, toHub: ReadonlyMap<string, string[]>, now: Now): void {
    const { id, command, input, room } = open;
    const remaining = Math.max(0, open.until - now.mono);
    for (const [hub, nodes] of toHub) {
      const message = {
        kind: 'command' as const,
        id,
        command,
        nodes: NodeSet.of(nodes).toString(),
        remaining,
        room,
        input,
      };
      this.#out.push({ kind: 'toHub', hub, message });
    }
  }

  #answer(open: Open, parts: readonly ResultPart[]): void {
    if (!this.#open.has(open.id)) return;
    if (parts.length > 0) this.#out.push({ kind: 'parts', id: open.id, parts });
    if (open.pending.size > 0) return;
    this.cancel(open.id);
    this.#out.push({ kind: 'ended', id: open.id });
  }
}

const LOST_MEMORY: Answer = { code: 37, text: 'the node lost its journal since; the outcome is unknown' };

type At = Extract<Whereabouts, { kind: 'at' }>;

/** The node may have begun the command under a journal that it has no more. */
function lostMemory(open: Open, target: Target, place: At): boolean {
  if (target.incarnation !== undefined) return target.incarnation !== place.incarnation;
  return open.begunAt !== undefined && place.since > open.begunAt;
}

function enqueue(toHub: Map<string, string[]>, node: string, target: Target, place: At): void {
  target.hub = place.hub;
  target.incarnation ??= place.incarnation;
  const list = toHub.get(place.hub);
  if (list === undefined) toHub.set(place.hub, [node]);
  else list.push(node);
}
