import { fstatSync } from 'node:fs';
import { Writable } from 'node:stream';
import winston from 'winston';
import { admits, LEVELS, type Level, type Severity } from '../severity.ts';
import { type FileSinkOptions, fileSink } from './file-sink.ts';
import { type Fields, formatBody, formatLine } from './line.ts';
import { lostLine, type Sink, streamSink } from './sink.ts';

/** The log of a daemon. No method throws or waits, except that `close` waits for what is under way. */
export interface Log {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
  /** A log that adds `fields` to every event. A field `component` also selects the severity set for it. */
  child(fields: Fields): Log;
  /** Changes the severity while running: of one component, or of everything that has none of its own. */
  setLevel(severity: Severity, component?: string): void;
  /** Lines that could not be written so far. */
  readonly lost: number;
  /** Writes out everything taken so far and closes; afterwards events go nowhere. Gives up after 5 s. */
  close(): Promise<void>;
}

export interface LogOptions {
  /** Stands in every line, such as `csmd-master`. */
  readonly name: string;
  readonly level: Severity;
  /** Severities of components that differ. */
  readonly levels?: Readonly<Record<string, Severity>>;
  /** Default stdout; `none` writes no lines there. */
  readonly console?: 'stdout' | 'stderr' | 'none';
  readonly file?: FileSinkOptions;
  /** `<N>` before console lines, as journald reads them, and no time. Default: whether stdout goes to the journal. */
  readonly syslogPrefix?: boolean;
}

const CLOSE_MS = 5_000;
/** Events a caller may log in one go before the loop turns; more are lost and counted. */
const BURST_MAX = 20_000;
const COMPONENTS_MAX = 100;
const SYSLOG: Readonly<Record<Level, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

interface Event {
  readonly level: Level;
  readonly message: string;
  readonly time: Date;
}

const MESSAGE = Symbol.for('message');

/** Joins a sink to winston: a stream that takes every line at once, so that winston never holds any back. */
function transport(sink: Sink, write: (event: Event) => string): winston.transport {
  const stream = new Writable({
    decodeStrings: false,
    write(line: string, _encoding, next) {
      sink.write(line);
      next();
    },
  });
  const format = winston.format((info) => ({ ...info, [MESSAGE]: write(info as unknown as Event) }));
  return new winston.transports.Stream({ stream, eol: '', format: format() });
}

/** True when stdout is the journal's socket: systemd names its device and inode. */
export function isJournal(env: NodeJS.ProcessEnv = process.env, fd = 1): boolean {
  try {
    const { dev, ino } = fstatSync(fd);
    return env['JOURNAL_STREAM'] === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** Opens the log. A file that cannot be written does not stop the daemon: its lines are counted as lost. */
export function createLog(options: LogOptions): Log {
  const { name } = options;
  const sinks: { sink: Sink; write: (event: Event) => string }[] = [];
  if (options.console !== 'none') {
    const toStderr = options.console === 'stderr';
    const prefixed = options.syslogPrefix ?? isJournal(process.env, toStderr ? 2 : 1);
    const line = ({ level, message, time }: Event): string =>
      prefixed ? `<${SYSLOG[level]}>${name} ${message}` : formatLine(time, level, name, message);
    const stream = toStderr ? process.stderr : process.stdout;
    sinks.push({ sink: streamSink(stream, (n) => line(lostEvent(n))), write: line });
  }
  if (options.file !== undefined) {
    const line = ({ level, message, time }: Event): string => formatLine(time, level, name, message);
    sinks.push({ sink: fileSink(options.file, (n) => line(lostEvent(n))), write: line });
  }

  let notTaken = 0;
  let closing: Promise<void> | undefined;
  const logger = winston.createLogger({
    levels: Object.fromEntries(LEVELS.map((level, i) => [level, i])),
    level: 'debug',
    transports: sinks.map(({ sink, write }) => transport(sink, write)),
    silent: sinks.length === 0,
  });
  const emit = (level: Level, body: string): void => {
    if (closing !== undefined || logger.writableLength + logger.readableLength > BURST_MAX) notTaken++;
    else logger.log({ level, message: body, time: new Date() });
  };
  return makeLog(emit, makeLevels(options.level, options.levels), {
    lost: () => sinks.reduce((sum, { sink }) => sum + sink.lost, notTaken),
    close: () =>
      (closing ??= end(
        logger,
        sinks.map(({ sink }) => sink),
      )),
  });
}

const lostEvent = (count: number): Event => ({ level: 'warn', message: lostLine(count), time: new Date() });

async function end(logger: winston.Logger, sinks: readonly Sink[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_MS);
  });
  const written = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      logger.once('finish', resolve);
      logger.end();
    });
    await Promise.all(sinks.map((sink) => sink.close()));
  };
  await Promise.race([written(), late]);
  clearTimeout(timer);
}

interface Levels {
  of(component: unknown): Severity;
  set(severity: Severity, component?: string): void;
}

function makeLevels(initial: Severity, components: Readonly<Record<string, Severity>> = {}): Levels {
  let general = initial;
  const own = new Map(Object.entries(components));
  return {
    of: (component) => (typeof component === 'string' ? (own.get(component) ?? general) : general),
    set(severity, component) {
      if (component === undefined) general = severity;
      else if (own.has(component) || own.size < COMPONENTS_MAX) own.set(component, severity);
    },
  };
}

function makeLog(
  emit: (level: Level, body: string, message: string, fields: Fields) => void,
  levels: Levels,
  shared: { lost(): number; close(): Promise<void> },
  base: Fields = {},
): Log {
  const at =
    (level: Level) =>
    (message: string, fields: Fields = {}): void => {
      if (!admits(levels.of(fields['component'] ?? base['component']), level)) return;
      const all = { ...base, ...fields };
      emit(level, formatBody(message, all), message, all);
    };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: (fields) => makeLog(emit, levels, shared, { ...base, ...fields }),
    setLevel: (severity, component) => levels.set(severity, component),
    get lost() {
      return shared.lost();
    },
    close: () => shared.close(),
  };
}

export interface MemoryEvent {
  readonly level: Level;
  readonly message: string;
  readonly fields: Fields;
  /** As a real log writes it, without time and name. */
  readonly line: string;
}

export interface MemoryLog extends Log {
  readonly events: readonly MemoryEvent[];
}

/** The log of tests: keeps the last `max` events. Shared by its children. */
export function memoryLog(severity: Severity = 'debug', max = 10_000): MemoryLog {
  const events: MemoryEvent[] = [];
  let lost = 0;
  const emit = (level: Level, line: string, message: string, fields: Fields): void => {
    events.push({ level, message, fields, line: `${level} ${line}` });
    if (events.length > max) {
      events.shift();
      lost++;
    }
  };
  const log = makeLog(emit, makeLevels(severity), { lost: () => lost, close: () => Promise.resolve() });
  return Object.defineProperties({ events } as unknown as MemoryLog, Object.getOwnPropertyDescriptors(log));
}
