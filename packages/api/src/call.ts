import {
  type Code,
  CsmError,
  code,
  type Json,
  type JsonFlow,
  type JsonObject,
  type Problem,
  problem,
} from '@csm/model';
import type { CallContext, Caller, Grant } from './row.ts';
import type { TableRow } from './table.ts';

/** What a call is answered with: a value, or its JSON where it is only passed on; undefined where it has no answer. */
export type CallAnswer = Json | JsonFlow | undefined;

/** Carries a call out: here, or by forwarding it. Must settle soon after `ctx.signal` fires. */
export type Dispatch = (row: TableRow, input: JsonObject, ctx: CallContext) => Promise<CallAnswer>;

/** Longest time a timer of Node can count, ms. */
const TIMER_MAX = 2_147_483_647;

/**
 * One call under way: its deadline and its signal. `abort` ends it early. Whoever waits gets the reason at once, also
 * when the handler is slow to notice; `settled` tells when the handler itself is through.
 */
export class Call {
  readonly trace: string;
  readonly #controller = new AbortController();
  readonly #deadline: number;
  readonly #timer: NodeJS.Timeout | undefined;

  /** `seconds` 0 is without limit. */
  constructor(trace: string, row: TableRow, seconds: number) {
    this.trace = trace;
    this.#deadline = seconds === 0 ? Infinity : performance.now() + seconds * 1000;
    if (seconds === 0) return;
    const late = problem(code.TIMEOUT, `${row.name} did not end within ${seconds} s`, { trace });
    this.#timer = setTimeout(() => this.abort(late), Math.min(seconds * 1000, TIMER_MAX));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the call with a reason; the first reason stays. */
  abort(reason: Problem): void {
    this.#controller.abort(new CsmError(reason));
  }

  remaining(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  /** Runs the handler; rejects with the reason of an abort as soon as it comes. */
  async run(
    dispatch: Dispatch,
    row: TableRow,
    input: JsonObject,
    who: { readonly caller: Caller; readonly grant: Grant; readonly key: string | undefined },
    emit: (item: Json) => Promise<void>,
    settled: () => void,
  ): Promise<CallAnswer> {
    const ctx: CallContext = {
      caller: who.caller,
      grant: who.grant,
      trace: this.trace,
      signal: this.signal,
      remaining: () => this.remaining(),
      ...(who.key === undefined ? {} : { idempotencyKey: who.key }),
      emit,
    };
    try {
      return await new Promise<CallAnswer>((resolve, reject) => {
        const aborted = (): void => reject(this.signal.reason as CsmError);
        if (this.signal.aborted) aborted();
        this.signal.addEventListener('abort', aborted, { once: true });
        // An async wrapper also catches a handler that throws before it returns its promise.
        const work = (async () => dispatch(row, input, ctx))();
        work.then(resolve, reject).finally(settled).catch(reject);
      });
    } finally {
      clearTimeout(this.#timer);
    }
  }
}

/** How long a call may take: what the client asks for, between the least allowed and `most`. */
export function callSeconds(most: number, header: string | undefined, minimum: number): number | Problem {
  if (header === undefined) return most;
  const asked = /^\d{1,9}(?:\.\d{1,3})?$/.test(header) ? Number(header) : Number.NaN;
  if (!(asked > 0)) {
    const top = most === 0 ? '' : ` to ${most}`;
    const allowed = `seconds, ${minimum}${top}`;
    const given = JSON.stringify(header.slice(0, 40));
    return problem(code.INVALID_PARAMETER, `CSM-Timeout is ${given}; allowed is a number of ${allowed}`, {
      field: 'CSM-Timeout',
      allowed,
    });
  }
  return Math.max(minimum, most === 0 ? asked : Math.min(asked, most));
}

const KEY = /^[\x21-\x7e]{1,128}$/;

/** The Idempotency-Key of a changing call; other calls have none. */
export function callKey(row: TableRow, header: string | undefined): string | undefined | Problem {
  if (header === undefined || !row.changes) return undefined;
  if (KEY.test(header)) return header;
  const allowed = '1 to 128 visible ASCII characters';
  const wrong: Code = code.INVALID_PARAMETER;
  return problem(wrong, `the Idempotency-Key is not ${allowed}`, { field: 'Idempotency-Key', allowed });
}
