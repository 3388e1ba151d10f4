/**
 * CSM's words for how much is logged, and the four levels the log has. Ordered from everything to nothing; `off` and
 * `disable` both keep nothing, `critical` and `always` keep errors only.
 */

export const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

export const SEVERITIES = [
  'trace',
  'debug',
  'info',
  'warning',
  'error',
  'critical',
  'always',
  'disable',
  'off',
] as const;
export type Severity = (typeof SEVERITIES)[number];

/** How many of `LEVELS` a severity lets through: 4 for `debug`, 0 for `off`. */
const ADMITTED: Readonly<Record<Severity, number>> = {
  trace: 4,
  debug: 4,
  info: 3,
  warning: 2,
  error: 1,
  critical: 1,
  always: 1,
  disable: 0,
  off: 0,
};

export function admits(severity: Severity, level: Level): boolean {
  return LEVELS.indexOf(level) < ADMITTED[severity];
}
