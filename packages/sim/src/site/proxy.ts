/** A TCP proxy between two daemons, in this process, that can be made a bad network. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Target {
  readonly host: string;
  readonly port: number;
}

type Mode = 'pass' | 'cut' | 'frozen';

/** Bytes that wait in one direction while it is frozen or slow; beyond it the sender is no longer read. */
const HELD_MAX = 4 * 1024 * 1024;

export class TcpProxy {
  readonly #target: Target;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #mode: Mode = 'pass';
  #delay = 0;

  private constructor(target: Target) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Listens at `host`, on a port of the kernel's choice, for connections to `target`. */
  static async start(host: string, target: Target): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, host, resolve);
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Connections that stand. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Breaks every connection, and every new one at once: both ends see it. */
  cut(): void {
    this.#mode = 'cut';
    for (const pair of this.#pairs) pair.end();
  }

  /** Breaks one connection, the oldest, wherever in a frame it is. False when none stands. */
  tear(): boolean {
    const [first] = this.#pairs;
    first?.end();
    return first !== undefined;
  }

  /** Connections stand, new ones too, and nothing passes: half-open, neither end sees anything but silence. */
  freeze(): void {
    this.#mode = 'frozen';
  }

  /** As a good network again; what a freeze held back goes out first. */
  heal(): void {
    this.#mode = 'pass';
    this.#delay = 0;
    for (const pair of this.#pairs) pair.pump();
  }

  /** Each piece of data takes so many ms longer, each way. */
  slow(ms: number): void {
    this.#delay = ms;
  }

  /** How long a piece that comes now is to be held, ms; undefined: until told otherwise. */
  get hold(): number | undefined {
    return this.#mode === 'frozen' ? undefined : this.#delay;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(near: Socket): void {
    if (this.#mode === 'cut') {
      near.on('error', ignore);
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...this.#target, allowHalfOpen: true });
    const pair = new Pair(this, near, far, () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
  }
}

interface Held {
  readonly chunk: Buffer | 'end';
  readonly at: number;
}

/** One connection through the proxy: two directions, each a queue. */
class Pair {
  readonly #proxy: TcpProxy;
  readonly #ways: readonly { readonly from: Socket; readonly to: Socket; readonly held: Held[] }[];
  readonly #ended: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(proxy: TcpProxy, near: Socket, far: Socket, ended: () => void) {
    this.#proxy = proxy;
    this.#ended = ended;
    this.#ways = [
      { from: near, to: far, held: [] },
      { from: far, to: near, held: [] },
    ];
    for (const { from, held } of this.#ways) {
      const take = (chunk: Buffer | 'end') => {
        held.push({ chunk, at: performance.now() });
        if (held.reduce((n, { chunk: c }) => n + c.length, 0) > HELD_MAX) from.pause();
        this.pump();
      };
      from.on('data', take);
      from.on('end', () => take('end'));
      from.on('error', () => this.end());
      // A connection whose end was seen by both sides is over; while frozen its end is held back like data.
      from.on('close', (hadError) => {
        if (hadError || this.#ways.every((way) => way.from.destroyed)) this.end();
      });
    }
  }

  /** Passes on what has been held long enough. */
  pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { hold } = this.#proxy;
    if (hold === undefined) return;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const { from, to, held } of this.#ways) {
      for (let first = held[0]; first !== undefined && first.at + hold <= now; first = held[0]) {
        held.shift();
        if (first.chunk === 'end') to.end();
        else to.write(first.chunk);
      }
      if (held[0] !== undefined) next = Math.min(next, held[0].at + hold - now);
      if (from.isPaused()) from.resume();
    }
    if (next < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.pump(), next);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#ended();
    for (const { from } of this.#ways) {
      from.on('error', ignore);
      // One whose end is on its way cannot be reset: Node would keep its handle for ever.
      if (from.writableEnded) from.destroy();
      else from.resetAndDestroy();
    }
  }
}

const ignore = (): void => undefined;
