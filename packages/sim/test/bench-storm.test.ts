import { once } from 'node:events';
import { createServer } from 'node:net';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { readClientHello } from '../src/bench/client-hello.ts';
import { risen } from '../src/oracle/claim-terms.ts';

/** What a TLS client of Node says first. */
async function firstBytes(): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  const client = connect({ host: '127.0.0.1', port, minVersion: 'TLSv1.3' });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [import('node:net').Socket];
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
  return chunk;
}

/** A ClientHello with these extensions, empty ones. */
function helloWith(extensions: readonly number[]): Buffer {
  const body = Buffer.concat(extensions.map((type) => Buffer.from([type >> 8, type & 255, 0, 0])));
  const fixed = Buffer.alloc(43);
  fixed.set([22, 3, 1, 0, 0, 1]);
  const session = Buffer.from([2, 9, 9]);
  const ciphers = Buffer.from([0, 2, 0x13, 0x01]);
  const compression = Buffer.from([1, 0]);
  return Buffer.concat([fixed, session, ciphers, compression, Buffer.from([0, body.length]), body]);
}

describe('tries of a storm', () => {
  it('are ClientHellos, with or without a session to resume', async () => {
    expect(readClientHello(await firstBytes())).to.deep.equal({ resumes: false });
    expect(readClientHello(helloWith([0, 43, 51]))).to.deep.equal({ resumes: false });
    expect(readClientHello(helloWith([0, 43, 41]))).to.deep.equal({ resumes: true });
  });

  it('are nothing else', () => {
    for (const text of ['', 'GET / HTTP/1.1\r\n\r\n', '15#{"kind":"beat"}'])
      expect(readClientHello(Buffer.from(text)), text).to.equal(undefined);
    // A record of TLS that is an alert; a handshake that is not the first message of a client.
    expect(readClientHello(Buffer.from([21, 3, 3, 0, 2, 2, 40]))).to.equal(undefined);
    expect(readClientHello(Buffer.from([22, 3, 3, 0, 2, 2, 40]))).to.equal(undefined);
  });

  it('are read from whatever came of one', () => {
    const whole = helloWith([0, 43, 41]);
    for (let length = 6; length < whole.length; length++)
      expect(readClientHello(whole.subarray(0, length)), `${length} bytes`).to.have.property('resumes');
  });
});

describe('the end of a storm', () => {
  it('is a higher term of every node', () => {
    const before = new Map([
      ['n1', 3],
      ['n2', 7],
      ['n3', 1],
    ]);
    expect(risen(before, before)).to.equal(0);
    const now = new Map([
      ['n1', 4],
      ['n2', 7],
      ['n9', 9],
    ]);
    expect(risen(before, now), 'n3 is missing, n9 is new').to.equal(1);
    expect(risen(before, new Map([...before].map(([node, term]) => [node, term + 2])))).to.equal(3);
  });
});
