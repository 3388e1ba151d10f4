/** A tree with thousands of nodes, of which a few can be killed and a few others can fall silent. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ApiTypes, Client } from '@csm/client';
import { expand, fold } from '@csm/nodeset';
import type { SimProcess } from '../site/sim-process.ts';
import type { Site } from '../site/site.ts';
import { startTree, type Tree } from '../site/tree.ts';
import { BareCrowd } from './bare/bare-crowd.ts';
import type { BenchContext } from './figure.ts';
import { HELLOS, type Hellos } from './hello-feature.ts';
import { simArgs } from './sim-args.ts';

/**
 * Seconds. Dials back off the same from 15 s on, and beats this rare do not slow what is measured beside the tree; a
 * silent node is not noticed for three minutes.
 */
const INTERVAL = 60;
const LINKED_MS = 300_000;
const LOOK_MS = 250;
const HELLO_FEATURE = fileURLToPath(new URL('./hello-feature.js', import.meta.url));

export interface CrowdSizes {
  readonly nodes: number;
  /** So many of them can be killed, and as many others fall silent. */
  readonly few: number;
}

export class Crowd {
  readonly names: readonly string[];
  /** Those of `names` that stay when the few are killed; those that fall silent. */
  readonly staying: readonly string[];
  readonly silent: readonly string[];
  readonly site: Site;
  readonly tree: Tree;
  readonly client: Client<ApiTypes>;
  readonly bare: BareCrowd;
  readonly nodes: SimProcess;
  readonly lost: SimProcess;

  /** Resolves when every node has both links. */
  static async start(site: Site, { note }: BenchContext, { nodes, few }: CrowdSizes): Promise<Crowd> {
    const names = expand(`n[${'1'.padStart(String(nodes).length, '0')}-${nodes}]`);
    note(`certificates of ${nodes} nodes`);
    await site.certify('compute', names);
    const args = (who: string): string[] => (who.startsWith('agg') ? ['--feature', HELLO_FEATURE] : []);
    const tree = await startTree(site, { interval: INTERVAL, args });
    const staying = names.slice(0, nodes - few);
    const silent = staying.slice(-few);
    const common = { aggregators: tree.aggregators, interval: INTERVAL, sample: 0 };
    note(`${nodes} nodes get their links`);
    const main = { ...common, nodes: fold(staying), silent: fold(silent), processes: 2 };
    const sim = await site.sim('nodes', simArgs(main));
    const lost = await site.sim('lost', simArgs({ ...common, nodes: fold(names.slice(-few)) }));
    const crowd = new Crowd(site, tree, [names, staying, silent], [sim, lost]);
    await crowd.whole();
    await crowd.bare.listen();
    return crowd;
  }

  private constructor(
    site: Site,
    tree: Tree,
    [names, staying, silent]: readonly [readonly string[], readonly string[], readonly string[]],
    [nodes, lost]: readonly [SimProcess, SimProcess],
  ) {
    this.site = site;
    this.tree = tree;
    this.names = names;
    this.staying = staying;
    this.silent = silent;
    this.nodes = nodes;
    this.lost = lost;
    this.client = site.client('login');
    this.bare = new BareCrowd(site, 'crowd', names[0] ?? '', names.length);
  }

  /** Waits until every node has both links and nothing to report. */
  async whole(): Promise<void> {
    const count = this.names.length;
    await this.site.until(
      `${count} nodes have both links`,
      async () => {
        await pause(LOOK_MS, undefined, { signal: this.site.signal });
        const stats = await Promise.all([this.nodes, this.lost].map((sim) => sim.stats()));
        const sum = (of: (one: (typeof stats)[number]) => number): number =>
          stats.reduce((all, one) => all + of(one), 0);
        const [confirmed, redundant] = [sum((one) => one.confirmed), sum((one) => one.redundant)];
        const reports = sum((one) => one.waiting + one.unacknowledged);
        if (confirmed === count && redundant === count && reports === 0) return true;
        throw new Error(`${confirmed} confirmed, ${redundant} with both, ${reports} reports under way`);
      },
      LINKED_MS,
    );
  }

  /** ClientHellos that reached both aggregators since they began. */
  async hellos(): Promise<Omit<Hellos, 'written'>> {
    const counts = await Promise.all(
      [this.tree.a, this.tree.b].map(async (hub) => {
        const file = join(this.site.stateDir(hub.name), HELLOS);
        const read = (): Hellos | undefined =>
          existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Hellos) : undefined;
        const before = JSON.stringify(read());
        hub.signal('SIGUSR2');
        await this.site.until(`${hub.name} has told its hellos`, () => JSON.stringify(read()) !== before);
        return read() ?? { hellos: 0, resuming: 0 };
      }),
    );
    const sum = (of: 'hellos' | 'resuming'): number => counts.reduce((all, one) => all + one[of], 0);
    return { hellos: sum('hellos'), resuming: sum('resuming') };
  }
}
