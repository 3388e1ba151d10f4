/**
 * One JSON message stream over one TLS socket.
 *
 * Modes: *held* from its making until `start(handlers)`, nothing is read; *open*, messages flow both ways; *closing*
 * after `close()`, what was queued is flushed and messages already under way still come in, `send` is refused;
 * *closed*, `onClose` has been called once and nothing follows. `destroy`, an error, a bad frame, a peer that does not
 * read and a missed deadline lead from any mode to *closed*; the peer's end does too, and what is queued is still
 * flushed to it behind the scene.
 */
import type { TLSSocket } from 'node:tls';
import { DEFAULT_MAX_FRAME, encodeText, type FrameCode, FrameDecoder, FrameError, frameText } from './codec.ts';
import type { Peer } from './peer.ts';
import { codeOf, errorWords, isHandshakeCode } from './words.ts';

export type CloseCode =
  /** `close()` was called here and everything was flushed. */
  | 'CLOSED'
  /** `destroy()` was called here. */
  | 'DESTROYED'
  /** The peer ended in order. */
  | 'ENDED'
  /** The peer ended inside a frame. */
  | 'TRUNCATED'
  /** The connection broke. */
  | 'RESET'
  /** The peer refused us, or TLS failed, after the handshake. */
  | 'TLS'
  /** More than `maxBuffered` bytes waited for a peer that does not read. */
  | 'SLOW_PEER'
  /** The peer did not end within `closeTimeout` after `close()`. */
  | 'CLOSE_TIMEOUT'
  /** No message came within `firstMessageTimeout`. */
  | 'FIRST_MESSAGE_TIMEOUT'
  | FrameCode;

export interface CloseReason {
  readonly code: CloseCode;
  readonly text: string;
  /** True when the peer, or the network, ended it; false when it was decided here. */
  readonly byPeer: boolean;
}

/** A frame that comes again and again, such as a sign of life. */
export interface KnownFrame {
  readonly frame: Buffer;
  /** One read held this frame, byte for byte, and nothing else; it was not parsed. False: it is to be told as any other. */
  came(): boolean;
}

export interface StreamHandlers {
  /** One message; `bytes` is the length of its JSON. */
  onMessage(value: unknown, bytes: number): void;
  /** Told of it in place of `onMessage` and `onBatchEnd`. */
  readonly known?: KnownFrame;
  /** After all messages of one read: the place to commit or answer them together. */
  onBatchEnd?(): void;
  /** Exactly once; nothing is called after it. */
  onClose(reason: CloseReason): void;
  /** After `send` returned false: the queue is down to half of `highWater`. */
  onDrain?(): void;
}

export interface StreamOptions {
  /** Longest frame, either way. Unit: bytes of JSON. Default 256 KiB. */
  readonly maxFrame?: number;
  /** Bytes that may wait for the peer to read; beyond it the stream is destroyed. Default 16 MiB. */
  readonly maxBuffered?: number;
  /** Bytes from which `send` returns false. Default 256 KiB. */
  readonly highWater?: number;
  /** How long `close()` waits for the peer. Unit: ms. Default 5 s. */
  readonly closeTimeout?: number;
  /** Ends a stream on which no message has come. Unit: ms. Default: none. */
  readonly firstMessageTimeout?: number;
  /** Sends each write at once (TCP_NODELAY). Default true: frames of one tick are joined here already. */
  readonly noDelay?: boolean;
  /** TCP keepalive: silence before the first probe. Unit: ms; 0 is off. Default 30 s. */
  readonly keepAlive?: number;
  /** Takes what our own handlers throw. Default: it is thrown again on a microtask, as an uncaught exception. */
  readonly onHandlerError?: (error: unknown) => void;
}

export const DEFAULT_MAX_BUFFERED = 16 * 1024 * 1024;
export const DEFAULT_HIGH_WATER = 256 * 1024;
export const DEFAULT_CLOSE_TIMEOUT = 5_000;
export const DEFAULT_KEEP_ALIVE = 30_000;

/** Text collected in one tick is written from this size on, so that a long loop of sends overlaps with the kernel. */
const WRITE_AT = 64 * 1024;
/** A pre-encoded frame from this size on is written as it is, not copied into the text of the tick. */
const LARGE_FRAME = 16 * 1024;

/** Streams with text to write at the end of this tick: one immediate serves all, however many streams were touched. */
let dirty: (() => void)[] = [];
function flushDirty(): void {
  const flushes = dirty;
  dirty = [];
  for (const flush of flushes) flush();
}

export function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

export class JsonStream {
  readonly peer: Peer;
  readonly maxFrame: number;
  /** Frame bytes, headers included, TLS not counted. Outgoing ones count when queued. */
  bytesIn = 0;
  bytesOut = 0;
  framesIn = 0;
  framesOut = 0;

