/**
 * When to connect to the receiver, to send, and to believe that it has what was sent. Pure.
 *
 * TCP tells a sender nothing of what the other program has read. So each connection carries a few lines and is then
 * closed in one direction: a receiver that has read all of them sees its end, and closes too. Only then they count as
 * read. One that is killed with bytes unread resets the connection, one that is frozen or gone does not answer, one that
 * closes before we did may have read anything: then all is sent again. The document's id makes repetitions harmless.
 *
 * | mode       | enters                                  | leaves                                                        |
 * |------------|-----------------------------------------|---------------------------------------------------------------|
 * | waiting    | start; whatever failed                  | its pause is over → connecting                                 |
 * | connecting | the pause is over; lines were confirmed | connected → open; failed, or not in time → waiting             |
 * | open       | connected                               | enough bytes, or time, since the first of them → resting;      |
 * |            |                                         | a write that is not taken, an error, the peer's end → waiting  |
 * | resting    | it carries enough                       | a moment later → ending; an error, the peer's end → waiting    |
 * | ending     | our end was sent                        | the peer's end → connecting, all sent is confirmed;            |
 * |            |                                         | an error, or nothing for long → waiting                       |
 *
 * What remains: a receiver that dies with lines it has read but not yet stored. Against this, lines count as delivered
 * only `HOLD_MS` after they were confirmed; when anything fails before, they are sent again. A receiver that keeps lines
 * in memory for longer than that and is then killed, loses them, and so does a machine that fails with unwritten pages.
 *
 * The rest is for a receiver that closes just then by itself: nothing but our end may be on its way, or its end would
 * seem to answer ours.
 *
 * A receiver that never closes its end is never believed; the reason says so.
 */
import { after, earliest, type Mono, type Now } from '@csm/model';

/** A place in the spool: before it everything was read. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

/** What one connection carries at most before it must confirm. */
export const CONFIRM_BYTES = 4 * 1024 * 1024;
/** How long the first line of a connection waits to be confirmed at most. */
export const CONFIRM_MS = 2000;
/** How long what was written has to arrive before our end follows. */
export const REST_MS = 200;
/** A receiver that takes nothing, or does not close, for so long is given up. */
export const STALL_MS = 10_000;
export const CONNECT_MS = 5000;
/** How long confirmed lines are still kept, for a receiver that dies, or freezes and dies, with them in memory. */
export const HOLD_MS = 30_000;

export type Mode = 'waiting' | 'connecting' | 'open' | 'resting' | 'ending' | 'stopped';

export interface Sending {
  /** Longest pause between two attempts, ms. */
  readonly pauseMax: number;
  mode: Mode;
  /** When the mode ends by itself. */
  until: Mono | undefined;
  failures: number;
  /** Behind what is delivered: where a restart begins. */
  delivered: Position;
  /** Confirmed, and held: oldest first. */
  held: { readonly at: Mono; readonly to: Position }[];
  /** Behind what was written to the present connection. */
  sent: Position;
  /** Bytes written to the present connection. */
  carried: number;
  /** When the first of them was. */
  carriedSince: Mono | undefined;
  /** What is waited for while the connection is open: bytes of the spool, or the socket to take them. */
  busy: 'reading' | 'writing' | undefined;
  /** The spool got more while it was read. */
  more: boolean;
  /** Why it last failed, until lines are confirmed or none are left. */
  reason: string | undefined;
}

export type SendingEvent =
  | { readonly kind: 'connected' }
  /** The connection, or the attempt, is over; nothing of it comes any more. */
  | { readonly kind: 'broken'; readonly reason: string }
  /** The peer has closed its direction, without an error. */
  | { readonly kind: 'ended' }
  /** What the spool gave from `sent` on, up to `to`; nothing when it has no more. */
  | { readonly kind: 'read'; readonly bytes: number; readonly to: Position }
  /** The socket has taken all it was given. */
  | { readonly kind: 'taken' }
  /** The spool has more. */
  | { readonly kind: 'more' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'stop' };

export type SendingEffect =
  | { readonly kind: 'dial' }
  /** Ask the spool for bytes from here; `read` must follow, unless the connection is dropped before. */
  | { readonly kind: 'read'; readonly from: Position }
  /** Give what was just read to the socket; `taken` must follow. */
  | { readonly kind: 'write' }
  | { readonly kind: 'end' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'delivered'; readonly to: Position };

export const initialSending = (delivered: Position, pauseMax: number, now: Now): Sending => ({
  pauseMax,
  mode: 'waiting',
  until: now.mono,
  failures: 0,
  delivered,
  held: [],
  sent: delivered,
  carried: 0,
  carriedSince: undefined,
  busy: undefined,
  more: false,
  reason: undefined,
});

