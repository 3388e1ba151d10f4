/** Who is at the other end, from its certificate and its socket. */
import type { PeerCertificate, TLSSocket } from 'node:tls';

/** What a certificate says. Times are milliseconds UTC; the serial number is Node's upper-case hex. */
export interface CertificateFacts {
  /** Such as `URI:csm:compute:n001`, `DNS:agg-a`, `IP:10.0.0.1`. */
  readonly subjectAltNames: readonly string[];
  readonly serialNumber: string;
  readonly validFrom: number;
  readonly validTo: number;
  /** Upper-case hex pairs with colons. */
  readonly fingerprint256: string;
}

export interface Peer extends CertificateFacts {
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
  /** True when the TLS session was resumed: no certificate was sent this time. */
  readonly resumed: boolean;
}

/**
 * Splits Node's `subjectaltname` text. Node writes a value that holds a comma or quote as a JSON string, so that no
 * name can pretend to be two; such a value is taken as one.
 */
export function parseSubjectAltNames(text: string): string[] {
  const names: string[] = [];
  let at = 0;
  while (at < text.length) {
    const colon = text.indexOf(':', at);
    if (colon < 0) break;
    const type = text.slice(at, colon) === 'IP Address' ? 'IP' : text.slice(at, colon);
    let end: number;
    let value: string;
    if (text[colon + 1] === '"') {
      end = colon + 2;
      while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
      end += 1;
      value = unquote(text.slice(colon + 1, end));
    } else {
      end = text.indexOf(', ', colon);
      if (end < 0) end = text.length;
      value = text.slice(colon + 1, end);
    }
    names.push(`${type}:${value}`);
    at = end + 2;
  }
  return names;
}

function unquote(quoted: string): string {
  try {
    const value: unknown = JSON.parse(quoted);
    return typeof value === 'string' ? value : quoted;
  } catch {
    return quoted;
  }
}

/** Reads the certificate of a listener's peer, of resumed sessions too (it is in the ticket); undefined without one. */
export function certificateFacts(socket: TLSSocket): CertificateFacts | undefined {
  // A third of the price of getPeerCertificate(), which makes an object of everything.
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return {
    subjectAltNames: parseSubjectAltNames(certificate.subjectAltName ?? ''),
    serialNumber: certificate.serialNumber,
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
    fingerprint256: certificate.fingerprint256,
  };
}

/** The same from the object that Node makes for a dialer's check of the host name. */
export function factsOf(certificate: PeerCertificate): CertificateFacts {
  return {
    subjectAltNames: parseSubjectAltNames(certificate.subjectaltname ?? ''),
    serialNumber: certificate.serialNumber,
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    fingerprint256: certificate.fingerprint256,
  };
}

/** Joins certificate and socket. An IPv4 address that came in on an IPv6 socket is told as IPv4. */
export function peerOf(socket: TLSSocket, facts: CertificateFacts): Peer {
  const address = plainAddress(socket.remoteAddress);
  return {
    ...facts,
    address,
    port: socket.remotePort ?? 0,
    family: address.includes(':') ? 'IPv6' : 'IPv4',
    resumed: socket.isSessionReused(),
  };
}

export function plainAddress(address: string | undefined): string {
  return address === undefined ? 'unknown' : address.replace(/^::ffff:(?=\d+\.)/, '');
}
