import { Readable } from 'node:stream';
import { CsmError, code, type Json, JsonFlow, type Problem } from '@csm/model';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Call, type CallAnswer, callKey, callSeconds, type Dispatch } from './call.ts';
import type { Visit } from './connections.ts';
import type { Limits } from './limits.ts';
import type { Log } from './log.ts';
import { refusalOf, stackOf } from './refusal.ts';
import type { Access, Caller, Grant } from './row.ts';
import { carrierOf, checkSkin, openWebSocket, queryOf } from './skins.ts';
import type { ApiTable, TableRow } from './table.ts';
import type { Upgrade } from './upgrades.ts';

/** What a call that passed the access check needs to be carried out. */
export interface Granted {
  readonly table: ApiTable;
  readonly row: TableRow;
  readonly caller: Caller;
  readonly grant: Grant;
  readonly dispatch: Dispatch;
  readonly log: Log;
  readonly visit: Visit;
  readonly limits: Limits;
  /** Seconds the call may take at this daemon; 0 is without limit. */
  readonly seconds: number;
  /** Its class here. */
  readonly access: Access;
  /** The client wants the answer over a WebSocket. */
  readonly upgrade: Upgrade | undefined;
}

const header = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
};

/** A problem becomes an exception; anything else passes. */
function need<T extends string | number | undefined>(value: T | Problem): T {
  if (typeof value === 'object') throw new CsmError(value);
  return value;
}

/** Reads the input, runs the call and answers it. Throws what was wrong as long as nothing has been sent. */
export async function answer(g: Granted, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { row, visit, limits, log } = g;
  const started = performance.now();
  checkSkin(row, request, g.upgrade);
  const input = g.table.read(row, {
    path: request.params as { readonly [name: string]: string },
    query: queryOf(row, request),
    body: request.body,
  });
  if (!input.ok) throw new CsmError(input.error);
  const key = need(callKey(row, header(request, 'idempotency-key')));
  const asked = header(request, 'csm-timeout');
  const seconds = need(callSeconds(g.seconds, asked, limits.minimumTimeoutSeconds));
  if (asked === undefined && g.upgrade === undefined) tellSeconds(row, seconds, request, reply);
  const ws = await openWebSocket(reply, g.upgrade);
  const call = new Call(visit.trace, row, seconds);
  const { trace } = visit;
  const over = (reason: Problem): void => call.abort(reason);
  const { stallMs, idleMs } = limits;
  const stream =
    row.item === undefined
      ? undefined
      : carrierOf(request, reply, ws, { trace, signal: call.signal, stallMs, idleMs, over });
  visit.begin(call, stream !== undefined);
  const emit = (item: Json): Promise<void> =>
    stream === undefined ? Promise.reject(new TypeError(`${row.name} is no stream`)) : stream.emit(item);
  let result: CallAnswer;
  let failed: { readonly thrown: unknown } | undefined;
  try {
    result = await call.run(g.dispatch, row, input.value, { caller: g.caller, grant: g.grant, key }, emit, () =>
      visit.drop(),
    );
  } catch (thrown) {
    failed = { thrown };
  }
  record(g, log, failed?.thrown, performance.now() - started);
  if (stream === undefined) {
    if (failed !== undefined) throw failed.thrown;
    return send(g, reply, result);
  }
  if (failed !== undefined && !stream.begun) throw failed.thrown;
  reply.hijack();
  if (failed === undefined) stream.end();
  else stream.fail(streamProblem(g, failed.thrown));
  return reply;
}

/**
 * A client counts on the time of the table. Where this daemon gives more, it is told so at once (RFC 8297), so that
 * it does not give up before the daemon does.
 */
function tellSeconds(row: TableRow, seconds: number, request: FastifyRequest, reply: FastifyReply): void {
  if (seconds <= row.timeoutSeconds || row.timeoutSeconds === 0 || request.raw.httpVersion === '1.0') return;
  reply.raw.writeEarlyHints({ link: '</csm/v1/>; rel=index', 'csm-timeout': String(seconds) });
}

function send(g: Granted, reply: FastifyReply, result: CallAnswer): FastifyReply {
  if (result === undefined) return reply.code(204).send();
  const body = result instanceof JsonFlow ? Readable.from(bytesOf(g, result, reply)) : JSON.stringify(result);
  return reply.type('application/json; charset=utf-8').send(body);
}

/** What breaks off behind its first part closes the connection: nobody takes such an answer for a whole one. */
async function* bytesOf(
  { row, visit, log }: Granted,
  flow: JsonFlow,
  { raw }: FastifyReply,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* flow.parts;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    // A client that has left had its reasons.
    if (!raw.destroyed) log.warn('an answer broke off', { call: row.name, trace: visit.trace, why });
    throw error;
  }
}

function streamProblem(g: Granted, thrown: unknown): Problem {
  const { problem, unexpected } = refusalOf(thrown, g.visit.trace, g.limits.bodyBytes);
  if (unexpected !== undefined) {
    const stack = stackOf(unexpected);
    g.log.error('a stream failed unexpectedly', { call: g.row.name, trace: g.visit.trace, stack });
  }
  return problem;
}

/** Who did what: calls that change something or need privilege at `info`, others at `debug`. */
function record(g: Granted, log: Log, thrown: unknown, ms: number): void {
  const { row, caller, visit } = g;
  const outcome = thrown === undefined ? code.SUCCESS : thrown instanceof CsmError ? thrown.code : code.GENERIC;
  const fields = {
    call: row.name,
    user: caller.user,
    uid: caller.uid,
    pid: caller.pid,
    ...(caller.via === undefined ? {} : { via: caller.via, token: caller.token }),
    code: outcome,
    ms: Math.round(ms),
    trace: visit.trace,
  };
  log[row.changes || g.access === 'privileged' ? 'info' : 'debug']('call', fields);
}
