/** Where a command reads and writes. The executable gives the process's own; a test gives streams it can look into. */
import type { Readable, Writable } from 'node:stream';

export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: { readonly [name: string]: string | undefined };
  /** Whether stdout is a terminal: colours, and a cleared screen between repetitions. */
  readonly isTTY: boolean;
  /** Whether somebody can be asked: stdin and stderr are a terminal. Default false. */
  readonly canAsk?: boolean;
  /** Characters of a line of help; default 80. */
  readonly columns?: number | undefined;
  /** Fires at SIGINT or SIGTERM; its reason is the signal's name. */
  readonly interrupt?: AbortSignal;
  /** ms UTC; default the system's clock. */
  readonly now?: () => number;
}

/** Whoever read our output went away, as `head` does: no fault, and nothing more to do. */
export class ReaderGone extends Error {}

const GONE: readonly string[] = ['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'];

/** A failed write reaches its caller; as an event it would end the process. */
const guarded = new WeakSet<Writable>();
function guard(stream: Writable): void {
  if (guarded.has(stream)) return;
  guarded.add(stream);
  stream.on('error', () => undefined);
}

/**
 * Writes a text and waits until the stream has taken it, so that a slow reader slows us down.
 * @throws ReaderGone when nobody reads any more; the stream's error otherwise, such as a full disk
 */
export function write(stream: Writable, text: string | Buffer): Promise<void> {
  guard(stream);
  if (text.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error === null || error === undefined) resolve();
      else if (GONE.includes((error as NodeJS.ErrnoException).code ?? '')) reject(new ReaderGone());
      else reject(error);
    });
  });
}
