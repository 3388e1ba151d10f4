/**
 * WebSockets at the paths of streams. A request to upgrade takes the way of every request: it gets its place, its
 * caller is found out, the access and the input are checked, and what is wrong is answered as HTTP. Only the answer
 * itself is given over the WebSocket.
 */
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CsmError, code, problem } from '@csm/model';
import type { WebSocket, WebSocketServer } from 'ws';
import { HttpRefusal, PROBLEM_TYPE, problemBody } from './status.ts';

/** Bytes of a message of a client, which has nothing to say. */
const MESSAGE_MAX = 1024;
const VERSION = '13';
const PROTOCOL = 'csm.v1';

/** A request that wants to become a WebSocket. */
export interface Upgrade {
  /** Becomes one. Throws an `HttpRefusal` when the request is not one of RFC 6455 §4.1. */
  accept(res: ServerResponse): Promise<WebSocket>;
}

export class Upgrades {
  readonly #route: (req: IncomingMessage, res: ServerResponse) => void;
  readonly #asked = new WeakMap<IncomingMessage, Upgrade>();
  readonly #open = new Set<WebSocket>();
  #server: WebSocketServer | undefined;

  /** `route` takes a request the way of all requests. */
  constructor(route: (req: IncomingMessage, res: ServerResponse) => void) {
    this.#route = route;
  }

  /** For the `upgrade` event of a server. */
  take(req: IncomingMessage, socket: Socket, head: Buffer): void {
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    try {
      res.assignSocket(socket);
    } catch {
      // An answer before it on this connection is under way; no client asks for more before it has that one.
      socket.destroy();
      return;
    }
    // An answer that is no WebSocket is the last on its connection: nobody reads requests from it any more.
    res.once('finish', () => socket.destroySoon());
    const { 'content-length': length = '0', 'transfer-encoding': encoding, upgrade } = req.headers;
    if (req.method !== 'GET' || length !== '0' || encoding !== undefined) {
      // Its body would never be read: what follows the head belongs to nobody yet.
      const allowed = 'a GET without a body';
      const p = problem(code.INVALID_PARAMETER, `an upgrade is not ${allowed}`, { field: 'Upgrade', allowed });
      res.writeHead(400, { 'content-type': PROBLEM_TYPE });
      res.end(JSON.stringify(problemBody(p, randomBytes(8).toString('hex'), 400)));
      return;
    }
    const protocol = upgrade?.toLowerCase();
    if (protocol === 'websocket') this.#asked.set(req, { accept: (from) => this.#accept(req, from, socket, head) });
    this.#route(req, res);
  }

  /** Undefined for an ordinary request, and for one that would become something else: that is answered as it is. */
  of(req: IncomingMessage): Upgrade | undefined {
    return this.#asked.get(req);
  }

  /** Cuts off all. */
  end(): void {
    for (const ws of this.#open) ws.terminate();
  }

  async #accept(req: IncomingMessage, res: ServerResponse, socket: Socket, head: Buffer): Promise<WebSocket> {
    const { 'sec-websocket-version': version, 'sec-websocket-key': key } = req.headers;
    if (version !== VERSION) {
      const p = problem(code.INVALID_PARAMETER, `Sec-WebSocket-Version is ${version ?? 'missing'}`, {
        field: 'Sec-WebSocket-Version',
        allowed: VERSION,
      });
      throw new HttpRefusal(p, 426, { 'sec-websocket-version': VERSION, upgrade: 'websocket' });
    }
    if (typeof key !== 'string' || !/^[+/0-9A-Za-z]{22}==$/.test(key)) {
      const allowed = '16 bytes as Base64';
      const p = problem(code.INVALID_PARAMETER, `Sec-WebSocket-Key is not ${allowed}`, {
        field: 'Sec-WebSocket-Key',
        allowed,
      });
      throw new HttpRefusal(p, 400);
    }
    this.#server ??= await makeServer();
    const server = this.#server;
    res.detachSocket(socket);
    return new Promise((resolve, reject) => {
      socket.once('close', () => reject(new CsmError(problem(code.COMMUNICATION, 'the client left'))));
      server.handleUpgrade(req, socket, head, (ws) => {
        this.#open.add(ws);
        ws.once('close', () => this.#open.delete(ws));
        resolve(ws);
      });
    });
  }
}

/** Loaded with the first WebSocket: most daemons never see one. */
async function makeServer(): Promise<WebSocketServer> {
  const { WebSocketServer: Server } = await import('ws');
  return new Server({
    noServer: true,
    maxPayload: MESSAGE_MAX,
    perMessageDeflate: false,
    clientTracking: false,
    autoPong: false,
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  });
}
