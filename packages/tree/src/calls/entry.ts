/**
 * Calls where they enter the tree: at the daemon whose local socket the client uses.
 *
 * | a call is… | enters                                | leaves                                                           |
 * |------------|---------------------------------------|------------------------------------------------------------------|
 * | waiting    | no confirmed primary at this moment   | one is there → under way; its patience or time over → ended (22)  |
 * | under way  | sent to the primary                   | `end` → ended; `lost` or link down: a read, or a change with a    |
 * |            |                                       | key → waiting, sent again under the same id; else ended (12)      |
 * | ended      | answered, cancelled, out of time      |                                                                  |
 *
 * A stream that has begun is not repeated: its client could not tell what it has seen. Nor is a long answer of which a
 * piece has come: it is passed on at once. Ignored: `data`, `piece` and `end`
 * of calls that ended
 * or wait: it belongs to a sending that is given up. After `lost` a call waits for the leader's next confirmation; sent
 * again at once it would only meet the same hub without a leader.
 */
import { after, type Mono, type Now, type Problem, problem } from '@csm/model';
import type { MessageOf } from '@csm/protocol';
import { Deadlines } from '../deadlines.ts';

/** Bytes of a streamed answer on their way to one client. */
export const STREAM_WINDOW = 256 * 1024;
/** Calls open at once; more are refused with 13. */
export const CALLS_MAX = 1024;
/** Characters of a long answer, each up to three bytes while they wait; beyond it the call ends with 30. */
export const ANSWER_MAX = 64 * 1024 * 1024;

export interface CallOrder {
  readonly id: string;
  readonly call: string;
  readonly input: unknown;
  readonly caller: MessageOf<'call'>['caller'];
  readonly trace: string;
  /** ms. */
  readonly within: number;
  readonly key?: string;
  /** Whether it may be sent again after its way was lost: reads, and changes under a key. */
  readonly repeatable: boolean;
}

interface Open {
  readonly order: CallOrder;
  readonly until: Mono;
  patience: Mono;
  sent: boolean;
  /** Something of the answer was passed on. */
  streamed: boolean;
  /** Characters of the pieces that were. */
  size: number;
}

export type EntryEffect =
  | { readonly kind: 'up'; readonly message: MessageOf<'call'> | MessageOf<'more'> | MessageOf<'cancel'> }
  | { readonly kind: 'items'; readonly id: string; readonly items: readonly unknown[]; readonly bytes: number }
  /** The next piece of an answer's JSON. */
  | { readonly kind: 'piece'; readonly id: string; readonly text: string }
  | { readonly kind: 'ended'; readonly id: string; readonly answer?: unknown; readonly problem?: Problem };

export class CallEntry {
  readonly #open = new Map<string, Open>();
  readonly #deadlines = new Deadlines<string>();
  readonly #patience: number;
  #way = false;
  #out: EntryEffect[] = [];

  /** `patience`: how long a call waits for a leader before it is answered 22, ms. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  wakeAt(): Mono | undefined {
    return this.#deadlines.next();
  }

  get open(): number {
    return this.#open.size;
  }

  start(order: CallOrder, now: Now): void {
    if (this.#open.size >= CALLS_MAX) {
      this.#out.push({
        kind: 'ended',
        id: order.id,
        problem: problem(13, `more than ${CALLS_MAX} calls are under way here`),
      });
      return;
    }
    const until = after(now.mono, order.within);
    const open: Open = {
      order,
      until,
      patience: after(now.mono, this.#patience),
      sent: false,
      streamed: false,
      size: 0,
    };
    this.#open.set(order.id, open);
    if (this.#way) this.#send(open, now);
    this.#arm(open);
  }

  /** The primary is confirmed by the leader, or is no more. */
  way(there: boolean, now: Now): void {
    this.#way = there;
    for (const open of this.#open.values()) {
      if (there && !open.sent) this.#send(open, now);
      else if (!there && open.sent) this.#lost(open, now);
    }
  }

  message(message: MessageOf<'data'> | MessageOf<'piece'> | MessageOf<'end'> | MessageOf<'lost'>, now: Now): void {
    const open = this.#open.get(message.id);
    if (open?.sent !== true) return;
    const { id } = message;
    switch (message.kind) {
      case 'data':
        open.streamed = true;
        this.#out.push({ kind: 'items', id, items: message.items, bytes: message.bytes });
        return;
      case 'piece':
        open.size += message.text.length;
        if (open.size > ANSWER_MAX) {
          this.cancel(id);
          this.#end(id, { problem: problem(30, `the answer has more than ${ANSWER_MAX} characters; ask for less`) });
        } else {
          open.streamed = true;
          this.#out.push({ kind: 'piece', id, text: message.text });
        }
        return;
      case 'end':
        if (message.problem !== undefined) this.#end(id, { problem: message.problem as Problem });
        else this.#end(id, { answer: message.answer });
        return;
      case 'lost':
        this.#lost(open, now);
        return;
      default:
        message satisfies never;
    }
  }

  /** The client has taken `bytes` of the stream. */
  taken(id: string, bytes: number): void {
    if (this.#open.get(id)?.sent === true) this.#out.push({ kind: 'up', message: { kind: 'more', id, bytes } });
  }

  cancel(id: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    if (open.sent && this.#way) this.#out.push({ kind: 'up', message: { kind: 'cancel', id } });
    this.#forget(id);
  }

  tick(now: Now): void {
    for (let id = this.#deadlines.due(now.mono); id !== undefined; id = this.#deadlines.due(now.mono)) {
      const open = this.#open.get(id);
      if (open === undefined) continue;
      if (now.mono >= open.until) {
        if (open.sent && this.#way) this.#out.push({ kind: 'up', message: { kind: 'cancel', id } });
        this.#end(id, {
          problem: problem(5, `'${open.order.call}' was not answered within ${open.order.within / 1000} s`),
        });
      } else if (!open.sent && now.mono >= open.patience) {
        this.#end(id, { problem: problem(22, 'degraded: no leading master is reachable from here at present') });
      } else this.#arm(open);
    }
  }

  takeEffects(): EntryEffect[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #send(open: Open, now: Now): void {
    const { id, call, input, caller, trace, key } = open.order;
    const remaining = Math.max(0, open.until - now.mono);
    open.sent = true;
    this.#out.push({
      kind: 'up',
      message: {
        kind: 'call',
        id,
        call,
        input,
        caller,
        trace,
        remaining,
        window: STREAM_WINDOW,
        ...(key === undefined ? {} : { key }),
      },
    });
  }

  #lost(open: Open, now: Now): void {
    const { id, call, repeatable } = open.order;
    open.sent = false;
    if (open.streamed || !repeatable) {
      this.#end(id, { problem: problem(12, `the way to the master was lost while '${call}' was under way`) });
      return;
    }
    open.patience = after(now.mono, this.#patience);
    this.#arm(open);
  }

  #arm(open: Open): void {
    this.#deadlines.set(open.order.id, !open.sent && open.patience < open.until ? open.patience : open.until);
  }

  #end(id: string, how: { answer?: unknown; problem?: Problem }): void {
    if (!this.#open.has(id) && how.problem === undefined) return;
    this.#forget(id);
    this.#out.push({ kind: 'ended', id, ...how });
  }

  #forget(id: string): void {
    this.#open.delete(id);
    this.#deadlines.set(id, undefined);
  }
}
