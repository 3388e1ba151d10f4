/**
 * `csmd --role heartbeat`: the heartbeat service without a tree, on a database of its own; configured by a file, by
 * hbtd's options and environment, or by both, of which the options count more.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { loadAlone } from '@csm/heartbeat';
import {
  ConfigError,
  createLifecycle,
  createLog,
  EXIT,
  type HostPort,
  type Log,
  printEffective,
  printHostPort,
  systemdNotify,
} from '@csm/kit';
import { CsmError } from '@csm/model';
import { readHeartbeatArgs } from './heartbeat-args.ts';
import {
  HEARTBEAT_FILE,
  HEARTBEAT_SCHEMA,
  type HeartbeatConfig,
  type Place,
  placeOf,
  readHeartbeatConfig,
  WITHOUT_FILE,
} from './heartbeat-config.ts';
import { HeartbeatLife } from './heartbeat-life.ts';
import { CSM_VERSION } from './version.ts';

type Alone = Awaited<ReturnType<typeof loadAlone>>;

const HELP = `Usage: csmd --role heartbeat [--file <path>] [options]

The heartbeat service alone, with a database of its own. Without --file: ${HEARTBEAT_FILE} where no option is given,
and no file where one is.

  --file <path>      configuration file
  --check            check the configuration, and exit
  --print-effective  print the settings in force, and exit

`;

interface Start {
  readonly file: string | undefined;
  readonly config: HeartbeatConfig;
  readonly setup: ReturnType<Alone['setupOf']>;
  readonly place: Place;
  readonly notes: readonly string[];
}

/** Runs to the end of the process, or gives the exit code of what was only a check. */
export async function heartbeatAlone(argv: readonly string[]): Promise<number | undefined> {
  const args = readHeartbeatArgs(argv);
  if (args.version) {
    process.stdout.write(`csmd ${CSM_VERSION}\n`);
    return EXIT.ok;
  }
  const alone = await loadAlone();
  const options = alone.readOptions(args.rest, process.env);
  if (options.kind === 'help') {
    process.stdout.write(`${HELP}${options.text}`);
    return EXIT.ok;
  }
  const faults = [...args.faults, ...(options.kind === 'refused' ? options.faults : [])];
  if (faults.length > 0 || options.kind === 'refused') {
    for (const fault of faults) process.stderr.write(`csmd: ${fault}\n`);
    return EXIT.config;
  }
  try {
    const file = args.file ?? (alone.hasOptions(args.rest, process.env) ? undefined : HEARTBEAT_FILE);
    const config = readHeartbeatConfig(file, hostname());
    if (args.printEffective) {
      process.stdout.write(`${printEffective(HEARTBEAT_SCHEMA, { csm: config })}\n`);
      return EXIT.ok;
    }
    const place = placeOf(config, options, alone.storageOf(options.params.Kv_url));
    const setup = inWords(file, () => alone.withOptions(alone.setupOf(config, ''), options));
    checkFiles(file, config);
    if (args.check) {
      // What is put right, or passed over, as hbtd does; a daemon that runs has it in its log.
      for (const note of options.notes) process.stderr.write(`csmd: ${note}\n`);
      process.stdout.write(`${file ?? WITHOUT_FILE}: in order for heartbeat/${config.node_name ?? hostname()}\n`);
      return EXIT.ok;
    }
    await live(alone, { file, config, setup, place, notes: options.notes });
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`csmd: ${error.message}\n`);
    return EXIT.config;
  }
}

/** What only a look at the whole tells is a fault of the configuration too. */
function inWords<T>(file: string | undefined, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CsmError)) throw error;
    const { detail, field = '', allowed = '' } = error.problem;
    throw new ConfigError(file ?? WITHOUT_FILE, [{ key: field === '' ? '' : `csm.${field}`, value: detail, allowed }]);
  }
}

/** What TLS is to be spoken with must be there before anything is opened. */
function checkFiles(file: string | undefined, { tls }: HeartbeatConfig): void {
  const faults = (['cert_file', 'key_file', 'ca_file'] as const).flatMap((key) => {
    const path = tls[key];
    if (path === undefined) return [];
    try {
      readFileSync(path);
      return [];
    } catch (error) {
      const hint = error instanceof Error ? error.message : String(error);
      return [{ key: `csm.tls.${key}`, value: JSON.stringify(path), allowed: 'a PEM file that can be read', hint }];
    }
  });
  if (faults.length > 0) throw new ConfigError(file ?? WITHOUT_FILE, faults);
}

async function live(alone: Alone, { file, config, setup, place, notes }: Start): Promise<void> {
  const node = config.node_name ?? hostname();
  const log = logOf(config);
  const notify = await systemdNotify({ log });
  const own: HostPort = config.advertise ?? { host: hostname(), port: setup.listen.port };
  const life = new HeartbeatLife({
    alone,
    config,
    setup,
    place,
    node,
    address: `${setup.tls.cert_file === undefined ? 'http' : 'https'}://${printHostPort(own)}`,
    socketOptional: file === undefined,
    log,
    tell: (status) => void notify.status(status),
  });
  const lifecycle = createLifecycle({
    log,
    notify,
    onReload: () => {
      const next = readHeartbeatConfig(file, hostname());
      log.setLevel(next.log.default_sev);
      life.reload(next);
      log.info('certificates, who is privileged and how much is logged were read again; all else needs a restart');
    },
  });
  life.addTo(lifecycle);
  notify.watch(() => life.healthy());
  log.info(`csmd ${CSM_VERSION} starts`, { role: 'heartbeat', node, file: file ?? WITHOUT_FILE });
  for (const note of notes) log.warn(note);
  await lifecycle.run();
}

function logOf(config: HeartbeatConfig): Log {
  const {
    default_sev: level,
    console: toConsole,
    file: path,
    rotation_size: rotationSize,
    rotation_keep: keep,
  } = config.log;
  return createLog({
    name: 'csmd-heartbeat',
    level,
    console: toConsole ? 'stdout' : 'none',
    ...(path === undefined ? {} : { file: { path, rotationSize, keep } }),
  });
}
