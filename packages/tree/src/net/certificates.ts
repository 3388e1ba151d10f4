/** What a peer's certificate proves. Judged at the greeting, on resumed sessions too, and again while links stand. */
import { isNodeName, isRole } from '@csm/model';
import type { Identity } from '../link/link.ts';

/** The facts of a certificate that are looked at; times are wall ms. */
export interface CertificateFacts {
  readonly subjectAltNames: readonly string[];
  readonly serialNumber: string;
  readonly validFrom: number;
  readonly validTo: number;
}

/** Serials of revoked certificates: upper-case hex without leading zeros. */
export type Revoked = ReadonlySet<string>;

const URI = /^URI:csm:([a-z]+):(.+)$/;

/** Reads role and node, and says what is wrong with the certificate, if anything is. */
export function identityOf(facts: CertificateFacts, revoked: Revoked, wallNow: number): Identity {
  const { subjectAltNames, serialNumber, validFrom, validTo } = facts;
  const names = subjectAltNames.map((name) => URI.exec(name)).filter((m) => m !== null);
  const [, role, node] = names[0] ?? [];
  if (!isRole(role) || !isNodeName(node)) {
    const fault = `the certificate names no CSM daemon (URI:csm:<role>:<node>), but ${subjectAltNames.join(', ') || 'nothing'}`;
    return { role: 'compute', node: '?', fault };
  }
  const identity = { role, node };
  const serial = serialNumber.replace(/^0+(?=.)/, '').toUpperCase();
  if (names.length > 1)
    return { ...identity, fault: 'the certificate names several daemons; one certificate is for one daemon' };
  if (revoked.has(serial))
    return { ...identity, fault: `the certificate of ${role}/${node} (serial ${serial}) is revoked` };
  if (wallNow > validTo)
    return { ...identity, fault: `the certificate of ${role}/${node} expired at ${new Date(validTo).toISOString()}` };
  if (wallNow < validFrom)
    return {
      ...identity,
      fault: `the certificate of ${role}/${node} is not valid before ${new Date(validFrom).toISOString()}`,
    };
  return identity;
}
