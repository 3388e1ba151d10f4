import { expect } from 'chai';
import fc from 'fast-check';
import { encodeFrame, encodeText, FrameDecoder, FrameError } from '../src/codec.ts';

/** All values of `chunks`, and the error that ended them. */
function decode(chunks: readonly Buffer[], maxFrame?: number): { values: unknown[]; error?: FrameError; held: number } {
  const decoder = new FrameDecoder(maxFrame === undefined ? {} : { maxFrame });
  const values: unknown[] = [];
  let held = 0;
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      while (decoder.next()) values.push(decoder.value);
      held = Math.max(held, decoder.held);
    }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return { values, error, held };
  }
  return { values, held };
}

/** Cuts `bytes` at the given places, whatever their order. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, n) => bytes.subarray(from, at[n] ?? bytes.length));
}

describe('the frame codec', () => {
  it('writes length, #, and JSON in ASCII', () => {
    expect(encodeText({ a: 1 })).to.equal('7#{"a":1}');
    expect(encodeText('ä€😀\u007f')).to.equal('27#"\\u00e4\\u20ac\\ud83d\\ude00\u007f"');
    expect(encodeText({ schlüssel: '\ud800' })).to.equal('27#{"schl\\u00fcssel":"\\ud800"}');
    expect(encodeFrame(null).toString()).to.equal('4#null');
  });

  it('refuses what JSON cannot carry and what is too long', () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    for (const value of [undefined, () => 1, 1n, loop]) {
      expect(() => encodeText(value))
        .to.throw(FrameError)
        .with.property('code', 'FRAME_VALUE');
    }
    expect(encodeText('x'.repeat(98), 100)).to.have.length(104);
    expect(() => encodeText('x'.repeat(99), 100)).to.throw(FrameError, 'a frame of 101 bytes; at most 100 are allowed');
    expect(() => encodeText('ä'.repeat(17), 100), 'counted as escaped')
      .to.throw(FrameError)
      .with.property('code', 'FRAME_TOO_LARGE');
  });

  it('names every fault of what it reads', () => {
    const utf8 = Buffer.concat([Buffer.from('3#"'), Buffer.from([0xff]), Buffer.from('"')]);
    const table: [string | Buffer, string, RegExp][] = [
      ['GET / HTTP/1.1', 'FRAME_HEADER', /byte 0x47 stands where a length begins/],
      ['-1#x', 'FRAME_HEADER', /0x2d/],
      ['+1#x', 'FRAME_HEADER', /0x2b/],
      [' 1#x', 'FRAME_HEADER', /0x20/],
      ['#{}', 'FRAME_HEADER', /0x23 stands where/],
      ['1x#', 'FRAME_HEADER', /0x78 stands after 1 digits/],
      ['00000000001#1', 'FRAME_HEADER', /after 10 digits/],
      ['257#', 'FRAME_TOO_LARGE', /257 or more bytes is announced; at most 256/],
      ['9999999999', 'FRAME_TOO_LARGE', /at most 256/],
      ['2#{]', 'FRAME_JSON', /not JSON/],
      ['0#', 'FRAME_JSON', /a frame of 0 bytes is not JSON/],
      [utf8, 'FRAME_UTF8', /a frame of 3 bytes is not UTF-8/],
    ];
    for (const [text, code, words] of table) {
      const bytes = Buffer.from(text as string);
      for (const chunks of [[bytes], cut(bytes, [...bytes.keys()])]) {
        const { error, values } = decode([encodeFrame('ok'), ...chunks], 256);
        expect(values, String(text)).to.deep.equal(['ok']);
        expect(error?.code, String(text)).to.equal(code);
        expect(error?.message).to.match(words);
      }
    }
  });

  it('stays broken after an error', () => {
    const decoder = new FrameDecoder();
    decoder.push(Buffer.from('x'));
    expect(() => decoder.next()).to.throw(FrameError);
    decoder.push(encodeFrame(1));
    expect(() => decoder.next()).to.throw(FrameError, '0x78');
  });

  it('reads UTF-8 of others, a true U+FFFD included', () => {
    for (const text of ['ä€😀', '\ufffd', '\u0000']) {
      const json = Buffer.from(JSON.stringify(text));
      expect(decode([Buffer.from(`${json.length}#`), json]).values).to.deep.equal([text]);
    }
  });

  it('knows whether it is inside a frame', () => {
    const decoder = new FrameDecoder();
    const bytes = encodeFrame({ a: [1, 2] });
    for (const [at, byte] of bytes.entries()) {
      decoder.push(Buffer.from([byte]));
      const whole = decoder.next();
      expect(whole).to.equal(at === bytes.length - 1);
      expect(decoder.midFrame).to.equal(!whole);
    }
  });

  it('random messages, randomly cut, come out the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' })),
        fc.array(fc.nat(2000)),
        fc.boolean(),
        (messages, places, ours) => {
          const frames = messages.map((message) => {
            const json = Buffer.from(JSON.stringify(message));
            return ours ? encodeFrame(message) : Buffer.concat([Buffer.from(`${json.length}#`), json]);
          });
          const { values, error } = decode(cut(Buffer.concat(frames), places));
          expect(error).to.equal(undefined);
          expect(values).to.deep.equal(messages.map((message) => JSON.parse(JSON.stringify(message))));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('what it writes is ASCII, so that bytes equal characters', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const text = encodeText(value);
        expect(text).to.match(/^[\0-\x7f]*$/);
        const [length, json] = [text.slice(0, text.indexOf('#')), text.slice(text.indexOf('#') + 1)];
        expect(Number(length)).to.equal(json.length);
        expect(encodeFrame(value).length).to.equal(text.length);
      }),
    );
  });

  it('random garbage gives frames or a FrameError, in bounded memory', () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.nat(300), fc.uint8Array({ maxLength: 300 }))
        .map(([n, b]) => Buffer.concat([Buffer.from(`${n}#`), b])),
    );
    fc.assert(
      fc.property(fc.array(garbage), fc.array(fc.nat(2000)), (parts, places) => {
        const { held } = decode(cut(Buffer.concat(parts), places), 200);
        expect(held).to.be.at.most(200);
      }),
      { numRuns: 500 },
    );
  });

  it('a frame sent byte by byte costs no object per byte', () => {
    const maxFrame = 1024 * 1024;
    const bytes = encodeFrame('x'.repeat(maxFrame - 2), maxFrame);
    const decoder = new FrameDecoder({ maxFrame });
    const shared = Buffer.from('x'); // one piece for all: what is measured is what the decoder keeps
    decoder.push(bytes.subarray(0, 9));
    expect(decoder.next()).to.equal(false);
    let held = 0;
    let pieces = 0;
    for (let sent = 9; sent < bytes.length - 1; sent += 1) {
      decoder.push(shared);
      if (decoder.next()) throw new Error('too early');
      held = Math.max(held, decoder.held);
      pieces = Math.max(pieces, decoder.pieces);
    }
    expect(held).to.be.at.most(maxFrame);
    expect(pieces).to.be.at.most(65);
    decoder.push(Buffer.from('"'));
    expect(decoder.next()).to.equal(true);
    expect(decoder.value).to.equal('x'.repeat(maxFrame - 2));
    expect(decoder.held).to.equal(0);
  });

  it('10,000 messages in one chunk need no recursion', () => {
    const chunk = Buffer.concat(Array.from({ length: 10_000 }, (_, n) => encodeFrame({ n })));
    expect(decode([chunk]).values).to.have.length(10_000);
  });
});
