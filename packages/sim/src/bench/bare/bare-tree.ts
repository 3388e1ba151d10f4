/**
 * What stands beside a tree for comparison: for each aggregator a bare server, with the certificate of that
 * aggregator and as many links, whose clients send as many beats.
 */
import type { Site } from '../../site/site.ts';
import { BareProcess } from './bare-process.ts';

export const BARE_HUBS: readonly string[] = ['agg-a', 'agg-b'];

export class BareTree {
  readonly servers: readonly BareProcess[];
  readonly #clients: readonly BareProcess[];

  /** Started, without links. `name` tells it from others of the site; `node`: whose certificate the clients have. */
  constructor(site: Site, name: string, node: string) {
    const { caFile } = site;
    this.servers = BARE_HUBS.map(
      (hub) =>
        new BareProcess(site, `${name}-server-${hub}`, 'server', {
          caFile,
          credFile: site.credFile('aggregator', hub),
        }),
    );
    this.#clients = BARE_HUBS.map(
      (hub) =>
        new BareProcess(site, `${name}-clients-${hub}`, 'clients', {
          caFile,
          credFile: site.credFile('compute', node),
        }),
    );
  }

  /** So many links at each server. */
  async connect(links: number): Promise<void> {
    for (const [i, server] of this.servers.entries()) {
      const { port } = await server.ask({ do: 'listen' });
      await this.#clients[i]?.ask({ do: 'connect', port, links });
    }
  }

  /** Every link sends a beat each so many ms from now on; 0 for none. */
  async beat(intervalMs: number): Promise<void> {
    await Promise.all(this.#clients.map((one) => one.ask({ do: 'beat', intervalMs })));
  }

  /** Frames that the servers have read. */
  async frames(): Promise<number> {
    const counts = await Promise.all(this.servers.map((one) => one.ask({ do: 'count' })));
    return counts.reduce((sum, { frames = 0 }) => sum + frames, 0);
  }

  async collect(): Promise<void> {
    for (const server of this.servers) await server.ask({ do: 'collect' });
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.map((one) => one.end()));
    await Promise.all(this.servers.map((one) => one.end()));
  }
}
