/** How a streamed answer reaches its client. What it tells is the same over lines, events and WebSocket messages. */
import { CsmError, code, isObject, type Json, type Problem, problem } from '@csm/model';

export interface Carrier {
  /** Something was sent: a problem can no longer be answered with a status of its own. */
  readonly begun: boolean;
  /** Sends one item; resolves when there is room for the next. Rejects with the reason when the call is over. */
  emit(item: Json): Promise<void>;
  /** The last words: all items were sent, or why not. */
  end(): void;
  fail(p: Problem): void;
}

/** What a carrier needs to know of its call. */
export interface Carried {
  readonly trace: string;
  readonly signal: AbortSignal;
  /** Milliseconds a client may leave an answer unread. */
  readonly stallMs: number;
  /** Milliseconds between two signs of life where there is nothing else to say. */
  readonly idleMs: number;
  /** Ends the call for what its client does, or does not do. */
  readonly over: (reason: Problem) => void;
}

/** Bytes that may wait in one answer when a handler does not await `emit`. */
const WAITING_MAX = 4 * 1024 * 1024;
/** Milliseconds a client that was cut off has to read why. */
export const LAST_WORDS_MS = 5_000;

/** An item as JSON. Throws what is wrong with it, or that too much is waiting. */
export function itemText(item: Json, waiting: number): string {
  if (isObject(item) && ('end' in item || 'problem' in item)) {
    throw new TypeError('an item of a stream must not have the field end or problem');
  }
  if (waiting > WAITING_MAX) {
    throw new CsmError(problem(code.MEMORY, 'the answer is produced faster than the client reads it'));
  }
  const text = JSON.stringify(item);
  if (text === undefined) throw new TypeError('an item of a stream must be JSON');
  return text;
}

export const stalled = (ms: number): Problem =>
  problem(code.TIMEOUT, `the client read nothing for ${ms / 1000} s and is cut off`);
