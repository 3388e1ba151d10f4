import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CsmError } from '@csm/model';
import { expect } from 'chai';
import { initCa, issue, normalSerial, parsePem, readIdentity, readPem } from '../src/index.ts';
import { randomSerial } from '../src/serial.ts';
import { refused, withDir } from './helpers.ts';

describe('reading certificates', () => {
  it('finds the identity, and none where there is doubt', () => {
    const table: [string[], string | undefined][] = [
      [['DNS:n001', 'URI:csm:compute:n001'], 'compute/n001'],
      [['URI:csm:compute:n001', 'URI:csm:compute:n001'], 'compute/n001'],
      [['URI:https://example', 'URI:csm:master:m-1.example'], 'master/m-1.example'],
      [['URI:csm:compute:n001', 'URI:csm:master:n001'], undefined],
      [['URI:csm:compute:n001', 'URI:csm:king:n001'], undefined],
      [['URI:csm:compute:'], undefined],
      [['URI:csm:compute'], undefined],
      [['URI:csm:compute:n001:x'], undefined],
      [['DNS:csm:compute:n001'], undefined],
      [[], undefined],
    ];
    for (const [sans, expected] of table) {
      const found = readIdentity(sans);
      expect(found === undefined ? undefined : `${found.role}/${found.node}`, sans.join()).to.equal(expected);
    }
  });

  it('brings serial numbers into one form', () => {
    expect(normalSerial('0A:1b:2C')).to.equal('A1B2C');
    expect(normalSerial('serial=0A1B2C\n')).to.equal('A1B2C');
    expect(normalSerial('0x0a1b2c')).to.equal('A1B2C');
    expect(normalSerial('00')).to.equal('0');
    for (const bad of ['', '-1', 'xyz', 'A'.repeat(65)]) expect(() => normalSerial(bad), bad).to.throw(CsmError);
    const many = new Set(Array.from({ length: 1000 }, randomSerial));
    expect(many.size).to.equal(1000);
    for (const serial of many) expect(serial).to.match(/^[4-7][0-9A-F]{31}$/);
  });

  it('says what is wrong with a PEM file', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const [one, two] = await Promise.all(['n1', 'n2'].map((node) => issue(dir, { role: 'compute', node })));
      if (one === undefined || two === undefined) throw new Error('unreachable');
      const pair = await readPem(one.file);
      const other = await readPem(two.file);
      const ca = await readFile(join(dir, 'ca.pem'), 'utf8');
      const table: [string, string, RegExp][] = [
        ['empty', '', /no certificate in it/],
        ['no key', pair.cert, /no private key in it/],
        ['no certificate', pair.key, /no certificate in it/],
        ['another key', pair.cert + other.key, /does not belong to its certificate/],
        ['two keys', pair.cert + pair.key + other.key, /2 private keys/],
        ['torn certificate', pair.cert.replace(/\n.{64}\n/, '\n') + pair.key, /certificate cannot be read/],
        ['torn key', pair.cert + pair.key.replace(/\n.{64}\n/, '\n'), /private key cannot be read/],
        ['encrypted', pair.cert + pair.key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'), /encrypted/],
      ];
      for (const [name, text, words] of table) {
        const file = join(dir, 'bad.pem');
        await writeFile(file, text);
        const no = await refused(readPem(file));
        expect(no.detail, name).to.match(words).and.to.contain(file);
        expect(no.field).to.equal(file);
      }
      expect((await refused(readPem(join(dir, 'none.pem')))).detail).to.match(/none\.pem cannot be read: ENOENT/);
      const chain = parsePem(`some text\n${pair.key}${pair.cert}${ca}`, 'a text');
      expect(chain.identity?.node).to.equal('n1');
      expect(chain.cert).to.equal(pair.cert + ca);
    }));
});
