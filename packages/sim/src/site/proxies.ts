/** Proxies in a thread of their own, so that nothing else this process does slows them. */
import { Worker } from 'node:worker_threads';
import type { Target } from './proxy.ts';
import type { FromProxies, ToProxies } from './proxy-messages.ts';

export class Proxies {
  readonly #worker = new Worker(new URL('./proxy-thread.js', import.meta.url));
  readonly #asked = new Map<number, { done: (port: number) => void; failed: (error: Error) => void }>();
  #next = 1;

  constructor() {
    this.#worker.on('message', (message: FromProxies) => {
      const asked = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      if ('port' in message) asked?.done(message.port);
      else asked?.failed(new Error(message.error));
    });
    this.#worker.on('error', (error: Error) => {
      for (const { failed } of this.#asked.values()) failed(error);
    });
  }

  /** Listens at `host`, on a port of the kernel's choice, for connections to `target`. */
  async start(host: string, target: Target): Promise<ThreadProxy> {
    const id = this.#next++;
    const port = await new Promise<number>((done, failed) => {
      this.#asked.set(id, { done, failed });
      this.#tell({ id, do: 'start', host, target });
    });
    return new ThreadProxy(id, port, (message) => this.#tell(message));
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #tell(message: ToProxies): void {
    this.#worker.postMessage(message);
  }
}

/** As `TcpProxy`; what it is told happens in the order in which it was told. */
export class ThreadProxy {
  readonly port: number;
  readonly #id: number;
  readonly #tell: (message: ToProxies) => void;

  constructor(id: number, port: number, tell: (message: ToProxies) => void) {
    this.#id = id;
    this.port = port;
    this.#tell = tell;
  }

  cut(): void {
    this.#tell({ id: this.#id, do: 'cut' });
  }

  freeze(): void {
    this.#tell({ id: this.#id, do: 'freeze' });
  }

  heal(): void {
    this.#tell({ id: this.#id, do: 'heal' });
  }

  slow(ms: number): void {
    this.#tell({ id: this.#id, do: 'slow', ms });
  }

  tear(): void {
    this.#tell({ id: this.#id, do: 'tear' });
  }

  /** All that stand now; new ones pass. */
  tearAll(): void {
    this.#tell({ id: this.#id, do: 'tear-all' });
  }
}
