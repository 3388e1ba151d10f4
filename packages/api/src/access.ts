import { code, type Problem, parseDaemonId, problem, type Role } from '@csm/model';
import { type Access, type ApiRow, type Caller, type Grant, NOBODY_ID } from './row.ts';

/**
 * Who may make which calls: who is privileged, where privileged calls may enter, and the class of each call. Root and
 * group root are always privileged.
 */
export interface Policy {
  /** Names or numbers of users. */
  readonly privilegedUsers: readonly string[];
  /**
   * Names of groups; primary and supplementary ones count. A number is matched with the primary group, and with a
   * supplementary one that has no name.
   */
  readonly privilegedGroups: readonly string[];
  /** Roles of daemons by which privileged calls may enter. Adding `compute` lets a stolen node act as an admin. */
  readonly privilegedEnters: readonly Role[];
  /** The class of a call: its row's own, or what a permission file says. */
  readonly classOf: (row: Classed) => Access;
}

/** What the class of a call depends on. */
export type Classed = Pick<ApiRow, 'name' | 'access' | 'internal'>;

export const DEFAULT_POLICY: Policy = Object.freeze<Policy>({
  privilegedUsers: [],
  privilegedGroups: [],
  privilegedEnters: ['master', 'aggregator', 'utility'],
  classOf: (row) => row.access,
});

/** Classes as a permission file has them: what it does not list is privileged. Calls between daemons are not its matter. */
export const classesOf =
  (classes: ReadonlyMap<string, Access>): Policy['classOf'] =>
  (row) =>
    row.internal === true ? row.access : (classes.get(row.name) ?? 'privileged');

/** Whether a caller counts as an admin. */
export function isPrivileged(caller: Caller, policy: Policy): boolean {
  const { user, uid, gid, groups } = caller;
  return (
    uid === 0 ||
    gid === 0 ||
    groups.some((group) => group === 'root' || group === '0') ||
    // A number means a uid, also where somebody's name is that number.
    (policy.privilegedUsers.includes(user) && !/^\d+$/.test(user)) ||
    isListed(uid, policy.privilegedUsers) ||
    isListed(gid, policy.privilegedGroups) ||
    groups.some((group) => policy.privilegedGroups.includes(group))
  );
}

/** Nobody's number stands for everybody who is unknown at a daemon: it gives nothing. */
const isListed = (id: number, list: readonly string[]): boolean => id !== NOBODY_ID && list.includes(String(id));

/**
 * May this caller make this call here? The entry daemon asks, and the master asks again.
 * `owner-check` leaves the answer to the handler, which knows who owns what the call names.
 */
export function decide(row: ApiRow, caller: Caller, policy: Policy): Grant | Problem {
  const entry = parseDaemonId(caller.vouchedBy)?.role;
  const access = policy.classOf(row);
  if (entry === undefined)
    return refused(row, access, caller, `'${caller.vouchedBy}' is no daemon that may vouch for a user`);
  if (!row.enters.includes(entry)) {
    const roles = row.enters.join(', ');
    return refused(
      row,
      access,
      caller,
      `it does not enter by ${caller.vouchedBy}, only by a daemon of role ${roles}`,
      roles,
    );
  }
  const privileged = isPrivileged(caller, policy);
  const asAdmin = policy.privilegedEnters.includes(entry);
  if (access === 'privileged') {
    if (!privileged)
      return refused(row, access, caller, 'only root and the configured privileged users and groups may make it');
    if (!asAdmin) {
      const roles = policy.privilegedEnters.join(', ');
      return refused(
        row,
        access,
        caller,
        `privileged calls do not enter by ${caller.vouchedBy}, only by ${roles} daemons`,
        roles,
      );
    }
  }
  return access === 'private' && !(privileged && asAdmin) ? 'owner-check' : 'granted';
}

function refused(row: ApiRow, access: Access, caller: Caller, why: string, allowed?: string): Problem {
  const detail = `${row.name} is ${access} and refused to user ${caller.user} (uid ${caller.uid}): ${why}`;
  return problem(code.PERMISSION, detail, allowed === undefined ? {} : { allowed });
}

/** What a handler says when `owner-check` found that the caller owns nothing of what the call names. */
export function notOwner(row: ApiRow, caller: Caller, what: string): Problem {
  return refused(row, 'private', caller, `only the owner of ${what} and privileged users may make it`);
}
