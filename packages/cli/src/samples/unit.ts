/** What the values of a metric are counted in, and how that is told. The unit is the end of the metric's name. */

export interface Unit {
  /** Stands beside an axis and behind a value; empty for bare numbers. */
  readonly name: string;
  /** What one of the metric is in it. */
  readonly factor: number;
  /** 1024 for bytes, which people read in KiB and MiB; 1000 for what takes k and M; 1 for what takes neither. */
  readonly base: 1 | 1000 | 1024;
}

const unit = (name: string, base: Unit['base'] = 1, factor = 1): Unit => ({ name, base, factor });
const bytes = (factor: number) => unit('B', 1024, factor);

/** The longest end that fits decides. Collected are those without an abbreviation; the others cost nothing. */
const ENDS: { readonly [end: string]: Unit } = {
  percent: unit('%'),
  bytes: bytes(1),
  kb: bytes(1024),
  kib: bytes(1024),
  mib: bytes(1024 ** 2),
  bytes_per_second: unit('B/s', 1024),
  per_second: unit('/s', 1000),
  celsius: unit('°C'),
  watts: unit('W', 1000),
  joules: unit('J', 1000),
  volts: unit('V'),
  rpm: unit('rpm'),
  hz: unit('Hz', 1000),
  mhz: unit('Hz', 1000, 1_000_000),
  seconds: unit('s'),
  milliseconds: unit('ms'),
  microseconds: unit('µs'),
  hours: unit('h'),
};
const NONE = unit('', 1000);

/** `eth0.receive_bytes_per_second` → B/s. */
export function unitOf(metric: string): Unit {
  const words = bareMetric(metric).split('_');
  for (let at = 0; at < words.length; at++) {
    const end = words.slice(at).join('_');
    if (Object.hasOwn(ENDS, end)) return ENDS[end] ?? NONE;
  }
  return NONE;
}

/** The metric without its instance: `sda.read_bytes_per_second` → `read_bytes_per_second`. */
export const bareMetric = (metric: string): string => metric.slice(metric.lastIndexOf('.') + 1);

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** `12.5 %`, `1.5 GiB`, `210 W`, `12.3 k`: four digits at most before the rest is rounded away. */
export function human(metric: string, value: number, isAscii = false): string {
  const unit = unitOf(metric);
  const text = inUnit(unit, value * unit.factor);
  return isAscii ? text.replace('°', '').replace('µ', 'u') : text;
}

/** A value that is in the unit already. */
export function inUnit({ name, base }: Unit, value: number): string {
  const prefixes = base === 1024 ? BINARY : DECIMAL;
  let at = 0;
  let scaled = value;
  // What would be rounded to 1024 KiB is 1 MiB.
  while (base !== 1 && at < prefixes.length - 1 && Math.abs(round(scaled)) >= base) {
    scaled /= base;
    at++;
  }
  const end = `${prefixes[at] ?? ''}${name}`;
  return end === '' ? plain(scaled) : name === '/s' && at === 0 ? `${plain(scaled)}/s` : `${plain(scaled)} ${end}`;
}

/** To one decimal from 100, two from 10, three below; larger ones whole. */
function round(value: number): number {
  const size = Math.abs(value);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
  return Number(value.toFixed(digits));
}

/** Without an exponent where a person would write none, and never `-0`. */
function plain(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e15)) return value.toPrecision(3).replace(/\.?0+(?=e|$)/, '');
  return String(round(value) + 0);
}
