/**
 * Commands on their way through a hub: handed to the nodes that are primary here, answers merged and sent up every
 * `MERGE_MS` and at the end.
 *
 * | a command is… | enters                       | leaves                                                      |
 * |---------------|------------------------------|-------------------------------------------------------------|
 * | open          | `command` of the leader      | all its nodes answered, its time is over, the leader is lost |
 *
 * A node whose claim here the leader has not confirmed is answered `away` at once: the leader knows better where it is,
 * or waits for its claim. The same id coming again (the node moved here, or the leader was lost and is back) adds its nodes to the open
 * command. Ignored: answers of nodes that were not asked or have answered.
 */
import { after, type Mono, type Now } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { MAX_NODES_TEXT, type MessageOf, type ResultPart } from '@csm/protocol';
import { Deadlines } from '../deadlines.ts';
import type { LinkId } from '../link/link.ts';
import { framesOf, Merge } from './merge.ts';

export const MERGE_MS = 100;
/** Commands open at once; more are answered 13. */
export const OPEN_MAX = 256;
const FRAME_BYTES = 192 * 1024;

interface Open {
  readonly id: string;
  readonly until: Mono;
  readonly pending: Set<string>;
  readonly merge: Merge;
  flushAt?: Mono;
  ended: boolean;
}

export type HubCommandEffect =
  | { readonly kind: 'toNode'; readonly link: LinkId; readonly message: MessageOf<'command'> }
  | { readonly kind: 'toLeader'; readonly message: MessageOf<'result'> };

export class HubCommands {
  readonly #open = new Map<string, Open>();
  readonly #deadlines = new Deadlines<string>();
  #out: HubCommandEffect[] = [];

  wakeAt(): Mono | undefined {
    return this.#deadlines.next();
  }

  get open(): number {
    return this.#open.size;
  }

  command(message: MessageOf<'command'>, linkOf: (node: string) => LinkId | undefined, now: Now): void {
    const nodes = NodeSet.tryParse(message.nodes, { maxText: MAX_NODES_TEXT });
    const { id } = message;
    if (!nodes.ok || (this.#open.size >= OPEN_MAX && !this.#open.has(id))) {
      const text = nodes.ok ? `more than ${OPEN_MAX} commands are under way at this aggregator` : nodes.error.detail;
      const part = { nodes: message.nodes, code: nodes.ok ? 13 : 9, text };
      this.#out.push({ kind: 'toLeader', message: { kind: 'result', id, parts: [part], done: true } });
      return;
    }
    let open = this.#open.get(id);
    if (open === undefined) {
      open = { id, until: after(now.mono, message.remaining), pending: new Set(), merge: new Merge(), ended: false };
      this.#open.set(id, open);
    }
    const away: string[] = [];
    for (const node of nodes.value) {
      const link = linkOf(node);
      if (link === undefined) {
        away.push(node);
        continue;
      }
      open.pending.add(node);
      this.#out.push({ kind: 'toNode', link, message: { ...message, nodes: node } });
    }
    if (away.length > 0) open.merge.add(away, { code: 22, text: 'not linked here', away: true });
    this.#progress(open, now);
  }

  result(node: string, message: MessageOf<'result'>, now: Now): void {
    const open = this.#open.get(message.id);
    const part = message.parts[0];
    if (open === undefined || part === undefined || !open.pending.delete(node)) return;
    const { code, text, body } = part;
    open.merge.add([node], { code, text, ...(body === undefined ? {} : { body }) });
    this.#progress(open, now);
  }

  /** The node is primary here no longer: somebody else will carry its answer. Told at once, before any newer claim of it. */
  left(node: string, now: Now): void {
    for (const open of this.#open.values()) {
      if (!open.pending.delete(node)) continue;
      open.merge.add([node], { code: 22, text: 'left', away: true });
      this.#send(open, open.pending.size === 0);
      this.#progress(open, now);
    }
  }

  /** Without a leader there is nobody to answer; it asks again when it is back. */
  trunkDown(): void {
    for (const id of this.#open.keys()) this.#close(id);
  }

  tick(now: Now): void {
    for (let id = this.#deadlines.due(now.mono); id !== undefined; id = this.#deadlines.due(now.mono)) {
      const open = this.#open.get(id);
      if (open === undefined) continue;
      const over = now.mono >= open.until;
      this.#send(open, over && open.pending.size === 0);
      if (over) this.#close(id);
      else this.#arm(open);
    }
  }

  takeEffects(): HubCommandEffect[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #progress(open: Open, now: Now): void {
    if (open.pending.size === 0) {
      if (!open.ended) this.#send(open, true);
      this.#close(open.id);
      return;
    }
    if (open.merge.size > 0) open.flushAt ??= after(now.mono, MERGE_MS);
    this.#arm(open);
  }

  #arm(open: Open): void {
    const at = open.flushAt !== undefined && open.flushAt < open.until ? open.flushAt : open.until;
    this.#deadlines.set(open.id, at);
  }

  #send(open: Open, done: boolean): void {
    delete open.flushAt;
    open.ended = done;
    const frames = framesOf(open.merge.take(), FRAME_BYTES);
    if (frames.length === 0 && done) frames.push([]);
    frames.forEach((parts: ResultPart[], i) => {
      const message = { kind: 'result' as const, id: open.id, parts, done: done && i === frames.length - 1 };
      this.#out.push({ kind: 'toLeader', message });
    });
  }

  #close(id: string): void {
    this.#open.delete(id);
    this.#deadlines.set(id, undefined);
  }
}
