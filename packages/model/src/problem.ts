import { type Code, type CodeName, codeName, codeText, isCode } from './codes.ts';
import { isObject } from './json.ts';

/** What a part of a node set answered, folded: equal answers stand once. */
export interface NodesPart {
  /** Folded, such as `n[001-128]`. */
  readonly nodeset: string;
  readonly code: Code;
  readonly text: string;
}

/**
 * The one error that runs from a node to the command line. `detail` is a sentence for a person and names the value
 * that was wrong; `field` is the path of the input it stood in, `allowed` what would be accepted.
 */
export interface Problem {
  readonly code: Code;
  readonly name: CodeName;
  readonly detail: string;
  readonly field?: string;
  readonly allowed?: string;
  readonly nodes?: readonly NodesPart[];
  /** With code 37 of a stream: the oldest cursor from which it can go on. */
  readonly oldest?: number;
  /** Made at the daemon where the call entered; stands in every log line of that call. */
  readonly trace?: string;
}

export type ProblemExtra = Pick<Problem, 'field' | 'allowed' | 'nodes' | 'oldest' | 'trace'>;

/** Makes a problem; without a detail it takes the code's own text. */
export function problem(c: Code, detail: string = codeText(c), extra: ProblemExtra = {}): Problem {
  return { code: c, name: codeName(c), detail, ...extra };
}

const BRAND = Symbol.for('csm.error');

/** A problem as an exception. Machines return problems; shells and handlers may throw this. */
export class CsmError extends Error {
  /** One and the same whichever copy of this package made it: a site's own feature may have loaded another. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: of a class below this one, that class is asked about.
    if (this !== CsmError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return value instanceof Error && BRAND in value;
  }

  readonly problem: Problem;
  constructor(p: Problem, options?: { readonly cause?: unknown }) {
    super(p.detail, options);
    this.name = 'CsmError';
    this.problem = p;
  }
  get [BRAND](): true {
    return true;
  }
  get code(): Code {
    return this.problem.code;
  }
}

/** Throws a `CsmError`; reads as a sentence at the place of the check. */
export function fail(c: Code, detail?: string, extra?: ProblemExtra): never {
  throw new CsmError(problem(c, detail, extra));
}

/** Whatever was thrown, as a problem: a `CsmError` keeps its own, anything else becomes `fallback` with its message. */
export function toProblem(thrown: unknown, fallback: Code = 1): Problem {
  if (thrown instanceof CsmError) return thrown.problem;
  return problem(fallback, thrown instanceof Error ? thrown.message : inWords(thrown));
}

/** Not every value becomes a string: an object without a prototype, or one whose `toString` throws, does not. */
function inWords(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return `something that has no text was thrown (${typeof thrown})`;
  }
}

/**
 * Reads a problem that came over a wire; undefined when it is none, or when a field of it has the wrong type. Fields
 * we do not know are left behind, and the name always follows from the code.
 */
export function asProblem(value: unknown): Problem | undefined {
  if (!isObject(value)) return undefined;
  const { code, detail, field, allowed, nodes, oldest, trace } = value;
  if (!isCode(code) || typeof detail !== 'string') return undefined;
  if (!isOptionalString(field) || !isOptionalString(allowed) || !isOptionalString(trace)) return undefined;
  if (oldest !== undefined && !(Number.isSafeInteger(oldest) && (oldest as number) >= 0)) return undefined;
  if (nodes !== undefined && !(Array.isArray(nodes) && nodes.every(isNodesPart))) return undefined;
  return {
    code,
    name: codeName(code),
    detail,
    ...(field === undefined ? {} : { field }),
    ...(allowed === undefined ? {} : { allowed }),
    ...(nodes === undefined ? {} : { nodes }),
    ...(oldest === undefined ? {} : { oldest: oldest as number }),
    ...(trace === undefined ? {} : { trace }),
  };
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isNodesPart(value: unknown): value is NodesPart {
  return (
    isObject(value) &&
    typeof value['nodeset'] === 'string' &&
    isCode(value['code']) &&
    typeof value['text'] === 'string'
  );
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Problem };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const err = (error: Problem): Result<never> => ({ ok: false, error });
