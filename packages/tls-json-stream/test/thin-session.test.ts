import { connect } from 'node:tls';
import { expect } from 'chai';
import fc from 'fast-check';
import { thinSession } from '../src/thin-session.ts';
import { certificates, withHouse } from './helpers.ts';

/** An element in ASN.1's distinguished encoding. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content]);
}

const sequence = (...fields: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(fields));

describe('a session without the certificate of the other end', () => {
  const content = fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes));
  const field = fc.tuple(fc.constantFrom(0x02, 0x04, 0xa1, 0xa2, 0xa4, 0xa5), content).map(([tag, c]) => der(tag, c));
  const fields = fc.array(field, { maxLength: 4 });

  it('is all but that certificate, of whatever lengths', () => {
    fc.assert(
      fc.property(fields, content, fields, (before, certificate, behind) => {
        const whole = sequence(...before, der(0xa3, certificate), ...behind);
        expect(thinSession(whole)).to.deep.equal(sequence(...before, ...behind));
        // As Node 22 writes it.
        const head = Buffer.from('\0nodejs:tls:session:1\0\0\x03abc', 'latin1');
        const thin = Buffer.concat([head, sequence(...before, ...behind)]);
        expect(thinSession(Buffer.concat([head, whole]))).to.deep.equal(thin);
        expect(thinSession(thin)).to.equal(thin);
      }),
    );
  });

  it('one without any, and what is no session, stays as it is', () => {
    fc.assert(
      fc.property(fields, (all) => {
        expect(thinSession(sequence(...all))).to.deep.equal(sequence(...all));
      }),
    );
    fc.assert(
      fc.property(fields, content, fc.nat(), (all, certificate, cut) => {
        const broken = sequence(...all, der(0xa3, certificate));
        const short = broken.subarray(0, cut % broken.length);
        expect(thinSession(short)).to.equal(short);
      }),
    );
    for (const bytes of [
      [0x31, 2, 0xa3, 0],
      [0x30, 4, 0xa3, 4, 1, 2],
      [0x30, 0x80, 0xa3, 0],
      [0x30, 3, 0x02, 2, 1],
    ])
      expect(thinSession(Buffer.from(bytes))).to.deep.equal(Buffer.from(bytes));
  });

  it('of OpenSSL is shorter by it, and resumes', () =>
    withHouse({}, async (h) => {
      const { client } = await certificates();
      const options = { ...client, host: '127.0.0.1', port: h.listener.address.port };
      const tickets: Buffer[] = [];
      let shown = Buffer.alloc(0);
      const first = connect(options, () => {
        shown = first.getPeerCertificate().raw;
      });
      await new Promise<void>((resolve, reject) => {
        first.on('error', reject).resume();
        first.on('session', (ticket: Buffer) => {
          tickets.push(ticket);
          resolve();
        });
      });
      first.destroy();
      const [whole = shown] = tickets;
      const thin = thinSession(whole);
      expect(whole.includes(shown)).to.equal(true);
      expect(thin.includes(shown)).to.equal(false);
      expect(whole.length - thin.length - shown.length, 'the headers around it').to.be.within(4, 10);
      expect(thinSession(thin)).to.equal(thin);
      const second = connect({ ...options, session: thin });
      await new Promise<void>((resolve, reject) => second.on('error', reject).once('secureConnect', resolve));
      expect(second.isSessionReused()).to.equal(true);
      expect(second.authorized).to.equal(true);
      second.destroy();
    }));
});
