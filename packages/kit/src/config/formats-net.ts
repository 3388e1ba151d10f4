import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Format, Reading } from './setting.ts';

/** Formats of addresses. Names are checked for form only; they are resolved at each dial. */

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A port from 1 to 65535; with `any`, 0 as well, which lets the kernel choose. */
export function port(options: { readonly any?: boolean } = {}): Format<number> {
  const min = options.any === true ? 0 : 1;
  return {
    name: 'port',
    read(raw, reading) {
      const n = typeof raw === 'string' && /^\d{1,5}$/.test(raw) ? Number(raw) : raw;
      return Number.isInteger(n) && (n as number) >= min && (n as number) <= 65_535
        ? (n as number)
        : reading.refuse(raw, `a port from ${min} to 65535`);
    },
    print: (n) => n,
  };
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

function isHostName(name: string): boolean {
  return name.length <= 253 && !/^[\d.]+$/.test(name) && name.split('.').every((label) => LABEL.test(label));
}

function readHost(raw: unknown, reading: Reading): string | undefined {
  if (typeof raw === 'string' && (isIP(raw) !== 0 || isHostName(raw))) return raw;
  const isPlaceholder = typeof raw === 'string' && /^__.*__$/.test(raw);
  const hint = isPlaceholder ? 'a placeholder: put the real name here' : undefined;
  return reading.refuse(raw, 'a host name, an IPv4 or an IPv6 address', hint);
}

export const host: Format<string> = { name: 'host', read: readHost, print: (value) => value };

/**
 * `name:9815`, `10.0.0.1:9815`, `[fe80::1]:9815`, or an object with `host` and `port` as CSM writes it. With
 * `defaultPort` the port may be left out.
 */
export function hostPort(
  options: { readonly defaultPort?: number; readonly anyPort?: boolean } = {},
): Format<HostPort> {
  const { defaultPort } = options;
  const portFormat = port({ any: options.anyPort === true });
  const allowed = `host:port, [IPv6]:port or {"host": …, "port": …}${defaultPort === undefined ? '' : `; the port may be left out, it is ${defaultPort} then`}`;

  function split(raw: unknown): { host: unknown; port: unknown } | undefined {
    if (typeof raw === 'string') {
      if (isIPv6(raw)) return { host: raw, port: undefined };
      const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d+))?$/.exec(raw);
      return match === null
        ? undefined
        : { host: match[1] ?? match[2], port: match[3] === undefined ? undefined : Number(match[3]) };
    }
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return undefined;
    const extra = Object.keys(raw).some((key) => key !== 'host' && key !== 'port');
    return extra || !('host' in raw) ? undefined : { host: raw.host, port: 'port' in raw ? raw.port : undefined };
  }

  return {
    name: 'host:port',
    read(raw, reading) {
      const parts = split(raw);
      const given = parts?.port ?? defaultPort;
      if (parts === undefined || given === undefined) return reading.refuse(raw, allowed);
      const isObject = typeof raw === 'object';
      const name = readHost(parts.host, isObject ? reading.part('host') : reading);
      const number = portFormat.read(given, isObject ? reading.part('port') : reading);
      return name === undefined || number === undefined ? undefined : { host: name, port: number };
    },
    print: printHostPort,
  };
}

/** `host:port`, an IPv6 address in brackets. */
export function printHostPort({ host: name, port: number }: HostPort): string {
  return isIPv4(name) || !name.includes(':') ? `${name}:${number}` : `[${name}]:${number}`;
}
