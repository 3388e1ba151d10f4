import { type Json, wall } from '@csm/model';
import { type Bench, overEngines } from '@csm/sim';
import { expect } from 'chai';
import { type QueryInput, query } from '../src/query/query.ts';
import { Retention } from '../src/retention.ts';
import { spanFor } from '../src/store/divided.ts';
import type { Keep, PruneResult } from '../src/store/prune.ts';
import { DAILY, HOURLY, ITEM_ID, SAMPLE, slotBase } from '../src/store/slot.ts';
import { DAY, HOUR, listener, NOW, openRig, type Rig, type Told } from './rig.ts';

const KEEP: Keep = { samples: 8 * HOUR, hourly: 2 * DAY, daily: 9 * DAY, bytes: 2 ** 40 };
const EVERYTHING: Keep = { samples: 3650 * DAY, hourly: 3650 * DAY, daily: 3650 * DAY, bytes: 2 ** 40 };
const silent = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
const retire = (rig: Rig, keep: Keep = KEEP): Promise<number> => new Retention(rig.store, keep, silent).run();

/** What callers are told of a node's cpu, in every grain. */
async function answers(rig: Rig, now: number): Promise<readonly Json[][]> {
  const all: Json[][] = [];
  for (const step of [0, 1800, 3600, 86_400]) {
    const { ctx, items } = listener();
    const since = new Date(now - 12 * DAY).toISOString();
    const input: QueryInput = { item: 'cpu', since, until: new Date(now + 1).toISOString(), step };
    await query(rig.store, wall(now), input, ctx);
    all.push(items);
  }
  return all;
}

/** Four days of a sample an hour, with retention in between; some reports come late. */
async function live(rig: Rig): Promise<number> {
  await rig.store.call('environment.configure', KEEP);
  let now: number = NOW;
  for (let hour = 0; hour < 96; hour++) {
    now = NOW + hour * HOUR;
    rig.at(now);
    await rig.tell({ time: now, items: { cpu: { load1: hour } } });
    if (hour % 10 === 9) {
      await rig.tell({ node: 'late', time: now - 30 * HOUR, items: { cpu: { load1: -hour } } });
      await retire(rig);
    }
  }
  return now;
}

describe('spans of partitions', () => {
  it('follow how long figures are kept: powers of two, some for each item, bounded both ways', () => {
    const of = (samples: number, hourly: number, daily: number): number[] =>
      [SAMPLE, HOURLY, DAILY].map((grain) => spanFor(grain, { samples, hourly, daily }));
    expect(of(3 * DAY, 10 * DAY, 90 * DAY)).to.deep.equal([16, 32, 16]);
    expect(of(HOUR, DAY, DAY)).to.deep.equal([1, 4, 1]);
    expect(of(3650 * DAY, 3650 * DAY, 3650 * DAY)).to.deep.equal([4096, 4096, 512]);
    const most = Number.MAX_SAFE_INTEGER;
    expect(of(most, most, most)).to.deep.equal([4096, 4096, 4096]);
  });
});

overEngines('what retention leaves', (bench) => {
  it('gives the same answers on every engine', async () => {
    const rig = await openRig(bench);
    const now = await live(rig);
    const [samples, halves, hours, days] = await answers(rig, now);
    // Samples of 8 hours and the one that is begun; hourly figures of 2 days; of the daily ones all.
    expect(samples).to.have.length(9);
    expect(halves).to.have.length(9);
    expect(hours?.filter((one) => (one as { node: string }).node === 'n1')).to.have.length(49);
    expect(days?.filter((one) => (one as { node: string }).node === 'n1')).to.have.length(5);
    expect(days?.at(-1)).to.deep.include({ values: { load1: 89.5 } });
    await rig.store.close();
  });

  if (bench.engine === 'PostgreSQL') divided(bench);
});

