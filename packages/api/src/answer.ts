import { CsmError, code, type Json, type Problem } from '@csm/model';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Call, callKey, callSeconds, type Dispatch } from './call.ts';
import type { Visit } from './connections.ts';
import { ItemStream } from './item-stream.ts';
import type { Limits } from './limits.ts';
import type { Log } from './log.ts';
import { refusalOf, stackOf } from './refusal.ts';
import type { Caller, Grant } from './row.ts';
import type { ApiTable, TableRow } from './table.ts';

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
  const input = g.table.read(row, {
    path: request.params as { readonly [name: string]: string },
    query: request.query as { readonly [name: string]: string | readonly string[] },
    body: request.body,
  });
  if (!input.ok) throw new CsmError(input.error);
  const key = need(callKey(row, header(request, 'idempotency-key')));
  const seconds = need(callSeconds(row, header(request, 'csm-timeout'), limits.minimumTimeoutSeconds));
  const call = new Call(visit.trace, row, seconds);
  const stream =
    row.item === undefined ? undefined : new ItemStream(reply.raw, visit.trace, call.signal, limits.stallMs);
  visit.begin(call, stream !== undefined);
  const emit = (item: Json): Promise<void> =>
    stream === undefined ? Promise.reject(new TypeError(`${row.name} is no stream`)) : stream.emit(item);
  let result: Json | undefined;
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
    return send(reply, result);
  }
  if (failed !== undefined && !stream.begun) throw failed.thrown;
  reply.hijack();
  if (failed === undefined) stream.end();
  else stream.fail(streamProblem(g, failed.thrown));
  return reply;
}

function send(reply: FastifyReply, result: Json | undefined): FastifyReply {
  if (result === undefined) return reply.code(204).send();
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(result));
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
    code: outcome,
    ms: Math.round(ms),
    trace: visit.trace,
  };
  log[row.changes || row.access === 'privileged' ? 'info' : 'debug']('call', fields);
}