  readonly #socket: TLSSocket;
  readonly #decoder: FrameDecoder;
  readonly #maxBuffered: number;
  readonly #highWater: number;
  readonly #closeTimeout: number;
  readonly #onHandlerError: (error: unknown) => void;
  #handlers: StreamHandlers | undefined;
  #text = '';
  #flushAsked = false;
  #drainWanted = false;
  #closing: Promise<void> | undefined;
  #reason: CloseReason | undefined;
  #told = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #gone: Promise<void>;

  constructor(socket: TLSSocket, peer: Peer, options: StreamOptions = {}) {
    this.#socket = socket;
    this.peer = peer;
    this.maxFrame = options.maxFrame ?? DEFAULT_MAX_FRAME;
    this.#decoder = new FrameDecoder({ maxFrame: this.maxFrame });
    this.#maxBuffered = options.maxBuffered ?? DEFAULT_MAX_BUFFERED;
    this.#highWater = options.highWater ?? DEFAULT_HIGH_WATER;
    this.#closeTimeout = options.closeTimeout ?? DEFAULT_CLOSE_TIMEOUT;
    this.#onHandlerError = options.onHandlerError ?? rethrowLater;
    socket.setNoDelay(options.noDelay ?? true);
    const keepAlive = options.keepAlive ?? DEFAULT_KEEP_ALIVE;
    socket.setKeepAlive(keepAlive > 0, keepAlive);
    // Half open, so that what waits for a peer that has ended can still be flushed to it.
    socket.allowHalfOpen = true;
    socket.on('error', (error) => this.#broken(error));
    socket.on('end', () => this.#ended());
    this.#gone = new Promise((resolve) => {
      socket.on('close', () => {
        this.#gotClosed();
        resolve();
      });
    });
    const first = options.firstMessageTimeout;
    if (first !== undefined) {
      const late = () => this.#fail('FIRST_MESSAGE_TIMEOUT', `no message came within ${first} ms`, true);
      this.#timer = setTimeout(late, first);
    }
  }

  /** Bytes queued here and not yet taken by the kernel. */
  get bufferedBytes(): number {
    return this.#text.length + this.#socket.writableLength;
  }

  /** False from `close`, `destroy` or the peer's end on: then `send` does nothing. */
  get isOpen(): boolean {
    return this.#reason === undefined && this.#closing === undefined;
  }

