/**
 * The frame codec: decimal byte length, '#', JSON. This is the wire format of npm json-socket, read strictly and
 * written so that real json-socket peers survive coalesced frames: they cut by characters what was counted in bytes,
 * so everything from U+0080 up leaves as \uXXXX and one character is one byte.
 */
import { isAscii, isUtf8 } from 'node:buffer';

export type FrameCode = 'FRAME_HEADER' | 'FRAME_TOO_LARGE' | 'FRAME_JSON' | 'FRAME_UTF8' | 'FRAME_VALUE';

/** What is wrong with a frame. `code` is stable; the message is a sentence for a person. */
export class FrameError extends Error {
  readonly code: FrameCode;
  constructor(code: FrameCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'FrameError';
    this.code = code;
  }
}

/** Longest frame in bytes of JSON. Unit: bytes. Larger costs memory for each peer that sends slowly. */
export const DEFAULT_MAX_FRAME = 256 * 1024;

const NON_ASCII = /[\u0080-\uffff]/g;
const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * One frame as ASCII text.
 * @throws FrameError FRAME_VALUE when JSON cannot carry the value, FRAME_TOO_LARGE when its JSON exceeds `maxFrame` bytes.
 */
export function encodeText(value: unknown, maxFrame: number = Number.POSITIVE_INFINITY): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw new FrameError('FRAME_VALUE', `the value cannot be sent as JSON: ${why}`, { cause });
  }
  if (json === undefined) throw new FrameError('FRAME_VALUE', `a value of type ${typeof value} cannot be sent as JSON`);
  return frameText(json, maxFrame);
}

/**
 * One frame as ASCII text, of JSON that was made already; that it is JSON is the caller's word.
 * @throws FrameError FRAME_TOO_LARGE when it exceeds `maxFrame` bytes.
 */
export function frameText(json: string, maxFrame: number = Number.POSITIVE_INFINITY): string {
  // Counting UTF-8 bytes is a vectorised scan: equal counts mean that every character is ASCII already.
  const ascii = Buffer.byteLength(json) === json.length ? json : json.replace(NON_ASCII, escapeUnit);
  if (ascii.length > maxFrame) {
    throw new FrameError('FRAME_TOO_LARGE', `a frame of ${ascii.length} bytes; at most ${maxFrame} are allowed`);
  }
  return `${ascii.length}#${ascii}`;
}

/** One frame as bytes, for values that go to many peers. Errors as `encodeText`. */
export function encodeFrame(value: unknown, maxFrame?: number): Buffer {
  return Buffer.from(encodeText(value, maxFrame), 'latin1');
}

const EMPTY = Buffer.alloc(0);
const HASH = 0x23;
const ZERO = 0x30;
const NINE = 0x39;
const MAX_DIGITS = 10;
/** A chunk from this size on is likely to hold many frames; when it is ASCII it becomes text once, not for each of them. */
const TEXT_FROM = 1024;
/** A frame in more pieces than this is copied into one growing buffer: a slow-loris must not cost an object per byte. */
const MAX_PIECES = 64;

/**
 * Takes bytes as they come and gives values. Use: `push(chunk)`, then `next()` until it is false; after a true, `value`
 * and `bytes` hold the frame. A frame inside one chunk is parsed where it lies; one that spans chunks is joined once.
 * Holds at most `maxFrame` bytes beside the present chunk. After an error the decoder stays broken and repeats it.
 */
export class FrameDecoder {
  readonly maxFrame: number;
  /** The value of the frame that `next()` found. */
  value: unknown = undefined;
  /** Bytes of JSON in that frame, header not counted. */
  bytes = 0;

  #chunk: Buffer = EMPTY;
  #pos = 0;
  /** The chunk as text, '' when it is not ASCII, undefined while nobody asked. */
  #text: string | undefined;
  #digits = 0;
  #length = 0;
  /** Length of the body under way; -1 while in a header. */
  #body = -1;
  #pieces: Buffer[] = [];
  #have = 0;
  #grown: Buffer | undefined;
  #error: FrameError | undefined;

  constructor(options: { readonly maxFrame?: number } = {}) {
    this.maxFrame = options.maxFrame ?? DEFAULT_MAX_FRAME;
  }

  /** Bytes of an unfinished frame kept in memory. */
  get held(): number {
    return this.#grown?.length ?? this.#have;
  }

  /** Buffers in which it is kept: at most 65, however small the chunks were. */
  get pieces(): number {
    return this.#pieces.length + (this.#grown === undefined ? 0 : 1);
  }

  /** True when the bytes so far end inside a frame. */
  get midFrame(): boolean {
    return this.#digits > 0 || this.#body >= 0 || this.#pos < this.#chunk.length;
  }

