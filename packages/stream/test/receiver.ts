import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Taken {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** What a receiver does with one request: a status, or nothing at all. */
export type Answer = (request: Taken, res: ServerResponse) => number | undefined;

/** A webhook's receiver: a real HTTP server that notes what it took. */
export class Receiver {
  readonly taken: Taken[] = [];
  /** Requests that came, taken or not. */
  asked = 0;
  answer: Answer = () => 204;
  readonly #server = createServer((req, res) => {
    this.#take(req, res).catch(() => res.destroy());
  });

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await receiver.listen(0);
    return receiver;
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** The numbers of the changes it took, in the order in which it did. */
  get seqs(): number[] {
    return this.taken.map(({ json }) => json['seq'] as number);
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    this.asked += 1;
    const chunks: Buffer[] = [];
    for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const json = JSON.parse(text) as Record<string, unknown>;
    const taken: Taken = { url: req.url ?? '', headers: req.headers, text, json };
    const status = this.answer(taken, res);
    if (status === undefined) return;
    if (status >= 200 && status < 300) this.taken.push(taken);
    res.writeHead(status).end();
  }
}

/** Waits for a condition; fails after `ms`. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
