import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, connect as tcpConnect } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { dial, type Listener, listen } from '../src/index.ts';
import { certificates, type House, until, watch, withHouse } from './helpers.ts';

/** A bare TLS client of ours to `h`, closed with `body`. */
async function withTls(
  h: House,
  options: ConnectionOptions,
  body: (socket: TLSSocket) => Promise<void>,
): Promise<void> {
  const { server } = await certificates();
  const socket = connect({ ca: server.ca, host: '127.0.0.1', port: h.listener.address.port, ...options });
  socket.on('error', () => undefined);
  socket.resume();
  try {
    await body(socket);
  } finally {
    socket.destroy();
  }
}

const refused = (h: House, count = 1) => until(`${count} refusals`, () => h.refusals.length === count);

describe('a listener', () => {
  it('refuses garbage of each kind, with address and words, and goes on', () =>
    withHouse({}, async (h) => {
      const table: [Buffer | string, RegExp][] = [
        ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^plain HTTP, not TLS \("GET \/ HTTP\/1.1"\)$/],
        ['7#{"a":1}', /^a JSON message without TLS$/],
        [Buffer.from([0, 1, 2, 3]), /^not TLS: it begins with 0x00010203$/],
        [Buffer.concat([Buffer.from([9]), randomBytes(60_000)]), /^not TLS/],
        [Buffer.from([0x16, 3, 1, 0, 20, ...randomBytes(20)]), /TLS failed|handshake/],
        [Buffer.concat([Buffer.from([0x16, 3, 1, 0xff, 0xff]), randomBytes(30_000)]), /TLS|bytes before the handshake/],
      ];
      for (const [n, [bytes, words]] of table.entries()) {
        const socket = await h.raw();
        const port = socket.localPort;
        let closed = false;
        socket.on('close', () => {
          closed = true;
        });
        socket.resume();
        socket.write(bytes);
        await refused(h, n + 1);
        expect(h.refusals[n]?.reason).to.match(words);
        expect(h.refusals[n]).to.include({ address: '127.0.0.1', port });
        await until('the connection is closed', () => closed);
      }
      const [a, b] = await h.pair();
      watch(a);
      const right = watch(b);
      a.send('after all that');
      await until('a message', () => right.messages.length === 1);
      expect(h.listener.counters).to.deep.equal({
        accepted: table.length + 1,
        established: 1,
        resumed: 0,
        refused: table.length,
        waiting: 0,
        handshakes: 0,
      });
    }));

  it('refuses TLS 1.2', () =>
    withHouse({}, async (h) => {
      const { client } = await certificates();
      await withTls(h, { ...client, maxVersion: 'TLSv1.2' }, () => refused(h));
      expect(h.refusals[0]).to.include({
        address: '127.0.0.1',
        reason: 'the other end offers only TLS versions before 1.3',
      });
    }));

  it('refuses a client without a certificate', () =>
    withHouse({}, async (h) => {
      await withTls(h, {}, () => refused(h));
      expect(h.refusals[0]).to.include({ address: '127.0.0.1', reason: 'no client certificate was sent' });
      expect(h.streams).to.have.length(0);
    }));

  it('refuses a foreign and an expired certificate, also when it comes again', () =>
    withHouse({}, async (h) => {
      const { foreign, expired } = await certificates();
      const table: [typeof foreign, RegExp][] = [
        [foreign, /^the certificate is signed by (an unknown CA|itself)/],
        [expired, /^the certificate has expired$/],
      ];
      let count = 0;
      for (const [tls, words] of table) {
        let session: Buffer | undefined;
        for (let round = 0; round < 2; round += 1) {
          await withTls(h, { ...tls, ...(session === undefined ? {} : { session }) }, async (socket) => {
            socket.on('session', (ticket: Buffer) => {
              session = ticket;
            });
            count += 1;
            await refused(h, count);
          });
          expect(h.refusals.at(-1)).to.include({ address: '127.0.0.1' });
          expect(h.refusals.at(-1)?.reason).to.match(words);
        }
      }
      expect(h.streams).to.have.length(0);
    }));

  it('tells a dialer that was refused after its handshake', () =>
    withHouse({}, async (h) => {
      const { foreign } = await certificates();
      const stream = await h.dial({ tls: foreign });
      const seen = watch(stream);
      await until('it is told', () => seen.closes.length === 1);
      expect(seen.closes[0]?.text).to.contain('before its first message; it may have refused our certificate');
    }));

  it('ends a connection that sends nothing, and one that stops in its handshake', () =>
    withHouse({ handshakeTimeout: 60 }, async (h) => {
      await h.raw();
      const slow = await h.raw();
      slow.write(Buffer.from([0x16, 3, 1]));
      await refused(h, 2);
      expect(h.refusals.map((refusal) => refusal.reason).sort()).to.deep.equal([
        'nothing was sent within 60 ms',
        'the TLS handshake did not end within 60 ms',
      ]);
      expect(h.listener.counters).to.include({ waiting: 0, handshakes: 0 });
    }));

  it('tells one that closes without a word', () =>
    withHouse({}, async (h) => {
      (await h.raw()).destroy();
      await refused(h);
      expect(h.refusals[0]?.reason).to.equal('closed before the TLS handshake');
    }));

  it('keeps handshakes under way to maxHandshakes; the others wait and then get in', () =>
    withHouse({ maxHandshakes: 2 }, async (h) => {
      const stuck = [await h.raw(), await h.raw()];
      for (const socket of stuck) socket.write(Buffer.from([0x16, 3, 1]));
      await until('both slots are taken', () => h.listener.counters.handshakes === 2);
      const dials = [1, 2, 3, 4, 5].map(() => h.dial());
      await until('five wait', () => h.listener.counters.waiting === 5);
      expect(h.listener.counters).to.include({ handshakes: 2, established: 0 });
      for (const socket of stuck) socket.destroy();
      await Promise.all(dials);
      await until('all are in', () => h.streams.length === 5);
      expect(h.listener.counters).to.include({ handshakes: 0, waiting: 0, refused: 2 });
    }));

  it('who waits for its turn has a time of its own', () =>
    withHouse({ maxHandshakes: 1, turnTimeout: 60 }, async (h) => {
      const stuck = await h.raw();
      stuck.write(Buffer.from([0x16, 3, 1]));
      await until('the slot is taken', () => h.listener.counters.handshakes === 1);
      (await h.raw()).write(Buffer.from([0x16, 3, 1]));
      await refused(h);
      expect(h.refusals[0]).to.include({ code: 'late', reason: 'no handshake slot became free within 60 ms' });
      expect(h.listener.counters, 'the one in its handshake stays').to.include({ waiting: 0, handshakes: 1 });
    }));

  it('who hangs up while it waits leaves the line, and is not refused', () =>
    withHouse({ maxHandshakes: 1 }, async (h) => {
      const stuck = await h.raw();
      stuck.write(Buffer.from([0x16, 3, 1]));
      await until('the slot is taken', () => h.listener.counters.handshakes === 1);
      const impatient = new AbortController();
      const gone = h.dial({ signal: impatient.signal, onConnect: () => undefined }).catch((error: Error) => error);
      await until('one waits', () => h.listener.counters.waiting === 1);
      // Its first bytes are on their way by then, or come behind.
      await new Promise((resolve) => setTimeout(resolve, 50));
      impatient.abort();
      expect(await gone).to.include({ code: 'ABORTED' });
      await until('it has left', () => h.listener.counters.waiting === 0);
      expect(h.refusals).to.deep.equal([]);
      expect(h.listener.counters).to.include({ handshakes: 1, refused: 0 });
    }));

  it('what comes in pieces while it waits is heard whole', () =>
    withHouse({ maxHandshakes: 1 }, async (h) => {
      const stuck = await h.raw();
      stuck.write(Buffer.from([0x16, 3, 1]));
      await until('the slot is taken', () => h.listener.counters.handshakes === 1);
      // Between a client of ours and the listener: what it says first leaves in three pieces.
      const way = createServer((from) => {
        const to = tcpConnect(h.listener.address.port, '127.0.0.1');
        to.setNoDelay(true);
        to.on('error', () => undefined);
        from.on('error', () => undefined);
        from.once('data', (hello: Buffer) => {
          const third = Math.floor(hello.length / 3);
          to.write(hello.subarray(0, third));
          setTimeout(() => to.write(hello.subarray(third, 2 * third)), 20);
          setTimeout(() => {
            to.write(hello.subarray(2 * third));
            from.pipe(to);
          }, 40);
          setTimeout(() => stuck.destroy(), 80);
        });
        to.pipe(from);
      });
      await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
      try {
        const [dialed, listened] = await h.pair({ port: (way.address() as AddressInfo).port });
        watch(dialed);
        const right = watch(listened);
        dialed.send('whole');
        await until('a message', () => right.messages.length === 1);
      } finally {
        way.close();
      }
    }));

  it('more than TLS may say first is refused while it waits, too', () =>
    withHouse({ maxHandshakes: 1 }, async (h) => {
      const stuck = await h.raw();
      stuck.write(Buffer.from([0x16, 3, 1]));
      await until('the slot is taken', () => h.listener.counters.handshakes === 1);
      const chatty = await h.raw();
      chatty.write(Buffer.from([0x16, 3, 1]));
      await until('it waits', () => h.listener.counters.waiting === 1);
      chatty.write(Buffer.alloc(20_000));
      await refused(h);
      expect(h.refusals[0]?.reason).to.match(/^\d+ bytes before the handshake$/);
    }));

  it('silent connections take no handshake slot, and no more than maxWaiting are kept', () =>
    withHouse({ maxHandshakes: 1, maxWaiting: 3 }, async (h) => {
      const silent = [await h.raw(), await h.raw()];
      await until('two wait', () => h.listener.counters.waiting === 2);
      await h.dial();
      silent.push(await h.raw());
      await until('three wait', () => h.listener.counters.waiting === 3);
      await h.raw();
      await refused(h);
      expect(h.refusals[0]?.reason).to.equal('3 connections wait for a handshake already');
      expect(h.listener.counters).to.include({ waiting: 3, established: 1 });
    }));

  it('many dials at once all get in', () =>
    withHouse({ maxHandshakes: 8 }, async (h) => {
      let most = 0;
      const look = setInterval(() => {
        most = Math.max(most, h.listener.counters.handshakes);
      }, 1);
      try {
        await Promise.all(Array.from({ length: 60 }, () => h.dial()));
        await until('60 streams', () => h.streams.length === 60);
      } finally {
        clearInterval(look);
      }
      expect(most).to.be.within(1, 8);
      expect(h.refusals).to.deep.equal([]);
    }));

  it('an exception in onStream ends that stream only', async () => {
    const errors: unknown[] = [];
    let fail = true;
    const good: unknown[] = [];
    const onStream = (stream: unknown) => {
      if (fail) throw new Error('not today');
      good.push(stream);
    };
    await withHouse({ onStream, onHandlerError: (error) => errors.push(error) }, async (h) => {
      const seen = watch(await h.dial());
      await until('it is closed', () => seen.closes.length === 1);
      fail = false;
      const second = await h.dial();
      await until('the next is in', () => good.length === 1);
      expect(errors.map(String)).to.deep.equal(['Error: not today']);
      second.destroy();
    });
  });

  it('speaks IPv6, and IPv4 beside it', async () => {
    const { server, client } = await certificates();
    const addresses: string[] = [];
    let listener: Listener;
    try {
      listener = await listen({
        port: 0,
        tls: server,
        onStream: (stream) => {
          addresses.push(`${stream.peer.family} ${stream.peer.address}`);
          watch(stream);
        },
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAFNOSUPPORT') return console.log('skipped: needs IPv6');
      throw error;
    }
    try {
      for (const host of ['::1', '127.0.0.1', 'localhost']) {
        const stream = await dial({ host, port: listener.address.port, tls: client });
        watch(stream);
        await stream.close();
      }
      expect(addresses.slice(0, 2)).to.deep.equal(['IPv6 ::1', 'IPv4 127.0.0.1']);
      expect(addresses).to.have.length(3);
    } finally {
      await listener.close();
    }
  });

  it('close() frees the port, drops arrivals and leaves streams', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      const left = watch(a);
      watch(b);
      const silent = await h.raw();
      let dropped = false;
      silent.on('close', () => {
        dropped = true;
      });
      silent.resume();
      await until('it is seen', () => h.listener.counters.waiting === 1);
      await h.listener.close();
      await until('the arrival is dropped', () => dropped);
      b.send('still here');
      await until('a message', () => left.messages.length === 1);
      const { server } = await certificates();
      const again = await listen({ ...h.listener.address, host: '127.0.0.1', tls: server, onStream: () => undefined });
      await again.close();
      const code = await new Promise((resolve) => {
        const probe = tcpConnect(h.listener.address.port, '127.0.0.1');
        probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      });
      expect(code).to.equal('ECONNREFUSED');
    }));

  it('rejects a port in use and unusable PEM texts', () =>
    withHouse({}, async (h) => {
      const { server, client } = await certificates();
      const fault = async (options: object): Promise<string> => {
        try {
          const listener = await listen({
            host: '127.0.0.1',
            port: 0,
            tls: server,
            onStream: () => undefined,
            ...options,
          });
          await listener.close();
          return 'none';
        } catch (error) {
          return String(error);
        }
      };
      expect(await fault({ port: h.listener.address.port })).to.contain('EADDRINUSE');
      expect(await fault({ tls: { ...server, key: client.key } })).to.contain('key values mismatch');
      expect(() => h.listener.setSecureContext({ ...server, cert: 'nonsense' })).to.throw();
      await h.pair();
    }));
});