  /** Gives the decoder the next bytes. It keeps the buffer until `next()` has returned false. */
  push(chunk: Buffer): void {
    this.#chunk = this.#pos < this.#chunk.length ? Buffer.concat([this.#chunk.subarray(this.#pos), chunk]) : chunk;
    this.#pos = 0;
    this.#text = chunk.length < TEXT_FROM ? '' : undefined;
  }

  /**
   * Moves to the next whole frame; false when more bytes are needed.
   * @throws FrameError FRAME_HEADER, FRAME_TOO_LARGE, FRAME_UTF8 or FRAME_JSON.
   */
  next(): boolean {
    if (this.#error !== undefined) throw this.#error;
    if (this.#body < 0 && !this.#readHeader()) return false;
    const missing = this.#body - this.#have;
    const here = this.#chunk.length - this.#pos;
    if (here < missing) {
      if (here > 0) this.#hold(this.#chunk.subarray(this.#pos));
      this.#dropChunk();
      return false;
    }
    if (this.#have === 0) {
      this.#text ??= isAscii(this.#chunk) ? this.#chunk.toString('latin1') : '';
      if (this.#text === '') this.#parseBytes(this.#chunk, this.#pos, this.#pos + missing);
      else this.#parseText(this.#text.substring(this.#pos, this.#pos + missing));
    } else {
      this.#hold(this.#chunk.subarray(this.#pos, this.#pos + missing));
      const whole = this.#grown ?? Buffer.concat(this.#pieces, this.#body);
      this.#pieces = [];
      this.#grown = undefined;
      this.#have = 0;
      this.#parseBytes(whole, 0, this.#body);
    }
    this.#pos += missing;
    this.bytes = this.#body;
    this.#body = -1;
    return true;
  }

  #readHeader(): boolean {
    const chunk = this.#chunk;
    const end = chunk.length;
    let pos = this.#pos;
    let digits = this.#digits;
    let length = this.#length;
    while (pos < end) {
      const byte = chunk[pos++] as number;
      if (byte >= ZERO && byte <= NINE && digits < MAX_DIGITS) {
        digits += 1;
        length = length * 10 + (byte - ZERO);
        // Told from the header, before a byte of the body is kept.
        if (length > this.maxFrame) {
          const text = `a frame of ${length} or more bytes is announced; at most ${this.maxFrame} are allowed`;
          return this.#fail('FRAME_TOO_LARGE', text);
        }
      } else if (byte === HASH && digits > 0) {
        this.#pos = pos;
        this.#digits = 0;
        this.#length = 0;
        this.#body = length;
        return true;
      } else {
        const after = digits === 0 ? 'where a length begins' : `after ${digits} digits of a length`;
        const text = `byte 0x${byte.toString(16).padStart(2, '0')} stands ${after}; a frame begins with 1 to 10 digits and '#'`;
        return this.#fail('FRAME_HEADER', text);
      }
    }
    this.#dropChunk();
    this.#digits = digits;
    this.#length = length;
    return false;
  }

  #dropChunk(): void {
    this.#chunk = EMPTY;
    this.#text = '';
    this.#pos = 0;
  }

  #hold(piece: Buffer): void {
    const have = this.#have + piece.length;
    if (this.#grown === undefined && this.#pieces.length < MAX_PIECES) {
      this.#pieces.push(piece);
    } else {
      if (this.#grown === undefined || this.#grown.length < have) {
        const room = Buffer.allocUnsafeSlow(Math.min(this.#body, have * 2));
        let at = 0;
        for (const part of this.#grown === undefined ? this.#pieces : [this.#grown.subarray(0, this.#have)]) {
          at += part.copy(room, at);
        }
        this.#grown = room;
        this.#pieces = [];
      }
      piece.copy(this.#grown, this.#have);
    }
    this.#have = have;
  }

  #parseBytes(bytes: Buffer, from: number, to: number): void {
    const here = bytes.subarray(from, to);
    // Ours is ASCII always, which is copied and not decoded.
    const text = here.toString(isAscii(here) ? 'latin1' : 'utf8');
    // Decoding puts U+FFFD where bytes are wrong; only then is the slower, exact check needed.
    if (text.includes('\ufffd') && !isUtf8(here)) {
      this.#fail('FRAME_UTF8', `a frame of ${to - from} bytes is not UTF-8`);
    }
    this.#parseText(text);
  }

  #parseText(text: string): void {
    try {
      this.value = JSON.parse(text);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#fail('FRAME_JSON', `a frame of ${this.#body} bytes is not JSON: ${why.slice(0, 200)}`);
    }
  }

  #fail(code: FrameCode, text: string): never {
    this.#error = new FrameError(code, text);
    this.#dropChunk();
    this.#pieces = [];
    this.#grown = undefined;
    this.#have = 0;
    throw this.#error;
  }
}
