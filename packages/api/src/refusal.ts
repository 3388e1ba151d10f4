import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type Code, CsmError, code, type Problem, problem } from '@csm/model';
import { HttpRefusal, PROBLEM_TYPE, problemBody, statusOf } from './status.ts';

/** A problem with the HTTP status it is answered with. */
export interface Refusal {
  readonly problem: Problem;
  readonly status: number;
  readonly headers?: { readonly [name: string]: string };
  /** Set when the fault is ours: to be logged with its stack, never told to the client. */
  readonly unexpected?: unknown;
}

const JSON_ONLY = 'the body must be application/json';

/** What each error of the HTTP framework means for the client: status, code, text, and what was wrong and is allowed. */
const FRAMEWORK: {
  readonly [name: string]: readonly [status: number, code: Code, text: string, field?: string, allowed?: string];
} = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, code.COMMUNICATION, 'the body of the request is too large'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, code.INVALID_PARAMETER, JSON_ONLY, 'Content-Type', 'application/json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, code.COMMUNICATION, 'the body has another length than Content-Length says'],
  FST_ERR_BAD_URL: [
    400,
    code.INVALID_PARAMETER,
    'the path of the request is not well formed',
    'path',
    'UTF-8, percent-encoded',
  ],
  FST_ERR_MAX_PARAM_LENGTH: [414, code.INVALID_PARAMETER, 'a part of the path is too long', 'path', 'shorter names'],
};

/** What is answered for whatever was thrown while a request was handled. */
export function refusalOf(thrown: unknown, trace: string, bodyBytes: number): Refusal {
  if (thrown instanceof HttpRefusal) {
    return { problem: thrown.problem, status: thrown.status, headers: thrown.headers };
  }
  if (thrown instanceof CsmError) return { problem: thrown.problem, status: statusOf(thrown.code) };
  const name = (thrown as { readonly code?: unknown } | undefined)?.code;
  const known = typeof name === 'string' && Object.hasOwn(FRAMEWORK, name) ? FRAMEWORK[name] : undefined;
  if (known !== undefined) {
    const [status, c, text, field, words] = known;
    const allowed = status === 413 ? `at most ${bodyBytes} bytes` : words;
    const more = { ...(field === undefined ? {} : { field }), ...(allowed === undefined ? {} : { allowed }) };
    return { status, problem: problem(c, text, more) };
  }
  const status = (thrown as { readonly statusCode?: unknown } | undefined)?.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { status, problem: problem(code.COMMUNICATION, 'the request could not be read') };
  }
  const detail = `the call failed inside the daemon; its log has the cause under trace ${trace}`;
  return { status: 500, problem: problem(code.GENERIC, detail), unexpected: thrown };
}

/** What the log tells of something unexpected. */
export const stackOf = (thrown: unknown): string =>
  thrown instanceof Error
    ? (thrown.stack ?? thrown.message)
    : `thrown: ${typeof thrown === 'string' ? thrown : typeof thrown}`;

/** Status and words for bytes that are no HTTP. */
function parseRefusal(errorCode: string): Refusal {
  if (errorCode === 'HPE_HEADER_OVERFLOW') {
    return { status: 431, problem: problem(code.COMMUNICATION, 'the headers of the request are too large') };
  }
  if (errorCode === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { status: 408, problem: problem(code.TIMEOUT, 'the request did not arrive in time') };
  }
  return { status: 400, problem: problem(code.COMMUNICATION, `the request is not HTTP/1.1 (${errorCode})`) };
}

/** Answers bytes that are no HTTP and closes the connection. */
export function endWithRefusal(socket: Socket, errorCode: string, trace: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, problem: p } = parseRefusal(errorCode);
  const body = JSON.stringify(problemBody(p, trace, status));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-CSM-Trace: ${trace}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
