/** Figures that were copied from SQLite to PostgreSQL: the same answers, and they go and grow as if born there. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Json, wall } from '@csm/model';
import { type Bench, type PostgresSite, startPostgres } from '@csm/sim';
import { loadAdmin, openPostgresStore, openStore, type Store } from '@csm/store';
import { expect } from 'chai';
import { archiveSamples } from '../src/archive.ts';
import { ITEMS } from '../src/items.ts';
import { type QueryInput, query } from '../src/query/query.ts';
import { Retention } from '../src/retention.ts';
import { DAILY, HOURLY, SAMPLE } from '../src/store/slot.ts';
import { DAY, HOUR, listener, NOW, openRig } from './rig.ts';

const KEEP = { samples: 3 * DAY, hourly: 2 * DAY, daily: 9 * DAY, bytes: 2 ** 40 };
const HOURS = 96;
const END = NOW + HOURS * HOUR;
const MODULE = new URL('../src/store.js', import.meta.url).href;
const silent = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

async function answers(store: Store): Promise<readonly Json[][]> {
  const all: Json[][] = [];
  for (const step of [0, 1800, 3600, 86_400]) {
    const { ctx, items } = listener();
    const since = new Date(END - 12 * DAY).toISOString();
    const input: QueryInput = { item: 'cpu', since, until: new Date(END + HOUR).toISOString(), step };
    await query(store, wall(END), input, ctx);
    all.push(items);
  }
  return all;
}

const LONG = { samples: 3650 * DAY, hourly: 3650 * DAY, daily: 3650 * DAY, bytes: 2 ** 40 };

describe('figures copied to PostgreSQL', function () {
  this.timeout(120_000);
  let directory = '';
  let site: PostgresSite | undefined;

  before(async function () {
    site = await startPostgres(this);
    directory = mkdtempSync(join(tmpdir(), 'csm-copy-'));
  });
  after(async () => {
    await site?.remove();
    if (directory !== '') rmSync(directory, { recursive: true, force: true });
  });

  it('give the same answers, and are kept and removed as others are', async () => {
    if (site === undefined) return;
    const file = join(directory, 'csm.db');
    const bench: Bench = {
      engine: 'in memory',
      open: (_, url, options) => openStore({ file, modules: [url], ...options }),
    };
    const rig = await openRig(bench);
    await rig.store.call('environment.configure', KEEP);
    for (let hour = 0; hour < HOURS; hour++) {
      rig.at(NOW + hour * HOUR);
      const value = { load1: hour, [`core${hour % 3}.busy`]: 1 };
      await rig.tell({ time: NOW + hour * HOUR, items: { cpu: value, memory: { free: hour } } });
    }
    await new Retention(rig.store, KEEP, silent).run();
    const before = await answers(rig.store);
    const midnight = Math.floor(END / DAY) * DAY;
    const archive = { directory: join(directory, 'archive'), before: midnight };
    const never = new AbortController().signal;
    const told = (await archiveSamples(rig.store, wall(END - HOUR), archive, never)) as { path: string; rows: number };
    // Two items an hour, from where samples are kept to midnight.
    expect(told.rows).to.equal((2 * (midnight - (END - HOUR - KEEP.samples))) / HOUR);
    const day = new Date(midnight - DAY).toISOString().slice(0, 10);
    const lines = gunzipSync(readFileSync(join(told.path, `${day}.jsonl.gz`)))
      .toString()
      .trimEnd()
      .split('\n');
    expect(lines).to.have.length(48);
    expect(JSON.parse(lines[0] ?? '')).to.deep.equal({
      node: 'n1',
      item: 'cpu',
      time: `${day}T00:00:00.000Z`,
      values: { load1: 60, 'core0.busy': 1 },
    });
    await rig.store.close();

    await site.create('csm');
    const server = site.at('csm');
    const { copyToPostgres } = await loadAdmin();
    await copyToPostgres(file, server, { modules: [MODULE], clock: () => END, tell: () => {} });
    let now: number = END;
    const store = await openPostgresStore({ server, modules: [MODULE], clock: () => wall(now) });
    try {
      expect(await answers(store)).to.deep.equal(before);
      const wrong = await store.query(
        'SELECT id, refs FROM env_layout l WHERE refs <> (SELECT count(*) FROM env_use u WHERE u.layout = l.id)',
      );
      expect(wrong).to.deep.equal([]);
      const [uses] = await store.query<{ n: number }>('SELECT count(*) AS n FROM env_use');
      expect(uses?.n).to.be.above(3);
      // A report goes in, and what all names; nothing that is kept loses its names.
      const report = { kind: 'environment.samples', time: now, body: { items: { cpu: { load1: 7 } }, failed: {} } };
      const [kind] = Object.keys((await import('../src/store.ts')).reports);
      const batch = { daemon: 'compute/n1', incarnation: 'i1', first: HOURS + 1, items: [{ ...report, kind }] };
      const { results } = await store.call<{ results: unknown[] }>('store.commitReports', { batches: [batch] });
      expect(results).to.deep.include({
        daemon: 'compute/n1',
        incarnation: 'i1',
        cursor: HOURS + 1,
        gap: false,
        stored: 1,
        repeated: 0,
        rejected: 0,
      });
      await new Retention(store, KEEP, silent).run();
      expect((await answers(store))[3]).to.have.length(before[3]?.length ?? 0);
      now += 30 * DAY;
      await new Retention(store, KEEP, silent).run();
      for (const table of ['env_sample', 'env_hourly', 'env_daily', 'env_use']) {
        expect(await store.query(`SELECT count(*) AS n FROM ${table}`), table).to.deep.equal([{ n: 0 }]);
      }
    } finally {
      await store.close();
    }
  });

  it('stand in as few partitions as reports would make, however long they are kept', async () => {
    if (site === undefined) return;
    const file = join(directory, 'long.db');
    const rig = await openRig({
      engine: 'in memory',
      open: (_, url, options) => openStore({ file, modules: [url], ...options }),
    });
    await rig.store.call('environment.configure', LONG);
    const values = { figure: 1 };
    const items = Object.fromEntries(ITEMS.map((item) => [item, values]));
    // More moments in ten years than a server of default settings can make partitions for in one transaction.
    const times = Array.from({ length: 122 }, (_, i) => NOW - i * 30 * DAY + HOUR);
    for (const time of times.reverse()) expect(await rig.tell({ time, items })).to.equal(0);
    await rig.store.close();

    await site.create('long');
    const server = site.at('long');
    const { copyToPostgres } = await loadAdmin();
    await copyToPostgres(file, server, { modules: [MODULE], clock: () => NOW, tell: () => {} });
    const store = await openPostgresStore({ server, modules: [MODULE], clock: () => NOW });
    try {
      for (const [grain, days] of [
        [SAMPLE, 4096 / 24],
        [HOURLY, 4096 / 24],
        [DAILY, 512],
      ] as const) {
        const [row] = await store.query<{ n: number }>(
          'SELECT count(*) AS n FROM pg_inherits WHERE inhparent = to_regclass($1)',
          [grain.table],
        );
        expect((row?.n ?? 0) / ITEMS.length, grain.name).to.be.within(3650 / days, 3650 / days + 2);
        const rows = await store.query(`SELECT count(*) AS n FROM ${grain.table}`);
        expect(rows).to.deep.equal([{ n: times.length * ITEMS.length }]);
      }
    } finally {
      await store.close();
    }
  });
});
