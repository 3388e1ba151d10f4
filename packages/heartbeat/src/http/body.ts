/** Bodies of requests: read whole, within a bound; what is too large is answered before it has come. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DoorLimits } from './limits.ts';

/** Room for the large bodies under way; small ones need none, the bound on connections bounds them. */
export class BodyRoom {
  readonly #limits: DoorLimits;
  #taken = 0;

  constructor(limits: DoorLimits) {
    this.#limits = limits;
  }

  /** Gives how much is to be given back; undefined where there is no room. */
  take(bytes: number): number | undefined {
    if (bytes <= this.#limits.bodyBytes) return 0;
    if (this.#taken + bytes > this.#limits.bodiesBytes) return undefined;
    this.#taken += bytes;
    return bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}

/** Bytes a body will have: what its head says, `most` where that does not say, infinite where it lies. */
export function announced({ headers }: IncomingMessage, most: number): number {
  if (headers['transfer-encoding'] !== undefined) return most;
  const length = Number(headers['content-length'] ?? 0);
  return Number.isFinite(length) ? length : Number.POSITIVE_INFINITY;
}

/** The body as text; `large` as soon as it has more than `most` bytes; `gone` when the client went away. */
export function readText(
  request: IncomingMessage,
  most: number,
): Promise<{ readonly text: string } | 'large' | 'gone'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = (end: { readonly text: string } | 'large' | 'gone'): void => {
      request.off('data', take).off('end', whole).off('close', gone).off('error', gone);
      // What breaks off behind a refusal is no news.
      request.on('error', () => undefined);
      resolve(end);
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > most) {
        request.pause();
        done('large');
      } else chunks.push(chunk);
    };
    const whole = (): void =>
      done({ text: chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString() });
    const gone = (): void => done('gone');
    request.on('data', take).once('end', whole).once('close', gone).once('error', gone);
  });
}

/**
 * Ends an answer that was given before its request had come in whole. The answer itself must be out already, with its
 * length and `Connection: close`: a client that is still sending would otherwise find its connection reset and never
 * read why. What yet comes is thrown away for a moment.
 */
export function linger(request: IncomingMessage, response: ServerResponse, ms: number): void {
  const done = (): void => {
    clearTimeout(timer);
    request.off('end', done).off('close', done);
    response.end();
  };
  const timer = setTimeout(done, ms);
  request.once('end', done).once('close', done);
  request.resume();
}
