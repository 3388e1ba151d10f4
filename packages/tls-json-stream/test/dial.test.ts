import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { DialError, Dialer, type DialOptions, dial, type JsonStream, type Session } from '../src/index.ts';
import { certificates, until, watch, withHouse, withTcp } from './helpers.ts';

async function failure(options: Partial<DialOptions> & { readonly port: number }): Promise<DialError> {
  const { client } = await certificates();
  try {
    const stream = await dial({ host: '127.0.0.1', tls: client, ...options });
    stream.destroy();
  } catch (error) {
    if (error instanceof DialError) return error;
    throw error;
  }
  throw new Error('it connected');
}

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  let free = 0;
  await withTcp(
    () => undefined,
    async (port) => {
      free = port;
    },
  );
  return free;
}

describe('dial', () => {
  it('tells in words why there is no stream', () =>
    withHouse({}, async (h) => {
      const { port } = h.listener.address;
      const { client, server } = await certificates();
      const dead = await freePort();
      const table: [Partial<DialOptions>, string, RegExp][] = [
        [{ port: dead }, 'REFUSED', new RegExp(`^cannot connect to 127.0.0.1:${dead}: nothing listens there$`)],
        [{ port: dead, host: '::1' }, 'REFUSED', new RegExp(`^cannot connect to \\[::1\\]:${dead}: `)],
        [{ port: dead, host: 'localhost' }, 'REFUSED', /localhost:\d+: nothing listens there/],
        [{ host: 'no-such-host.invalid' }, 'NAME', /no-such-host\.invalid:\d+: the name/],
        [
          { servername: 'other.example' },
          'HOST',
          /does not name 'other\.example', but URI:csm:compute:server, DNS:localhost/,
        ],
        [{ tls: { ...client, key: server.key } }, 'SETTINGS', /certificate, key or CA cannot be used/],
        [{ checkPeer: (peer) => `it is ${peer.subjectAltNames[0]}` }, 'PEER', /: it is URI:csm:compute:server$/],
        [{ signal: AbortSignal.abort() }, 'ABORTED', /stopped here/],
      ];
      for (const [options, code, words] of table) {
        const error = await failure({ port, ...options });
        expect(error.message).to.match(words);
        expect(error.code).to.equal(code);
      }
    }));

  it('refuses a listener that is foreign or expired', async () => {
    const all = await certificates();
    for (const [tls, words] of [
      [all.foreignServer, /signed by an unknown CA|signed by itself/],
      [all.expired, /the certificate has expired/],
    ] as const) {
      await withHouse({ tls }, async (h) => {
        const error = await failure({ port: h.listener.address.port });
        expect(error.code).to.equal('CERTIFICATE');
        expect(error.message).to.match(words);
      });
    }
  });

  it('refuses what is no TLS, closes early, or does not answer', async () => {
    await withTcp(
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      async (port) => {
        const error = await failure({ port });
        expect(error.code).to.equal('TLS');
        expect(error.message).to.contain('does not speak TLS');
      },
    );
    await withTcp(
      (socket) => socket.destroy(),
      async (port) => {
        expect((await failure({ port })).code).to.equal('CLOSED');
      },
    );
    await withTcp(
      () => undefined,
      async (port) => {
        const error = await failure({ port, connectTimeout: 50 });
        expect(error.code).to.equal('TIMEOUT');
        expect(error.message).to.contain('no answer within 50 ms');
        let connected = 0;
        const onConnect = () => connected++;
        const late = await failure({ port, connectTimeout: 60_000, handshakeTimeout: 50, onConnect });
        expect(late.message, 'the handshake has a time of its own').to.contain('no answer within 50 ms');
        expect(connected).to.equal(1);
        const abort = new AbortController();
        setImmediate(() => abort.abort());
        expect((await failure({ port, signal: abort.signal })).code).to.equal('ABORTED');
      },
    );
  });
});

