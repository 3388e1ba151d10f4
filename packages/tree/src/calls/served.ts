/**
 * Calls where they end: at the leader, which has them served and sends their answers back the way they came.
 *
 * | a call is…  | enters                              | leaves                                                       |
 * |-------------|-------------------------------------|--------------------------------------------------------------|
 * | served      | its first `call`                    | answered, cancelled → forgotten; its way lost → on its way    |
 * | on its way  | the hub it came through is lost     | the same `call` through any hub → served again, begun once;   |
 * |             |                                     | answered → forgotten, its next `call` is a new one            |
 *
 * A stream that has sent something, or has something to send while its way is lost, is called off: what was sent cannot
 * be known, and a hole would not be seen. So is a long answer of which pieces were sent; its call, where it comes again,
 * even before its old way is known to be lost, is served from the beginning. Ignored: `more` and `cancel` of calls that are forgotten,
 * or from a hub that is not their way any more.
 */
import type { Json, Problem } from '@csm/model';
import type { Message, MessageOf } from '@csm/protocol';
import type { LinkId } from '../link/link.ts';
import { piecesOf } from './pieces.ts';

/** Calls being served at once, and of those that entered by one daemon; more are answered 13. */
export const SERVED_MAX = 4096;
export const ENTERED_MAX = 512;
/** Beyond these, root still gets in: an admin must be able to look at a master that is flooded. */
export const ROOT_RESERVE = 64;

interface Served {
  readonly by: string;
  link: LinkId | undefined;
  streamed: boolean;
}

export type ServedEffect =
  | { readonly kind: 'send'; readonly link: LinkId; readonly message: Message }
  | { readonly kind: 'serve'; readonly call: MessageOf<'call'> }
  | { readonly kind: 'abort'; readonly id: string; readonly why: string }
  | { readonly kind: 'room'; readonly id: string; readonly bytes: number };

export class ServedCalls {
  readonly #served = new Map<string, Served>();
  readonly #entered = new Map<string, number>();
  #out: ServedEffect[] = [];

  get open(): number {
    return this.#served.size;
  }

  message(link: LinkId, message: MessageOf<'call'> | MessageOf<'more'> | MessageOf<'cancel'>): void {
    const served = this.#served.get(message.id);
    switch (message.kind) {
      case 'call':
        if (served?.streamed === true) {
          this.#abort(message.id, LOST);
          this.#begin(link, message);
        } else if (served !== undefined) served.link = link;
        else this.#begin(link, message);
        return;
      case 'more':
        if (served?.link === link) this.#out.push({ kind: 'room', id: message.id, bytes: message.bytes });
        return;
      case 'cancel':
        // A hub cancels for a caller whose link to it is gone; the call may long have come through another one.
        if (served?.link === link) this.#abort(message.id, 'cancelled by the client');
        return;
      default:
        message satisfies never;
    }
  }

  linkLost(link: LinkId): void {
    for (const [id, served] of this.#served) {
      if (served.link !== link) continue;
      served.link = undefined;
      if (served.streamed) this.#abort(id, LOST);
    }
  }

  /** A part of a streamed answer. */
  items(id: string, items: readonly Json[], bytes: number): void {
    this.#part(id, { kind: 'data', id, items: [...items], bytes });
  }

  /** A piece of an answer's text, where the whole is not known yet. */
  piece(id: string, text: string): void {
    this.#part(id, { kind: 'piece', id, text });
  }

  /** The call is over. A long answer goes in pieces of its text; one that went so already has no other. */
  ended(id: string, how: { readonly answer?: Json; readonly problem?: Problem }): void {
    const link = this.#served.get(id)?.link;
    this.#forget(id);
    if (link === undefined) return;
    if (how.problem !== undefined) {
      this.#send(link, { kind: 'end', id, problem: how.problem as NonNullable<MessageOf<'end'>['problem']> });
      return;
    }
    if (how.answer === undefined) {
      this.#send(link, { kind: 'end', id });
      return;
    }
    const { answer } = how;
    let isLong = false;
    for (const text of piecesOf(answer)) {
      isLong = true;
      this.#send(link, { kind: 'piece', id, text });
    }
    if (isLong) this.#send(link, { kind: 'end', id });
    else this.#send(link, { kind: 'end', id, answer });
  }

  takeEffects(): ServedEffect[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #part(id: string, message: MessageOf<'data'> | MessageOf<'piece'>): void {
    const served = this.#served.get(id);
    if (served === undefined) return;
    if (served.link === undefined) {
      this.#abort(id, LOST);
      return;
    }
    served.streamed = true;
    this.#send(served.link, message);
  }

  #begin(link: LinkId, call: MessageOf<'call'>): void {
    const by = call.caller.vouchedBy;
    const entered = this.#entered.get(by) ?? 0;
    const reserve = call.caller.uid === 0 ? ROOT_RESERVE : 0;
    if (this.#served.size >= SERVED_MAX + reserve || entered >= ENTERED_MAX + reserve) {
      const detail = `the master serves ${this.#served.size} calls already, ${entered} of them through ${by}`;
      this.#send(link, { kind: 'end', id: call.id, problem: { code: 13, name: 'MEMORY', detail } });
      return;
    }
    this.#entered.set(by, entered + 1);
    this.#served.set(call.id, { by, link, streamed: false });
    this.#out.push({ kind: 'serve', call });
  }

  #abort(id: string, why: string): void {
    if (this.#forget(id)) this.#out.push({ kind: 'abort', id, why });
  }

  #forget(id: string): boolean {
    const served = this.#served.get(id);
    if (served === undefined) return false;
    this.#served.delete(id);
    const left = (this.#entered.get(served.by) ?? 1) - 1;
    if (left > 0) this.#entered.set(served.by, left);
    else this.#entered.delete(served.by);
    return true;
  }

  #send(link: LinkId, message: Message): void {
    this.#out.push({ kind: 'send', link, message });
  }
}

const LOST = 'the way to the client was lost';
