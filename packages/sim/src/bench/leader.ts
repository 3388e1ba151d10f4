/**
 * Two masters on one PostgreSQL; the one that leads is killed, or stopped: how long until a write that a utility daemon
 * is asked for succeeds again. Beside it: until a bare client has the lock of a bare holder that ended the same way,
 * and has written one row.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DaemonProcess } from '../site/daemon-process.ts';
import { type PostgresSite, postgresPrograms } from '../site/postgres.ts';
import { Site } from '../site/site.ts';
import { startTree, type Tree } from '../site/tree.ts';
import type { BareLockOrder } from './bare-lock.ts';
import type { Bench } from './figure.ts';
import { median } from './figures.ts';
import { jsonLines } from './json-lines.ts';
import { measureRounds } from './rounds.ts';

type End = 'killed' | 'stopped';

/** The lease of a leader as it is delivered. */
const LEASE_MS = 3000;
const MUST_MS: Readonly<Record<End, number>> = { killed: 3000, stopped: LEASE_MS + 2000 };
/** Nobody notices a dead leader by missing beats within the times asked for: the default interval, seconds. */
const INTERVAL = 15;
/** A caller who does not wait tries again so often, ms. */
const TRY_MS = 50;
const CALL_SECONDS = 10;
const LATE_MS = 60_000;
const LOCK = 7;
const BARE_LOCK = fileURLToPath(new URL('./bare-lock.js', import.meta.url));

export const leader: Bench = {
  names: ['leader-killed', 'leader-stopped'],
  about: 'two masters on PostgreSQL: from the end of the one that leads until a write succeeds again',
  async run(context, wanted, emit) {
    if (postgresPrograms() === undefined) {
      context.note('leader-killed, leader-stopped: PostgreSQL is not installed; they are left out');
      return;
    }
    const site = await Site.open(context.signal);
    try {
      const tree = await startTree(site, { interval: INTERVAL, db: 'postgresql', standby: true });
      const postgres = tree.postgres as PostgresSite;
      await postgres.create('bare');
      await postgres.admin('CREATE TABLE written (n BIGINT)', 'bare');
      for (const end of ['killed', 'stopped'] as const) {
        if (!wanted.has(`leader-${end}`)) continue;
        const { rounds, more } = await measureRounds(context, `leader-${end}`, async () => {
          const run = await withoutLeader(tree, end);
          const bare = await withoutHolder(site, postgres, end);
          context.note(`leader-${end}: ${Math.round(run)} ms, bare ${Math.round(bare)} ms`);
          return { run, bare };
        });
        const runs = rounds.map(({ run }) => run);
        const baselines = rounds.map(({ bare }) => bare);
        const value = median(runs);
        emit({
          name: `leader-${end}`,
          value,
          unit: 'ms',
          baseline: median(baselines),
          ratio: median(runs.map((run, i) => run / (baselines[i] ?? Number.NaN))),
          nodes: 0,
          seconds: runs.reduce((sum, run) => sum + run / 1000, 0),
          must: end === 'killed' ? `≤ ${MUST_MS.killed} ms` : `≤ lease (${LEASE_MS} ms) + 2000 ms`,
          holds: value <= MUST_MS[end],
          more: { worst: Math.max(...runs), interval_s: INTERVAL, ...more },
        });
      }
    } finally {
      await site.close();
    }
  },
};

/** Ends the leader; gives the ms until a write asked for after that had succeeded. Then both masters are there again. */
async function withoutLeader(tree: Tree, how: End): Promise<number> {
  const { site } = tree;
  const leading = await leads(tree);
  const began = performance.now();
  if (how === 'killed') await leading.kill('SIGKILL');
  else leading.pause();
  const took = (await written(site)) - began;
  if (how === 'stopped') {
    // It finds that another leads, and ends.
    const ended = leading.expectEnd();
    leading.resume();
    await Promise.race([ended, late(`${leading.name} does not end though another leads`, site.signal)]);
  }
  leading.start();
  return took;
}

/** The master that leads, once the other one stands by and writes succeed. */
async function leads(tree: Tree): Promise<DaemonProcess> {
  const { site, master, standby } = tree;
  const client = site.client('login');
  let leading = master;
  await site.until('one master leads and the other stands by', async () => {
    const { master: now } = await client.call('health', {}, { timeoutSeconds: 5 });
    const found = [master, standby].find((one) => one?.name === now.node);
    const other = found === master ? standby : master;
    if (found === undefined || other === undefined) throw new Error(`${now.node} leads`);
    const { local } = await site.client(other.name).call('health', {}, { timeoutSeconds: 5 });
    leading = found;
    return local.standby !== null;
  });
  await written(site);
  return leading;
}

/** Asks for a write every few ms, each a call of its own; gives the time at which the first had succeeded. */
async function written(site: Site): Promise<number> {
  const client = site.client('login');
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, site.signal]);
  // Each call that waits listens to it, and they are many while nobody leads.
  setMaxListeners(0, signal);
  const until = performance.now() + LATE_MS;
  let at: number | undefined;
  let why = 'no answer';
  const ask = async (comment: string): Promise<void> => {
    try {
      await client.call('node.update', { nodes: 'login', comment }, { timeoutSeconds: CALL_SECONDS, signal });
      at ??= performance.now();
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
  };
  const asked: Promise<void>[] = [];
  try {
    for (let n = 0; at === undefined; n++) {
      if (performance.now() > until) throw new Error(`no write succeeds within ${LATE_MS} ms: ${why}`);
      asked.push(ask(`write ${n}`));
      await pause(TRY_MS, undefined, { signal: site.signal });
    }
  } finally {
    stop.abort();
    await Promise.all(asked);
  }
  return at;
}

/** The same with bare clients of PostgreSQL. */
async function withoutHolder(site: Site, postgres: PostgresSite, how: End): Promise<number> {
  const order: BareLockOrder = { server: postgres.at('bare'), lock: LOCK, leaseMs: LEASE_MS };
  const argv = [BARE_LOCK, JSON.stringify(order)];
  const holder = site.process({ name: `bare-lock-${site.processes.length}`, kind: 'bare', argv, piped: true });
  await jsonLines(site, holder)(LATE_MS);
  const row = postgres.admin(`SELECT pg_advisory_lock(${LOCK}); INSERT INTO written VALUES (1)`, 'bare');
  // It waits in the server by then.
  await pause(LEASE_MS / 3, undefined, { signal: site.signal });
  const began = performance.now();
  if (how === 'killed') await holder.kill('SIGKILL');
  else holder.pause();
  await Promise.race([row, late('the lock does not come free', site.signal)]);
  const took = performance.now() - began;
  if (how === 'stopped') await holder.kill('SIGKILL');
  return took;
}

async function late(what: string, signal: AbortSignal): Promise<never> {
  await pause(LATE_MS, undefined, { signal, ref: false });
  throw new Error(`not within ${LATE_MS} ms: ${what}`);
}
