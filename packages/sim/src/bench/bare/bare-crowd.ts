/** As many bare clients as a tree has nodes, at two bare servers as at two aggregators, half of them at each. */
import type { Site } from '../../site/site.ts';
import { BareProcess } from './bare-process.ts';
import { BARE_HUBS } from './bare-tree.ts';

export class BareCrowd {
  readonly #pairs: readonly { readonly server: BareProcess; readonly clients: BareProcess; readonly links: number }[];
  #ports: number[] = [];

  /** Started, without links. `node`: whose certificate all clients have. */
  constructor(site: Site, name: string, node: string, links: number) {
    const { caFile } = site;
    this.#pairs = BARE_HUBS.map((hub, i) => ({
      server: new BareProcess(site, `${name}-asker-${hub}`, 'asker', {
        caFile,
        credFile: site.credFile('aggregator', hub),
      }),
      clients: new BareProcess(site, `${name}-answerers-${hub}`, 'answerers', {
        caFile,
        credFile: site.credFile('compute', node),
      }),
      links: Math.floor((links + i) / BARE_HUBS.length),
    }));
  }

  async listen(): Promise<void> {
    const answers = await Promise.all(this.#pairs.map(({ server }) => server.ask({ do: 'listen' })));
    this.#ports = answers.map(({ port = 0 }) => port);
  }

  /** Makes all handshakes, of which a share offers the sessions of before. Gives the ms and how many were resumed. */
  async dial(share: number): Promise<{ readonly ms: number; readonly resumed: number }> {
    const began = performance.now();
    const answers = await Promise.all(
      this.#pairs.map(({ clients, links }, i) =>
        clients.ask({ do: 'dial', port: this.#ports[i], links, resuming: Math.round(share * links) }),
      ),
    );
    await this.#linked((links) => links);
    const ms = performance.now() - began;
    return { ms, resumed: answers.reduce((sum, { resumed = 0 }) => sum + resumed, 0) };
  }

  async hangUp(): Promise<void> {
    await Promise.all(this.#pairs.map(({ clients }) => clients.ask({ do: 'hang-up' })));
    await this.#linked(() => 0);
  }

  /** The servers see it so, too. */
  async #linked(due: (links: number) => number): Promise<void> {
    await Promise.all(this.#pairs.map(({ server, links }) => server.ask({ do: 'linked', links: due(links) })));
  }

  /** A frame to each link, an answer of each; ms until the last. */
  async ask(): Promise<number> {
    const began = performance.now();
    const answers = await Promise.all(this.#pairs.map(({ server }) => server.ask({ do: 'ask' })));
    const ms = performance.now() - began;
    for (const [i, { links = 0 }] of answers.entries()) {
      const due = this.#pairs[i]?.links ?? 0;
      if (links !== due) throw new Error(`a bare server asked ${links} links of ${due}`);
    }
    return ms;
  }

  async end(): Promise<void> {
    await Promise.all(this.#pairs.map(({ clients }) => clients.end()));
    await Promise.all(this.#pairs.map(({ server }) => server.end()));
  }
}
