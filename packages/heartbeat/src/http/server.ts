/**
 * The HTTP door of the service, on Node's own server: a fast path for heartbeats, one table of routes for all else.
 * While this process does not lead it has no service: requests go on to the leader.
 *
 * | it is…  | enters                     | answers                                                                 |
 * |---------|----------------------------|-------------------------------------------------------------------------|
 * | waiting | made, or `serve(undefined)` | liveness, readiness, figures, the document; all else goes to the leader, |
 * |         |                            | or is refused with 503 while none is known                              |
 * | serving | `serve(service)`           | everything itself                                                       |
 * | closing | `close()`                  | what is under way; streams are ended                                    |
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createMetrics } from '@csm/kit';
import { CsmError, code, fail, problem, type Wall, wall } from '@csm/model';
import type { Log } from '../ports.ts';
import type { ServicePort } from '../types.ts';
import { Beats, HEARTBEAT } from './beats.ts';
import { Events } from './events.ts';
import { beatPath, type FastPath, takeBeat } from './fast.ts';
import { addFigures } from './figures.ts';
import { createForwarder } from './forward.ts';
import { garbage } from './garbage.ts';
import { factsOf, type Peer, type PeerFacts, peerOf } from './identity.ts';
import { DOOR_LIMITS, type DoorLimits } from './limits.ts';
import { openApiDocument } from './openapi.ts';
import type { RecordsPort } from './records.ts';
import type { Route, Schema } from './route.ts';
import { Router } from './router.ts';
import { componentRoutes } from './routes-components.ts';
import { hbtdRoutes } from './routes-hbtd.ts';
import { selfRoutes } from './routes-self.ts';
import { contextOf, type DoorTls, serverTls } from './tls.ts';
import { Together } from './together.ts';
import { Visits } from './visit.ts';

/** Milliseconds between two log lines about connections that found no room. */
const FULL_LOG_MS = 60_000;
/** Of the connections: from there on each is closed behind its answer, so that others find room. */
const CROWDED = 0.75;
/** At the end, how often connections are looked for whose last answer is out, ms. */
const IDLE_MS = 50;
const NONE: Peer = { kind: 'none' };

export type { DoorTls } from './tls.ts';

export interface HeartbeatServerOptions {
  /** Without a host: all addresses, IPv4 and IPv6. Port 0 takes a free one. */
  readonly listen: { readonly host?: string; readonly port: number };
  readonly tls?: DoorTls;
  readonly limits?: Partial<DoorLimits>;
  readonly log: Log;
  readonly records: RecordsPort;
  /** Of other rooms, such as the state manager. */
  readonly routes?: readonly Route[];
  /** Where the process listens that leads, such as `http://host:28500`, while this one does not; undefined: unknown. */
  readonly leader?: () => string | undefined;
  /** For the dates of certificates. */
  readonly wallNow?: () => Wall;
}

export interface HeartbeatServer {
  /** Resolves when it listens. Rejects with code 9 where it cannot, such as on a port in use (field `listen.port`). */
  listen(): Promise<void>;
  /** From now on requests are for this service; undefined: for the leader. */
  serve(service: ServicePort | undefined): void;
  /** Such as `http://127.0.0.1:28500`, by the loopback where it listens on all addresses. Only while it listens. */
  readonly url: string;
  readonly port: number;
  /** For connections that come then. */
  renewTls(tls: Pick<DoorTls, 'cert' | 'key' | 'ca'>): void;
  readonly routes: readonly Route[];
  /** The table of routes as an OpenAPI document. */
  readonly document: Schema;
  /** Ends streams, lets what is under way be answered for a while, closes. */
  close(): Promise<void>;
}

