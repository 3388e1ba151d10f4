/** How the place of the message bus is written. */
import { CsmError, code } from '@csm/model';
import { expect } from 'chai';
import { DEFAULT_SUBJECT, hostAndPort, readBusAddress, showBusAddress } from '../src/bus/address.ts';

const plain = { tls: false, port: 4222, subject: DEFAULT_SUBJECT };

describe('the address of the message bus', () => {
  for (const [text, address] of [
    ['nats://bus', { ...plain, host: 'bus' }],
    ['nats://bus/', { ...plain, host: 'bus' }],
    ['nats://bus.example.org:5222/a.b-c.d_e', { ...plain, host: 'bus.example.org', port: 5222, subject: 'a.b-c.d_e' }],
    ['tls://10.0.0.7/x', { ...plain, tls: true, host: '10.0.0.7', subject: 'x' }],
    ['nats://[fd00::7]:1/x', { ...plain, host: 'fd00::7', port: 1, subject: 'x' }],
    ['nats://csm:secret@bus', { ...plain, host: 'bus', user: 'csm', password: 'secret' }],
    ['nats://c%40m:p%2Fw%25@bus', { ...plain, host: 'bus', user: 'c@m', password: 'p/w%' }],
    ['nats://t0ken@bus', { ...plain, host: 'bus', token: 't0ken' }],
    [
      'localhost:9092:heartbeat_notifications',
      { ...plain, host: 'localhost', port: 9092, subject: 'heartbeat_notifications' },
    ],
    ['aaa:111:ccc', { ...plain, host: 'aaa', port: 111, subject: 'ccc' }],
    ['[::1]:65535:x', { ...plain, host: '::1', port: 65_535, subject: 'x' }],
  ] as const) {
    it(`reads ${text}`, () => expect(readBusAddress(text)).to.deep.equal(address));
  }

  for (const [text, words, allowed] of [
    ['', 'fewer than three parts', 'nats://'],
    ['www:222', 'fewer than three parts', 'nats://'],
    ['ddd:eee:fff', "its port is 'eee'", '1 to 65535'],
    ['aaa:0:ccc', "its port is '0'", '1 to 65535'],
    ['aaa:65536:ccc', "its port is '65536'", '1 to 65535'],
    ['aaa:99999999:ccc', "its port is '99999999'", '1 to 65535'],
    [':1:ccc', "its host is ''", 'a name'],
    ['a b:1:ccc', "its host is 'a b'", 'a name'],
    ['::1:1:ccc', "its host is '::1'", 'in brackets'],
    ['a:1:', "its subject is ''", 'letters'],
    ['a:1:x.*', "its subject is 'x.*'", 'letters'],
    ['nats://bus/>', "its subject is '%3E'", 'letters'],
    ['nats://bus/$SYS.x', "its subject is '$SYS.x'", 'letters'],
    ['nats://bus/a..b', "its subject is 'a..b'", 'letters'],
    ['nats://bus/a/b', "its subject is 'a/b'", 'letters'],
    [`nats://bus/${'a'.repeat(201)}`, 'its subject is', 'at most 200'],
    ['nats://bus:0/x', "its port is '0'", '1 to 65535'],
    ['nats://bus:70000/x', 'it is no URL', 'nats://'],
    ['nats:///x', "its host is ''", 'a name'],
    ['kafka://bus/x', 'its scheme is kafka', 'nats or tls'],
    ['http://bus/x', 'its scheme is http', 'nats or tls'],
    ['nats://bus/x?y=1', 'a part behind # or ?', '%23'],
    ['nats://bus/x#y', 'a part behind # or ?', '%23'],
    ['nats://a:100%@bus/x', 'a % that begins no code', '%25'],
    ['nats://:secret@bus/x', 'a password and no user', 'user:password@'],
  ] as const) {
    it(`refuses '${text.slice(0, 40)}'`, () => {
      const thrown = refusal(text);
      expect(thrown.problem).to.include({ code: code.INVALID_PARAMETER, field: 'bus.url' });
      expect(thrown.message).to.include(words);
      expect(thrown.problem.allowed).to.include(allowed);
    });
  }

  it('never tells a password', () => {
    for (const text of [
      'nats://u:s3cret@bus:0/x',
      'nats://u:s3/cr3t@bus/x',
      'http://s3cret@bus/x',
      'nats://u:s3cr%@bus',
    ]) {
      expect(JSON.stringify(refusal(text).problem))
        .to.include('//***@')
        .and.not.match(/s3|cr3t/);
    }
    expect(showBusAddress(readBusAddress('tls://u:s3cret@[::1]:77/x'))).to.equal('tls://[::1]:77/x');
    expect(showBusAddress(readBusAddress('nats://s3cret@bus'))).to.equal(`nats://bus:4222/${DEFAULT_SUBJECT}`);
    expect(hostAndPort(readBusAddress('nats://u:s3cret@bus:77'))).to.equal('bus:77');
  });
});

function refusal(text: string): CsmError {
  try {
    readBusAddress(text, 'bus.url');
  } catch (error) {
    if (error instanceof CsmError) return error;
    throw error;
  }
  throw new Error(`'${text}' was taken`);
}
