import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { CsmError, code, daemonId, fail, type JsonObject, problem, type Role } from '@csm/model';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { decide, type Policy } from './access.ts';
import { freeSocketPath } from './address.ts';
import { answer } from './answer.ts';
import { parseBody } from './body.ts';
import type { Dispatch } from './call.ts';
import { Connections, type ServerStats, Visit } from './connections.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import type { Log } from './log.ts';
import { openApi } from './openapi.ts';
import { endWithRefusal, refusalOf, stackOf } from './refusal.ts';
import { PROBLEM_TYPE, problemBody } from './status.ts';
import type { ApiTable, TableRow } from './table.ts';

export interface ServerOptions {
  readonly table: ApiTable;
  /** At most 100 bytes. */
  readonly socketPath: string;
  /** Permissions of the socket, default 0o666: who may do what is decided by call, not by file mode. */
  readonly socketMode?: number;
  /** This daemon; it vouches for its callers. */
  readonly self: { readonly role: Role; readonly node: string };
  readonly version: string;
  /** Who is privileged; a function when it may change. */
  readonly policy: Policy | (() => Policy);
  /** Carries out every call that passed the access check and the check of its input. */
  readonly dispatch: Dispatch;
  readonly log: Log;
  /** More for `GET /csm/v1/`, such as whether the daemon is degraded. */
  readonly info?: () => JsonObject;
  readonly limits?: Partial<Limits>;
}

export interface ApiServer {
  /** Listens. Throws code 9 when the socket path is too long, taken, or cannot be used. */
  listen(): Promise<void>;
  /**
   * Ends streams at once, gives other calls under way `graceMs` (default 1 s) to end, then aborts them; closes every
   * connection and removes the socket.
   */
  close(graceMs?: number): Promise<void>;
  stats(): ServerStats;
  /** Every route as `METHOD path`, as the HTTP router has it. */
  routes(): readonly string[];
}

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

/** The HTTP server of one daemon, over a unix socket. Nothing happens before `listen`. */
export function createServer(options: ServerOptions): ApiServer {
  return new HttpServer(options);
}

class HttpServer implements ApiServer {
  readonly #options: ServerOptions;
  readonly #limits: Limits;
  readonly #connections: Connections;
  readonly #app: FastifyInstance;
  readonly #routes: string[] = [];
  readonly #visits = new WeakMap<IncomingMessage, Visit>();
  #closing: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const vouchedBy = daemonId(options.self.role, options.self.node);
    this.#connections = new Connections(vouchedBy, this.#limits, options.log);
    this.#app = this.#build();
    const server: Server = this.#app.server;
    server.on('connection', (socket) => this.#connections.open(socket));
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

  async listen(): Promise<void> {
    const { socketPath, socketMode = 0o666, log } = this.#options;
    await freeSocketPath(socketPath);
    try {
      await this.#app.listen({ path: socketPath, backlog: this.#limits.connections });
      await chmod(socketPath, socketMode);
    } catch (error) {
      await this.#app.close();
      const why = (error as NodeJS.ErrnoException).code ?? String(error);
      fail(code.INVALID_PARAMETER, `cannot listen on the socket ${socketPath}: ${why}`, { field: 'socket' });
    }
    log.info('API listens', { socket: socketPath });
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
    await this.#app.close();
  }

  #build(): FastifyInstance {
    const limits = this.#limits;
    const refuse = this.#refuse.bind(this);
    const app = fastify({
      logger: false,
      bodyLimit: limits.bodyBytes,
      keepAliveTimeout: limits.keepAliveMs,
      requestTimeout: limits.requestTimeoutMs,
      http: {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        connectionsCheckingInterval: limits.checkMs,
      },
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
    app.addHook('onRequest', async (request, reply) => this.#arrive(request, reply));
    app.addHook('onSend', async (request) => {
      // A client that leaves its answer unread is cut off; the next request sets the time-out of the socket anew.
      request.raw.socket.setTimeout(limits.stallMs);
    });
    app.addHook('onRoute', ({ method, url }) => {
      for (const m of [method].flat()) this.#routes.push(`${m} ${url}`);
    });
    app.setErrorHandler((error, request, reply) => refuse(error, request, reply));
    app.setNotFoundHandler((request, reply) => this.#notFound(request, reply));
    this.#addRoutes(app);
    return app;
  }

  #addRoutes(app: FastifyInstance): void {
    const { table, version } = this.#options;
    for (const row of table.rows) {
      app.route({ method: row.method, url: row.path, handler: (request, reply) => this.#call(row, request, reply) });
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
    const calls = table.rows.map(({ name, method, path, access, summary }) => ({
      name,
      method,
      path,
      access,
      summary,
    }));
    const daemon = daemonId(self.role, self.node);
    return { service: 'csm', version, daemon, openapi: '/openapi.json', ...info?.(), calls };
  }

  /** Gives every request its trace and its place; throws when there is no room or the daemon stops. */
  #arrive(request: FastifyRequest, reply: FastifyReply): void {
    reply.header('x-csm-trace', request.id);
    const visit = this.#connections.visit(request.raw.socket, reply.raw, request.id);
    if (visit instanceof Visit) {
      this.#visits.set(request.raw, visit);
      if (this.#closing !== undefined) fail(code.NOT_INITIALIZED, 'the daemon is stopping');
      return;
    }
    reply.header('connection', 'close');
    throw new CsmError(visit);
  }

  async #call(row: TableRow, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { table, policy, dispatch, log } = this.#options;
    const visit = this.#visits.get(request.raw);
    if (visit === undefined) fail(code.GENERIC, 'the request has no place');
    const caller = await this.#connections.caller(request.raw.socket);
    const grant = decide(row, caller, typeof policy === 'function' ? policy() : policy);
    if (typeof grant !== 'string') {
      log.warn('call refused', {
        call: row.name,
        user: caller.user,
        uid: caller.uid,
        pid: caller.pid,
        trace: request.id,
      });
      throw new CsmError(grant);
    }
    return answer({ table, row, caller, grant, dispatch, log, visit, limits: this.#limits }, request, reply);
  }

  #refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { problem: p, status, unexpected } = refusalOf(error, request.id, this.#limits.bodyBytes);
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
    // A client that goes away is no garbage.
    if (reason !== 'ECONNRESET' && reason !== 'EPIPE') this.#connections.garbage(socket, reason);
    if (socket.destroyed || reason === 'ECONNRESET' || this.#connections.busy(socket)) socket.destroy();
    else endWithRefusal(socket, reason, randomBytes(8).toString('hex'));
  }
}
