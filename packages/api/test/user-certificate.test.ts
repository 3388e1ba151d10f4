import { expect } from 'chai';
import { type CertificateFacts, userOf } from '../src/user-certificate.ts';

const NOW = 1_800_000_000_000;
const facts = (more: Partial<CertificateFacts> = {}): CertificateFacts => ({
  trusted: true,
  subjectAltNames: ['URI:csm:user:alice'],
  serialNumber: 'AB12',
  validFrom: NOW - 1000,
  validTo: NOW + 1000,
  ...more,
});
const judged = (more: Partial<CertificateFacts>, revoked: readonly string[] = []) => {
  const result = userOf(facts(more), new Set(revoked), NOW);
  return 'user' in result ? result.user : result.fault;
};

describe('a client certificate', () => {
  it('names a user', () => {
    expect(judged({})).to.equal('alice');
    expect(judged({ subjectAltNames: ['DNS:x', 'URI:http://a', 'URI:csm:user:svc_backup.1'] })).to.equal(
      'svc_backup.1',
    );
  });
  const bad: readonly [string, Partial<CertificateFacts>, RegExp, string[]?][] = [
    ['of another CA', { trusted: 'SELF_SIGNED_CERT_IN_CHAIN' }, /not signed by the CA/],
    ['of another CA, also when something in its chain has expired', { trusted: 'CERT_HAS_EXPIRED' }, /expired/],
    ['that was found not valid yet', { trusted: 'CERT_NOT_YET_VALID' }, /not valid before/],
    ['of a daemon', { subjectAltNames: ['URI:csm:compute:n1', 'DNS:n1'] }, /the daemon compute\/n1, which is no user/],
    ['of nobody', { subjectAltNames: ['DNS:n1'] }, /names no user/],
    ['without names', { subjectAltNames: [] }, /names no user/],
    ['of two users', { subjectAltNames: ['URI:csm:user:a', 'URI:csm:user:b'] }, /names several/],
    ['of a user and a daemon', { subjectAltNames: ['URI:csm:user:a', 'URI:csm:master:m'] }, /names several/],
    ['of a number, which is no name', { subjectAltNames: ['URI:csm:user:0'] }, /no name/],
    ['of an odd name', { subjectAltNames: ['URI:csm:user:ro ot'] }, /no name/],
    ['of an empty name', { subjectAltNames: ['URI:csm:user:'] }, /no name/],
    ['that is revoked', {}, /of alice \(serial AB12\) is revoked/, ['AB12']],
    ['that has expired, though its session was resumed', { validTo: NOW - 1 }, /of alice expired at/],
    ['that is not valid yet', { validFrom: NOW + 1 }, /of alice is not valid before/],
  ];
  for (const [title, more, expected, revoked] of bad) {
    it(`${title} is refused`, () => expect(judged(more, revoked)).to.match(expected));
  }
});