/** One exchange, so that the tickets have surely arrived; then an orderly close. */
async function exchange(stream: JsonStream): Promise<void> {
  const seen = watch(stream);
  stream.send('ping');
  await until('the answer', () => seen.messages.length === 1);
  await stream.close();
}

describe('a resumed session', () => {
  const echo = { onStream: (stream: JsonStream) => void watch(stream, (value) => stream.send(value)) };

  it('resumes, carries data, and knows the peer at both ends', async () => {
    const seen: JsonStream[] = [];
    const onStream = (stream: JsonStream) => {
      seen.push(stream);
      echo.onStream(stream);
    };
    await withHouse({ onStream }, async (h) => {
      let session: Session | undefined;
      const keep = { onSession: (newer: Session) => (session = newer) };
      const first = await h.dial(keep);
      await exchange(first);
      if (session === undefined) throw new Error('no session came');
      const second = await h.dial({ session, ...keep });
      await exchange(second);
      expect([first.peer.resumed, second.peer.resumed]).to.deep.equal([false, true]);
      expect(seen.map((stream) => stream.peer.resumed)).to.deep.equal([false, true]);
      expect(second.peer.subjectAltNames).to.deep.equal(first.peer.subjectAltNames);
      expect(second.peer.serialNumber).to.equal(first.peer.serialNumber);
      expect(seen[1]?.peer.serialNumber).to.equal(seen[0]?.peer.serialNumber);
      expect(seen[1]?.peer.subjectAltNames).to.deep.equal(['URI:csm:compute:n001', 'DNS:n001']);
      expect(h.listener.counters.resumed).to.equal(1);
      const refused = await failure({ port: h.listener.address.port, session, checkPeer: () => 'not you' });
      expect(refused.code, 'checkPeer is asked on a resumed session too').to.equal('PEER');
    });
  });

  it('is not used for another name, other certificates or past the date', () =>
    withHouse(echo, async (h) => {
      const { client, renewed } = await certificates();
      let session: Session | undefined;
      await exchange(await h.dial({ tls: client, onSession: (newer) => (session = newer) }));
      if (session === undefined) throw new Error('no session came');
      const nextYear = () => Date.now() + 366 * 86_400_000;
      for (const options of [
        { session, servername: 'localhost' },
        { session, tls: renewed },
        { session, now: nextYear },
        { session: { ...session, ticket: randomBytes(300) } },
      ]) {
        const stream = await h.dial(options);
        expect(stream.peer.resumed).to.equal(false);
        await exchange(stream);
      }
      const still = await h.dial({ session });
      expect(still.peer.resumed).to.equal(true);
    }));

  it('is refused by the listener when the certificate in it has expired meanwhile', async () => {
    let later = 0;
    await withHouse({ ...echo, now: () => Date.now() + later }, async (h) => {
      let session: Session | undefined;
      await exchange(await h.dial({ onSession: (newer) => (session = newer) }));
      if (session === undefined) throw new Error('no session came');
      later = 366 * 86_400_000;
      const stream = await h.dial({ session });
      expect(stream.peer.resumed).to.equal(true);
      const seen = watch(stream);
      await until('it is refused', () => seen.closes.length === 1);
      expect(h.refusals[0]).to.include({
        address: '127.0.0.1',
        reason: 'the certificate has expired (URI:csm:compute:n001, DNS:n001)',
      });
    });
  });

  it('survives a restart of the listener with its ticket keys and a reload, but not another CA', async () => {
    const { server, foreignServer } = await certificates();
    let session: Session | undefined;
    let ticketKeys: Buffer = Buffer.alloc(0);
    const onSession = (newer: Session) => (session = newer);
    await withHouse(echo, async (h) => {
      ticketKeys = h.listener.ticketKeys;
      await exchange(await h.dial({ onSession }));
    });
    if (session === undefined) throw new Error('no session came');
    const kept = session;
    await withHouse({ ...echo, tls: { ...server, ticketKeys } }, async (h) => {
      expect((await h.dial({ session: kept })).peer.resumed).to.equal(true);
      h.listener.setSecureContext({ ...server });
      expect((await h.dial({ session: kept })).peer.resumed, 'after a reload').to.equal(true);
      h.listener.setSecureContext({ ...server, ca: foreignServer.ca });
      const stranger = await h.dial({ session: kept });
      expect(stranger.peer.resumed, 'under another CA').to.equal(false);
      const seen = watch(stranger);
      await until('it is refused', () => seen.closes.length === 1);
      expect(h.refusals).to.have.length(1);
      h.listener.setSecureContext({ ...server });
      await exchange(await h.dial());
    });
    await withHouse(echo, async (h) => {
      expect((await h.dial({ session: kept })).peer.resumed, 'other keys').to.equal(false);
    });
  });
});

