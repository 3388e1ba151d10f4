/** The options of hbtd, and the variables of the environment that stand for them. */
import { DEFAULT_PARAMS, type ParamName } from './rules.ts';

export interface OptionRow {
  /** Without its dashes. */
  readonly option: string;
  readonly env: string;
  readonly param: ParamName;
  /** What a number of 0 or less is taken as. */
  readonly floor?: 0 | 1;
  /** What is written behind `=`; undefined for a switch. */
  readonly value: string | undefined;
  readonly help: string;
}

export const OPTION_ROWS: readonly OptionRow[] = [
  {
    option: 'debug',
    env: 'HBTD_DEBUG',
    param: 'Debug',
    floor: 0,
    value: 'n',
    help: 'above 0 every heartbeat is logged',
  },
  {
    option: 'use_telemetry',
    env: 'HBTD_USE_TELEMETRY',
    param: 'Use_telemetry',
    value: 'yes|no',
    help: 'publish changes to the message bus',
  },
  {
    option: 'telemetry_host',
    env: 'HBTD_TELEMETRY_HOST',
    param: 'Telemetry_host',
    value: 'host:port:topic',
    help: 'the message bus (NATS); none when empty',
  },
  {
    option: 'warntime',
    env: 'HBTD_WARNTIME',
    param: 'Warntime',
    floor: 0,
    value: 'seconds',
    help: 'without a heartbeat for so long a component is late',
  },
  {
    option: 'errtime',
    env: 'HBTD_ERRTIME',
    param: 'Errtime',
    floor: 0,
    value: 'seconds',
    help: 'and for so long it is dead; more than warntime',
  },
  {
    option: 'interval',
    env: 'HBTD_INTERVAL',
    param: 'Interval',
    floor: 0,
    value: 'seconds',
    help: 'is shown; lateness is noticed at once, whatever it says',
  },
  { option: 'port', env: 'HBTD_PORT', param: 'Port', value: 'n', help: 'where it listens; 0 takes a free one' },
  {
    option: 'kv_url',
    env: 'HBTD_KV_URL',
    param: 'Kv_url',
    value: 'url',
    help: 'the database: mem:, sqlite:/path or postgresql://user@host/database; an etcd is refused',
  },
  {
    option: 'sm_url',
    env: 'HBTD_SM_URL',
    param: 'Sm_url',
    value: 'url',
    help: 'the state manager; the one that is built in where none is given',
  },
  {
    option: 'sm_retries',
    env: 'HBTD_SM_RETRIES',
    param: 'Sm_retries',
    floor: 1,
    value: 'n',
    help: 'is shown; the state manager is tried until it answers',
  },
  {
    option: 'sm_timeout',
    env: 'HBTD_SM_TIMEOUT',
    param: 'Sm_timeout',
    floor: 1,
    value: 'seconds',
    help: 'that the state manager may take to answer',
  },
  { option: 'nosm', env: 'HBTD_NOSM', param: 'Nosm', value: undefined, help: 'tell no state manager' },
];

/** What holds where nothing is given, where that is not hbtd's default or reads otherwise. */
const OWN_DEFAULTS: Partial<Record<OptionRow['param'], string>> = {
  Nosm: 'no',
  Use_telemetry: 'yes',
  Kv_url: 'sqlite in state_dir',
  Sm_url: 'none',
};

export function helpText(): string {
  const left = ({ option, value }: OptionRow): string => `--${option}${value === undefined ? '' : `=${value}`}`;
  const width = Math.max(...OPTION_ROWS.map((row) => left(row).length));
  const lines = OPTION_ROWS.map((row) => {
    const shown = DEFAULT_PARAMS[row.param] === '' ? 'none' : DEFAULT_PARAMS[row.param];
    const normally = OWN_DEFAULTS[row.param] ?? shown;
    return `  ${left(row).padEnd(width)}  ${row.help} (${row.env}, default ${normally})`;
  });
  return [
    'Options of the heartbeat service; each may also be given in the environment, where the command line counts more:',
    '',
    ...lines,
    `  ${'--help'.padEnd(width)}  shows this`,
    '',
    'HBTD_CLEAR_ON_GAP other than 0: after a time in which nobody watched, all components are forgotten.',
    'ETCD_HOST and ETCD_PORT make up kv_url where that is given empty.',
    '',
  ].join('\n');
}
