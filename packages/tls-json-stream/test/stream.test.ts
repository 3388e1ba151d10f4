import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { expect } from 'chai';
import { encodeFrame, FrameError, JsonStream } from '../src/index.ts';
import { certificateFacts, peerOf } from '../src/peer.ts';
import { certificates, until, watch, withHouse } from './helpers.ts';

describe('a stream', () => {
  it('carries messages both ways, in order, many to a read', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      const left = watch(a);
      const right = watch(b, (value) => b.send({ echo: value }));
      for (let n = 0; n < 1000; n += 1) expect(a.send({ n, text: 'grüße €😀' })).to.equal(true);
      await until('1000 echoes', () => left.messages.length === 1000);
      expect(right.messages.map((m) => Reflect.get(m as object, 'n'))).to.deep.equal([...Array(1000).keys()]);
      expect(left.messages[999]).to.deep.equal({ echo: { n: 999, text: 'grüße €😀' } });
      expect(right.batches).to.be.below(100);
      expect([a.framesOut, b.framesIn, b.framesOut, a.framesIn]).to.deep.equal([1000, 1000, 1000, 1000]);
      expect(a.bytesOut).to.equal(b.bytesIn).and.to.be.above(30_000);
      expect(b.bytesOut).to.equal(a.bytesIn);
    }));

  it('knows its peer', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      expect(b.peer.subjectAltNames).to.deep.equal(['URI:csm:compute:n001', 'DNS:n001']);
      expect(a.peer.subjectAltNames[0]).to.equal('URI:csm:compute:server');
      expect(b.peer).to.include({ address: '127.0.0.1', family: 'IPv4', resumed: false });
      expect(a.peer.port).to.equal(h.listener.address.port);
      expect(b.peer.validTo - b.peer.validFrom).to.be.within(364 * 86_400_000, 366 * 86_400_000);
      expect(b.peer.fingerprint256).to.match(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
      expect(b.peer.serialNumber).to.match(/^[0-9A-F]{32}$/);
    }));

  it('10,000 messages in one write come out as 10,000', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      const right = watch(b);
      watch(a);
      const frame = encodeFrame({ text: 'x'.repeat(180) });
      a.sendFrame(Buffer.concat(Array.from({ length: 10_000 }, () => frame)));
      await until('10,000 messages', () => right.messages.length === 10_000);
    }));

  it('keeps the order of small, large and pre-encoded frames', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      const right = watch(b);
      watch(a);
      const sizes = [1, 200_000, 5, 40_000, 17_000, 3, 100_000];
      for (const [n, size] of sizes.entries()) {
        a.send([n, 'a'.repeat(size)]);
        a.sendFrame(encodeFrame([n, 'b'.repeat(size)]));
      }
      await until('all', () => right.messages.length === sizes.length * 2);
      const got = right.messages.map((m) =>
        [(m as [number, string])[0], (m as [number, string])[1].slice(0, 1)].join(''),
      );
      expect(got).to.deep.equal(sizes.flatMap((_, n) => [`${n}a`, `${n}b`]));
    }));

  it('answer() leaves at once, behind what was queued before it', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      const right = watch(b);
      watch(a);
      a.send('first');
      expect(a.answer(encodeFrame('second'))).to.equal(true);
      a.send('third');
      await until('all', () => right.messages.length === 3);
      expect(right.messages).to.deep.equal(['first', 'second', 'third']);
      expect(a.framesOut).to.equal(3);
      expect(a.bytesOut).to.equal(b.bytesIn);
      a.destroy();
      expect(a.answer(encodeFrame('late'))).to.equal(false);
    }));

  it('answer() keeps nothing more for a peer that does not read', () =>
    withHouse({}, async (h) => {
      const [, b] = await h.pair(); // the dialed end never starts to read
      watch(b);
      b.send('x'.repeat(200_000));
      b.answer(encodeFrame('with it'));
      const { bufferedBytes, framesOut } = b;
      for (let n = 0; n < 100; n += 1) expect(b.answer(encodeFrame('more'))).to.equal(false);
      expect([b.bufferedBytes, b.framesOut]).to.deep.equal([bufferedBytes, framesOut]);
    }));

  it('a known frame that is a read of its own is told unread, any other as ever', async () => {
    const errors: unknown[] = [];
    await withHouse({ onHandlerError: (error) => errors.push(error) }, async (h) => {
      const [a, b] = await h.pair();
      const frame = encodeFrame({ kind: 'beat' });
      const told: unknown[] = [];
      let came = (): boolean => true;
      b.start({
        known: {
          frame,
          came: () => {
            told.push('came');
            return came();
          },
        },
        onMessage: (value) => told.push(value),
        onBatchEnd: () => told.push('end'),
        onClose: ({ code }) => told.push(code),
      });
      watch(a);
      let seen = 0;
      const step = async (bytes: Buffer, ...expected: unknown[]): Promise<void> => {
        a.answer(bytes);
        await until(JSON.stringify(expected), () => told.length - seen >= expected.length);
        expect(told.slice(seen)).to.deep.equal(expected);
        seen = told.length;
      };
      await step(frame, 'came');
      await step(encodeFrame({ kind: 'bead' }), { kind: 'bead' }, 'end');
      await step(Buffer.concat([frame, frame]), { kind: 'beat' }, { kind: 'beat' }, 'end');
      came = () => false;
      await step(frame, 'came', { kind: 'beat' }, 'end');
      came = () => {
        throw new Error('ours');
      };
      await step(frame, 'came');
      expect(errors.map(String)).to.deep.equal(['Error: ours']);
      expect([b.framesIn, b.bytesIn]).to.deep.equal([6, a.bytesOut]);
      // The same bytes inside another frame are not that frame.
      a.answer(Buffer.from(`${frame.length}#`));
      await until('the header', () => b.bytesIn === a.bytesOut);
      await step(frame, 'FRAME_JSON');
    });
  });

  it('a known frame is a first message too', () =>
    withHouse({ firstMessageTimeout: 100 }, async (h) => {
      const [a, b] = await h.pair();
      const frame = encodeFrame({ kind: 'beat' });
      let beats = 0;
      b.start({
        known: { frame, came: () => ++beats > 0 },
        onMessage: () => undefined,
        onClose: () => undefined,
      });
      watch(a);
      a.sendFrame(frame);
      await until('the frame', () => beats === 1);
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(b.isOpen).to.equal(true);
    }));

  it('close() flushes 10,000 messages, then both ends are told once', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      const left = watch(a);
      const right = watch(b);
      for (let n = 0; n < 10_000; n += 1) a.send({ n, text: 'x'.repeat(200) });
      const closed = a.close();
      expect(a.isOpen).to.equal(false);
      expect(a.send('late')).to.equal(false);
      await Promise.all([closed, a.close()]);
      await until('the peer is told', () => right.closes.length > 0);
      expect(right.messages).to.have.length(10_000);
      expect(left.closes).to.deep.equal([{ code: 'CLOSED', text: 'closed here', byPeer: false }]);
      expect(right.closes).to.deep.equal([{ code: 'ENDED', text: 'the peer closed the connection', byPeer: true }]);
    }));

  it('what was sent in answer to the last message still arrives at one who closes', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      const left = watch(a);
      const right = watch(b, () => b.send('ack'));
      for (let n = 0; n < 100; n += 1) a.send(n);
      await a.close();
      expect(right.messages).to.have.length(100);
      expect(left.messages).to.have.length(100);
    }));

  it('flushes what was sent just before the end of the peer was read', async () => {
    const { server, client } = await certificates();
    const closes: string[] = [];
    const listener = createServer({ ...server, requestCert: true }, (socket) => {
      const facts = certificateFacts(socket);
      if (facts === undefined) throw new Error('no certificate');
      // Comes before the stream sees the end, as a timer's send may.
      socket.on('end', () => stream.send('answer'));
      const stream = new JsonStream(socket, peerOf(socket, facts));
      stream.start({ onMessage: () => undefined, onClose: (reason) => closes.push(reason.code) });
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const socket = connect({ ...client, host: '127.0.0.1', port: (listener.address() as AddressInfo).port });
    const got: Buffer[] = [];
    socket.on('data', (chunk) => got.push(chunk));
    socket.end(encodeFrame('question'));
    await new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => listener.close(resolve));
    expect(Buffer.concat(got).toString()).to.equal('8#"answer"');
    expect(closes).to.deep.equal(['ENDED']);
  });

  it('both may close at once', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      const both = [watch(a), watch(b)];
      await Promise.all([a.close(), b.close()]);
      expect(both.map((w) => w.closes.map((c) => c.code))).to.deep.equal([['CLOSED'], ['CLOSED']]);
    }));

  it('close() gives up on a peer that does not read', () =>
    withHouse({ closeTimeout: 60 }, async (h) => {
      const [, b] = await h.pair(); // the dialed end never starts to read
      const right = watch(b);
      for (let n = 0; n < 60; n += 1) b.send('x'.repeat(250_000));
      await b.close();
      expect(right.closes[0]?.code).to.equal('CLOSE_TIMEOUT');
      expect(right.closes[0]?.text).to.match(/within 60 ms; \d+ bytes were not sent/);
    }));

  it('destroys a stream whose peer does not read, within the bound', () =>
    withHouse({ maxBuffered: 1_000_000 }, async (h) => {
      const [, b] = await h.pair();
      const right = watch(b);
      let most = 0;
      for (let n = 0; n < 5000 && b.isOpen; n += 1) {
        b.send('x'.repeat(100_000));
        most = Math.max(most, b.bufferedBytes);
        await new Promise(setImmediate);
      }
      await until('it is closed', () => right.closes.length > 0);
      expect(right.closes[0]?.code).to.equal('SLOW_PEER');
      expect(right.closes[0]?.text).to.match(/\d+ bytes wait for a peer that does not read them; at most 1000000/);
      expect(most).to.be.at.most(1_100_100);
    }));

  it('says false above the high-water mark and calls onDrain when there is room', () =>
    withHouse({ highWater: 50_000 }, async (h) => {
      const [a, b] = await h.pair();
      watch(a);
      const right = watch(b);
      let sent = 0;
      while (b.send('x'.repeat(1000))) sent += 1;
      expect(sent).to.be.within(48, 50);
      expect(b.bufferedBytes).to.be.above(49_000);
      await until('onDrain', () => right.drains === 1);
      expect(b.bufferedBytes).to.be.at.most(25_000);
      expect(b.send('more')).to.equal(true);
    }));

  it('an exception in a handler is ours: the stream lives and the peer hears nothing', async () => {
    const errors: unknown[] = [];
    await withHouse({ onHandlerError: (error) => errors.push(error) }, async (h) => {
      const [a, b] = await h.pair();
      const left = watch(a);
      const right = watch(b, (value) => {
        if (value === 2) throw new Error('handler');
        if (value === 3) b.send(undefined); // our mistake too
      });
      for (const n of [1, 2, 3, 4]) a.send(n);
      await until('all were given', () => right.messages.length === 4);
      expect(errors.map(String)).to.deep.equal([
        'Error: handler',
        'FrameError: a value of type undefined cannot be sent as JSON',
      ]);
      b.send('still here');
      await until('the answer', () => left.messages.length === 1);
      expect(left.messages).to.deep.equal(['still here']);
      expect(left.closes).to.deep.equal([]);
    });
  });

  it('without onHandlerError it becomes an uncaught exception', async () => {
    const caught: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => caught.push(error));
    try {
      await withHouse({}, async (h) => {
        const [a, b] = await h.pair();
        watch(a);
        const right = watch(b, () => {
          throw new Error('nobody took it');
        });
        a.send(1);
        await until('it surfaced', () => caught.length === 1);
        expect(String(caught[0])).to.equal('Error: nobody took it');
        expect(right.closes).to.deep.equal([]);
      });
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    }
  });

  it('sends what is JSON already as it sends values: in order, escaped, bounded, and not when it is closed', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair({ maxFrame: 1000 });
      const right = watch(b);
      watch(a);
      a.send(1);
      expect(a.sendText('{"text":"grüße €😀"}')).to.equal(true);
      a.send(2);
      expect(() => a.sendText(`"${'x'.repeat(999)}"`))
        .to.throw(FrameError)
        .with.property('code', 'FRAME_TOO_LARGE');
      expect(() => a.sendText(`"${'é'.repeat(200)}"`), 'counted as escaped').to.throw(FrameError);
      a.sendText('3');
      await until('all of them', () => right.messages.length === 4);
      expect(right.messages).to.deep.equal([1, { text: 'grüße €😀' }, 2, 3]);
      expect([a.framesOut, a.bytesOut]).to.deep.equal([b.framesIn, b.bytesIn]);
      await a.close();
      expect(a.sendText('4')).to.equal(false);
    }));

  it('refuses to send a frame that the peer would refuse, and stays', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair({ maxFrame: 1000 });
      const right = watch(b);
      watch(a);
      expect(() => a.send('x'.repeat(999)))
        .to.throw(FrameError)
        .with.property('code', 'FRAME_TOO_LARGE');
      a.send('y'.repeat(998));
      await until('the next one', () => right.messages.length === 1);
    }));

  it('ends at a bad frame, after the messages before it, with a typed reason', async () => {
    const table: [string, string][] = [
      ['300000#', 'FRAME_TOO_LARGE'],
      ['nonsense', 'FRAME_HEADER'],
      ['3#{"a', 'FRAME_JSON'],
    ];
    await withHouse({}, async (h) => {
      for (const [bytes, code] of table) {
        const [a, b] = await h.pair();
        const left = watch(a);
        const right = watch(b);
        a.send('good');
        a.sendFrame(Buffer.from(bytes));
        await until('both ends are told', () => right.closes.length + left.closes.length === 2);
        expect(right.messages).to.deep.equal(['good']);
        expect(right.batches).to.equal(1);
        expect(right.closes[0]).to.include({ code, byPeer: true });
        expect(left.messages, 'nothing is sent back').to.deep.equal([]);
      }
    });
  });

  it('tells a peer that ends inside a frame, and one that breaks off', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      watch(a);
      const right = watch(b);
      a.sendFrame(Buffer.from('10#"abc'));
      await a.close();
      await until('it is told', () => right.closes.length > 0);
      expect(right.closes[0]?.code).to.equal('TRUNCATED');
      const [c, d] = await h.pair();
      const seen = watch(d);
      c.destroy('enough');
      await until('it is told', () => seen.closes.length > 0);
      expect(seen.closes[0]).to.include({ byPeer: true });
      expect(seen.closes[0]?.text).to.contain('before its first message');
    }));

  it('gives nothing after destroy() in a handler but the end of the batch', () =>
    withHouse({}, async (h) => {
      const [a, b] = await h.pair();
      watch(a);
      const right = watch(b, () => b.destroy('first was enough'));
      for (let n = 0; n < 10; n += 1) a.send(n);
      await until('it is closed', () => right.closes.length > 0);
      expect(right.messages).to.deep.equal([0]);
      expect(right.batches).to.equal(1);
      expect(right.closes).to.deep.equal([{ code: 'DESTROYED', text: 'first was enough', byPeer: false }]);
    }));

  it('started after its end, it tells the end', () =>
    withHouse({}, async (h) => {
      const [a] = await h.pair();
      a.destroy('too soon');
      await a.close();
      const left = watch(a);
      expect(left.closes).to.deep.equal([]);
      await until('it is told', () => left.closes.length > 0);
      expect(left.closes[0]?.text).to.equal('too soon');
      expect(() => watch(a)).to.throw('started already');
    }));

  it('ends without a first message in time, and not after one', () =>
    withHouse({ firstMessageTimeout: 500 }, async (h) => {
      // The one that speaks is the older: its time would be over first.
      const [c, d] = await h.pair();
      const [a, b] = await h.pair();
      watch(a);
      watch(c);
      const spoke = watch(d);
      const silent = watch(b);
      c.send('hello');
      await until('the silent one is closed', () => silent.closes.length > 0);
      expect(silent.closes[0]).to.include({ code: 'FIRST_MESSAGE_TIMEOUT', text: 'no message came within 500 ms' });
      expect(spoke.messages).to.deep.equal(['hello']);
      expect(d.isOpen).to.equal(true);
    }));
});
