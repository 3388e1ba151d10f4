/** Calls at both ends: from the local socket into the tree, and at the master from the tree to their handlers. */
import { randomUUID } from 'node:crypto';
import {
  type ApiTable,
  type CallAnswer,
  type CallContext,
  type Caller,
  type Dispatch,
  decide,
  type Handler,
  type Policy,
} from '@csm/api';
import type { Guard } from '@csm/feature';
import {
  CsmError,
  code,
  fail,
  type Json,
  JsonFlow,
  type JsonObject,
  JsonPages,
  type Problem,
  problem,
  toProblem,
} from '@csm/model';
import { wireLength } from '@csm/protocol';
import type { LeafShell, Serve } from '@csm/tree';
import { AnswerFlow } from './answer-flow.ts';

/** What stands for "without limit", ms: ten years. */
const NO_LIMIT = 315_360_000_000;
/** A call goes in one frame; its caller and the rest need room beside the input. Bytes. */
const CALL_MAX = 128 * 1024;
const GROUPS_MAX = 64 * 1024;

/**
 * Sends every call up the tree; a long answer is passed on unread, each piece as it comes. `local` answers what the entry
 * daemon itself knows, and what is left without a master. `hopeless` tells which calls need not wait for one to be
 * found.
 */
export function entryDispatch(
  leaf: () => LeafShell,
  local: (name: string, answer: CallAnswer, fault?: CsmError) => Promise<Json | undefined>,
  hopeless: (name: string) => boolean,
): Dispatch {
  return async (row, input, ctx) => {
    try {
      if (hopeless(row.name)) fail(code.BAD_ADDRESS, 'no master is linked that leads');
      const ask = () => sendUp(leaf(), row.name, !row.changes, input, ctx);
      const answer = await ask();
      try {
        return (await local(row.name, answer)) ?? answer;
      } catch (error) {
        if (!(answer instanceof JsonFlow) || row.changes) throw error;
        // It broke off while it was read here: nobody has seen any of it.
        const again = await ask();
        return (await local(row.name, again)) ?? again;
      }
    } catch (error) {
      const instead = error instanceof CsmError ? await local(row.name, undefined, error) : undefined;
      if (instead === undefined) throw error;
      return instead;
    }
  };
}

function sendUp(
  leaf: LeafShell,
  call: string,
  isRead: boolean,
  input: JsonObject,
  ctx: CallContext,
): Promise<CallAnswer> {
  const { caller, trace, idempotencyKey: key } = ctx;
  const bytes = wireLength(JSON.stringify(input));
  if (bytes > CALL_MAX) {
    fail(code.BUFFER_OVERFLOW, `the input of ${call} has ${bytes} bytes on the wire`, {
      allowed: `at most ${CALL_MAX}`,
    });
  }
  return new Promise((resolve, reject) => {
    const order = {
      id: randomUUID(),
      call,
      input,
      trace,
      within: Math.min(ctx.remaining(), NO_LIMIT),
      repeatable: isRead || key !== undefined,
      caller: {
        ...caller,
        groups: fitting(caller.groups),
      },
      ...(key === undefined ? {} : { key }),
    };
    // One after the other: what comes while an item waits for room must not overtake it, nor may the end.
    let emitted = Promise.resolve();
    /** There once a piece of the answer has come. */
    let flow: AnswerFlow | undefined;
    const cancel = leaf.call(order, {
      items: (items) => {
        emitted = emitted.then(async () => {
          for (const item of items) await ctx.emit(item as Json);
        });
        // Nobody takes the rest; whoever waits for the call must not wait for ever.
        emitted.catch(failed);
        return emitted;
      },
      piece: (text) => {
        if (flow === undefined) {
          flow = new AnswerFlow(cancel);
          resolve(new JsonFlow(flow));
        }
        flow.add(text);
      },
      ended: ({ answer, problem: p }) => {
        const end = emitted.then(() => {
          ctx.signal.removeEventListener('abort', aborted);
          const error = p === undefined ? undefined : new CsmError(p);
          flow?.end(error);
          if (error !== undefined) reject(error);
          else resolve(answer as Json | undefined);
        });
        end.catch(failed);
      },
    });
    function failed(error: unknown): void {
      ctx.signal.removeEventListener('abort', aborted);
      reject(error);
    }
    function aborted(): void {
      cancel();
      flow?.end(ctx.signal.reason);
      reject(ctx.signal.reason);
    }
    ctx.signal.addEventListener('abort', aborted, { once: true });
    if (ctx.signal.aborted) aborted();
  });
}

