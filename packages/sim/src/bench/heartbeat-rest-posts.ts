/** Heartbeats by our own hand: batches to make components known, and posts at a fixed rate whose latency counts. */
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { beatOf, CONNECTIONS } from './heartbeat-rest-wrk.ts';

const BATCH = 1000;
const TICK_MS = 5;

export class Posts {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  constructor(port: number) {
    this.#port = port;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** One heartbeat each of components `from` to `from + count - 1`, as batches one after another. */
  async known(from: number, count: number): Promise<void> {
    for (let n = from; n < from + count; n += BATCH) {
      const some = Array.from({ length: Math.min(BATCH, from + count - n) }, (_, i) => beatOf(n + i));
      await this.#send('POST', '/hmi/v1/heartbeats', JSON.stringify({ Heartbeats: some }));
    }
  }

  /**
   * Heartbeats of the first `components` in turn, `perSecond` of them, until the signal fires: the ms from the moment
   * each was due, whatever the ones before took. Rejects when one is not answered with 200.
   */
  async paced(components: number, perSecond: number, end: AbortSignal): Promise<number[]> {
    const bodies = Array.from({ length: components }, (_, n) => JSON.stringify(beatOf(n)));
    const began = performance.now();
    const took: number[] = [];
    const sent: Promise<void>[] = [];
    let fault: unknown;
    for (let n = 0; !end.aborted && fault === undefined; ) {
      for (; began + (n * 1000) / perSecond <= performance.now(); n++) {
        const due = began + (n * 1000) / perSecond;
        const post = this.#send('POST', '/hmi/v1/heartbeat', bodies[n % components] ?? '').then(
          () => void took.push(performance.now() - due),
          (error: unknown) => {
            fault = error;
          },
        );
        sent.push(post);
      }
      await pause(TICK_MS);
    }
    await Promise.all(sent);
    if (fault !== undefined) throw fault as Error;
    return took;
  }

  /** The answer as JSON. */
  async get(path: string): Promise<unknown> {
    return JSON.parse(await this.#send('GET', path, '')) as unknown;
  }

  #send(method: string, path: string, body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
      const sent = request(
        { host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path, headers },
        (res) => {
          let text = '';
          res.setEncoding('utf8');
          res.on('data', (chunk: string) => {
            text += chunk;
          });
          res.once('end', () => {
            if (res.statusCode === 200) resolve(text);
            else reject(new Error(`${method} ${path} was answered ${res.statusCode}: ${text.slice(0, 200)}`));
          });
          res.once('error', reject);
        },
      );
      sent.once('error', reject);
      sent.end(body);
    });
  }
}
