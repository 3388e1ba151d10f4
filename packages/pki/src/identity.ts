/**
 * Who a certificate is for: the name `URI:csm:<role>:<node>` among its subject alternative names, or
 * `URI:csm:user:<name>` for a user of the API.
 */
import { isIP } from 'node:net';
import {
  code,
  fail,
  isNodeName,
  isRole,
  isUserName,
  NODE_NAME_RULE,
  ROLES,
  type Role,
  USER_NAME_RULE,
} from '@csm/model';

export interface Identity {
  readonly role: Role;
  readonly node: string;
}

/** A daemon, or a user: then `node` is the user's name. */
export interface Subject {
  readonly role: Role | 'user';
  readonly node: string;
}

const PREFIX = 'csm:';

/** The value of the URI name. */
export const identityUri = ({ role, node }: Subject): string => `${PREFIX}${role}:${node}`;

/** In words: `compute/n001`, `user alice`. */
export const subjectText = ({ role, node }: Subject): string => (role === 'user' ? `user ${node}` : `${role}/${node}`);

/**
 * The identity in names such as `URI:csm:compute:n001`, `DNS:agg-a`. Undefined when there is none, when one is not well
 * formed, or when there are two different ones: nobody may choose who he is.
 */
export function readIdentity(sans: readonly string[]): Identity | undefined {
  let found: Identity | undefined;
  for (const san of sans) {
    if (!san.startsWith(`URI:${PREFIX}`)) continue;
    const rest = san.slice(`URI:${PREFIX}`.length);
    const colon = rest.indexOf(':');
    const role = rest.slice(0, colon);
    const node = rest.slice(colon + 1);
    if (colon < 0 || !isRole(role) || !isNodeName(node)) return undefined;
    if (found !== undefined && (found.role !== role || found.node !== node)) return undefined;
    found = { role, node };
  }
  return found;
}

/** @throws CsmError INVALID_PARAMETER */
export function checkSubject({ role, node }: { readonly role: unknown; readonly node: unknown }): Subject {
  if (role !== 'user') return checkIdentity({ role, node });
  if (isUserName(node)) return { role, node };
  return fail(code.INVALID_PARAMETER, `'${String(node)}' is not a user name`, {
    field: 'user',
    allowed: USER_NAME_RULE,
  });
}

/** @throws CsmError INVALID_PARAMETER */
export function checkIdentity({ role, node }: { readonly role: unknown; readonly node: unknown }): Identity {
  if (!isRole(role)) {
    fail(code.INVALID_PARAMETER, `'${String(role)}' is not a role`, { field: 'role', allowed: ROLES.join(', ') });
  }
  if (!isNodeName(node)) {
    fail(code.INVALID_PARAMETER, `'${String(node)}' is not a node name`, { field: 'node', allowed: NODE_NAME_RULE });
  }
  return { role, node };
}

const DNS_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;
const MAX_NAMES = 64;

export interface HostName {
  readonly type: 'dns' | 'ip';
  readonly value: string;
}

/**
 * Sorts names into DNS and IP.
 * @throws CsmError INVALID_PARAMETER
 */
export function checkNames(names: readonly string[]): HostName[] {
  if (names.length > MAX_NAMES) {
    fail(code.INVALID_PARAMETER, `${names.length} names are too many`, {
      field: 'names',
      allowed: `up to ${MAX_NAMES}`,
    });
  }
  return [...new Set(names)].map((value) => {
    if (isIP(value) !== 0) return { type: 'ip', value };
    // Four numbers that are no address must not pass as a name.
    if (DNS_NAME.test(value) && !/^[\d.]+$/.test(value)) return { type: 'dns', value };
    return fail(code.INVALID_PARAMETER, `'${value}' is not a host name or address`, {
      field: 'names',
      allowed: 'DNS names without wildcard, IPv4 and IPv6 addresses',
    });
  });
}
