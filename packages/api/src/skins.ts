/** Which of the forms of a stream a client asks for: lines, events, or the messages of a WebSocket. */
import { CsmError, code, problem } from '@csm/model';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import type { Carried, Carrier } from './carrier.ts';
import { accepts, EVENTS, NDJSON } from './framing.ts';
import { ItemStream } from './item-stream.ts';
import { foreignOrigin } from './origin.ts';
import { asJsonSchema } from './schema.ts';
import { HttpRefusal } from './status.ts';
import type { TableRow } from './table.ts';
import type { Upgrade } from './upgrades.ts';
import { WebSocketStream } from './websocket-stream.ts';

type Query = { readonly [name: string]: string | readonly string[] };

const wantsEvents = (request: FastifyRequest): boolean => accepts(request.headers.accept, EVENTS.type);

/** Throws what is wrong with asking for this call as a stream; before anything of it is done. */
export function checkSkin(row: TableRow, request: FastifyRequest, upgrade: Upgrade | undefined): void {
  if (row.item === undefined) {
    if (upgrade === undefined) return;
    const p = problem(code.INVALID_PARAMETER, `${row.name} answers once, and not over a WebSocket`, {
      field: 'Upgrade',
      allowed: 'a call that answers with a stream',
    });
    throw new HttpRefusal(p, 400);
  }
  const foreign = upgrade !== undefined || wantsEvents(request) ? foreignOrigin(request.headers) : undefined;
  if (foreign !== undefined) throw new CsmError(foreign);
}

/**
 * The query of a request. A browser whose connection broke comes back to the same URL and tells the last event it had:
 * that one counts, where items are numbered and `since` is a number to go on from.
 */
export function queryOf(row: TableRow, request: FastifyRequest): Query {
  const query = request.query as Query;
  const last = request.headers['last-event-id'];
  const isNumbered = row.item !== undefined && asJsonSchema(row.item).properties?.['seq'] !== undefined;
  if (!isNumbered || typeof last !== 'string' || last === '' || !wantsEvents(request)) return query;
  return asJsonSchema(row.input).properties?.['since'] === undefined ? query : { ...query, since: last };
}

/** Opens the WebSocket that was asked for. Throws an `HttpRefusal` for an upgrade that is none. */
export async function openWebSocket(reply: FastifyReply, upgrade: Upgrade | undefined): Promise<WebSocket | undefined> {
  if (upgrade === undefined) return undefined;
  const ws = await upgrade.accept(reply.raw);
  reply.hijack();
  return ws;
}

/** The stream in its client's form. */
export function carrierOf(
  request: FastifyRequest,
  reply: FastifyReply,
  ws: WebSocket | undefined,
  carried: Carried,
): Carrier {
  if (ws !== undefined) return new WebSocketStream(ws, carried);
  return new ItemStream(reply.raw, carried, wantsEvents(request) ? EVENTS : NDJSON);
}
