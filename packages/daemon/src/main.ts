/** `csmd`: reads the command line and the configuration, and lives until it is told to stop. */
import { hostname } from 'node:os';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { Feature } from '@csm/feature';
import {
  ConfigError,
  createLifecycle,
  createLog,
  EXIT,
  type Log,
  memoryLog,
  printEffective,
  shiftFile,
  systemClock,
  systemdNotify,
} from '@csm/kit';
import { CsmError, isRole, ROLES, type Role } from '@csm/model';
import { VERSION as PROTOCOL_VERSION } from '@csm/protocol';
import { Command, CommanderError, Option } from 'commander';
import { readCallRules } from './call-rules.ts';
import { Daemon, hostOf } from './compose.ts';
import { type AnyConfig, type ConfigFor, nodeNameOf, readConfig, schemaOf } from './config.ts';
import { Credentials, type Whose } from './credentials.ts';
import { DB_WORK, type DbWork } from './db-work.ts';
import { failpointOf } from './failpoint.ts';
import { apiTable, FEATURES } from './features.ts';
import { isHeartbeatRole } from './heartbeat-args.ts';
import { probe } from './probe.ts';
import { CSM_VERSION } from './version.ts';

interface Args {
  readonly role: string;
  readonly file?: string;
  readonly check?: boolean;
  readonly probe?: boolean;
  readonly printEffective?: boolean;
  readonly speak?: string;
  readonly feature?: readonly string[];
  readonly db?: string;
  readonly from?: string;
  readonly json?: boolean;
}

const HELP = `
Examples:
  csmd --role compute --file /etc/csm/csm_compute.cfg
  csmd --role master --check                 every fault of the configuration, exit 78
  csmd --role compute --check --probe        what each collector finds on this machine, and why not more
  csmd --role master --print-effective       the settings in force, defaults included
  csmd --role master --db check              whether the database is sound
  csmd --role heartbeat --help               the heartbeat service alone, with hbtd's options

Signals: SIGTERM says goodbye and exits 0, SIGHUP reads again what may change while running.`;

/** Runs to the end of the process, or gives the exit code of what was only a check. */
export async function main(argv: readonly string[]): Promise<number | undefined> {
  if (isHeartbeatRole(argv)) {
    favourSpeed();
    boundGarbage();
    return (await import('./heartbeat-alone.ts')).heartbeatAlone(argv);
  }
  const program = new Command('csmd')
    .description('The CSM daemon: one executable, four roles.')
    .version(`csmd ${CSM_VERSION}, protocol ${PROTOCOL_VERSION}`)
    .requiredOption('-r, --role <role>', `one of ${ROLES.join(', ')}`)
    .option('-f, --file <path>', 'configuration file (default: /etc/csm/csm_<role>.cfg)')
    .option('--check', 'check the configuration and the certificates, and exit')
    .option('--probe', 'with --check: try every collector once, and say what it found')
    .option('--print-effective', 'print the settings in force, and exit')
    .option('--db <work>', 'work on the database while no master runs: restore, check or copy (see csm db)')
    .option('--from <file>', 'with --db: the backup to restore, or the SQLite file to check or copy')
    .option('--json', 'with --db: tell the outcome as JSON')
    .addOption(new Option('--speak <version>', 'speak another minor version of the protocol (for tests)').hideHelp())
    .addOption(
      new Option(
        '--feature <file...>',
        "load further features: modules whose default export is one (a site's own; tests)",
      ).hideHelp(),
    )
    .addHelpText('after', HELP)
    .exitOverride();
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.config;
    throw error;
  }
  const args = program.opts<Args>();
  const role = args.role.toLowerCase();
  if (!isRole(role)) {
    process.stderr.write(`csmd: --role is '${args.role}'; allowed is one of ${ROLES.join(', ')}\n`);
    return EXIT.config;
  }
  if (args.probe === true && args.check !== true) {
    process.stderr.write('csmd: --probe is given without --check; allowed is --check --probe\n');
    return EXIT.config;
  }
  const work = DB_WORK.find((one) => one === args.db);
  const misused = dbFault(args, role, work);
  if (misused !== undefined) {
    process.stderr.write(`csmd: ${misused}\n`);
    return EXIT.config;
  }
  const file = args.file ?? `/etc/csm/csm_${role}.cfg`;
  try {
    const features = [...FEATURES, ...(await Promise.all((args.feature ?? []).map(load)))];
    const config = readConfig(role, file, hostname(), features) as AnyConfig;
    if (work !== undefined) {
      const { runDbTool } = await import('./db-tool.ts');
      return await runDbTool(work, {
        config: config as ConfigFor<'master'>,
        features,
        from: args.from,
        json: args.json === true,
        out: (text) => process.stdout.write(text),
        err: (text) => process.stderr.write(text),
      });
    }
    if (args.printEffective === true) {
      process.stdout.write(`${printEffective(schemaOf(role, features), config as never)}\n`);
      return EXIT.ok;
    }
    const whose = { role, node: nodeNameOf(config, hostname()), file };
    if (args.check === true) {
      await readCallRules(config.csm, apiTable(features));
      await check(config, whose);
      if (args.probe === true) await probeAll(config, whose, features);
      return EXIT.ok;
    }
    // Before anything is made or opened: what is wrong with the credentials is a fault of the configuration too.
    await readCallRules(config.csm, apiTable(features));
    await Credentials.check(config.csm.net.ssl, whose);
    await live(role, config, file, features, args.speak);
    return undefined;
  } catch (error) {
    if (error instanceof CsmError && error.problem.field === 'CSM_FAILPOINT') {
      process.stderr.write(`csmd: ${error.message}; allowed is one of ${error.problem.allowed ?? ''}\n`);
      return EXIT.config;
    }
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`csmd: ${error.message}\n`);
    return EXIT.config;
  }
}