export function createHeartbeatServer(options: HeartbeatServerOptions): HeartbeatServer {
  const { tls, log, records, leader = () => undefined, wallNow = () => wall(Date.now()) } = options;
  const limits: DoorLimits = { ...DOOR_LIMITS, ...options.limits };
  const identity = tls?.identity ?? 'none';
  let current: ServicePort | undefined;
  const service = (): ServicePort => current ?? fail(code.NOT_INITIALIZED, 'this process does not lead any more');

  const beats = new Beats({ identity, log, batchBeats: limits.batchBeats });
  const events = new Events(records, limits);
  const metrics = createMetrics();
  const routes: readonly Route[] = [
    ...hbtdRoutes(service, beats),
    ...componentRoutes(service, beats, records),
    events.route(),
    ...selfRoutes(metrics, () => document),
    ...(options.routes ?? []),
  ];
  const document = openApiDocument(routes);
  const forwarder = createForwarder(tls, limits.requestTimeoutMs);
  const certificates = new WeakMap<Socket, PeerFacts>();
  const peerAt = ({ socket }: IncomingMessage): Peer =>
    identity === 'none' ? NONE : peerOf(certificates.get(socket), wallNow());
  const visits = new Visits({
    router: new Router(routes),
    limits,
    identity,
    log,
    forwarder,
    leads: () => current !== undefined,
    leader,
    peerOf: peerAt,
  });

  const fast: FastPath = {
    bodyBytes: limits.bodyBytes,
    together: new Together(),
    judge(request, text, name) {
      try {
        return beats.take(service(), text, name, peerAt(request));
      } catch (error) {
        return visits.failed(HEARTBEAT, error);
      }
    },
    refused: (response, answer) => void visits.answer(response, answer),
    tooLarge: (request, response) => visits.tooLarge(request, response, HEARTBEAT, limits.bodyBytes),
  };

  const sockets = new Set<Socket>();
  let isClosing = false;
  const crowd = limits.connections * CROWDED;
  addFigures(
    metrics,
    () => current,
    () => ({
      beats: beats.counts,
      answers: visits.answers,
      connections: sockets.size,
      streams: events.stats,
      forwarded: visits.forwarded,
    }),
  );

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (isClosing || sockets.size > crowd) response.shouldKeepAlive = false;
    if (current !== undefined && request.method === 'POST') {
      const name = beatPath(request.url ?? '');
      if (name !== undefined) {
        takeBeat(fast, request, response, name === '' ? undefined : name);
        return;
      }
    }
    void visits.take(request, response);
  }

  const server = makeServer(limits, tls, onRequest);
  // Who asks before he sends a body is answered by the route, and never needs the fast path.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (isClosing) response.shouldKeepAlive = false;
    void visits.take(request, response);
  });
  server.on('clientError', garbage);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
    });
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const facts = identity === 'none' ? undefined : factsOf(socket);
    if (facts !== undefined) certificates.set(socket, facts);
  });
  let fullLoggedAt = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    const now = performance.now();
    if (now - fullLoggedAt < FULL_LOG_MS) return;
    fullLoggedAt = now;
    log.warn('a connection was closed at once: there are too many', { limit: limits.connections });
  });

  const bound = (): AddressInfo => {
    const address = server.address();
    return typeof address === 'object' && address !== null
      ? address
      : fail(code.NOT_INITIALIZED, 'the heartbeat service does not listen');
  };

  return {
    routes,
    document,
    serve(next) {
      current = next;
      if (next !== undefined) forwarder.led(undefined);
    },
    get port() {
      return bound().port;
    },
    get url() {
      const { address, port, family } = bound();
      const host = family === 'IPv6' ? `[${address}]` : address;
      const isAny = address === '::' || address === '0.0.0.0';
      return `${tls === undefined ? 'http' : 'https'}://${isAny ? '127.0.0.1' : host}:${port}`;
    },
    renewTls(next) {
      if (tls !== undefined) (server as HttpsServer).setSecureContext(contextOf(next));
    },
    listen: () =>
      new Promise((resolve, reject) => {
        const { host, port } = options.listen;
        const onError = (error: NodeJS.ErrnoException): void => reject(cannotListen(host, port, error));
        server.once('error', onError);
        server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
          server.off('error', onError);
          server.on('error', (error: Error) => log.error('the listener for heartbeats failed', { error }));
          resolve();
        });
      }),
    async close() {
      if (isClosing) return;
      isClosing = true;
      const closed = new Promise<void>((resolve) => {
        if (server.listening) server.close(() => resolve());
        else resolve();
      });
      visits.close();
      // One that has never said anything is not idle in Node's eyes.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_MS);
      const patience = setTimeout(() => server.closeAllConnections(), limits.closeMs);
      await closed;
      clearInterval(idle);
      clearTimeout(patience);
      forwarder.close();
      metrics.close();
    },
  };
}

function makeServer(
  limits: DoorLimits,
  tls: DoorTls | undefined,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server | HttpsServer {
  const http = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
  };
  const server =
    tls === undefined ? createServer(http, onRequest) : createTlsServer({ ...http, ...serverTls(tls) }, onRequest);
  server.timeout = limits.idleMs;
  server.maxConnections = limits.connections;
  return server;
}

function cannotListen(host: string | undefined, port: number, error: NodeJS.ErrnoException): CsmError {
  const { code: errno = error.message } = error;
  const where = host === undefined ? `port ${port}` : `${host} port ${port}`;
  const why = errno === 'EADDRINUSE' ? 'another program listens there (EADDRINUSE)' : errno;
  const field = errno === 'EADDRINUSE' || errno === 'EACCES' ? 'listen.port' : 'listen.host';
  const words = `cannot listen for heartbeats on ${where}: ${why}`;
  return new CsmError(problem(code.INVALID_PARAMETER, words, { field }), { cause: error });
}
