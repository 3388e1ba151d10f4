import { code, type Problem, problem } from '@csm/model';

/** Version of the HTTP API. Within a major version fields, calls and codes are only added. */
export const API_VERSION = '1.0';

/** The header in which both sides say theirs. */
export const VERSION_HEADER = 'csm-api-version';

/** What is wrong with the version a client says it speaks; nothing where it says none. */
export function versionProblem(given: string | undefined): Problem | undefined {
  if (given === undefined) return undefined;
  const field = 'CSM-API-Version';
  const allowed = `${API_VERSION.split('.')[0] ?? ''}.x`;
  const major = /^(\d{1,4})\.\d{1,4}$/.exec(given)?.[1];
  if (major === undefined) {
    const detail = `${field} is ${JSON.stringify(given.slice(0, 40))}, which is no version`;
    return problem(code.INVALID_PARAMETER, detail, { field, allowed });
  }
  if (major === API_VERSION.split('.')[0]) return undefined;
  const detail = `the client speaks version ${given} of the API, this daemon ${API_VERSION}`;
  return problem(code.COMMUNICATION, detail, { field, allowed });
}
