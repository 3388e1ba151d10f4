/**
 * The hot path: a heartbeat from its socket into the tracker. No router, no promise, no header looked at; a beat that
 * counts is answered with what Node sends by itself.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './route.ts';
import type { Together } from './together.ts';

const LONG = '/hmi/v1/heartbeat';
const SHORT = '/v1/heartbeat';

/** The name in the path; `` where it is in the body; undefined where the router is to have a look. */
export function beatPath(url: string): string | undefined {
  if (url === LONG || url === SHORT) return '';
  const start = url.startsWith(LONG) ? LONG.length : url.startsWith(SHORT) ? SHORT.length : 0;
  if (start === 0 || url.charCodeAt(start) !== 47) return undefined;
  for (let i = start + 1; i < url.length; i++) {
    const character = url.charCodeAt(i);
    // Digits and letters: all that an xname has. What else there may be (%, /, ?, .) is for the router.
    const isPlain =
      (character >= 97 && character <= 122) ||
      (character >= 48 && character <= 57) ||
      (character >= 65 && character <= 90);
    if (!isPlain) return undefined;
  }
  return url.length > start + 1 ? url.slice(start + 1) : undefined;
}

export interface FastPath {
  readonly bodyBytes: number;
  readonly together: Together;
  /** Undefined: it counts. */
  judge(request: IncomingMessage, text: string, name: string | undefined): Answer | undefined;
  refused(response: ServerResponse, answer: Answer): void;
  tooLarge(request: IncomingMessage, response: ServerResponse): void;
}

/** Reads the body and answers. */
export function takeBeat(
  path: FastPath,
  request: IncomingMessage,
  response: ServerResponse,
  name: string | undefined,
): void {
  let first: Buffer | undefined;
  let all: Buffer[] | undefined;
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    const before = size;
    size += chunk.length;
    if (size > path.bodyBytes) {
      all = first = undefined;
      if (before <= path.bodyBytes) path.tooLarge(request, response);
    } else if (first === undefined) first = chunk;
    else if (all === undefined) all = [first, chunk];
    else all.push(chunk);
  });
  request.on('end', () => {
    if (size > path.bodyBytes) return;
    const text = all === undefined ? (first === undefined ? '' : first.toString()) : Buffer.concat(all).toString();
    const answer = path.judge(request, text, name);
    if (answer === undefined) path.together.end(response);
    else path.refused(response, answer);
  });
}
