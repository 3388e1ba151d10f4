/** Where changes are published to, as a parameter says it. Pure. */

export interface TelemetryTarget {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly topic: string;
}

const HBTD = /^([^\s:/[\]]+|\[[0-9a-fA-F:.]+\]):(\d{1,5}):([^\s:]+)$/;
const NATS = /^nats:\/\/([^\s:/[\]@]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})\/([^\s/:]+)$/;

/** `host:port:topic`, as hbtd has it, or `nats://host:port/topic`; undefined for anything else. */
export function telemetryTarget(text: string): TelemetryTarget | undefined {
  const [, host = '', digits = '', topic = ''] = NATS.exec(text) ?? HBTD.exec(text) ?? [];
  const port = Number(digits);
  if (host === '' || port < 1 || port > 65_535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port, topic };
}