function divided(bench: Bench): void {
  const parts = async (rig: Rig, table: string): Promise<string[]> => {
    const sql = `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = to_regclass($1)`;
    return (await rig.store.query<{ name: string }>(sql, [table])).map(({ name }) => name);
  };
  const uncounted = (rig: Rig): Promise<unknown[]> =>
    rig.store.query('SELECT id FROM env_layout l WHERE refs <> (SELECT count(*) FROM env_use u WHERE u.layout = l.id)');
  /** A query on a table that goes on until `end`. */
  const reading = async (
    rig: Rig,
    table: string,
  ): Promise<{ ended: Promise<unknown>; end: () => Promise<unknown> }> => {
    const ended = rig.store.query(`SELECT count(*) AS n, pg_sleep(50) AS slept FROM ${table}`).catch(() => undefined);
    const running = `SELECT pid FROM pg_stat_activity
      WHERE query LIKE '%FROM ${table}' AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()`;
    let pid: number | undefined;
    while (pid === undefined) {
      pid = (await rig.store.query<{ pid: number }>(running))[0]?.pid;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return {
      ended,
      end: () => rig.store.query('SELECT CAST(pg_cancel_backend(CAST($1 AS INTEGER)) AS INTEGER) AS done', [pid ?? 0]),
    };
  };
  const count = async (rig: Rig, table: string): Promise<number> =>
    (await rig.store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;

  it('finds a partition for every row, however old or new, and whatever was kept when it was made', async () => {
    const rig = await openRig(bench);
    const spans = [8 * HOUR, 3 * DAY, HOUR, 4000 * DAY];
    for (const [i, samples] of spans.entries()) {
      await rig.store.call('environment.configure', { ...KEEP, samples, hourly: 30 * DAY, daily: 30 * DAY });
      const times = [-40, -9, -1, 0, 0.9].map((hours) => NOW + hours * HOUR + i);
      for (const time of times)
        expect(await rig.tell({ time, items: { cpu: { load1: i }, gpu: { a: 1 } } })).to.equal(0);
    }
    // Of the five moments those are stored whose time is kept: 3, 5, 3 and 5.
    expect(await count(rig, 'env_sample')).to.equal(2 * (3 + 5 + 3 + 5));
    expect(await count(rig, 'env_hourly')).to.equal(2 * 4);
    await rig.store.close();
  });

  it('makes partitions ahead of time, once', async () => {
    const rig = await openRig(bench);
    await rig.store.call('environment.configure', KEEP);
    await rig.tell({ items: { cpu: { load1: 1 }, memory: { free_bytes: 1 } } });
    await retire(rig);
    const before = await parts(rig, 'env_sample');
    expect(before).to.have.length(4);
    await retire(rig);
    rig.at(NOW + 2 * HOUR);
    await rig.tell({ time: NOW + 2 * HOUR, items: { cpu: { load1: 1 } } });
    expect(await parts(rig, 'env_sample')).to.have.members(before);
    await rig.store.close();
  });

  it('drops what is too old in whole partitions, with all that was known of it', async () => {
    const rig = await openRig(bench);
    await live(rig);
    await retire(rig);
    // 8 hours are kept, in partitions of two; one is begun, one is partly too old, one is ahead.
    expect((await parts(rig, 'env_sample')).length).to.be.within(5, 7);
    for (const grain of [SAMPLE, HOURLY, DAILY]) {
      const [row] = await rig.store.query<{ n: number }>(
        'SELECT coalesce(sum(row_count), 0) AS n FROM env_volume WHERE grain = $1',
        [grain.id],
      );
      expect(row?.n, grain.name).to.equal(await count(rig, grain.table));
    }
    const wrong = await rig.store.query(
      `SELECT l.id FROM env_layout l WHERE l.refs <> (SELECT count(*) FROM env_use u WHERE u.layout = l.id)`,
    );
    expect(wrong).to.deep.equal([]);
    const unused = await rig.store.query(
      `SELECT layout FROM env_sample WHERE layout NOT IN (SELECT id FROM env_layout)`,
    );
    expect(unused).to.deep.equal([]);
    await rig.store.close();
  });

  it('takes whole partitions of the oldest samples first when there is too much, and the same hour may come again', async () => {
    const rig = await openRig(bench);
    const small = { ...KEEP, samples: 40 * HOUR };
    await rig.store.call('environment.configure', small);
    for (let hour = 0; hour < 30; hour++) await rig.tell({ time: NOW - hour * HOUR, items: { cpu: { load1: hour } } });
    const [{ bytes } = { bytes: 0 }] = await rig.store.query<{ bytes: number }>(
      'SELECT sum(byte_count) AS bytes FROM env_volume',
    );
    expect(await retire(rig, { ...small, bytes: bytes - 1 })).to.be.within(1, 8);
    const left = await count(rig, 'env_sample');
    expect(left).to.be.within(22, 29);
    expect(await count(rig, 'env_hourly')).to.equal(30);
    await rig.tell({ time: NOW - 29 * HOUR + 1, items: { cpu: { load1: 1 } } });
    expect(await count(rig, 'env_sample')).to.equal(left + 1);
    await rig.store.close();
  });

  it('takes only the oldest hours and days of partitions that have not ended', async () => {
    const rig = await openRig(bench);
    await rig.store.call('environment.configure', EVERYTHING);
    const items = (hour: number): NonNullable<Told['items']> => ({
      cpu: { load1: hour },
      memory: { free_bytes: hour },
    });
    for (let hour = 2; hour >= 0; hour--) await rig.tell({ time: NOW - hour * HOUR, items: items(hour) });
    // All in one partition of each item, which reaches far beyond this moment.
    for (const grain of [SAMPLE, HOURLY, DAILY]) expect(await parts(rig, grain.table)).to.have.length(2);
    const volume = async (): Promise<number> =>
      (await rig.store.query<{ n: number }>('SELECT sum(byte_count) AS n FROM env_volume'))[0]?.n ?? 0;
    expect(await retire(rig, { ...EVERYTHING, bytes: (await volume()) - 1 })).to.equal(1);
    const slots = async (): Promise<number[]> =>
      (await rig.store.query<{ slot: number }>('SELECT slot FROM env_sample ORDER BY slot')).map(({ slot }) => slot);
    const at = (itemId: number, hour: number): number => slotBase(itemId, NOW / HOUR - hour) + 1;
    // The oldest of the first item, and nothing of now.
    expect(await slots()).to.deep.equal([
      ...[1, 0].map((hour) => at(ITEM_ID.cpu, hour)),
      ...[2, 1, 0].map((hour) => at(ITEM_ID.memory, hour)),
    ]);
    await retire(rig, { ...EVERYTHING, bytes: (await volume()) - 1 });
    await retire(rig, { ...EVERYTHING, bytes: (await volume()) - 1 });
    expect(await slots()).to.deep.equal([at(ITEM_ID.cpu, 0), at(ITEM_ID.memory, 1), at(ITEM_ID.memory, 0)]);
    // What is left is counted as it is, and goes on.
    expect(await rig.tell({ time: NOW + 1, items: items(7) })).to.equal(0);
    const [counted] = await rig.store.query('SELECT sum(row_count) AS n FROM env_volume WHERE grain = 0');
    expect(counted).to.deep.equal({ n: 5 });
    expect(await count(rig, 'env_sample')).to.equal(5);
    expect(await uncounted(rig)).to.deep.equal([]);
    expect(await retire(rig, { ...EVERYTHING, bytes: 0 })).to.be.above(5);
    for (const grain of [SAMPLE, HOURLY, DAILY]) expect(await count(rig, grain.table), grain.name).to.equal(0);
    await rig.store.close();
  });

  it('takes another partition while one is being read', async () => {
    const rig = await openRig(bench, { queryMs: 60_000 });
    await rig.store.call('environment.configure', KEEP);
    await rig.tell({ items: { cpu: { load1: 1 }, memory: { free_bytes: 1 } } });
    const [oldest = ''] = (await parts(rig, 'env_sample')).sort();
    const others = (await parts(rig, 'env_sample')).length - 1;
    rig.at(NOW + 20 * HOUR);
    // Read by its own name: whoever reads the table reads all of them.
    const { ended, end } = await reading(rig, oldest);
    // The oldest is that of cpu; that of memory goes, although it comes later.
    const slice = await rig.store.call<PruneResult>('environment.prune', KEEP);
    expect(slice).to.deep.include({ deleted: 1, more: true, busy: false });
    const { busy } = await rig.store.call<PruneResult>('environment.prune', KEEP);
    expect(busy).to.equal(true);
    expect(await parts(rig, 'env_sample'))
      .to.include(oldest)
      .and.have.length(others);
    await end();
    await ended;
    await retire(rig);
    expect(await parts(rig, 'env_sample')).not.to.include(oldest);

    await rig.tell({ time: NOW + 20 * HOUR, items: { cpu: { load1: 1 }, memory: { free_bytes: 1 } } });
    rig.at(NOW + 24 * HOUR);
    await rig.tell({ time: NOW + 24 * HOUR, items: { cpu: { load1: 2 }, memory: { free_bytes: 2 } } });
    const [ready = ''] = (await parts(rig, 'env_sample')).sort();
    const again = await reading(rig, ready);
    const tight = { ...KEEP, bytes: 0 };
    const squeezed = await rig.store.call<PruneResult>('environment.prune', tight);
    expect(squeezed).to.deep.include({ deleted: 1, busy: false });
    // The newer ones of cpu stay while its oldest are read.
    expect((await rig.store.call<PruneResult>('environment.prune', tight)).busy).to.equal(true);
    expect(await count(rig, 'env_sample')).to.equal(3);
    await again.end();
    await again.ended;
    await rig.store.close();
  });

  it('waits for nobody who reads, and lets nobody wait', async () => {
    const rig = await openRig(bench, { queryMs: 60_000 });
    await rig.store.call('environment.configure', KEEP);
    await rig.tell({ items: { cpu: { load1: 1 } } });
    rig.at(NOW + 20 * HOUR);
    // A query that takes its time, as a dump of the database would.
    const slow = await reading(rig, 'env_sample');
    const { busy } = await rig.store.call<{ busy: boolean }>('environment.prune', KEEP);
    expect(busy).to.equal(true);
    expect(await rig.tell({ time: NOW + 20 * HOUR, items: { cpu: { load1: 2 } } })).to.equal(0);
    await slow.end();
    await slow.ended;
    await retire(rig);
    expect(await count(rig, 'env_sample')).to.equal(1);
    await rig.store.close();
  });
}
