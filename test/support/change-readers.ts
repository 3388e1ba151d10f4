/** Those who follow the changes of a cluster, each over another skin, and come back behind the last one they have seen. */
import { Agent, get, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Random } from './random.ts';
import { pass } from './wait.ts';

export type Skin = 'lines' | 'events' | 'WebSocket';
export const SKINS: readonly Skin[] = ['lines', 'events', 'WebSocket'];

interface Item {
  readonly seq: number;
}

/** Reads one stream until it ends, or until `onItem` gives false; what it was told as its end does not matter. */
type Read = (socketPath: string, since: number, onItem: (item: Item) => boolean) => Promise<void>;

const PATH = '/csm/v1/changes?kinds=node';
const agent = new Agent({ keepAlive: false });

/** The body of an answer as blocks between separators; an answer that is none of the skin is no item. */
function body(
  socketPath: string,
  path: string,
  headers: { readonly [name: string]: string },
  separator: string,
  onBlock: (block: string) => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const request = get({ socketPath, path, headers, agent }, (res: IncomingMessage) => {
      let rest = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        const blocks = (rest + chunk).split(separator);
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          if (res.destroyed || res.statusCode !== 200) return;
          if (!onBlock(block)) res.destroy();
        }
      });
      res.on('error', () => undefined);
      res.on('close', resolve);
    });
    request.on('error', () => resolve());
  });
}

const READ: { readonly [S in Skin]: Read } = {
  lines: (socketPath, since, onItem) =>
    body(socketPath, `${PATH}&since=${since}`, {}, '\n', (line) => {
      const item = JSON.parse(line) as Item;
      return typeof item.seq !== 'number' || onItem(item);
    }),
  events: (socketPath, since, onItem) =>
    // As a browser does: the URL stays, the last event tells how far it is.
    body(
      socketPath,
      `${PATH}&since=0`,
      { accept: 'text/event-stream', 'last-event-id': String(since) },
      '\n\n',
      (text) => {
        const fields = new Map(text.split('\n').map((line) => [line.split(': ')[0] ?? '', line.replace(/^\w*: /, '')]));
        if (!fields.has('id')) return true;
        const item = JSON.parse(fields.get('data') ?? '') as Item;
        if (String(item.seq) !== fields.get('id')) throw new Error(`event ${fields.get('id')} bears item ${item.seq}`);
        return onItem(item);
      },
    ),
  WebSocket: (socketPath, since, onItem) =>
    new Promise((resolve) => {
      const ws = new WebSocket(`ws+unix:${socketPath}:${PATH}&since=${since}`);
      let isLeft = false;
      ws.on('message', (data) => {
        if (isLeft) return;
        const item = JSON.parse((data as Buffer).toString()) as Item;
        if (typeof item.seq !== 'number' || onItem(item)) return;
        isLeft = true;
        ws.terminate();
      });
      ws.on('error', () => undefined);
      ws.on('close', () => resolve());
    }),
};

export class ChangeReader {
  readonly skin: Skin;
  /** Every number it was told, in the order in which it was. */
  readonly seqs: number[] = [];
  connections = 0;
  #stopping = false;
  readonly #ended: Promise<void>;

  /** Begins behind change `since`; drops its connection after 1 to `patience` items. */
  constructor(skin: Skin, sockets: readonly string[], since: number, patience: number, random: Random) {
    this.skin = skin;
    this.#ended = this.#run(sockets, since, patience, random);
  }

  async #run(sockets: readonly string[], since: number, patience: number, random: Random): Promise<void> {
    while (!this.#stopping) {
      let left = 1 + random.below(patience);
      this.connections += 1;
      await READ[this.skin](random.pick(sockets), this.seqs.at(-1) ?? since, ({ seq }) => {
        this.seqs.push(seq);
        left -= 1;
        return left > 0 && !this.#stopping;
      });
      await pass(random.below(100));
    }
  }

  /** Resolves when its connection has ended too, which the end of the cluster, or the next item, sees to. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#ended;
  }

  leave(): void {
    this.#stopping = true;
  }
}
