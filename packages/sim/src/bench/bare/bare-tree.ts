/**
 * What stands beside a tree for comparison: for each aggregator a bare server, with the certificate of that
 * aggregator and as many links, whose clients send as many beats.
 */
import type { Site } from '../../site/site.ts';
import { BareProcess, type BareProgram } from './bare-process.ts';

export const BARE_HUBS: readonly string[] = ['agg-a', 'agg-b'];

export class BareTree {
  readonly servers: readonly BareProcess[];
  readonly #site: Site;
  readonly #name: string;
  readonly #node: string;
  #ports: readonly number[] | undefined;
  #clients: readonly BareProcess[] = [];
  #populations = 0;

  /** Started, without links. `name` tells it from others of the site; `node`: whose certificate the clients have. */
  constructor(site: Site, name: string, node: string) {
    this.#site = site;
    this.#name = name;
    this.#node = node;
    this.servers = BARE_HUBS.map((hub) => this.#start(`server-${hub}`, 'server', site.credFile('aggregator', hub)));
  }

  /** So many links at each server, of client processes that begin with them; those of before have hung up. */
  async connect(links: number): Promise<void> {
    this.#ports ??= await Promise.all(this.servers.map(async (one) => (await one.ask({ do: 'listen' })).port ?? 0));
    const which = ++this.#populations;
    const credFile = this.#site.credFile('compute', this.#node);
    this.#clients = BARE_HUBS.map((hub) => this.#start(`clients-${which}-${hub}`, 'clients', credFile));
    for (const [i, port] of this.#ports.entries()) await this.#clients[i]?.ask({ do: 'connect', port, links });
  }

  /** Ends the clients and with them all links; the servers stay, as aggregators do. */
  async hangUp(): Promise<void> {
    const clients = this.#clients;
    this.#clients = [];
    await Promise.all(clients.map((one) => one.end()));
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
    await this.hangUp();
    await Promise.all(this.servers.map((one) => one.end()));
  }

  #start(what: string, program: BareProgram, credFile: string): BareProcess {
    return new BareProcess(this.#site, `${this.#name}-${what}`, program, { caFile: this.#site.caFile, credFile });
  }
}
