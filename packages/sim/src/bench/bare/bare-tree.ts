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

  /**
   * So many links at each server, of two client processes that begin with them; those of before have hung up. Each process
   * has half of the links of either server, as a process of simulated nodes has of either aggregator: beats of one process
   * leave in steps of a millisecond, so those that a server gets from one process alone come together more often.
   */
  async connect(links: number): Promise<void> {
    this.#ports ??= await Promise.all(this.servers.map(async (one) => (await one.ask({ do: 'listen' })).port ?? 0));
    const which = ++this.#populations;
    const credFile = this.#site.credFile('compute', this.#node);
    this.#clients = [1, 2].map((part) => this.#start(`clients-${which}-${part}`, 'clients', credFile));
    const shares = [Math.ceil(links / 2), Math.floor(links / 2)];
    for (const port of this.#ports)
      for (const [i, share] of shares.entries())
        if (share > 0) await this.#clients[i]?.ask({ do: 'connect', port, links: share });
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
