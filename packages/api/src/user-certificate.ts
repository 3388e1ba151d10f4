/** Whom a client's certificate names. The counterpart for daemons is the tree's. */
import { isUserName } from '@csm/model';

/** The facts of a certificate that are looked at; times are wall ms. */
export interface CertificateFacts {
  /** Whether a CA of ours has signed it; else why not. */
  readonly trusted: true | string;
  /** Such as `URI:csm:user:alice`. */
  readonly subjectAltNames: readonly string[];
  /** Upper-case hex without leading zeros. */
  readonly serialNumber: string;
  readonly validFrom: number;
  readonly validTo: number;
}

const USER = /^URI:csm:user:(.*)$/s;
const ANY = /^URI:csm:([a-z]+:.*)$/s;

/** The user a certificate names, or what is wrong with it. Judged at each request: a session may outlast its proof. */
export function userOf(
  facts: CertificateFacts,
  revoked: ReadonlySet<string>,
  wallNow: number,
): { readonly user: string } | { readonly fault: string } {
  const { trusted, subjectAltNames, serialNumber, validFrom, validTo } = facts;
  const fault = (words: string) => ({ fault: `the client certificate ${words}` });
  // The reason alone proves nothing: of several that a chain gives, OpenSSL tells the last one only.
  if (trusted === 'CERT_HAS_EXPIRED') return fault(`expired at ${new Date(validTo).toISOString()}`);
  if (trusted === 'CERT_NOT_YET_VALID') return fault(`is not valid before ${new Date(validFrom).toISOString()}`);
  if (trusted !== true) return fault(`is not signed by the CA of this cluster (${trusted})`);
  const ours = subjectAltNames.filter((name) => ANY.test(name));
  const [first = ''] = ours;
  const user = USER.exec(first)?.[1];
  if (ours.length > 1) return fault(`names several: ${ours.join(', ')}`);
  if (user === undefined) {
    const daemon = ANY.exec(first)?.[1];
    if (daemon === undefined) return fault('names no user (URI:csm:user:<name>)');
    return fault(`is that of the daemon ${daemon.replace(':', '/')}, which is no user`);
  }
  if (!isUserName(user)) return fault('names a user that is no name');
  if (revoked.has(serialNumber)) return fault(`of ${user} (serial ${serialNumber}) is revoked`);
  // A resumed session skips the look at its dates.
  if (wallNow > validTo) return fault(`of ${user} expired at ${new Date(validTo).toISOString()}`);
  if (wallNow < validFrom) return fault(`of ${user} is not valid before ${new Date(validFrom).toISOString()}`);
  return { user };
}