describe('a dialer', () => {
  it('tries until somebody listens, with back-off, and resumes afterwards', async () => {
    const { client, server } = await certificates();
    const port = await freePort();
    const failures: [string, number][] = [];
    const streams: JsonStream[] = [];
    const dialer = new Dialer({
      host: '127.0.0.1',
      port,
      tls: client,
      base: 8,
      cap: 16,
      random: () => 0.5,
      onStream: (stream) => streams.push(stream),
      onFailure: (error, retryIn) => failures.push([error.code, retryIn]),
    });
    try {
      dialer.start();
      dialer.start();
      await until('four failures', () => failures.length >= 4);
      expect(failures.slice(0, 4)).to.deep.equal([
        ['REFUSED', 4],
        ['REFUSED', 8],
        ['REFUSED', 8],
        ['REFUSED', 8],
      ]);
      const echo = (stream: JsonStream) => void watch(stream, (value) => stream.send(value));
      await withHouse({ port, tls: server, onStream: echo }, async () => {
        await until('a stream', () => streams.length === 1);
        expect(dialer.attempts).to.be.at.least(4);
        dialer.settled();
        expect(dialer.attempts).to.equal(0);
        await exchange(streams[0] as JsonStream);
        expect(dialer.retry(), 'short again').to.equal(4);
        await until('a second stream', () => streams.length === 2);
        expect(streams[1]?.peer.resumed).to.equal(true);
        await exchange(streams[1] as JsonStream);
        dialer.setTls({ ...client });
        expect(dialer.retry(15), 'a floor').to.equal(15);
        await until('a third stream', () => streams.length === 3);
        expect(streams[2]?.peer.resumed).to.equal(false);
        await exchange(streams[2] as JsonStream);
      });
    } finally {
      dialer.stop();
    }
    const before = failures.length;
    dialer.start();
    dialer.retry();
    expect(failures.length, 'stopped is stopped').to.equal(before);
  });

  it('stop() gives up an attempt under way, silently', () =>
    withTcp(
      () => undefined,
      async (port) => {
        const { client } = await certificates();
        const calls: string[] = [];
        const dialer = new Dialer({
          host: '127.0.0.1',
          port,
          tls: client,
          onStream: () => calls.push('stream'),
          onFailure: () => calls.push('failure'),
        });
        dialer.start();
        await new Promise(setImmediate);
        dialer.stop();
        await new Promise(setImmediate);
        expect(calls).to.deep.equal([]);
      },
    ));

  it('what its owner throws is given to onHandlerError', async () => {
    const { client } = await certificates();
    const errors: unknown[] = [];
    const dialer = new Dialer({
      host: '127.0.0.1',
      port: await freePort(),
      tls: client,
      onStream: () => undefined,
      onFailure: () => {
        dialer.stop();
        throw new Error('owner');
      },
      onHandlerError: (error) => errors.push(error),
    });
    dialer.start();
    await until('it surfaced', () => errors.length === 1);
    expect(String(errors[0])).to.equal('Error: owner');
  });
});
