import type { Writable } from 'node:stream';

/**
 * Where lines go. A sink takes a line at once and never throws or waits: it holds what is not written yet, up to
 * a limit; past that, and when a write fails, lines are lost and counted, and the next line that gets through says so.
 */
export interface Sink {
  /** One line without its end. */
  write(line: string): void;
  /** Lines lost so far. */
  readonly lost: number;
  /** Resolves when everything taken has been written or given up. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

/** Bytes held for a slow disk or pipe. */
export const HELD_MAX = 4 * 1024 * 1024;

export const lostLine = (count: number): string => `${count} log lines were lost`;

/** A sink on a stream that stays open, such as stdout. */
export function streamSink(stream: Writable, noteLost: (count: number) => string = lostLine): Sink {
  let lost = 0;
  let told = 0;
  let pending = 0;
  const waiting: (() => void)[] = [];
  const onError = (): void => undefined;
  stream.on('error', onError);

  const put = (text: string, lines: number): void => {
    pending++;
    stream.write(text, (error) => {
      pending--;
      if (error != null) lost += lines;
      if (pending === 0) for (const resolve of waiting.splice(0)) resolve();
    });
  };
  const drained = async (): Promise<void> => {
    if (pending > 0) await new Promise<void>((resolve) => waiting.push(resolve));
  };

  return {
    get lost() {
      return lost;
    },
    write(line) {
      if (stream.destroyed || stream.writableEnded || stream.writableLength > HELD_MAX) {
        lost++;
        return;
      }
      if (lost > told) {
        put(`${noteLost(lost - told)}\n`, 0);
        told = lost;
      }
      put(`${line}\n`, 1);
    },
    drained,
    async close() {
      await drained();
      stream.off('error', onError);
    },
  };
}
