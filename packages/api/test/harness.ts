import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Json, JsonObject } from '@csm/model';
import {
  type ApiServer,
  createServer,
  DEFAULT_POLICY,
  type Dispatch,
  type Limits,
  type ServerOptions,
} from '../src/index.ts';
import { TABLE } from './sample.ts';

/** A server on a real unix socket in a directory of its own, with the lines it logged. */
export interface Running {
  readonly server: ApiServer;
  readonly socketPath: string;
  readonly lines: string[];
  stop(): Promise<void>;
}

export function scratch(): { readonly dir: string; remove: () => void } {
  const dir = mkdtempSync(path.join(tmpdir(), 'csm-api-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export async function start(
  dispatch: Dispatch,
  limits: Partial<Limits> = {},
  more: Partial<ServerOptions> = {},
): Promise<Running> {
  const { dir, remove } = scratch();
  const lines: string[] = [];
  const say =
    (level: string) =>
    (message: string, fields?: object): unknown =>
      lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const socketPath = path.join(dir, 'api.sock');
  const server = createServer({
    table: TABLE,
    socketPath,
    self: { role: 'utility', node: 'login1' },
    version: '0.1.0',
    policy: DEFAULT_POLICY,
    dispatch,
    log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
    limits: { minimumTimeoutSeconds: 0.05, checkMs: 20, ...limits },
    ...more,
  });
  await server.listen();
  const stop = async (): Promise<void> => {
    await server.close(0);
    remove();
  };
  return { server, socketPath, lines, stop };
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  readonly json: JsonObject;
  /** The X-CSM-Trace header. */
  readonly trace: string;
}

/** One request on a connection of its own. */
export function ask(
  socketPath: string,
  method: string,
  url: string,
  body?: Json | string,
  headers: http.OutgoingHttpHeaders = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const given = body === undefined ? {} : { 'content-type': 'application/json' };
    const request = http.request({ socketPath, method, path: url, headers: { ...given, ...headers }, agent: false });
    request.on('error', reject);
    request.on('response', (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('error', reject);
      res.on('end', () => {
        const isJson =
          /json/.test(res.headers['content-type'] ?? '') && !/ndjson/.test(res.headers['content-type'] ?? '');
        const json = (isJson ? JSON.parse(text) : {}) as JsonObject;
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          text,
          json,
          trace: String(res.headers['x-csm-trace']),
        });
      });
    });
    request.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** A bare connection: what it sends is not HTTP unless the test writes HTTP. */
export function raw(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    socket.once('connect', () => {
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Everything a bare connection receives until the other end closes it. */
export function drain(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    const done = (): void => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    socket.once('end', done);
    socket.once('close', done);
  });
}

/** Waits for a condition; fails after `ms`. */
export async function until(what: string, condition: () => boolean, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
