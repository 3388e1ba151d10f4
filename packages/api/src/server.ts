import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import type { ServerOptions as HttpsServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { CsmError, code, daemonId, fail, type JsonObject, type Problem, problem, type Role } from '@csm/model';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { decide, type Policy } from './access.ts';
import { freeSocketPath } from './address.ts';
import { answer } from './answer.ts';
import { API_VERSION, VERSION_HEADER, versionProblem } from './api-version.ts';
import { BodyRoom, bodySize, parseBody, swallow } from './body.ts';
import { Buckets } from './buckets.ts';
import type { Dispatch } from './call.ts';
import { Connections, type ServerStats, Visit } from './connections.ts';
import { type Door, type Known, localDoor } from './door.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import type { Log } from './log.ts';
import { openApi } from './openapi.ts';
import { foreignOrigin } from './origin.ts';
import { endWithRefusal, refusalOf, stackOf } from './refusal.ts';
import type { Access, Caller, Grant } from './row.ts';
import { scopeFault } from './scope.ts';
import { FailedProof, HttpRefusal, PROBLEM_TYPE, problemBody } from './status.ts';
import type { ApiTable, TableRow } from './table.ts';
import { Upgrades } from './upgrades.ts';

/** A call that was turned away at the door. */
export interface RefusedCall {
  /** Undefined where nobody proved who calls. */
  readonly caller: Caller | undefined;
  readonly call: string;
  readonly problem: Problem;
}

/** What every listener of a daemon has in common. */
export interface ServeOptions {
  readonly table: ApiTable;
  /** This daemon; it vouches for its callers. */
  readonly self: { readonly role: Role; readonly node: string };
  readonly version: string;
  /** Who is privileged, and the class of each call; a function when it may change. */
  readonly policy: Policy | (() => Policy);
  /** Seconds a call may take here; default what the table says. 0 is without limit. */
  readonly secondsOf?: (row: TableRow) => number;
  /** Carries out every call that passed the access check and the check of its input. */
  readonly dispatch: Dispatch;
  readonly log: Log;
  /** Hears of every call that its caller may not make, and of every proof of who calls that does not hold. */
  readonly onRefused?: (refused: RefusedCall) => void;
  /** More for `GET /csm/v1/`, such as whether the daemon is degraded. */
  readonly info?: () => JsonObject;
  readonly limits?: Partial<Limits>;
}

export interface ServerOptions extends ServeOptions {
  /** At most 100 bytes. */
  readonly socketPath: string;
  /** Permissions of the socket, default 0o666: who may do what is decided by call, not by file mode. */
  readonly socketMode?: number;
}

export interface ApiServer {
  /** Listens. Throws code 9 when the path or the port is taken, or cannot be used. */
  listen(): Promise<void>;
  /** Takes new certificates, and ends the calls of callers whose proof holds no more. */
  recheck(): void;
  /**
   * Ends streams at once, gives other calls under way `graceMs` (default 1 s) to end, then aborts them; closes every
   * connection and stops listening.
   */
  close(graceMs?: number): Promise<void>;
  stats(): ServerStats;
  /** Every route as `METHOD path`, as the HTTP router has it. */
  routes(): readonly string[];
}

/** Refusals of one user and call that are warnings in the log at once; one more is so each minute. */
const REFUSALS_TOLD = 10;
/** Milliseconds for aborted calls to send their last words. */
const LAST_WORDS_MS = 250;
/** A path parameter may be a node set; the bound on headers bounds it too. */
const PARAMETER_MAX = 8_192;
/**
 * The table checks what comes in, and answers are made here, so no route gives fastify a schema. Told so, it does not
 * load its compilers: 4 MiB of a daemon's memory.
 */
const noSchemas = (): never => {
  throw new Error('a route gave fastify a schema; rows of the API table have theirs checked by the table');
};

/** What tells one listener from another. */
export interface Front {
  readonly door: Door;
  /** With it TLS is spoken. */
  readonly tls?: HttpsServerOptions;
  /** The event of the server that brings a connection on which requests may come. */
  readonly opens: 'connection' | 'secureConnection';
  listen(app: FastifyInstance, backlog: number): Promise<void>;
  recheck?(server: Server): void;
}

/** The HTTP server of one daemon, over a unix socket. Nothing happens before `listen`. */
export function createServer(options: ServerOptions): ApiServer {
  const { socketPath, socketMode = 0o666, self, log } = options;
  return new HttpServer(options, {
    door: localDoor(daemonId(self.role, self.node)),
    opens: 'connection',
    async listen(app, backlog) {
      await freeSocketPath(socketPath);
      try {
        await app.listen({ path: socketPath, backlog });
        await chmod(socketPath, socketMode);
      } catch (error) {
        await app.close();
        const why = (error as NodeJS.ErrnoException).code ?? String(error);
        fail(code.INVALID_PARAMETER, `cannot listen on the socket ${socketPath}: ${why}`, { field: 'socket' });
      }
      log.info('API listens', { socket: socketPath });
    },
  });
}

/** One request that has its place. */
interface Arrival {
  readonly visit: Visit;
  known?: Known;
}

/** The routes of the table behind one listener. */
export class HttpServer implements ApiServer {
  readonly #options: ServeOptions;
  readonly #front: Front;
  readonly #limits: Limits;
  readonly #connections: Connections;
  readonly #app: FastifyInstance;
  readonly #routes: string[] = [];
  readonly #arrivals = new WeakMap<IncomingMessage, Arrival>();
  readonly #bodies: BodyRoom;
  /** Refusals of one user and call that are worth a warning. */
  readonly #told = new Buckets(REFUSALS_TOLD, 60_000, 1_024);
  readonly #upgrades = new Upgrades((req, res) => this.#app.routing(req, res));
  #closing: Promise<void> | undefined;

  constructor(options: ServeOptions, front: Front) {
    this.#options = options;
    this.#front = front;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#bodies = new BodyRoom(Math.max(this.#limits.bodiesBytes, this.#limits.bodyBytes));
    this.#connections = new Connections(front.door, this.#limits, options.log);
    this.#app = this.#build();
    const server: Server = this.#app.server;
    server.on(front.opens, (socket: Socket) => this.#connections.open(socket));
    server.on('upgrade', (req, socket, head) => this.#upgrades.take(req, socket as Socket, head));
    // What comes over the soft bounds is told so; this one only guards the process.
    server.maxConnections = this.#limits.connections + 128;
    server.on('drop', () => this.#connections.dropped());
  }

  stats(): ServerStats {
    return this.#connections.stats();
  }

  routes(): readonly string[] {
    return this.#routes;
  }

  listen(): Promise<void> {
    return this.#front.listen(this.#app, this.#limits.connections);
  }

  recheck(): void {
    this.#front.recheck?.(this.#app.server);
    this.#connections.recheck();
  }

  close(graceMs = 1_000): Promise<void> {
    this.#closing ??= this.#stop(graceMs);
    return this.#closing;
  }

  async #stop(graceMs: number): Promise<void> {
    const reason = problem(code.NOT_INITIALIZED, 'the daemon is stopping');
    this.#connections.abort(reason, true);
    await this.#connections.whenIdle(graceMs);
    this.#connections.abort(reason, false);
    await this.#connections.whenIdle(LAST_WORDS_MS);
    this.#upgrades.end();
    await this.#app.close();
  }

  #build(): FastifyInstance {
    const limits = this.#limits;
    const refuse = this.#refuse.bind(this);
    const http = {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkMs,
    };
    const { tls } = this.#front;
    const app = fastify({
      // The type of the server is told apart by the listener, never by its routes.
      ...((tls === undefined ? { http } : { https: { ...http, ...tls } }) as { readonly http: typeof http }),
      logger: false,
      bodyLimit: limits.bodyBytes,
      keepAliveTimeout: limits.keepAliveMs,
      requestTimeout: limits.requestTimeoutMs,
      exposeHeadRoutes: false,
      forceCloseConnections: true,
      return503OnClosing: false,
      requestIdHeader: false,
      genReqId: () => randomBytes(8).toString('hex'),
      routerOptions: { maxParamLength: PARAMETER_MAX },
      schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
      frameworkErrors: (error, request, reply) => {
        refuse(error, request as FastifyRequest, reply as FastifyReply);
      },
      clientErrorHandler: (error, socket) => this.#clientError(error, socket),
    });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
      try {
        done(null, parseBody(String(body), limits.bodyDepth));
      } catch (error) {
        done(error as Error);
      }
    });
    app.addHook('onRequest', (request, reply) => this.#arrive(request, reply));
    app.addHook('preParsing', async (request) => this.#makeRoom(request));
    app.addHook('onSend', async (request) => {
      // A client that leaves its answer unread is cut off; the next request sets the time-out of the socket anew.
      request.raw.socket.setTimeout(limits.stallMs);
    });
    app.addHook('onRoute', ({ method, url }) => {
      for (const m of [method].flat()) this.#routes.push(`${m} ${url}`);
    });
    app.setErrorHandler(async (error, request, reply) => {
      if (reply.request.raw.readable && refusalOf(error, request.id, limits.bodyBytes).status === 413) {
        await swallow(request.raw, limits.bodyBytes);
        reply.removeHeader('connection');
      }
      return refuse(error, request, reply);
    });
    app.setNotFoundHandler((request, reply) => this.#notFound(request, reply));
    this.#addRoutes(app);
    return app;
  }

  #addRoutes(app: FastifyInstance): void {
    const { table, version } = this.#options;
    for (const row of table.offered) {
      // Who may not make a call is told so before its body is read.
      const onRequest = async (request: FastifyRequest): Promise<void> => void this.#admit(row, request);
      const config = { call: row.name };
      const handler = (request: FastifyRequest, reply: FastifyReply) => this.#call(row, request, reply);
      app.route({ method: row.method, url: row.path, config, onRequest, handler });
    }
    let document: string | undefined;
    app.get('/openapi.json', async (_request, reply) => {
      document ??= JSON.stringify(openApi(table, version));
      return reply.type('application/json; charset=utf-8').send(document);
    });
    for (const url of ['/csm/v1', '/csm/v1/']) app.get(url, async () => this.#index());
  }

  #index(): JsonObject {
    const { table, self, version, info } = this.#options;
    const { classOf } = this.#policy;
    const calls = table.offered.map((row) => {
      const { name, method, path, summary } = row;
      return { name, method, path, access: classOf(row), summary };
    });
    const daemon = daemonId(self.role, self.node);
    return { service: 'csm', version, api: API_VERSION, daemon, openapi: '/openapi.json', ...info?.(), calls };
  }

  get #policy(): Policy {
    const { policy } = this.#options;
    return typeof policy === 'function' ? policy() : policy;
  }

  /**
   * Gives every request its trace and its place, and finds out who it is from; throws when there is no room, the daemon
   * stops, nobody is proven, or the client speaks another version.
   */
  async #arrive(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    reply.header('x-csm-trace', request.id);
    // Set where streams find it too.
    reply.raw.setHeader(VERSION_HEADER, API_VERSION);
    const visit = this.#connections.visit(request.raw.socket, reply.raw, request.id);
    if (!(visit instanceof Visit)) {
      reply.header('connection', 'close');
      throw new CsmError(visit);
    }
    const arrival: Arrival = { visit };
    this.#arrivals.set(request.raw, arrival);
    if (this.#closing !== undefined) fail(code.NOT_INITIALIZED, 'the daemon is stopping');
    arrival.known = await this.#connections.known(request.raw).catch((error: unknown) => {
      const { call } = request.routeOptions.config as { readonly call?: string };
      if (error instanceof FailedProof) {
        this.#options.onRefused?.({ caller: undefined, call: call ?? request.method, problem: error.problem });
      }
      throw error;
    });
    const version = versionProblem([request.headers[VERSION_HEADER]].flat()[0]);
    if (version !== undefined) throw new HttpRefusal(version, 400);
  }

  /** Sets room aside for a body that is not small; throws code 13 when there is none. */
  #makeRoom(request: FastifyRequest): void {
    const arrival = this.#arrivals.get(request.raw);
    const bytes = bodySize(request.headers, this.#limits.bodyBytes);
    const taken = this.#bodies.take(bytes, arrival?.known?.caller.uid === 0);
    if (typeof taken === 'object') throw new CsmError(taken);
    if (taken > 0) arrival?.visit.holds(() => this.#bodies.give(taken));
  }

  /** Whether the caller of a request may make a call, and how it comes to its handler. Throws code 16. */
  #admit(
    row: TableRow,
    request: FastifyRequest,
  ): { readonly known: Known; readonly grant: Grant; readonly access: Access } {
    const known = this.#arrivals.get(request.raw)?.known ?? fail(code.GENERIC, 'the request has no place');
    const { caller, scopes } = known;
    const foreign = row.changes ? foreignOrigin(request.headers) : undefined;
    if (foreign !== undefined) throw new CsmError(foreign);
    const policy = this.#policy;
    const access = policy.classOf(row);
    const grant = decide(row, caller, policy);
    const refused = typeof grant === 'string' ? scopes && scopeFault(scopes, row.name, access) : grant;
    if (refused === undefined) return { known, grant: grant as Grant, access };
    const { log, onRefused } = this.#options;
    // How often is counted in the audit record; nobody is to fill the log.
    const { user, uid, pid } = caller;
    const level = this.#told.take(`${uid} ${row.name}`, performance.now()) ? 'warn' : 'debug';
    log[level]('call refused', { call: row.name, user, uid, pid, trace: request.id });
    onRefused?.({ caller, call: row.name, problem: refused });
    throw new CsmError(refused);
  }

  async #call(row: TableRow, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { table, secondsOf, dispatch, log } = this.#options;
    const { known, grant, access } = this.#admit(row, request);
    const visit = this.#arrivals.get(request.raw)?.visit ?? fail(code.GENERIC, 'the request has no place');
    const seconds = secondsOf?.(row) ?? row.timeoutSeconds;
    const { caller } = known;
    const limits = this.#limits;
    const upgrade = this.#upgrades.of(request.raw);
    return answer(
      { table, row, caller, grant, access, seconds, dispatch, log, visit, limits, upgrade },
      request,
      reply,
    );
  }

  #refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { problem: p, status, headers, unexpected } = refusalOf(error, request.id, this.#limits.bodyBytes);
    if (unexpected !== undefined) {
      const stack = stackOf(unexpected);
      this.#options.log.error('a call failed unexpectedly', {
        trace: request.id,
        url: request.url.slice(0, 200),
        stack,
      });
    }
    // Some of these come before any hook has run.
    reply.header('x-csm-trace', request.id);
    if (headers !== undefined) reply.headers(headers);
    return reply
      .code(status)
      .type(PROBLEM_TYPE)
      .send(JSON.stringify(problemBody(p, request.id, status)));
  }

  #notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const path = request.url.split('?')[0] ?? '';
    const ours = ['/openapi.json', '/csm/v1', '/csm/v1/'].includes(path) ? ['GET'] : [];
    const methods = [...this.#options.table.match(request.method, path).methods, ...ours];
    if (methods.length === 0) return this.#refuse(new CsmError(this.#options.table.unknownPath(path)), request, reply);
    const allowed = methods.join(', ');
    const p = problem(code.UNKNOWN_COMMAND, `${path} does not take ${request.method}`, { allowed });
    const body = JSON.stringify(problemBody(p, request.id, 405));
    return reply.code(405).header('allow', allowed).type(PROBLEM_TYPE).send(body);
  }

  #clientError(error: Error & { readonly code?: string }, socket: Socket): void {
    const reason = error.code ?? error.message;
    // What did not come as far as TLS or the door is told nothing: its end would not understand it.
    if (!this.#connections.has(socket)) {
      if (reason !== 'ECONNRESET') this.#connections.garbage(socket, reason);
      socket.destroy();
      return;
    }
    // A client that goes away is no garbage.
    if (reason !== 'ECONNRESET' && reason !== 'EPIPE') this.#connections.garbage(socket, reason);
    if (socket.destroyed || reason === 'ECONNRESET' || this.#connections.busy(socket)) socket.destroy();
    else endWithRefusal(socket, reason, randomBytes(8).toString('hex'));
  }
}
