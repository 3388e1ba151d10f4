export {
  type CertificateState,
  caCertFile,
  DEFAULT_CA_DAYS,
  DEFAULT_DAYS,
  type InitCaOptions,
  type IssueOptions,
  type IssueResult,
  initCa,
  issue,
  issueFromCsr,
  type Listed,
  list,
  makeCsr,
  pemFile,
  renew,
  revoke,
} from './ca.ts';
export { type Identity, identityUri, readIdentity, type Subject, subjectText } from './identity.ts';
export { type CertificateInfo, certificateInfo, type PemPair, parsePem, readPem } from './pem.ts';
export { type Issued, loadRevoked, type Revoked, revokedFile } from './register.ts';
export { normalSerial } from './serial.ts';
