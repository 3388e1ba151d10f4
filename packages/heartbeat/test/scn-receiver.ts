import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A subscriber to state changes: a real HTTP server that notes what it took. */
export class ScnReceiver {
  /** What it took, as text. */
  readonly taken: string[] = [];
  /** Requests that came, taken or not. */
  asked = 0;
  /** A status, or undefined: the connection breaks. */
  answer: (text: string) => number | undefined = () => 200;
  readonly #server = createServer((req, res) => {
    this.#take(req, res).catch(() => res.destroy());
  });

  static async start(): Promise<ScnReceiver> {
    const receiver = new ScnReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hmi/v1/scn`;
  }

  /** What it was told of one component, in order: `Ready/OK`. */
  storyOf(name: string): string[] {
    return this.taken.flatMap((text) => {
      const { Components, State, Flag } = JSON.parse(text) as { Components: string[]; State?: string; Flag?: string };
      return Components.includes(name) ? [`${State}/${Flag}`] : [];
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    this.asked += 1;
    let text = '';
    req.setEncoding('utf8');
    for await (const chunk of req as AsyncIterable<string>) text += chunk;
    const status = this.answer(text);
    if (status === undefined) {
      res.destroy();
      return;
    }
    if (status >= 200 && status < 300) this.taken.push(text);
    res.writeHead(status).end();
  }
}
