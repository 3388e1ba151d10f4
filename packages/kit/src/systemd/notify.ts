import type { Log } from '../log/log.ts';
import { datagramSender, type SendDatagram } from './datagram.ts';

/** Tells systemd how the daemon is (sd_notify protocol). Outside systemd every method does nothing. */
export interface Notify {
  /** Whether someone listens. */
  readonly isActive: boolean;
  ready(status?: string): Promise<void>;
  /** One line shown by `systemctl status`. */
  status(text: string): Promise<void>;
  /** To be followed by `ready()` when the new configuration is in force. */
  reloading(): Promise<void>;
  stopping(): Promise<void>;
  /** Begins to feed the watchdog, if the unit has one, for as long as `healthy()` is true. See `watchdog.ts`. */
  watch(healthy: () => boolean): void;
  /** Stops feeding. */
  close(): void;
}

export interface NotifyOptions {
  /** Default: the environment of this process, from which the variables are then removed, so that no child inherits them. */
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: Log;
  /** For tests: what carries the messages. */
  readonly send?: SendDatagram;
}

const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;
const STATUS_MAX = 512;

/** Reads NOTIFY_SOCKET and the watchdog's variables. Never throws: a socket that cannot be used is logged once. */
export async function systemdNotify(options: NotifyOptions = {}): Promise<Notify> {
  const env = options.env ?? process.env;
  const [socket, usec, pid] = VARIABLES.map((name) => env[name]);
  if (env === process.env) for (const name of VARIABLES) delete env[name];

  const sender = options.send ?? (await openSender(socket, options.log));
  let failed = false;
  const send = async (message: string): Promise<void> => {
    try {
      await sender?.(message);
      failed = false;
    } catch (error) {
      if (!failed) options.log?.warn('systemd was not told', { message, error });
      failed = true;
    }
  };

  const isMine = pid === undefined || pid === '' || Number(pid) === process.pid;
  const periodMs = isMine ? Number(usec ?? 0) / 1000 : 0;
  let watchdog: Watchdog | undefined;
  return {
    isActive: sender !== undefined,
    ready: (status) => send(`READY=1\n${status === undefined ? '' : `STATUS=${oneLine(status)}\n`}`),
    status: (text) => send(`STATUS=${oneLine(text)}\n`),
    reloading: () => send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}\n`),
    stopping: () => send('STOPPING=1\n'),
    watch(healthy) {
      watchdog?.close();
      if (sender === undefined || !(periodMs > 0)) return;
      watchdog = startWatchdog({ periodMs, healthy, feed: () => void send('WATCHDOG=1\n') });
    },
    close: () => watchdog?.close(),
  };
}

const oneLine = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, STATUS_MAX);

async function openSender(socket: string | undefined, log: Log | undefined): Promise<SendDatagram | undefined> {
  if (socket === undefined || socket === '') return undefined;
  try {
    const { send, why } = await datagramSender(socket);
    if (why !== undefined) log?.warn(why);
    return send;
  } catch (error) {
    log?.warn('systemd cannot be told anything', { error });
    return undefined;
  }
}

interface Watchdog {
  close(): void;
}

export interface WatchdogOptions {
  readonly periodMs: number;
  readonly healthy: () => boolean;
  readonly feed: () => void;
}

/**
 * Feeds at half the period. A turn that is refused, because the daemon says it is not healthy or because the loop ran
 * a whole period late, is tried again after an eighth, so that one bad moment does not cost the daemon its life.
 */
export function startWatchdog({ periodMs, healthy, feed }: WatchdogOptions): Watchdog {
  let timer: NodeJS.Timeout | undefined;
  const turn = (dueAt: number): void => {
    const isFit = performance.now() - dueAt < periodMs && isHealthy(healthy);
    if (isFit) feed();
    plan(isFit ? periodMs / 2 : periodMs / 8);
  };
  const plan = (ms: number): void => {
    const dueAt = performance.now() + ms;
    timer = setTimeout(turn, ms, dueAt);
    timer.unref();
  };
  turn(performance.now());
  return { close: () => clearTimeout(timer) };
}

function isHealthy(healthy: () => boolean): boolean {
  try {
    return healthy();
  } catch {
    return false;
  }
}
