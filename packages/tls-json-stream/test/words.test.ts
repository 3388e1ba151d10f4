import { expect } from 'chai';
import fc from 'fast-check';
import { backoffDelay } from '../src/backoff.ts';
import { parseSubjectAltNames, plainAddress } from '../src/peer.ts';
import { errorWords, notTlsWords } from '../src/words.ts';

describe('names in a certificate', () => {
  it('are split, and a quoted one stays one', () => {
    const table: [string, string[]][] = [
      ['', []],
      ['URI:csm:compute:n001', ['URI:csm:compute:n001']],
      ['URI:csm:compute:n001, DNS:n001', ['URI:csm:compute:n001', 'DNS:n001']],
      ['DNS:a, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1', ['DNS:a', 'IP:10.0.0.1', 'IP:0:0:0:0:0:0:0:1']],
      ['DNS:"a, URI:csm:master:m1", DNS:b', ['DNS:a, URI:csm:master:m1', 'DNS:b']],
      ['DNS:"say \\"hi\\", URI:x", DNS:b', ['DNS:say "hi", URI:x', 'DNS:b']],
      ['DNS:"torn', ['DNS:"torn']],
    ];
    for (const [text, names] of table) expect(parseSubjectAltNames(text), text).to.deep.equal(names);
  });

  it('no quoted value can pretend to be a second name', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(parseSubjectAltNames(`DNS:${JSON.stringify(value)}, DNS:end`)).to.deep.equal([
          `DNS:${value}`,
          'DNS:end',
        ]);
      }),
    );
  });

  it('an IPv4 address in IPv6 clothes is told plainly', () => {
    expect(plainAddress('::ffff:10.1.2.3')).to.equal('10.1.2.3');
    expect(plainAddress('::1')).to.equal('::1');
    expect(plainAddress(undefined)).to.equal('unknown');
  });
});

describe('words for what goes wrong', () => {
  it('tell first bytes that are no TLS', () => {
    const table: [string | number[], RegExp | undefined][] = [
      [[0x16, 3, 1, 0, 5], undefined],
      [[0x16], undefined],
      [[0x16, 9], /^not TLS: it begins with 0x1609$/],
      ['GET /metrics HTTP/1.1\r\nHost: x\r\n', /^plain HTTP, not TLS \("GET \/metrics HTTP\/1.1"\)$/],
      ['12#{"a":"b"}', /^a JSON message without TLS$/],
      ['SSH-2.0-x', /^not TLS: it begins with 0x5353482d322e302d$/],
      [[], /nothing/],
    ];
    for (const [first, words] of table) {
      const said = notTlsWords(Buffer.from(first as string));
      if (words === undefined) expect(said).to.equal(undefined);
      else expect(said).to.match(words);
    }
  });

  it('tell errors by their code, and OpenSSL by its reason', () => {
    const coded = (code: string, text = '') => Object.assign(new Error(text), { code });
    expect(errorWords(coded('ECONNREFUSED'))).to.equal('nothing listens there');
    expect(errorWords(coded('CERT_HAS_EXPIRED'))).to.equal('the certificate has expired');
    const raw = '80ACE1:error:0A000102:SSL routines:tls_early:some odd reason:../deps/x.c:16:\n';
    expect(errorWords(coded('ERR_SSL_ODD', raw))).to.equal('TLS failed: some odd reason');
    expect(errorWords(new Error('plain words\nat line'))).to.equal('plain words');
    expect(errorWords(coded('EODD'))).to.equal('EODD');
  });
});

describe('full-jitter back-off', () => {
  it('doubles its ceiling up to the cap', () => {
    const limits = { base: 500, cap: 30_000 };
    const table: [number, number, number][] = [
      [0, 0, 0],
      [0, 0.5, 250],
      [0, 0.999999, 499],
      [1, 0.999999, 999],
      [5, 0.999999, 15_999],
      [6, 0.999999, 29_999],
      [1000, 0.5, 15_000],
      [-1, 0.5, 250],
    ];
    for (const [attempt, random, delay] of table) {
      expect(backoffDelay(attempt, limits, random), `${attempt} ${random}`).to.equal(delay);
    }
  });

  it('never leaves its bounds', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(10_000), fc.nat(100_000), random, (attempt, base, cap, random01) => {
        const delay = backoffDelay(attempt, { base, cap }, random01);
        expect(Number.isInteger(delay) && delay >= 0 && delay <= cap).to.equal(true);
      }),
    );
  });
});
