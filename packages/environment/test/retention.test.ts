import { wall } from '@csm/model';
import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import { ITEMS } from '../src/items.ts';
import { Retention } from '../src/retention.ts';
import type { Keep } from '../src/store/prune.ts';
import { DAY, HOUR, NOW, openRig, type Rig } from './rig.ts';

const EVERYTHING: Keep = { samples: 9000 * DAY, hourly: 9000 * DAY, daily: 9000 * DAY, bytes: 2 ** 50 };
const silent = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

overEngines('environment retention', (bench) => {
  let rig: Rig;
  /** Where tables are divided whole partitions go: see partitions.test.ts. */
  const whereWhole = (title: string, test: () => Promise<void>): void => {
    if (bench.engine === 'in memory') it(title, test);
  };
  beforeEach(async () => {
    rig = await openRig(bench);
  });
  afterEach(() => rig.store.close());

  const count = async (table: string): Promise<number> =>
    (await rig.store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;
  const counts = async (): Promise<number[]> =>
    Promise.all(['env_sample', 'env_hourly', 'env_daily', 'env_volume'].map((table) => count(table)));
  const volume = async (): Promise<number> =>
    (await rig.store.query<{ n: number }>('SELECT coalesce(sum(byte_count), 0) AS n FROM env_volume'))[0]?.n ?? 0;
  const run = (keep: Partial<Keep>): Promise<number> =>
    new Retention(rig.store, { ...EVERYTHING, ...keep }, silent).run();
  const layouts = async (): Promise<string[]> =>
    (await rig.store.query<{ names: string }>('SELECT names FROM env_layout ORDER BY names')).map((row) => row.names);
  /** One sample an hour of two items. */
  const fill = async (hours: number): Promise<void> => {
    for (let hour = 0; hour < hours; hour++) {
      const items = { cpu: { load1: hour }, memory: { free_bytes: hour } };
      await rig.tell({ time: NOW - hour * HOUR, items });
    }
  };

  whereWhole('removes each kind by its age and leaves the rest', async () => {
    await fill(50);
    expect(await counts()).to.deep.equal([100, 100, 6, 206]);
    await run({ samples: 2 * HOUR });
    // The hour that is half over counts as a whole one.
    expect(await counts()).to.deep.equal([6, 100, 6, 112]);
    await run({ samples: 2 * HOUR, hourly: DAY });
    expect(await counts()).to.deep.equal([6, 50, 6, 62]);
    await run({ daily: DAY });
    expect(await counts()).to.deep.equal([6, 50, 4, 60]);
    rig.at(NOW + 9 * DAY);
    await run({ samples: HOUR, hourly: DAY, daily: DAY });
    expect(await counts()).to.deep.equal([0, 0, 0, 0]);
  });

  whereWhole('removes the oldest samples first, then hourly, then daily figures, until all fits', async () => {
    await fill(50);
    const whole = await volume();
    await run({ bytes: whole });
    expect(await counts()).to.deep.equal([100, 100, 6, 206]);
    await run({ bytes: whole - 1 });
    expect(await counts()).to.deep.equal([99, 100, 6, 205]);
    const [oldest] = await rig.store.query<{ bucket: number }>(
      'SELECT bucket FROM env_volume WHERE grain = 0 ORDER BY bucket, item LIMIT 1',
    );
    expect(oldest?.bucket).to.equal((NOW - 49 * HOUR) / HOUR);
    await run({ bytes: whole / 4 });
    const [samples, hourly, daily] = await counts();
    expect([samples, daily]).to.deep.equal([0, 6]);
    expect(hourly).to.be.within(20, 60);
    expect(await volume()).to.be.most(whole / 4);
    await run({ bytes: 0 });
    expect(await counts()).to.deep.equal([0, 0, 0, 0]);
  });

  it('says so when bytes take what age would have kept, and no longer once all fits', async () => {
    await fill(10);
    const small = new Retention(rig.store, { ...EVERYTHING, bytes: 500 }, silent);
    await small.run();
    expect(small.problems()).to.have.length(1);
    expect(small.problems()[0]).to.match(/^environment: .* before their time since all takes more than keep_bytes$/);
    await small.run();
    expect(small.problems()).to.deep.equal([]);
  });

  whereWhole('works in slices, counts what is left of a bucket, and lets reports in between', async () => {
    // More rows than one slice takes, however quick the machine.
    const rows = 30_000;
    for (let at = 0; at < rows; at += 5_000) {
      const nodes = Array.from({ length: 5_000 }, (_, i) => ({ node: `n${at + i}`, items: { cpu: { load1: i } } }));
      await rig.tell(...nodes);
    }
    rig.at(NOW + DAY);
    const keep = { ...EVERYTHING, samples: HOUR };
    const first = await rig.store.call<{ deleted: number; more: boolean }>('environment.prune', keep);
    expect(first.more).to.equal(true);
    expect(first.deleted).to.be.within(1, rows - 1);
    const left = rows - first.deleted;
    expect(await count('env_sample')).to.equal(left);
    expect(await rig.store.query('SELECT row_count FROM env_volume WHERE grain = 0')).to.deep.equal([
      { row_count: left },
    ]);
    const done = run(keep);
    await rig.tell({ node: 'late', time: NOW + DAY, items: { cpu: { load1: 1 } } });
    expect(await done).to.equal(left);
    expect(await count('env_sample')).to.equal(1);
  });

  whereWhole('forgets faults nobody told again and lists of names no row has', async () => {
    await rig.tell({ items: { cpu: { load1: 1 } }, failed: { gpu: 'gone' } });
    await rig.tell({ node: 'n2', items: { cpu: { other: 1 } } });
    rig.at(NOW + 12 * DAY);
    await rig.tell({ time: NOW + 12 * DAY, items: { cpu: { load1: 1 } } });
    await run({ samples: DAY, hourly: DAY, daily: DAY });
    expect(await count('env_fault')).to.equal(0);
    // The newest list stays, so that its number is not given twice, until another comes.
    expect(await layouts()).to.deep.equal(['["load1"]', '["other"]']);
    await rig.tell({ time: NOW + 12 * DAY + 1, items: { cpu: { a: 1, load1: 1 } } });
    await run({});
    expect(await layouts()).to.deep.equal(['["a","load1"]', '["load1"]']);
    const [names] = await rig.store.query('SELECT bytes FROM env_names WHERE series = 0');
    const [sum] = await rig.store.query('SELECT sum(bytes) AS bytes FROM env_layout');
    expect(names).to.deep.equal(sum);
  });

  whereWhole('counts the rows of each list of names rightly, whatever comes and goes', async () => {
    const items = [{ a: 1 }, { b: 1 }, { a: 1, b: 1 }, { c: 1 }, { a: 1, b: 1, c: 1 }];
    for (let i = 0; i < 60; i++) {
      await rig.tell({ node: `n${i % 3}`, time: NOW - i * 1_200_000, items: { cpu: items[i % 5] ?? {} } });
    }
    for (const keep of [{}, { samples: 3 * HOUR }, { hourly: 5 * HOUR }, { bytes: 1500 }]) {
      await run(keep);
      const wrong = await rig.store.query(
        `SELECT l.id, l.refs FROM env_layout l WHERE l.refs <> (SELECT count(*) FROM (
           SELECT layout FROM env_sample UNION ALL SELECT layout FROM env_hourly UNION ALL SELECT layout FROM env_daily
         ) u WHERE u.layout = l.id)`,
      );
      expect(wrong).to.deep.equal([]);
    }
    expect(await volume()).to.be.most(1500);
  });

  it('takes no figures for the sake of names, and tells who has brought most of them', async () => {
    for (let i = 0; i < 100; i++)
      await rig.tell({ node: 'good', time: NOW - i * 60_000, items: { cpu: { load1: i } } });
    const before = await counts();
    const small = { ...EVERYTHING, bytes: 16 * 1024 * 1024 };
    await rig.store.call('environment.configure', small);
    for (const item of ITEMS) {
      for (let k = 0; k < 3; k++) {
        const values = Object.fromEntries(
          Array.from({ length: 1500 }, (_, j) => [`${'x'.repeat(40)}${item}_${k}_${j}.a`, 1]),
        );
        expect(await rig.tell({ node: 'evil', time: NOW - k * DAY, items: { [item]: values } })).to.equal(0);
      }
    }
    const [names] = await rig.store.query<{ bytes: number }>('SELECT bytes FROM env_names WHERE series = 0');
    expect(names?.bytes).to.be.within(2 ** 21, 2 ** 21 + 2 ** 18);
    const retention = new Retention(rig.store, small, silent);
    await retention.run();
    expect((await counts()).map((n, i) => n >= (before[i] ?? 0))).to.deep.equal([true, true, true, true]);
    expect(retention.problems()).to.have.length(1);
    expect(retention.problems()[0]).to.match(/^environment: names of values take .* most are of \w+ of evil$/);
    // Whoever has brought little still may, be the room full or not.
    expect(await rig.tell({ node: 'good', items: { gpu: { '0.power_watts': 1 } } })).to.equal(0);
    expect(await rig.store.query('SELECT reason FROM env_fault WHERE node = 1')).to.deep.equal([]);
  });

  it('begins at once, tells the writer what is kept, and leaves nothing running', async () => {
    await fill(5);
    const retention = new Retention(rig.store, { ...EVERYTHING, samples: HOUR }, silent);
    retention.start();
    await retention.stop();
    const [kept] = await rig.store.query('SELECT samples FROM env_keep');
    expect(kept).to.deep.equal({ samples: HOUR });
    expect(wall(await count('env_hourly'))).to.equal(10);
  });
});
