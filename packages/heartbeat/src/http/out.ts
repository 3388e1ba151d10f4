/** Answers on their way out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { linger } from './body.ts';
import type { Answer, Outlet } from './route.ts';

/** Writes an answer. Resolves when a stream has ended, else at once. */
export async function send(response: ServerResponse, answer: Answer): Promise<void> {
  if (response.headersSent || response.destroyed) return;
  const { status, body, stream } = answer;
  const headers = headersOf(answer);
  if (stream === undefined) {
    if (status !== 204) headers['content-length'] = body === undefined ? 0 : Buffer.byteLength(body);
    response.writeHead(status, headers);
    response.end(body);
    return;
  }
  response.writeHead(status, headers);
  if (response.req.method !== 'HEAD') await stream(outlet(response));
  if (!response.destroyed) response.end();
}

/** Answers a request that is yet to come in whole, and closes its connection behind it. */
export function sendEarly(request: IncomingMessage, response: ServerResponse, answer: Answer, lingerMs: number): void {
  if (response.headersSent || response.destroyed) return;
  const { body = '' } = answer;
  const headers = { ...headersOf(answer), 'content-length': Buffer.byteLength(body), connection: 'close' };
  response.writeHead(answer.status, headers);
  response.write(body);
  linger(request, response, lingerMs);
}

function headersOf({ type, headers }: Answer): Record<string, string | number> {
  return { ...headers, ...(type === undefined ? {} : { 'content-type': type }) };
}

function outlet(response: ServerResponse): Outlet {
  return {
    get isFull() {
      return response.writableNeedDrain;
    },
    cut: () => void response.destroy(),
    write: (text) =>
      new Promise((resolve) => {
        if (response.destroyed || text === '' || response.write(text)) return resolve();
        const go = (): void => {
          response.off('drain', go).off('close', go);
          resolve();
        };
        response.on('drain', go).on('close', go);
      }),
  };
}
