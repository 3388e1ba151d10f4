import type { JsonStream, KnownFrame } from 'tls-json-stream';

/** A connection as the shells use it: a `JsonStream`, or one end of a pair inside this process. */
export interface Wire {
  readonly address: string;
  send(value: unknown): boolean;
  /** As `send`, for what is JSON already. */
  sendText(json: string): boolean;
  sendFrame(encoded: Buffer): boolean;
  /** As `sendFrame`, at once: in the read that brought what it answers. */
  answer(encoded: Buffer): boolean;
  /** Flushes, then ends. */
  close(): Promise<void>;
  destroy(reason: string): void;
  start(handlers: WireHandlers): void;
}

export interface WireHandlers {
  onMessage(value: unknown, bytes: number): void;
  /** As that of a `JsonStream`. */
  readonly known?: KnownFrame;
  onBatchEnd(): void;
  onClose(reason: { readonly text: string }): void;
}

export function wireOf(stream: JsonStream): Wire {
  const { family, address, port } = stream.peer;
  return {
    address: `${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    send: (value) => stream.send(value),
    sendText: (json) => stream.sendText(json),
    sendFrame: (encoded) => stream.sendFrame(encoded),
    answer: (encoded) => stream.answer(encoded),
    close: () => stream.close(),
    destroy: (reason) => stream.destroy(reason),
    start: (handlers) => stream.start(handlers),
  };
}

/**
 * Two ends of a connection within one process: what one sends, the other receives in the next turn of the event loop,
 * in order. An aggregator's own reports enter its own hub this way, by the same machines as everybody else's.
 */
export function wirePair(address: string): [Wire, Wire] {
  const a = new PairEnd(address);
  const b = new PairEnd(address);
  a.other = b;
  b.other = a;
  return [a, b];
}

class PairEnd implements Wire {
  readonly address: string;
  other: PairEnd | undefined;
  #handlers: WireHandlers | undefined;
  #waiting: unknown[] = [];
  #scheduled = false;
  #closed: string | undefined;
  #told = false;

  constructor(address: string) {
    this.address = address;
  }

  send(value: unknown): boolean {
    if (this.#closed !== undefined) return false;
    this.other?.receive(value);
    return true;
  }

  sendText(json: string): boolean {
    return this.send(JSON.parse(json));
  }

  sendFrame(encoded: Buffer): boolean {
    const text = encoded.toString('latin1');
    return this.send(JSON.parse(text.slice(text.indexOf('#') + 1)));
  }

  answer(encoded: Buffer): boolean {
    return this.sendFrame(encoded);
  }

  async close(): Promise<void> {
    this.destroy('closed here');
  }

  destroy(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#schedule();
    this.other?.destroy('the other end closed');
  }

  start(handlers: WireHandlers): void {
    this.#handlers = handlers;
    this.#schedule();
  }

  receive(value: unknown): void {
    this.#waiting.push(value);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#handlers === undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const values = this.#waiting;
      this.#waiting = [];
      for (const value of values) this.#handlers?.onMessage(value, 0);
      if (values.length > 0) this.#handlers?.onBatchEnd();
      if (this.#closed !== undefined && !this.#told && this.#waiting.length === 0) {
        this.#told = true;
        this.#handlers?.onClose({ text: this.#closed });
      }
    });
  }
}
