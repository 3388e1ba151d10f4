/** What the configuration, or hbtd's options, make of a service. Pure. */
import { code, fail } from '@csm/model';
import type { Store } from '@csm/store';
import { type BusAddress, readBusAddress } from './bus/address.ts';
import type { Options } from './params/options.ts';
import { inTheirOrder } from './params/patch.ts';
import { inOrder } from './params/rules.ts';
import type { TelemetryTarget } from './params/telemetry.ts';
import { limitsOf } from './ports.ts';
import type { ServiceConfig } from './settings.ts';
import { checkThresholds } from './tracker/index.ts';
import type { Params, Thresholds } from './types.ts';

export interface Setup extends Omit<ServiceConfig, 'warntime' | 'errtime' | 'interval' | 'thresholds' | 'bus'> {
  /** As the service begins with, unless the database has others. */
  readonly params: Params;
  readonly special: Thresholds['special'];
  /** With what no parameter shows: TLS, user and password. */
  readonly bus: BusAddress | undefined;
  readonly clearOnGap: boolean;
}

/** Throws code 9, with the field, for what only a look at the whole tells. `kvUrl`: the database, as it is shown. */
export function setupOf(config: ServiceConfig, kvUrl: string): Setup {
  const { warntime, errtime, interval, thresholds, bus, ...rest } = config;
  const { kind, sm_url, sm_timeout, sm_retries } = rest.manager;
  const address = bus.url === undefined ? undefined : readBusAddress(bus.url, 'bus.url');
  const params = inTheirOrder({
    Debug: '0',
    Nosm: kind === 'none' ? '1' : '0',
    Use_telemetry: address === undefined ? '0' : '1',
    Telemetry_host: address === undefined ? '' : targetText(address),
    Warntime: String(warntime),
    Errtime: String(errtime),
    Port: String(rest.listen.port),
    Kv_url: kvUrl,
    Interval: String(interval),
    Sm_url: kind === 'external' ? (sm_url ?? '') : '',
    Sm_timeout: String(sm_timeout),
    Sm_retries: String(sm_retries),
  });
  const special = thresholds.map(({ type, group = '', components = '', warntime: warn, errtime: err }) => ({
    ...(type === undefined ? { group, components } : { type }),
    warnMs: warn * 1000,
    errMs: err * 1000,
  }));
  const checked = checkThresholds({ global: limitsOf(params), special });
  if (!checked.ok) {
    const { detail, field = '', allowed } = checked.error;
    fail(code.INVALID_PARAMETER, detail, {
      field: field.replace('special', 'thresholds'),
      ...(allowed === undefined ? {} : { allowed }),
    });
  }
  return { ...rest, params, special, bus: address, clearOnGap: false };
}

/** hbtd's options over a configuration. Throws code 9 where together they may not be. */
export function withOptions(setup: Setup, options: Extract<Options, { kind: 'options' }>): Setup {
  const params: Record<keyof Params, string> = { ...setup.params };
  // What names the database is for whoever opens it: here it is shown.
  for (const name of options.given) if (name !== 'Kv_url') params[name] = options.params[name];
  if (!inOrder(params)) {
    fail(code.INVALID_PARAMETER, `errtime is ${params.Errtime}, warntime ${params.Warntime}`, {
      field: 'errtime',
      allowed: 'an errtime above the warntime',
    });
  }
  // hbtd publishes where it is told to, unless it is told not to.
  if (options.given.has('Telemetry_host') && !options.given.has('Use_telemetry')) params.Use_telemetry = '1';
  return {
    ...setup,
    params: inTheirOrder(params),
    listen: { ...setup.listen, port: Number(params.Port) },
    clearOnGap: options.clearOnGap,
  };
}

/** Where a parameter says the bus is; with what the configuration knows of that one. */
export function busAddressOf({ host, port, topic }: TelemetryTarget, configured: BusAddress | undefined): BusAddress {
  const isThat = configured?.host === host && configured.port === port && configured.subject === topic;
  return isThat ? configured : { tls: false, host, port, subject: topic };
}

const targetText = ({ host, port, subject }: BusAddress): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}:${subject}`;

/** The database, as parameter Kv_url shows it: without user and password. */
export function kvUrlOf(place: Store['place']): string {
  if (place === undefined) return 'mem:';
  if (place.engine === 'sqlite') return `sqlite:${place.file}`;
  const { host, port, database } = place.server;
  return host.startsWith('/')
    ? `postgresql:///${database}?host=${encodeURIComponent(host)}&port=${port}`
    : `postgresql://${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
}
