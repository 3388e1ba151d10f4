import type { Socket } from 'node:net';
import { problemAnswer, statusWords } from './problem.ts';

/** Statuses of what is no proper request; other faults of HTTP are 400. */
const STATUS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** Tells who sends no proper HTTP, or sends it too slowly, and closes. */
export function garbage(error: NodeJS.ErrnoException, socket: Socket): void {
  const { code: why = '' } = error;
  const status = STATUS[why] ?? (why.startsWith('HPE_') ? 400 : undefined);
  // An answer may be under way already, and what is no TLS cannot be answered.
  const { _httpMessage: message } = socket as unknown as { readonly _httpMessage?: { readonly headersSent: boolean } };
  if (status === undefined || !socket.writable || message?.headersSent === true) {
    socket.destroy();
    return;
  }
  const { type = '', body = '' } = problemAnswer({ status, title: 'Invalid Request', detail: statusWords(status) });
  const head = `HTTP/1.1 ${status} ${statusWords(status)}\r\nContent-Type: ${type}\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
}
