/** A stream that goes on behind the last item it has shown when its connection was lost, until an interrupt. */
import { CsmError, code } from '@csm/model';
import type { Session } from './session.ts';

/** What may pass while daemons are restarted. */
const PASSING: readonly number[] = [
  code.NOT_INITIALIZED,
  code.COMMUNICATION,
  code.BAD_ADDRESS,
  code.DATABASE_UNAVAILABLE,
];
/** A stream that ended sooner, and had shown nothing, had never begun, ms. */
const STOOD_MS = 1_000;
/** Pauses double from the one to the other, ms; each is drawn below its bound. */
const FIRST_MS = 500;
const MOST_MS = 15_000;

/** `work` reads one stream behind the cursor, and tells each number it has shown. What does not pass is thrown. */
export async function again(
  session: Session,
  since: number | undefined,
  work: (since: number | undefined, seen: (seq: number) => void) => Promise<void>,
): Promise<void> {
  let last = since;
  let failures = 0;
  let stood = false;
  // With --timeout, its time is that of the whole watch.
  const end = session.timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + session.timeout * 1000;
  for (;;) {
    const began = performance.now();
    try {
      await work(last, (seq) => {
        last = seq;
        failures = 0;
        stood = true;
      });
      return;
    } catch (error) {
      if (session.interrupted) return;
      stood ||= performance.now() - began >= STOOD_MS;
      const passes = error instanceof CsmError && PASSING.includes(error.code);
      if (!passes || !stood || performance.now() >= end) throw error;
      const from = last === undefined ? 'with what comes next; what happened meanwhile is not shown' : `behind ${last}`;
      if (failures === 0) await session.note(`${error.message}; the watch goes on ${from}`);
      const bound = Math.min(MOST_MS, FIRST_MS * 2 ** failures++);
      await pause(Math.min(bound * Math.random(), end - performance.now()), session.io.interrupt);
      if (session.interrupted) return;
    }
  }
}

function pause(ms: number, interrupt: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      interrupt?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms));
    interrupt?.addEventListener('abort', done);
  });
}
