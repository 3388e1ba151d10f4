/** The bounded queue in front of the writer. A call counts from its arrival until it is answered. */
import { type CsmError, code, type Problem, problem } from '@csm/model';
import type { CallText } from './engine.ts';

export interface Waiting {
  readonly call: CallText;
  resolve(output: string): void;
  reject(error: CsmError): void;
}

export interface QueueLimits {
  readonly queueCalls: number;
  readonly queueBytes: number;
}

export class CallQueue {
  readonly #limits: QueueLimits;
  /** A place in front of `#first` is empty: its call is no longer held here. */
  #waiting: (Waiting | undefined)[] = [];
  /** Where the queue begins: taking from the front moves this instead of the rest. */
  #first = 0;
  #running = new Map<number, Waiting>();
  #bytes = 0;
  #refused = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Calls waiting and running. */
  get calls(): number {
    return this.waiting + this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get refused(): number {
    return this.#refused;
  }

  /** Adds a call at the end; gives the problem when there is no room. */
  push(waiting: Waiting): Problem | undefined {
    const size = waiting.call.input.length;
    const { queueCalls, queueBytes } = this.#limits;
    let full: Problem | undefined;
    if (this.calls >= queueCalls) {
      const words = `the queue of the database is full: ${this.calls} calls wait`;
      full = problem(code.MEMORY, words, { field: 'queueCalls', allowed: `${queueCalls} calls` });
    } else if (this.#bytes + size > queueBytes) {
      const words = `the queue of the database holds ${this.#bytes} bytes, ${size} more are too many`;
      full = problem(code.MEMORY, words, { field: 'queueBytes', allowed: `${queueBytes} bytes` });
    }
    if (full !== undefined) {
      this.#refused += 1;
      return full;
    }
    this.#bytes += size;
    this.#waiting.push(waiting);
    return undefined;
  }

  /** The next calls to run, at least one if any waits, within both bounds. */
  take(maxCalls: number, maxBytes: number): readonly CallText[] {
    const taken: CallText[] = [];
    let bytes = 0;
    while (taken.length < maxCalls) {
      const next = this.#waiting[this.#first];
      if (next === undefined || (taken.length > 0 && bytes + next.call.input.length > maxBytes)) break;
      this.#waiting[this.#first] = undefined;
      this.#first += 1;
      bytes += next.call.input.length;
      taken.push(next.call);
      this.#running.set(next.call.id, next);
    }
    if (this.#first > 1_000 && this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return taken;
  }

  /** The call of this answer, which leaves the queue with it. */
  answered(id: number): Waiting | undefined {
    const waiting = this.#running.get(id);
    if (waiting === undefined) return undefined;
    this.#running.delete(id);
    this.#bytes -= waiting.call.input.length;
    return waiting;
  }

  /** Empties the queue: everything in it fails. */
  rejectAll(error: CsmError): void {
    const all = [...this.#running.values(), ...this.#waiting.slice(this.#first)];
    this.#running = new Map();
    this.#waiting = [];
    this.#first = 0;
    this.#bytes = 0;
    for (const waiting of all) waiting?.reject(error);
  }
}
