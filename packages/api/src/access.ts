import { code, type Problem, parseDaemonId, problem, type Role } from '@csm/model';
import type { ApiRow, Caller, Grant } from './row.ts';

/** Who is privileged, and where privileged calls may enter. Root is always privileged. */
export interface Policy {
  /** Names or numbers of users. */
  readonly privilegedUsers: readonly string[];
  /** Names of groups; primary and supplementary ones count. A number is matched with the primary group only. */
  readonly privilegedGroups: readonly string[];
  /** Roles of daemons by which privileged calls may enter. Adding `compute` lets a stolen node act as an admin. */
  readonly privilegedEnters: readonly Role[];
}

export const DEFAULT_POLICY: Policy = Object.freeze<Policy>({
  privilegedUsers: [],
  privilegedGroups: [],
  privilegedEnters: ['master', 'aggregator', 'utility'],
});

/** Whether a caller counts as an admin. */
export function isPrivileged(caller: Caller, policy: Policy): boolean {
  return (
    caller.uid === 0 ||
    policy.privilegedUsers.includes(caller.user) ||
    policy.privilegedUsers.includes(String(caller.uid)) ||
    policy.privilegedGroups.includes(String(caller.gid)) ||
    caller.groups.some((group) => policy.privilegedGroups.includes(group))
  );
}

/**
 * May this caller make this call here? The entry daemon asks, and the master asks again.
 * `owner-check` leaves the answer to the handler, which knows who owns what the call names.
 */
export function decide(row: ApiRow, caller: Caller, policy: Policy): Grant | Problem {
  const entry = parseDaemonId(caller.vouchedBy)?.role;
  if (entry === undefined) return refused(row, caller, `'${caller.vouchedBy}' is no daemon that may vouch for a user`);
  if (!row.enters.includes(entry)) {
    const roles = row.enters.join(', ');
    return refused(row, caller, `it does not enter by ${caller.vouchedBy}, only by a daemon of role ${roles}`, roles);
  }
  const privileged = isPrivileged(caller, policy);
  if (row.access === 'privileged') {
    if (!privileged)
      return refused(row, caller, 'only root and the configured privileged users and groups may make it');
    if (!policy.privilegedEnters.includes(entry)) {
      const roles = policy.privilegedEnters.join(', ');
      return refused(
        row,
        caller,
        `privileged calls do not enter by ${caller.vouchedBy}, only by ${roles} daemons`,
        roles,
      );
    }
  }
  return row.access === 'private' && !privileged ? 'owner-check' : 'granted';
}

function refused(row: ApiRow, caller: Caller, why: string, allowed?: string): Problem {
  const detail = `${row.name} is ${row.access} and refused to user ${caller.user} (uid ${caller.uid}): ${why}`;
  return problem(code.PERMISSION, detail, allowed === undefined ? {} : { allowed });
}

/** What a handler says when `owner-check` found that the caller owns nothing of what the call names. */
export function notOwner(row: ApiRow, caller: Caller, what: string): Problem {
  return refused(row, caller, `only the owner of ${what} and privileged users may make it`);
}
