import { type Code, CsmError, code, codeText, type JsonObject, type NodesPart, type Problem } from '@csm/model';

/** HTTP status of each problem code; a code that is not here is 500. */
const STATUS: { readonly [C in Code]?: number } = {
  [code.NOT_INITIALIZED]: 503,
  [code.NO_RESULTS]: 404,
  [code.TIMEOUT]: 504,
  [code.MISSING_PARAMETER]: 400,
  [code.INVALID_PARAMETER]: 400,
  [code.UNKNOWN_COMMAND]: 404,
  [code.COMMUNICATION]: 502,
  [code.MEMORY]: 503,
  [code.PERMISSION]: 403,
  [code.EMPTY_PAYLOAD]: 400,
  [code.BAD_EVENT_TYPE]: 400,
  [code.BAD_ADDRESS]: 502,
  [code.DATABASE_UNAVAILABLE]: 503,
  [code.DELETE_MISMATCH]: 409,
  [code.UPDATE_MISMATCH]: 409,
  [code.BUFFER_OVERFLOW]: 413,
  [code.BUFFER_INVALID]: 400,
  [code.MULTI_GENERIC]: 502,
  [code.MULTI_RESPONSE]: 502,
  [code.ILLEGAL_EXECUTION]: 403,
  [code.CONTEXT_LOST]: 410,
  [code.STATE_JUMPED]: 409,
  [code.SAME_STATE]: 409,
  [code.BAD_STATE]: 409,
  [code.UNKNOWN_NODES]: 404,
  [code.NODES_OCCUPIED]: 409,
  [code.NODES_UNAVAILABLE]: 409,
  [code.BAD_FLAGS]: 400,
  [code.ALLOCATION_MISSING]: 404,
  [code.EPILOG_EPILOG]: 409,
  [code.EPILOG_PROLOG]: 409,
  [code.PROLOG_EPILOG]: 409,
  [code.PROLOG_PROLOG]: 409,
};

/** The HTTP status a problem is answered with. */
export const statusOf = (c: Code): number => STATUS[c] ?? 500;

/** A problem that is answered with a status of its own, and perhaps with headers. */
export class HttpRefusal extends CsmError {
  override readonly name = 'HttpRefusal';
  readonly status: number;
  readonly headers: { readonly [name: string]: string };

  constructor(p: Problem, status: number, headers: { readonly [name: string]: string } = {}) {
    super(p);
    this.status = status;
    this.headers = headers;
  }
}

/** A proof of who calls that was given and does not hold. */
export class FailedProof extends HttpRefusal {}

export const PROBLEM_TYPE = 'application/problem+json';

/** A problem as the body of an answer (RFC 9457 §3). `detail`, `code` and `name` are what programs and people read. */
export function problemBody(p: Problem, trace: string, status = statusOf(p.code)): JsonObject {
  return {
    type: `urn:csm:problem:${p.name}`,
    title: codeText(p.code),
    status,
    detail: p.detail,
    code: p.code,
    name: p.name,
    ...(p.field === undefined ? {} : { field: p.field }),
    ...(p.allowed === undefined ? {} : { allowed: p.allowed }),
    ...(p.oldest === undefined ? {} : { oldest: p.oldest }),
    ...(p.nodes === undefined ? {} : { nodes: p.nodes.map((n: NodesPart) => ({ ...n })) }),
    trace: p.trace ?? trace,
  };
}
