import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { code, fail, type Problem, problem } from '@csm/model';
import { SMALL_BODY } from './limits.ts';

/** Bytes the body of a request may have: what it says, or the most allowed where it does not say. */
export function bodySize(headers: IncomingHttpHeaders, most: number): number {
  if (headers['transfer-encoding'] !== undefined) return most;
  const length = Number(headers['content-length'] ?? 0);
  return Number.isFinite(length) ? Math.min(length, most) : most;
}

/** Milliseconds for the rest of a body that is too large. */
const SWALLOW_MS = 5_000;

/**
 * Throws the rest of a body away before it is refused: a client that is still sending would find its connection closed,
 * and never read why. Resolves when it has come, or is more than `most` bytes, or takes too long.
 */
export function swallow(request: IncomingMessage, most: number): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > most) done();
    };
    const timer = setTimeout(done, SWALLOW_MS);
    function done(): void {
      clearTimeout(timer);
      request.off('data', take).off('end', done).off('close', done);
      request.resume();
      resolve();
    }
    request.on('data', take).once('end', done).once('close', done);
    request.resume();
  });
}

/** Room for the bodies that are being read or worked on. Small ones need none. */
export class BodyRoom {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes room; gives how much is to be given back. Root has room for one more when others have taken all. */
  take(bytes: number, isRoot: boolean): number | Problem {
    if (bytes <= SMALL_BODY) return 0;
    if (this.#taken + (isRoot ? 0 : bytes) > this.#most) {
      const what = `bodies of ${this.#taken} bytes are under way, ${bytes} more are not accepted now`;
      return problem(code.MEMORY, what, { allowed: `${this.#most} bytes at a time` });
    }
    this.#taken += bytes;
    return bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}

/** Reads a JSON body; an empty one is no input. Throws code 9 when it is not JSON or nests deeper than `depth`. */
export function parseBody(text: string, depth: number): unknown {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    fail(code.INVALID_PARAMETER, `the body is not JSON: ${why.slice(0, 200)}`, { field: '', allowed: 'a JSON object' });
  }
  if (nestsDeeper(value, depth)) {
    const allowed = `at most ${depth} levels`;
    fail(code.INVALID_PARAMETER, `the body nests deeper than ${depth} levels`, { field: '', allowed });
  }
  return value;
}

/** Level by level, without recursion: the text may nest half a million lists. */
function nestsDeeper(value: unknown, depth: number): boolean {
  let level: unknown[] = [value];
  for (let d = 0; level.length > 0; d++) {
    const next: unknown[] = [];
    for (const entry of level) {
      if (typeof entry === 'object' && entry !== null) for (const inner of Object.values(entry)) next.push(inner);
    }
    if (next.length > 0 && d >= depth) return true;
    level = next;
  }
  return false;
}
