/** Who is who: roles, node names and the daemon id `role/node`. */

export const ROLES = ['master', 'aggregator', 'utility', 'compute'] as const;
export type Role = (typeof ROLES)[number];

export function isRole(value: unknown): value is Role {
  return typeof value === 'string' && (ROLES as readonly string[]).includes(value);
}

export const NODE_NAME_MAX = 64;
const NODE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** What a node name may be, in words; used in every refusal of one. */
export const NODE_NAME_RULE = `1 to ${NODE_NAME_MAX} letters, digits, '.', '-' or '_', beginning and ending with a letter or digit`;

export function isNodeName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= NODE_NAME_MAX && NODE_NAME.test(value);
}

/** `role/node`: one daemon. A node may run several, of different roles. */
export type DaemonId = `${Role}/${string}`;

export function daemonId(role: Role, node: string): DaemonId {
  return `${role}/${node}`;
}

/** Splits a daemon id; undefined when it is not one. */
export function parseDaemonId(id: string): { readonly role: Role; readonly node: string } | undefined {
  const slash = id.indexOf('/');
  const role = id.slice(0, slash);
  const node = id.slice(slash + 1);
  return slash > 0 && isRole(role) && isNodeName(node) ? { role, node } : undefined;
}

/** Which daemon of a node takes commands for it and reports its inventory: compute, else utility, aggregator, master. */
export function roleRank(role: Role): number {
  return ROLES.indexOf(role);
}

export const USER_NAME_MAX = 64;
export const USER_NAME_RULE = `1 to ${USER_NAME_MAX} letters, digits, '.', '-', '_' or '@', beginning with a letter or '_'`;

/** A user as certificates and tokens name one. A number is none: it would look like a uid. */
export function isUserName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= USER_NAME_MAX && /^[A-Za-z_][A-Za-z0-9._@-]*$/.test(name);
}
