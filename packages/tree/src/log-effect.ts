/** A line a machine wants in the log; its shell writes it. */
export interface LogEffect {
  readonly kind: 'log';
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export function log(level: LogEffect['level'], text: string, fields?: LogEffect['fields']): LogEffect {
  return fields === undefined ? { kind: 'log', level, text } : { kind: 'log', level, text, fields };
}