  /** Begins to read. To be called once. A stream that is closed already tells so on a microtask. */
  start(handlers: StreamHandlers): void {
    if (this.#handlers !== undefined) throw new Error('the stream has been started already');
    this.#handlers = handlers;
    if (this.#told) {
      this.#told = false;
      queueMicrotask(() => this.#tell());
      return;
    }
    this.#socket.on('data', (chunk) => this.#received(chunk));
  }

  /**
   * Queues one message; it leaves at the end of this tick, together with the others.
   * False: the queue is above `highWater` (wait for `onDrain`), or the stream is no longer open.
   * @throws FrameError FRAME_VALUE or FRAME_TOO_LARGE for a value that cannot be sent; the stream stays.
   */
  send(value: unknown): boolean {
    if (!this.isOpen) return false;
    const text = encodeText(value, this.maxFrame);
    this.#text += text;
    return this.#queued(text.length);
  }

  /** As `send`, for a message that is JSON already. That it is JSON is the caller's word. */
  sendText(json: string): boolean {
    if (!this.isOpen) return false;
    const text = frameText(json, this.maxFrame);
    this.#text += text;
    return this.#queued(text.length);
  }

  /** As `send`, for bytes that `encodeFrame` made: one encoding for many peers. */
  sendFrame(encoded: Buffer): boolean {
    if (!this.isOpen) return false;
    if (encoded.length < LARGE_FRAME) {
      this.#text += encoded.toString('latin1');
    } else {
      this.#flush();
      this.#socket.write(encoded, this.#written);
    }
    return this.#queued(encoded.length);
  }

  /**
   * As `sendFrame`, but it leaves now, with what was queued before it: for an answer in the read that asked, whose socket
   * and buffers are at hand. At the end of the tick, behind those of a hundred other streams, it costs half as much again.
   * Not at all while the peer does not read: what waits for it says as much, and a heap of answers says no more.
   */
  answer(encoded: Buffer): boolean {
    if (!this.isOpen || this.#socket.writableNeedDrain) return false;
    this.#flush();
    this.#socket.write(encoded, this.#written);
    return this.#queued(encoded.length);
  }

  /** Flushes everything, ends, and resolves when the socket is closed; destroys it after `closeTimeout` ms. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    this.#closing = this.#gone;
    if (this.#reason !== undefined) return this.#closing;
    this.#flush();
    this.#finish();
    // A stream never started must still read, else it would not see the peer's end.
    if (this.#handlers === undefined) this.#socket.resume();
    return this.#closing;
  }

  /** Ends at once; what is queued is lost. */
  destroy(reason: string = 'destroyed'): void {
    this.#fail('DESTROYED', reason, false);
  }

  #queued(bytes: number): boolean {
    this.framesOut += 1;
    this.bytesOut += bytes;
    if (this.#text.length >= WRITE_AT) {
      this.#flush();
    } else if (!this.#flushAsked && this.#text !== '') {
      this.#flushAsked = true;
      if (dirty.push(this.#flushLater) === 1) setImmediate(flushDirty);
    }
    const buffered = this.bufferedBytes;
    if (buffered < this.#highWater) return true;
    if (buffered > this.#maxBuffered) {
      const text = `${buffered} bytes wait for a peer that does not read them; at most ${this.#maxBuffered} are allowed`;
      this.#fail('SLOW_PEER', text, false);
    } else {
      this.#drainWanted = true;
    }
    return false;
  }

  readonly #flushLater = (): void => {
    this.#flushAsked = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.#socket.write(text, 'latin1', this.#written);
  }

  readonly #written = (): void => {
    if (!this.#drainWanted || !this.isOpen || this.bufferedBytes > this.#highWater / 2) return;
    this.#drainWanted = false;
    this.#guard(() => this.#handlers?.onDrain?.());
  };

  #received(chunk: Buffer): void {
    if (this.#told || this.#socket.destroyed) return;
    const handlers = this.#handlers as StreamHandlers;
    const decoder = this.#decoder;
    const before = this.framesIn;
    this.bytesIn += chunk.length;
    if (handlers.known !== undefined && this.#isKnown(chunk, handlers.known)) return;
    decoder.push(chunk);
    let bad: FrameError | undefined;
    while (!this.#socket.destroyed) {
      try {
        if (!decoder.next()) break;
      } catch (error) {
        bad = error instanceof FrameError ? error : new FrameError('FRAME_JSON', errorWords(error), { cause: error });
        break;
      }
      this.framesIn += 1;
      try {
        handlers.onMessage(decoder.value, decoder.bytes);
      } catch (error) {
        this.#onHandlerError(error);
      }
    }
    decoder.value = undefined;
    if (this.framesIn > before) {
      if (before === 0 && this.#closing === undefined) this.#stopTimer();
      this.#guard(() => handlers.onBatchEnd?.());
    }
    if (bad !== undefined) this.#fail(bad.code, bad.message, true);
  }

  /** Whether a read was the known frame, and the owner has taken it as that. */
  #isKnown(chunk: Buffer, known: KnownFrame): boolean {
    const { frame } = known;
    if (chunk.length !== frame.length || this.#decoder.midFrame) return false;
    for (let i = 0; i < frame.length; i++) if (chunk[i] !== frame[i]) return false;
    try {
      if (!known.came()) return false;
    } catch (error) {
      this.#onHandlerError(error);
    }
    this.framesIn += 1;
    if (this.framesIn === 1 && this.#closing === undefined) this.#stopTimer();
    return true;
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#onHandlerError(error);
    }
  }

  /** Ends our side once everything is written, and the whole socket at the deadline. */
  #finish(): void {
    this.#stopTimer();
    this.#timer = setTimeout(() => {
      const text = `the peer did not end within ${this.#closeTimeout} ms; ${this.bufferedBytes} bytes were not sent`;
      this.#fail('CLOSE_TIMEOUT', text, false);
    }, this.#closeTimeout);
    this.#socket.end();
  }

  #ended(): void {
    if (this.#closing !== undefined || this.#reason !== undefined) return;
    // Flushed before onClose: its handlers may look at nothing any more, but the peer may still be reading.
    this.#flush();
    this.#reason = this.#decoder.midFrame
      ? { code: 'TRUNCATED', text: 'the peer ended inside a frame', byPeer: true }
      : { code: 'ENDED', text: this.#early('the peer closed the connection'), byPeer: true };
    this.#finish();
    this.#tell();
  }

  #broken(error: Error): void {
    const code = isHandshakeCode(codeOf(error)) ? 'TLS' : 'RESET';
    this.#reason ??= { code, text: this.#early(errorWords(error)), byPeer: true };
  }

  /** On TLS 1.3 a dialer is connected before the other end has judged its certificate: a first close may be that. */
  #early(text: string): string {
    return this.framesIn === 0 ? `${text} before its first message; it may have refused our certificate` : text;
  }

  #fail(code: CloseCode, text: string, byPeer: boolean): void {
    this.#reason ??= { code, text, byPeer };
    this.#text = '';
    this.#stopTimer();
    this.#socket.destroy();
  }

  #gotClosed(): void {
    this.#stopTimer();
    this.#text = '';
    this.#reason ??=
      this.#closing === undefined
        ? { code: 'RESET', text: this.#early('the connection was lost'), byPeer: true }
        : { code: 'CLOSED', text: 'closed here', byPeer: false };
    this.#tell();
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    const reason = this.#reason as CloseReason;
    this.#guard(() => this.#handlers?.onClose(reason));
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
