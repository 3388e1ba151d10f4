/** The `Sending` rules with a socket, a timer and a spool. */
import { connect, type Socket } from 'node:net';
import type { Now } from '@csm/model';
import {
  initialSending,
  type Sending,
  type SendingEffect,
  type SendingEvent,
  sendingWakeAt,
  stepSending,
} from './sending.ts';
import type { Spool } from './spool.ts';

/** Bytes that are read from the spool and written at a time. */
const READ_BYTES = 64 * 1024;

export interface SenderOptions {
  readonly host: string;
  readonly port: number;
  /** ms */
  readonly pauseMax: number;
  readonly spool: Spool;
  readonly now: () => Now;
  readonly random: () => number;
  /** The connection failed, for another reason than before; undefined: all is well again. */
  readonly onReason: (reason: string | undefined) => void;
}

export class Sender {
  /** Lines written to a connection, repetitions included; and connections made after a failure. */
  readonly counters = { sent: 0, reconnects: 0 };
  readonly #options: SenderOptions;
  readonly #state: Sending;
  #socket: Socket | undefined;
  /** What the spool gave last, until the socket has it. */
  #bytes: Buffer = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #told: string | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#state = initialSending(options.spool.cursor, options.pauseMax, options.now());
  }

  get state(): Sending['mode'] {
    return this.#state.mode;
  }

  get reason(): string | undefined {
    return this.#state.reason;
  }

  start(): void {
    this.#step({ kind: 'tick' });
  }

  /** The spool has more. */
  more(): void {
    this.#step({ kind: 'more' });
  }

  /** What is on its way may or may not arrive; it is sent again after the next start. */
  stop(): void {
    this.#step({ kind: 'stop' });
  }

  #step(event: SendingEvent): void {
    const { now, random, onReason } = this.#options;
    const hadFailed = this.#state.failures > 0;
    for (const effect of stepSending(this.#state, event, now(), random())) this.#carryOut(effect);
    if (event.kind === 'connected' && hadFailed) this.counters.reconnects++;
    if (this.#state.reason !== this.#told) {
      this.#told = this.#state.reason;
      onReason(this.#told);
    }
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const at = sendingWakeAt(this.#state);
    if (at === undefined) return;
    const ms = Math.max(0, at - this.#options.now().mono);
    this.#timer = setTimeout(() => this.#step({ kind: 'tick' }), Math.ceil(ms));
  }

  #carryOut(effect: SendingEffect): void {
    switch (effect.kind) {
      case 'dial':
        this.#dial();
        return;
      case 'read':
        void this.#read(effect.from);
        return;
      case 'write':
        this.#write();
        return;
      case 'end':
        this.#socket?.end();
        return;
      case 'drop':
        this.#socket?.destroy();
        this.#socket = undefined;
        return;
      case 'delivered':
        this.#options.spool.delivered(effect.to);
        return;
      default:
        effect satisfies never;
    }
  }

  #dial(): void {
    const { host, port } = this.#options;
    const socket = connect({ host, port, allowHalfOpen: true, keepAlive: true });
    this.#socket = socket;
    const heard = (event: SendingEvent) => {
      if (this.#socket === socket) this.#step(event);
    };
    socket.setNoDelay(true);
    socket.on('connect', () => heard({ kind: 'connected' }));
    // Whatever it says is read and forgotten, or its end would not be seen.
    socket.resume();
    socket.on('end', () => heard({ kind: 'ended' }));
    socket.on('error', (error) => heard({ kind: 'broken', reason: error.message }));
    socket.on('close', () => heard({ kind: 'broken', reason: 'the connection was lost' }));
  }

  async #read(from: Parameters<Spool['read']>[0]): Promise<void> {
    const socket = this.#socket;
    const { bytes, to } = await this.#options.spool.read(from, READ_BYTES);
    if (this.#socket !== socket) return;
    this.#bytes = bytes;
    this.#step({ kind: 'read', bytes: bytes.length, to });
  }

  #write(): void {
    const socket = this.#socket;
    const bytes = this.#bytes;
    for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) this.counters.sent++;
    socket?.write(bytes, () => {
      // After a failure of the write its error, or the close, says so.
      if (this.#socket === socket && !socket.destroyed) this.#step({ kind: 'taken' });
    });
  }
}
