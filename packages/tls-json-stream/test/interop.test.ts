import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { dial, encodeFrame } from '../src/index.ts';
import { certificates, until, watch, withHouse } from './helpers.ts';

interface JsonSocket {
  sendMessage(message: unknown): void;
}
const JsonSocketClass = createRequire(import.meta.url)('json-socket') as new (socket: TLSSocket) => JsonSocket;

/** A real json-socket around a TLS socket, with what it has received. */
function real(socket: TLSSocket): { json: JsonSocket; got: unknown[] } {
  const got: unknown[] = [];
  const json = new JsonSocketClass(socket);
  socket.on('message', (message: unknown) => got.push(message));
  socket.on('error', () => undefined);
  return { json, got };
}

const texts = ['plain', 'Grüße aus Köln', '漢字 and kana かな', '😀'.repeat(50), '#12#{"x"}', '\u2028"\\\n'];
const messages = texts.map((text, n) => ({ n, text, [`ключ ${n}`]: [text] }));

describe('real json-socket 0.3.0 over TLS', () => {
  it('dials us: coalesced and split frames, both ways', () =>
    withHouse({}, async (h) => {
      const { client } = await certificates();
      const socket = connect({ ...client, host: '127.0.0.1', port: h.listener.address.port });
      const them = real(socket);
      try {
        await until('the stream', () => h.streams.length === 1);
        const [stream] = h.streams;
        if (stream === undefined) throw new Error('unreachable');
        const us = watch(stream);
        for (const message of messages) them.json.sendMessage(message);
        await until('theirs', () => us.messages.length === messages.length);
        expect(us.messages).to.deep.equal(messages);

        for (const message of messages) stream.send(message); // one write: coalesced
        await until('ours', () => them.got.length === messages.length);
        expect(them.got).to.deep.equal(messages);

        // Their own bytes, which are UTF-8, split at every byte.
        const json = Buffer.from(JSON.stringify(messages[1]));
        socket.setNoDelay(true);
        for (const byte of Buffer.concat([Buffer.from(`${json.length}#`), json])) socket.write(Buffer.from([byte]));
        await until('the split one', () => us.messages.length === messages.length + 1);
        expect(us.messages.at(-1)).to.deep.equal(messages[1]);
      } finally {
        socket.destroy();
      }
    }));

  it('is dialed by us: coalesced, and split at every byte', async () => {
    const { server, client } = await certificates();
    const theirs: ReturnType<typeof real>[] = [];
    const sockets: TLSSocket[] = [];
    const listener = createServer({ ...server, requestCert: true }, (socket) => {
      sockets.push(socket);
      theirs.push(real(socket));
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const stream = await dial({ host: '127.0.0.1', port: (listener.address() as AddressInfo).port, tls: client });
    try {
      const us = watch(stream);
      await until('their socket', () => theirs.length === 1);
      const [them] = theirs;
      if (them === undefined) throw new Error('unreachable');
      for (let round = 0; round < 50; round += 1) for (const message of messages) stream.send(message);
      await until('300 of ours', () => them.got.length === 50 * messages.length);
      expect(them.got.slice(-messages.length)).to.deep.equal(messages);

      for (const byte of encodeFrame(messages[2])) {
        stream.sendFrame(Buffer.from([byte]));
        await new Promise(setImmediate); // a write of its own
      }
      await until('the split one', () => them.got.length === 50 * messages.length + 1);
      expect(them.got.at(-1)).to.deep.equal(messages[2]);

      for (const message of messages) them.json.sendMessage(message);
      await until('theirs', () => us.messages.length === messages.length);
      expect(us.messages).to.deep.equal(messages);

      // Our end is their 'end': they close, and so we are told that it is closed.
      await stream.close();
      expect(us.closes.map((reason) => reason.code)).to.deep.equal(['CLOSED']);
    } finally {
      stream.destroy();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    }
  });
});
