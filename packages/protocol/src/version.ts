import { err, ok, problem, type Result } from '@csm/model';

/**
 * The protocol's version. Two daemons of one major version always understand each other: within it, fields and kinds
 * are only added, unknown fields are ignored, and an unknown kind is answered `unsupported`.
 *
 * 1.0 is the wire without clocks; 1.1 added `clock` to `hello` and `welcome`, so that a peer's clock offset shows; 1.2
 * added `again` to `claimed`, for hubs that pass copies of reports on; 1.3 added `term` to `welcome`, so that of several
 * masters the one that leads is known; 1.4 added `via` and `token` to the caller in `call`, so that the leader judges a
 * token again.
 */
export const VERSION = '1.4';

const FORM = /^(\d{1,4})\.(\d{1,4})$/;

export interface Version {
  readonly major: number;
  readonly minor: number;
}

export function parseVersion(text: string): Version | undefined {
  const m = FORM.exec(text);
  return m === null ? undefined : { major: Number(m[1]), minor: Number(m[2]) };
}

/** Whether `version` is `minor` or newer, within its major version; false for a text that is no version. */
export const knows = (version: string, minor: number): boolean => (parseVersion(version)?.minor ?? -1) >= minor;

/** Whether a peer that says `theirs` may link with us, who say `ours`; the version both then speak. */
export function agree(ours: string, theirs: string): Result<Version> {
  const a = parseVersion(ours);
  const b = parseVersion(theirs);
  if (a === undefined || b === undefined || a.major !== b.major) {
    const wanted = `${a?.major ?? '?'}.x`;
    return err(
      problem(12, `protocol version '${theirs}' does not go with ours, ${ours}`, { field: 'version', allowed: wanted }),
    );
  }
  return ok({ major: a.major, minor: Math.min(a.minor, b.minor) });
}
