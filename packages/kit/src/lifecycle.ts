import { ConfigError } from './config/fault.ts';
import type { Log } from './log/log.ts';
import type { Notify } from './systemd/notify.ts';

/**
 * The life of a daemon: parts start in the order they were added and stop in reverse, each within its deadline.
 *
 * `new` → run() → `starting` → all parts started → `running` → SIGTERM, SIGINT or stop() → `stopping` → exit 0.
 * A part that fails to start stops those before it, exit 1, or 78 when its configuration is to blame. SIGTERM while
 * starting aborts the signal that parts get and stops what has started. SIGHUP counts only in `running`; during a
 * reload it makes one more reload follow. A second SIGTERM or SIGINT in `stopping` exits at once with 128 + its number.
 * What nobody caught is logged and ends the process with 70: its state cannot be trusted, systemd starts it anew.
 */

export const EXIT = Object.freeze({
  ok: 0,
  failed: 1,
  /** EX_SOFTWARE of sysexits.h. */
  software: 70,
  /** EX_CONFIG; the units do not restart after it. */
  config: 78,
});

export type LifeState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped';

export interface Part {
  readonly name: string;
  /** May end early when the signal is aborted. */
  start(signal: AbortSignal): Promise<void> | void;
  stop(reason: string): Promise<void> | void;
  /** Default 5,000. */
  readonly stopDeadlineMs?: number;
}

export interface LifecycleOptions {
  readonly log: Log;
  readonly notify?: Notify;
  /** SIGHUP. What it throws is logged; the daemon goes on with what it had. */
  readonly onReload?: () => Promise<void> | void;
  /** Default `process.exit`. */
  readonly exit?: (exitCode: number) => void;
}

export interface Lifecycle {
  readonly state: LifeState;
  add(name: string, start: Part['start'], stop: Part['stop'], stopDeadlineMs?: number): void;
  /** Takes over the signals and starts all parts; resolves when they run or the daemon has been stopped. */
  run(): Promise<void>;
  /** Stops all parts, closes the log and exits. Safe to call more than once. */
  stop(reason: string, exitCode?: number): Promise<void>;
}

const STOP_DEADLINE_MS = 5_000;
const LOG_DEADLINE_MS = 1_000;
const NUMBERS = { SIGTERM: 15, SIGINT: 2 } as const;

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { log, notify, onReload } = options;
  const exit = options.exit ?? ((exitCode: number) => process.exit(exitCode));
  const parts: Part[] = [];
  const started: Part[] = [];
  const starting = new AbortController();
  const signals: NodeJS.EventEmitter = process;
  const handlers: [string, (error: unknown) => void][] = [];
  let state: LifeState = 'new';
  let stopping: Promise<void> | undefined;
  let startingDone: Promise<void> = Promise.resolve();
  let reloads = 0;
  let isReloading = false;

  const lifecycle: Lifecycle = {
    get state() {
      return state;
    },
    add(name, start, stop, stopDeadlineMs = STOP_DEADLINE_MS) {
      parts.push({ name, start, stop, stopDeadlineMs });
    },
    async run() {
      if (state !== 'new') throw new Error(`run() is for a new daemon; this one is ${state}`);
      state = 'starting';
      listen();
      startingDone = startAll();
      await startingDone;
      await stopping;
    },
    stop: (reason, exitCode = EXIT.ok) => (stopping ??= stopAll(reason, exitCode)),
  };
  return lifecycle;

  async function startAll(): Promise<void> {
    for (const part of parts) {
      if (starting.signal.aborted) return;
      try {
        await part.start(starting.signal);
        started.push(part);
      } catch (error) {
        if (starting.signal.aborted) return;
        log.error('the daemon cannot start', { part: part.name, error });
        // Not awaited: stopping waits for this function to end.
        void lifecycle.stop(`${part.name} did not start`, error instanceof ConfigError ? EXIT.config : EXIT.failed);
        return;
      }
    }
    if (starting.signal.aborted) return;
    state = 'running';
    await notify?.ready();
  }

  async function stopAll(reason: string, exitCode: number): Promise<void> {
    state = 'stopping';
    starting.abort();
    log.info('the daemon stops', { reason });
    await notify?.stopping();
    await inTime(startingDone, STOP_DEADLINE_MS);
    let result = exitCode;
    for (const part of started.reverse()) {
      try {
        const deadline = part.stopDeadlineMs ?? STOP_DEADLINE_MS;
        const isDone = await inTime(Promise.resolve(part.stop(reason)), deadline);
        if (isDone) continue;
        log.error('a part did not stop in time', { part: part.name, deadline_ms: deadline });
      } catch (error) {
        log.error('a part failed to stop', { part: part.name, error });
      }
      result = result === EXIT.ok ? EXIT.failed : result;
    }
    await finish(result);
  }

  async function finish(exitCode: number): Promise<void> {
    notify?.close();
    await inTime(log.close(), LOG_DEADLINE_MS);
    for (const [event, handler] of handlers) signals.off(event, handler);
    state = 'stopped';
    exit(exitCode);
  }

  function listen(): void {
    const on = (event: string, handler: (error: unknown) => void): void => {
      handlers.push([event, handler]);
      signals.on(event, handler);
    };
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      on(name, () => {
        if (stopping === undefined) void lifecycle.stop(name);
        else exit(128 + NUMBERS[name]);
      });
    }
    on('SIGHUP', () => void reload());
    on('uncaughtException', (error) => void crash('an error was not caught', error));
    on('unhandledRejection', (error) => void crash('a rejection was not handled', error));
  }

  async function reload(): Promise<void> {
    if (state !== 'running') return;
    reloads = Math.min(reloads + 1, 2);
    if (isReloading) return;
    isReloading = true;
    while (reloads > 0) {
      await notify?.reloading();
      try {
        await onReload?.();
      } catch (error) {
        log.error('the configuration was not reloaded', { error });
      }
      reloads--;
      if (lifecycle.state !== 'running') return;
      await notify?.ready();
    }
    isReloading = false;
  }

  async function crash(message: string, error: unknown): Promise<void> {
    log.error(message, { error });
    await inTime(log.close(), LOG_DEADLINE_MS);
    exit(EXIT.software);
  }
}

/** True when the promise settled before the deadline; rejections pass through. */
async function inTime(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([work.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