/** `chance` is drawn for each event, in [0, 1). */
export function stepSending(s: Sending, event: SendingEvent, now: Now, chance: number): SendingEffect[] {
  const out: SendingEffect[] = [];
  if (s.mode === 'stopped') return out;
  switch (event.kind) {
    case 'connected':
      if (s.mode !== 'connecting') break;
      enter(s, 'open', undefined);
      s.more = true;
      break;
    case 'broken':
      fail(s, event.reason, now, chance, out);
      break;
    case 'ended':
      if (s.mode === 'ending') confirmed(s, now, out);
      else fail(s, 'it closed the connection', now, chance, out);
      break;
    case 'read':
      if (s.mode !== 'open') break;
      s.busy = undefined;
      if (event.bytes === 0) {
        // Nothing is left to send and the connection stands: that is all that can be wished.
        if (s.carried === 0) s.reason = undefined;
        s.until = confirmAt(s);
        break;
      }
      s.busy = 'writing';
      s.sent = event.to;
      s.carried += event.bytes;
      s.carriedSince ??= now.mono;
      s.until = after(now.mono, STALL_MS);
      out.push({ kind: 'write' });
      return out;
    case 'taken':
      if (s.mode !== 'open') break;
      s.busy = undefined;
      s.more = true; // whether there is shows the next reading
      s.until = confirmAt(s);
      break;
    case 'more':
      s.more = true;
      break;
    case 'tick':
      tick(s, now, chance, out);
      break;
    case 'stop':
      s.mode = 'stopped';
      s.until = undefined;
      out.push({ kind: 'drop' });
      return out;
    default:
      event satisfies never;
  }
  if (s.mode !== 'open' || s.busy !== undefined) return out;
  const due = confirmAt(s);
  if ((due !== undefined && now.mono >= due) || s.carried >= CONFIRM_BYTES) {
    enter(s, 'resting', after(now.mono, REST_MS));
  } else if (s.more) {
    s.more = false;
    s.busy = 'reading';
    s.until = undefined;
    out.push({ kind: 'read', from: s.sent });
  }
  return out;
}

const confirmAt = ({ carriedSince }: Sending): Mono | undefined =>
  carriedSince === undefined ? undefined : after(carriedSince, CONFIRM_MS);

/** When the machine wants a tick. */
export function sendingWakeAt(s: Sending): Mono | undefined {
  const held = s.held[0];
  return s.mode === 'stopped' ? undefined : earliest(s.until, held && after(held.at, HOLD_MS));
}

function tick(s: Sending, now: Now, chance: number, out: SendingEffect[]): void {
  let delivered: Position | undefined;
  for (let held = s.held[0]; held !== undefined && now.mono >= after(held.at, HOLD_MS); held = s.held[0]) {
    delivered = held.to;
    s.held.shift();
  }
  if (delivered !== undefined) {
    s.delivered = delivered;
    out.push({ kind: 'delivered', to: delivered });
  }
  if (s.until === undefined || now.mono < s.until) return;
  switch (s.mode) {
    case 'waiting':
      dial(s, now, out);
      return;
    case 'connecting':
      fail(s, `it did not answer within ${CONNECT_MS / 1000} s`, now, chance, out);
      return;
    case 'open':
      if (s.busy === 'writing') fail(s, `it took nothing for ${STALL_MS / 1000} s`, now, chance, out);
      return;
    case 'resting':
      enter(s, 'ending', after(now.mono, STALL_MS));
      out.push({ kind: 'end' });
      return;
    case 'ending':
      fail(
        s,
        `it did not close the connection within ${STALL_MS / 1000} s, so it may not have read it`,
        now,
        chance,
        out,
      );
      return;
    case 'stopped':
      return;
    default:
      s.mode satisfies never;
  }
}

function enter(s: Sending, mode: Mode, until: Mono | undefined): void {
  s.mode = mode;
  s.until = until;
}

function dial(s: Sending, now: Now, out: SendingEffect[]): void {
  enter(s, 'connecting', after(now.mono, CONNECT_MS));
  s.carried = 0;
  s.carriedSince = undefined;
  s.busy = undefined;
  out.push({ kind: 'dial' });
}

function confirmed(s: Sending, now: Now, out: SendingEffect[]): void {
  s.held.push({ at: now.mono, to: s.sent });
  s.failures = 0;
  s.reason = undefined;
  out.push({ kind: 'drop' });
  dial(s, now, out);
}

/** Back to what is delivered, and a pause: a tenth of the longest at first, doubled each time, with full jitter. */
function fail(s: Sending, reason: string, now: Now, chance: number, out: SendingEffect[]): void {
  if (s.mode === 'waiting') return;
  s.reason = reason;
  s.sent = s.delivered;
  s.held = [];
  s.carried = 0;
  s.carriedSince = undefined;
  s.busy = undefined;
  const most = Math.min(s.pauseMax, (s.pauseMax / 10) * 2 ** Math.min(s.failures++, 10));
  enter(s, 'waiting', after(now.mono, Math.max(1, chance * most)));
  out.push({ kind: 'drop' });
}
