/**
 * A hundred who follow the changes of a cluster, and drop their connections now and then: how many changes a second
 * they are given, all together, each seen once and in order; and how late the master's event loop is meanwhile. Beside
 * it: the same rows read bare, out of the database's file, by as many readers one after another.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { changesHead, readBare } from '../oracle/changes.ts';
import { Site } from '../site/site.ts';
import { startTree, type Tree } from '../site/tree.ts';
import { BareProcess } from './bare/bare-process.ts';
import type { FollowOrder } from './bare/subscribers.ts';
import { CHANGES, CHANGES_ENV, type ChangesMade, type ChangesOrder } from './changes-feature.ts';
import { KIND } from './changes-store.ts';
import type { Bench, BenchContext } from './figure.ts';
import { figureOf, measureRounds, type Round } from './rounds.ts';

interface Sizes extends ChangesOrder {
  /** Changes after which a follower drops its connection, on average. */
  readonly drop: number;
}

const FULL: Sizes = { count: 100_000, followers: 100, ahead: 4_000, drop: 20_000 };
const QUICK: Sizes = { count: 4_000, followers: 20, ahead: 1_000, drop: 1_000 };
const PAUSE_MS = 200;
const LAG_MS = 50;
const PAGE = 500;
const INTERVAL = 5;
const FEATURE = fileURLToPath(new URL('./changes-feature.js', import.meta.url));

interface Run extends Round {
  readonly lagMax: number;
  readonly lagP99: number;
  readonly lagOwn: number;
  readonly drops: number;
  readonly ownReads: number;
}

export const streams: Bench = {
  names: ['streams'],
  about: 'changes a second given to 100 followers that come and go, beside bare reading; and how late the master is',
  async run(context, _wanted, emit) {
    const sizes = context.quick ? QUICK : FULL;
    const site = await Site.open(context.signal, existsSync('/dev/shm') ? '/dev/shm' : undefined);
    try {
      const order: ChangesOrder = { count: sizes.count, followers: sizes.followers, ahead: sizes.ahead };
      const tree = await startTree(site, {
        interval: INTERVAL,
        args: (who) => (who === 'master' ? ['--feature', FEATURE] : []),
        env: (who): Record<string, string> => (who === 'master' ? { [CHANGES_ENV]: JSON.stringify(order) } : {}),
      });
      const subscribers = new BareProcess(site, 'subscribers', 'subscribers', {});
      // On a login node, and where the master is: there the followers' own end is the master's work, too.
      for (const [name, where] of [
        ['streams', 'login'],
        ['streams-master', 'master'],
      ] as const) {
        const { rounds, more } = await measureRounds(context, name, () =>
          measure(tree, subscribers, where, sizes, context),
        );
        const most = (of: (run: Run) => number): number => Math.max(...rounds.map(of));
        const lag = {
          lag_max_ms: most(({ lagMax }) => lagMax),
          lag_p99_ms: most(({ lagP99 }) => lagP99),
          lag_own_ms: most(({ lagOwn }) => lagOwn),
        };
        const counts = { drops: most(({ drops }) => drops), own_reads: most(({ ownReads }) => ownReads) };
        const { followers } = sizes;
        emit(figureOf({ name, unit: 'changes/s', nodes: 0 }, rounds, { followers, ...lag, ...counts, ...more }));
        const late = rounds.map(({ lagMax, seconds }) => ({ value: lagMax, seconds }));
        const must = { value: { most: LAG_MS } };
        emit(
          figureOf({ name: `${name}-lag`, unit: 'ms', nodes: 0, must }, late, { followers, ...lag }, !context.quick),
        );
      }
    } finally {
      await site.close();
    }
  },
};

async function measure(
  tree: Tree,
  subscribers: BareProcess,
  where: string,
  { count, followers, drop }: Sizes,
  { note }: BenchContext,
): Promise<Run> {
  const { site, master } = tree;
  const before = await made(tree);
  const since = changesHead(tree.database);
  const order: FollowOrder = {
    do: 'follow',
    sockets: [site.socket(where)],
    followers,
    kind: KIND,
    since,
    first: before.made + 1,
    last: before.made + count,
    drop,
    pauseMs: PAUSE_MS,
  };
  const following = subscribers.ask(order);
  master.signal('SIGUSR2');
  const { ms, drops } = (await following) as unknown as { readonly ms: number; readonly drops: number };
  const after = await made(tree, before.runs + 1);
  const given = count * followers;
  const bare = readBare(tree.database, since, PAGE);
  if (bare.rows < count) throw new Error(`the database has ${bare.rows} changes of ${count}`);
  const baseline = bare.rows / bare.seconds;
  const value = given / (ms / 1000);
  const { lagMax, lagP99, lagOwn } = after;
  note(
    `streams by ${where}: ${Math.round(value)}/s, bare ${Math.round(baseline)}/s, ${drops} drops, late ${lagMax.toFixed(1)} ms at most, ${lagOwn.toFixed(1)} of its own`,
  );
  return {
    value,
    baseline,
    seconds: ms / 1000,
    lagMax,
    lagP99,
    lagOwn,
    drops,
    ownReads: after.ownReads - before.ownReads,
  };
}

/** What the master told last, at the earliest behind so many runs. */
async function made({ site, master }: Tree, runs = 0): Promise<ChangesMade> {
  const file = join(site.stateDir(master.name), CHANGES);
  let told: ChangesMade | undefined;
  await site.until('the master tells what it has made', () => {
    told = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ChangesMade) : undefined;
    return told !== undefined && told.runs >= runs;
  });
  return told as ChangesMade;
}
