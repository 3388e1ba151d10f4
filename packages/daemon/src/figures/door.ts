/** Where a Prometheus fetches the figures: plain HTTP with two pages, and bounds on all that a stranger could hold. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HostPort, type Log, printHostPort } from '@csm/kit';
import { code, fail, toProblem } from '@csm/model';

/** Scrapers come one or two at a time; more are turned away by the kernel's queue and this bound. */
const CONNECTIONS_MAX = 16;
/** A request has to be read within this, ms, and its answer taken within as much. */
const REQUEST_MS = 5_000;
const HEADER_BYTES = 8 * 1024;
/** How often it is looked who is late, ms. */
const CHECK_MS = 1_000;

export interface DoorOptions {
  readonly at: HostPort;
  readonly contentType: string;
  /** All figures; called for each request, one call at a time. */
  readonly text: () => Promise<string>;
  readonly log: Log;
}

export class FiguresDoor {
  readonly #options: DoorOptions;
  readonly #server: Server;
  /** Scrapes that come while one is being answered get its answer. */
  #reading: Promise<string> | undefined;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        maxHeaderSize: HEADER_BYTES,
        headersTimeout: REQUEST_MS,
        requestTimeout: REQUEST_MS,
        keepAliveTimeout: REQUEST_MS,
        connectionsCheckingInterval: CHECK_MS,
      },
      (request, response) => this.#answer(request, response),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.timeout = 2 * REQUEST_MS;
    // A client that sends what is no HTTP is told so by the server itself; nothing is logged for it.
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** The port taken, once listening. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Rejects with code 9 when the port is taken or the address is not this machine's. */
  async listen(): Promise<void> {
    const { at, log } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: at.host, port: at.port }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => log.error('the listener of metrics failed', { error }));
        resolve();
      });
    }).catch((error: NodeJS.ErrnoException) =>
      fail(code.INVALID_PARAMETER, `cannot listen on ${printHostPort(at)}: ${error.code ?? error.message}`, {
        field: 'net.metrics_listen',
      }),
    );
    log.info('metrics are served', { address: printHostPort(at) });
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // A body is not wanted: it is thrown away as it comes, within the bound on a request's time.
    request.resume();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const path = (request.url ?? '').split('?')[0];
    if (path !== '/' && path !== '/metrics') say(response, 404, 'not found; there is /metrics\n');
    else if (!isRead) say(response, 405, 'only GET\n', { allow: 'GET, HEAD' });
    else if (path === '/') say(response, 200, 'CSM: the figures of this daemon are at /metrics\n');
    else this.#giveFigures(response);
  }

  #giveFigures(response: ServerResponse): void {
    this.#reading ??= this.#options.text().finally(() => {
      this.#reading = undefined;
    });
    this.#reading.then(
      (text) => say(response, 200, text, { 'content-type': this.#options.contentType }),
      (error: unknown) => {
        this.#options.log.warn('metrics could not be read', { error: toProblem(error).detail });
        say(response, 503, 'the figures could not be read\n');
      },
    );
  }
}

function say(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
  const bytes = Buffer.from(text);
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}