/** What is wrong with the options about the database, in words. */
function dbFault(args: Args, role: Role, work: DbWork | undefined): string | undefined {
  const { db, from, json } = args;
  if (db === undefined) {
    if (from === undefined && json === undefined) return undefined;
    return `${from === undefined ? '--json' : '--from'} is given without --db; allowed is --db ${DB_WORK.join('|')}`;
  }
  if (work === undefined) return `--db is '${db}'; allowed is one of ${DB_WORK.join(', ')}`;
  if (role !== 'master') return `--db is given with the role ${role}; only a master has a database`;
  return undefined;
}

async function check(config: AnyConfig, whose: Whose): Promise<void> {
  const { validTo } = await Credentials.check(config.csm.net.ssl, whose);
  const { role, node, file } = whose;
  process.stdout.write(
    `${file}: in order for ${role}/${node}; the certificate is valid until ${new Date(validTo).toISOString()}\n`,
  );
}

async function probeAll(config: AnyConfig, { role, node }: Whose, features: readonly Feature[]): Promise<void> {
  const ports = {
    self: { role, node, version: CSM_VERSION },
    clock: systemClock,
    log: memoryLog(),
    config: config.csm,
    host: hostOf(config),
  };
  await probe(features, ports, (line) => process.stdout.write(`${line}\n`));
}

async function live(
  role: Role,
  config: AnyConfig,
  file: string,
  features: readonly Feature[],
  speak: string | undefined,
): Promise<void> {
  if (role !== 'compute') favourSpeed();
  const failpoint = failpointOf(process.env);
  const log = logOf(role, config);
  const notify = await systemdNotify({ log });
  const daemon = new Daemon({
    role,
    config,
    file,
    hostName: hostname(),
    log,
    features,
    failpoint: failpoint?.pass,
    tell: (status) => void notify.status(status),
    ...(speak === undefined ? {} : { speak }),
  });
  const lifecycle = createLifecycle({ log, notify, onReload: () => daemon.reload() });
  daemon.addTo(lifecycle);
  notify.watch(() => daemon.healthy());
  log.info(`csmd ${CSM_VERSION} starts`, {
    role,
    node: nodeNameOf(config, hostname()),
    file,
    protocol: speak ?? PROTOCOL_VERSION,
  });
  if (failpoint !== undefined) log.warn('this daemon is to kill itself: CSM_FAILPOINT is set', { at: failpoint.text });
  if (shiftFile() !== undefined)
    log.warn('the wall clock may be wrong on purpose: CSM_CLOCK_SHIFT is set', { file: shiftFile() });
  await lifecycle.run();
}

/** A feature from a file, such as a site's own. */
async function load(file: string): Promise<Feature> {
  const { default: feature } = (await import(pathToFileURL(file).href)) as { default: Feature };
  return feature;
}

function logOf(role: Role, config: AnyConfig): Log {
  const {
    default_sev: level,
    console: toConsole,
    file: path,
    rotation_size: rotationSize,
    rotation_keep: keep,
  } = config.csm.log;
  return createLog({
    name: `csmd-${role}`,
    level,
    console: toConsole ? 'stdout' : 'none',
    ...(path === undefined ? {} : { file: { path, rotationSize, keep } }),
  });
}

/** Undoes what `bin/csmd.mjs` has set: a daemon that carries the load of others is given memory for it. */
function favourSpeed(): void {
  setFlagsFromString('--no-optimize-for-size');
  setFlagsFromString('--semi-space-growth-factor=2');
  // `--optimize-for-size` has also bounded the new space of threads begun later, the database's among them, to 2 MiB;
  // 0 is the engine's own bound.
  setFlagsFromString('--max-semi-space-size=0');
}

/**
 * For the heartbeat service alone: 100,000 components live in 45 MiB, beside which the engine would let as much garbage
 * gather, and give the database's thread, which writes a few small batches a second, a new space of 32 MiB.
 */
function boundGarbage(): void {
  setFlagsFromString('--heap-growing-percent=30');
  setFlagsFromString('--max-semi-space-size=4');
}
