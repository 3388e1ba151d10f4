/** The usual tree on a site: one master or two, aggregators A and B, a utility daemon. Nodes come beside it. */
import type { DaemonProcess } from './daemon-process.ts';
import { PostgresSite } from './postgres.ts';
import { CSMD, freePorts, NUMBERED, type Settings, type Site } from './site.ts';

export type DatabaseEngine = 'sqlite' | 'postgresql';

export interface TreeOptions {
  /** Heartbeat interval, seconds. */
  readonly interval: number;
  readonly db?: DatabaseEngine;
  /** With PostgreSQL: a second master that stands by. */
  readonly standby?: boolean;
  /** Lines for postgresql.conf. */
  readonly postgres?: readonly string[];
  /** Where its files are made. */
  readonly postgresBase?: string | undefined;
  /** Over the settings of a daemon. */
  readonly settings?: (who: string) => Settings;
  readonly env?: (who: string) => Readonly<Record<string, string>>;
  /** More arguments of a daemon's csmd. */
  readonly args?: (who: string) => readonly string[];
  /** Where a daemon is reached; default 127.0.0.1. Its certificate is for that address too. */
  readonly host?: (who: string) => string;
  /** What runs a daemon, such as `ip netns exec x`. */
  readonly command?: (who: string) => readonly string[] | undefined;
  /** Where a daemon dials another instead (a proxy): asked for `agg-a>master`, `utility>master`. */
  readonly way?: (route: string, port: number) => Promise<number>;
}

export interface Tree {
  readonly site: Site;
  readonly master: DaemonProcess;
  readonly standby: DaemonProcess | undefined;
  readonly a: DaemonProcess;
  readonly b: DaemonProcess;
  readonly utility: DaemonProcess;
  readonly postgres: PostgresSite | undefined;
  /** Ports of the aggregators for nodes. */
  readonly ports: { readonly a: number; readonly b: number };
  /** What `csm-sim` takes for `--aggregators`. */
  readonly aggregators: string;
  /** The database's file, or the name of the database. */
  readonly database: string;
}

export { CSMD };

/** Starts it and resolves when the aggregators are linked. Everything ends with the site. */
export async function startTree(site: Site, options: TreeOptions): Promise<Tree> {
  const { interval, db = 'sqlite', standby = false, settings = (): Settings => ({}), env = () => ({}) } = options;
  const { host = () => '127.0.0.1', command = () => undefined, args: moreArgs = () => [] } = options;
  const way = options.way ?? (async (_route: string, port: number) => port);
  const masters = standby ? ['master', 'master-2'] : ['master'];
  await site.certify('master', masters, masters.map(host));
  await site.certify('aggregator', ['agg-a', 'agg-b'], ['agg-a', 'agg-b'].map(host));
  await site.certify('utility', ['login']);
  const [a = 0, b = 0, ...top] = await freePorts(2 + 2 * masters.length);
  const at = (who: string, port: number): object => ({ host: host(who), port });
  const ports = masters.map((_, i) => ({ hubs: top[2 * i] ?? 0, utilities: top[2 * i + 1] ?? 0 }));
  let postgres: PostgresSite | undefined;
  if (db === 'postgresql') {
    postgres = await PostgresSite.start({
      settings: options.postgres ?? [],
      ...(options.postgresBase === undefined ? {} : { base: options.postgresBase }),
    });
    const server = postgres;
    site.onClose(() => server.remove());
    await postgres.create('csm');
  }
  const add = (role: 'master' | 'aggregator' | 'utility', who: string, net: object, more: object = {}) => {
    const own = settings(who);
    const merged = { ...more, ...own, net: { heartbeat_interval: interval, ...net, ...own.net } };
    const args = [...(role === 'master' ? ['--feature', NUMBERED] : []), ...moreArgs(who)];
    return site.daemon(role, who, merged, { args, env: env(who), command: command(who) });
  };
  const engine = postgres === undefined ? {} : { db: { engine: 'postgresql', postgresql: postgres.at('csm') } };
  const others = (i: number): object => {
    const rest = ports.flatMap(({ utilities }, j) => (j === i ? [] : [at(masters[j] ?? '', utilities)]));
    return rest.length === 0 ? {} : { master: rest };
  };
  const [first, second] = masters.map((who, i) =>
    add(
      'master',
      who,
      {
        aggregator_listen: at(who, ports[i]?.hubs ?? 0),
        utility_listen: at(who, ports[i]?.utilities ?? 0),
        ...others(i),
      },
      engine,
    ),
  );
  const to = async (who: string, which: 'hubs' | 'utilities'): Promise<object[]> =>
    Promise.all(ports.map(async (port, i) => at(masters[i] ?? '', await way(`${who}>${masters[i]}`, port[which]))));
  const hubA = add('aggregator', 'agg-a', { compute_listen: at('agg-a', a), master: await to('agg-a', 'hubs') });
  const hubB = add('aggregator', 'agg-b', { compute_listen: at('agg-b', b), master: await to('agg-b', 'hubs') });
  const utility = add('utility', 'login', { master: await to('login', 'utilities') });
  if (first === undefined) throw new Error('no master was started');
  const client = site.client('login');
  await site.until('both aggregators are linked', async () => {
    const { aggregators } = await client.call('health', {}, { timeoutSeconds: 5 });
    return aggregators.filter(({ connected }) => connected).length === 2;
  });
  return {
    site,
    master: first,
    standby: second,
    a: hubA,
    b: hubB,
    utility,
    postgres,
    ports: { a, b },
    aggregators: `${host('agg-a')}:${a},${host('agg-b')}:${b}`,
    database: postgres === undefined ? `${site.stateDir('master')}/csm.db` : 'csm',
  };
}
