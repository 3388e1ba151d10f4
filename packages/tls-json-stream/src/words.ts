/** The words of every way in which a TLS connection can fail, for logs and for people. */

/** Codes of a certificate that was refused, as Node and OpenSSL name them. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet (or the clock is wrong)',
  CERT_REVOKED: 'the certificate is revoked',
  CERT_SIGNATURE_FAILURE: 'the signature of the certificate is wrong',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is signed by itself, not by our CA',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is signed by an unknown CA',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate is signed by an unknown CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate is signed by an unknown CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is signed by an unknown CA',
  INVALID_PURPOSE: 'the certificate is not meant for this use',
  INVALID_CA: 'the certificate is signed by one that is no CA',
  PATH_LENGTH_EXCEEDED: 'the chain of certificates is too long',
};

/** Codes of errors and alerts during a handshake. An alert is what the other end said to us. */
const HANDSHAKE: Readonly<Record<string, string>> = {
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the other end offers only TLS versions before 1.3',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the other end does not accept TLS 1.3',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'no client certificate was sent',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the other end asks for a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the other end does not know the CA of our certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the other end says that our certificate has expired',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'the other end says that our certificate is revoked',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'the other end refused our certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the other end refused our certificate',
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 'the other end does not support our certificate',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the other end found no common TLS parameters',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the other end does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the other end does not speak TLS',
  ERR_SSL_HTTP_REQUEST: 'the other end speaks plain HTTP',
  ERR_SSL_NO_SHARED_CIPHER: 'there is no common cipher',
};

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was reset by the other end',
  EPIPE: 'the connection was closed by the other end',
  ETIMEDOUT: 'the other end does not answer any more',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  EHOSTDOWN: 'the host is down',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up at present',
  EADDRNOTAVAIL: 'no local address or port is free for it',
  EMFILE: 'this process has no file descriptor left',
};

/** `code` of anything thrown, or ''. */
export function codeOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return '';
  return typeof thrown.code === 'string' ? thrown.code : '';
}

export const isCertificateCode = (code: string): boolean => code in CERTIFICATE;
export const isHandshakeCode = (code: string): boolean => code.startsWith('ERR_SSL_');

/** An error of OpenSSL, of Node's TLS or of the socket as one sentence part. */
export function errorWords(thrown: unknown): string {
  const code = codeOf(thrown);
  const known = CERTIFICATE[code] ?? HANDSHAKE[code] ?? NETWORK[code];
  if (known !== undefined) return known;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  // OpenSSL's own text is 'hex:error:hex:library:function:reason:file:line'; the reason is what a person can use.
  const parts = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(message);
  if (parts !== null) return `TLS failed: ${parts[1]}`;
  return message === '' ? code || 'unknown error' : message.split('\n', 1)[0] || code;
}

/** Words for first bytes that cannot begin a TLS connection; undefined when they can. */
export function notTlsWords(first: Uint8Array): string | undefined {
  if (first[0] === 0x16 && (first.length < 2 || first[1] === 3)) return undefined;
  const text = Buffer.from(first.subarray(0, 64)).toString('latin1');
  if (/^[A-Z]{3,8} \S/.test(text)) return `plain HTTP, not TLS (${JSON.stringify(text.split('\r', 1)[0])})`;
  if (/^\d{1,10}#/.test(text)) return 'a JSON message without TLS';
  return `not TLS: it begins with ${first.length === 0 ? 'nothing' : hex(first.subarray(0, 8))}`;
}

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
