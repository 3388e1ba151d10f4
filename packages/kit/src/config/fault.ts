import { CsmError, code, problem } from '@csm/model';

/** One thing that is wrong in a configuration. */
export interface ConfigFault {
  /** Path of the setting, such as `net.aggregatorA` or `net.aggregators.n[1-9][0]`; '' for the file itself. */
  readonly key: string;
  /** What was given, as JSON cut to 80 characters; `(hidden)` for sensitive settings, '' where nothing was given. */
  readonly value: string;
  /** What would be accepted, in words. */
  readonly allowed: string;
  readonly hint?: string;
  /** Where it stands in the file; both count from 1. Missing for values from the environment. */
  readonly line?: number;
  readonly column?: number;
}

/** Everything that is wrong with a configuration, at once. Its message lists the faults, one a line. */
export class ConfigError extends CsmError {
  readonly source: string;
  readonly faults: readonly ConfigFault[];
  constructor(source: string, faults: readonly ConfigFault[]) {
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
    const lines = faults.map((fault) => `  ${describeFault(fault)}`);
    const first = faults[0];
    super(
      problem(code.INVALID_PARAMETER, [`${source} has ${count}:`, ...lines].join('\n'), {
        ...(first !== undefined && { field: first.key, allowed: first.allowed }),
      }),
    );
    this.name = 'ConfigError';
    this.source = source;
    this.faults = faults;
  }
}

/** `line 3, column 5: net.port is 99999; allowed: a port from 1 to 65535`, with the hint behind. */
export function describeFault(fault: ConfigFault): string {
  const place = fault.line === undefined ? '' : `line ${fault.line}, column ${fault.column ?? 1}: `;
  const what = fault.key === '' ? fault.value : fault.value === '' ? fault.key : `${fault.key} is ${fault.value}`;
  const hint = fault.hint === undefined ? '' : ` (${fault.hint})`;
  return `${place}${what}; allowed: ${fault.allowed}${hint}`;
}

const SHOWN = 80;

/** A given value as it appears in a fault. */
export function shown(value: unknown): string {
  if (value === undefined) return '';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${text.length} characters)`;
}
