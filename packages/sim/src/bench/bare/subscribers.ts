/**
 * Those who follow the changes of a cluster over its API, as lines of JSON, and drop their connection now and then: each
 * must see every number once and in order. Run as `node subscribers.js <JSON>`; the order is `follow`.
 */
import { Agent, get } from 'node:http';
import { serveOrders } from './orders.ts';

export interface FollowOrder {
  readonly do: 'follow';
  readonly sockets: readonly string[];
  readonly followers: number;
  readonly kind: string;
  /** The last change already known, and the numbers to be seen. */
  readonly since: number;
  readonly first: number;
  readonly last: number;
  /** Changes after which a connection is dropped, on average; and ms until it is made again, at most. */
  readonly drop: number;
  readonly pauseMs: number;
}

const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
let drops = 0;

/** Resolves when it has seen the last number. */
function follow(order: FollowOrder, socketPath: string): Promise<void> {
  const { kind, first, last, drop, pauseMs } = order;
  let since = order.since;
  let next = first;
  return new Promise((resolve, reject) => {
    const again = (): void => {
      drops += 1;
      setTimeout(connect, Math.random() * pauseMs);
    };
    const connect = (): void => {
      let left = Math.ceil(Math.random() * 2 * drop);
      let isOver = false;
      const path = `/csm/v1/changes?kinds=${kind}&since=${since}`;
      const request = get({ socketPath, path, agent }, (res) => {
        let rest = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => {
          if (isOver) return;
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            // Quicker than to parse all of it, which is not what is measured.
            const seq = Number(/^\{"seq":(\d+),/.exec(line)?.[1]);
            const n = Number(/"body":\{"n":(\d+),/.exec(line)?.[1]);
            if (n !== next || !(seq > since)) {
              isOver = true;
              reject(new Error(`number ${next} behind change ${since} should come, not: ${line.slice(0, 200)}`));
              res.destroy();
              return;
            }
            since = seq;
            next += 1;
            left -= 1;
            if (next > last || left <= 0) {
              isOver = true;
              res.destroy();
              if (next > last) resolve();
              else again();
              return;
            }
          }
        });
        res.on('error', () => undefined);
        res.on('close', () => {
          if (!isOver) reject(new Error(`the stream ended behind change ${since}: ${rest.slice(0, 200)}`));
        });
      });
      request.on('error', (error) => {
        if (!isOver) reject(error);
      });
    };
    connect();
  });
}

serveOrders(async (given) => {
  const order = given as unknown as FollowOrder;
  drops = 0;
  const began = performance.now();
  const { sockets } = order;
  const all = Array.from({ length: order.followers }, (_, i) => follow(order, sockets[i % sockets.length] ?? ''));
  await Promise.all(all);
  return { ms: performance.now() - began, drops };
});
