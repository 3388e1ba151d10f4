/**
 * Proxies in a process of their own, so that nothing else this process does slows them. A thread would do for that, but
 * one that is ended with broken connections in it may spin for ever in their clean-up (Node 20).
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Target } from './proxy.ts';
import type { FromProxies, ToProxies } from './proxy-messages.ts';

export class Proxies {
  readonly #process = fork(fileURLToPath(new URL('./proxy-process.js', import.meta.url)), { execArgv: [] });
  readonly #asked = new Map<number, { done: (port: number) => void; failed: (error: Error) => void }>();
  #next = 1;

  constructor() {
    this.#process.on('message', (raw) => {
      const message = raw as FromProxies;
      const asked = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      if ('port' in message) asked?.done(message.port);
      else asked?.failed(new Error(message.error));
    });
    this.#process.on('exit', (status, signal) => {
      const error = new Error(`the process of the proxies has ended: ${signal ?? status}`);
      for (const { failed } of this.#asked.values()) failed(error);
    });
  }

  /** Listens at `host`, on a port of the kernel's choice, for connections to `target`. */
  async start(host: string, target: Target): Promise<DistantProxy> {
    const id = this.#next++;
    const port = await new Promise<number>((done, failed) => {
      this.#asked.set(id, { done, failed });
      this.#tell({ id, do: 'start', host, target });
    });
    return new DistantProxy(id, port, (message) => this.#tell(message));
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  #tell(message: ToProxies): void {
    if (this.#process.connected) this.#process.send(message);
  }
}

/** As `TcpProxy`; what it is told happens in the order in which it was told. */
export class DistantProxy {
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
