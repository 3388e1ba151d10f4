/** Refusals as problem details, in the words and order of hbtd under /hmi, and of smd under /hsm. Pure. */
import { type Code, type CsmError, code } from '@csm/model';
import type { Answer } from './route.ts';

export const PROBLEM_TYPE = 'application/problem+json';
export const JSON_TYPE = 'application/json';

/** Titles of the statuses that are answered here; smd takes the words of the status itself. */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

export const statusWords = (status: number): string => STATUS_WORDS[status] ?? 'Error';

/** As hbtd has them: one title for all that the caller did wrong, one for all else. */
const hmiTitle = (status: number): string => (status < 500 ? 'Invalid Request' : 'Internal Server Error');

export interface ProblemParts {
  readonly status: number;
  readonly title: string;
  readonly detail?: string;
  readonly instance?: string;
  /** Behind hbtd's own members. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Members in hbtd's order, empty ones left out, a line break at the end. */
export function problemAnswer({ status, title, detail, instance, more, headers }: ProblemParts): Answer {
  const body = {
    type: 'about:blank',
    title,
    ...(detail === undefined || detail === '' ? {} : { detail }),
    ...(instance === undefined || instance === '' ? {} : { instance }),
    status,
    ...more,
  };
  return {
    status,
    type: PROBLEM_TYPE,
    body: `${JSON.stringify(body)}\n`,
    ...(headers === undefined ? {} : { headers }),
  };
}

/** A refusal of a path: as smd words it for a state manager's path, else as hbtd does, with the path as instance. */
export function refusal(
  path: string,
  status: number,
  detail: string,
  headers?: Readonly<Record<string, string>>,
): Answer {
  const isHsm = path === '/hsm' || path.startsWith('/hsm/');
  return problemAnswer({
    status,
    title: isHsm ? statusWords(status) : hmiTitle(status),
    detail,
    ...(isHsm ? {} : { instance: path }),
    ...(headers === undefined ? {} : { headers }),
  });
}

/** HTTP statuses of the codes that the rooms throw; others are 500. */
const STATUS_OF: { readonly [c in Code]?: number } = {
  [code.NOT_INITIALIZED]: 503,
  [code.NO_RESULTS]: 404,
  [code.TIMEOUT]: 504,
  [code.MISSING_PARAMETER]: 400,
  [code.INVALID_PARAMETER]: 400,
  [code.COMMUNICATION]: 502,
  [code.MEMORY]: 503,
  [code.PERMISSION]: 403,
  [code.DATABASE_UNAVAILABLE]: 503,
  [code.BUFFER_OVERFLOW]: 413,
  [code.CONTEXT_LOST]: 410,
};

/** What a handler threw, as an answer. */
export function thrown(path: string, { problem }: CsmError): Answer {
  const status = STATUS_OF[problem.code] ?? 500;
  const words = problem.allowed === undefined ? problem.detail : `${problem.detail}; allowed: ${problem.allowed}`;
  return refusal(path, status, words);
}

/** A JSON answer; hbtd's own have no line break at the end but for /health. */
export function jsonAnswer(value: unknown, status = 200): Answer {
  return { status, type: JSON_TYPE, body: JSON.stringify(value) };
}

/** Done, and nothing to say. */
export const NO_CONTENT: Answer = Object.freeze({ status: 204 });
