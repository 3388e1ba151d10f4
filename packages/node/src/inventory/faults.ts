/** What went wrong while an inventory was taken: not what a machine lacks or does not allow, which the reasons tell. */
import type { Finding, Programs, RunOptions } from '@csm/host';
import { isObject } from '@csm/model';

/** Sentences, and characters of each. */
const FAULTS_MAX = 8;
const FAULT_MAX = 200;

/** How the reason begins of what a reader would have told, had it not failed. */
export const READER_FAILED = 'the reader of ';

/** A program that is not installed, has no device to ask, or is for root only: true at every collection. */
const LACKS =
  /not found$|does not exist|no such (?:file|device)|permission denied|operation not permitted|be root|entry point found/i;

/** Programs that note which of them failed. */
export class ProgramFaults implements Programs {
  readonly #programs: Programs;
  readonly #reasons = new Set<string>();

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  async run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<Finding<string>> {
    const output = await this.#programs.run(argv, options);
    if ('reason' in output && this.#reasons.size < FAULTS_MAX * 8) this.#reasons.add(output.reason);
    return output;
  }

  /** Why programs gave nothing, each reason once. */
  get reasons(): readonly string[] {
    return [...this.#reasons];
  }
}

/**
 * A sentence for each program that did not end, wrote too much or ended with a status, and for each reader that failed
 * or did not end; at most eight. `reasons` are those of the document.
 */
export function faultsOf(programs: readonly string[], reasons: unknown): readonly string[] {
  const told = isObject(reasons) ? Object.values(reasons) : [];
  const readers = told.filter((reason) => typeof reason === 'string' && reason.startsWith(READER_FAILED));
  const faults = [...programs.filter((reason) => !LACKS.test(reason)), ...(readers as readonly string[])];
  const sentences = [...new Set(faults.map(short))].sort();
  const more = sentences.length - FAULTS_MAX;
  return more > 0 ? [...sentences.slice(0, FAULTS_MAX - 1), `and ${more + 1} faults more`] : sentences;
}

const short = (text: string): string => {
  const line = text.replace(/[\p{Cc}\p{Cs}]/gu, '?');
  return line.length > FAULT_MAX ? `${line.slice(0, FAULT_MAX - 1)}…` : line;
};