/** As many groups as a frame has room for; a user of more than that is rare, and loses rights, never gains any. */
function fitting(groups: readonly string[]): string[] {
  let bytes = 0;
  return groups.slice(0, 1024).filter((group) => {
    bytes += wireLength(JSON.stringify(group)) + 1;
    return bytes <= GROUPS_MAX;
  });
}

/**
 * The master's end: who calls is checked again, and so is the input, since a hop may have been forged. What changes
 * something, needs privilege or is refused is told to the guard.
 */
export function masterServe(
  table: ApiTable,
  handlers: ReadonlyMap<string, Handler<never>>,
  policy: () => Policy,
  guard?: Guard,
): Serve {
  return async (call, served) => {
    const row = table.row(call.call);
    const handler = handlers.get(call.call);
    if (row === undefined || handler === undefined) throw new CsmError(table.unknownCall(call.call));
    const now = policy();
    const caller = callerOf(call.caller);
    const guarded = { row, access: now.classOf(row), caller, input: call.input, trace: call.trace };
    const refuse = (refusal: Problem): never => {
      guard?.refused(guarded, refusal);
      throw new CsmError(refusal);
    };
    const grant = decide(row, caller, now);
    if (typeof grant !== 'string') return refuse(grant);
    const wrongToken = guard === undefined ? noGuard(caller) : guard.judge(guarded);
    if (wrongToken !== undefined) return refuse(wrongToken);
    const input = table.validate(call.call, call.input);
    if (!input.ok) return refuse(input.error);
    const ending = new AbortController();
    // Before anything is awaited: a token may be revoked while the row of the record is written.
    const unwatch = guard?.watch(caller, (gone) => ending.abort(new CsmError(gone)));
    const context: CallContext = {
      caller,
      grant,
      trace: call.trace,
      signal: caller.token === undefined ? served.signal : AbortSignal.any([served.signal, ending.signal]),
      remaining: () => served.remaining(),
      emit: (item, bytes) => served.emit(item, bytes),
      ...(call.key === undefined ? {} : { idempotencyKey: call.key }),
    };
    let ended: ((outcome: Problem | undefined) => void) | undefined;
    let isWritten = true;
    const failed = (error: unknown): void => {
      const why = toProblem(error);
      if (ended !== undefined) ended(why);
      else if (why.code === code.PERMISSION) guard?.refused(guarded, why);
    };
    /** It is over when its last page is given, and until then a token may be revoked. */
    const watched = (pages: JsonPages) =>
      new JsonPages(async (take) => {
        try {
          await pages.write((items) => {
            ending.signal.throwIfAborted();
            take(items);
          });
          ended?.(undefined);
        } catch (error) {
          failed(error);
          throw error;
        } finally {
          unwatch?.();
        }
      });
    try {
      if (row.changes || guarded.access === 'privileged') ended = await guard?.begin(guarded);
      ending.signal.throwIfAborted();
      const answer = await handler(input.value as never, context);
      // What has changed something has done so, whatever became of the token meanwhile: the record must not deny it.
      if (!row.changes) ending.signal.throwIfAborted();
      if (answer instanceof JsonPages) {
        isWritten = false;
        return watched(answer);
      }
      ended?.(undefined);
      return answer;
    } catch (error) {
      failed(error);
      throw error;
    } finally {
      if (isWritten) unwatch?.();
    }
  };
}

/** Without its optional fields where the wire had none. */
function callerOf({ via, token, ...rest }: Parameters<Serve>[0]['caller']): Caller {
  return { ...rest, ...(via === undefined ? {} : { via }), ...(token === undefined ? {} : { token }) };
}

/** A master without the access feature knows no tokens. */
const noGuard = ({ via, token }: Caller): Problem | undefined =>
  via === 'token' || token !== undefined ? problem(code.PERMISSION, 'this master knows no tokens') : undefined;

/** A master that has no tree yet. */
export const notReady = (): never => fail(code.NOT_INITIALIZED, 'the master has only just started');
