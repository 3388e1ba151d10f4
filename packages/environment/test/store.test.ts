import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import fc from 'fast-check';
import { currentFaults } from '../src/faults.ts';
import type { Values } from '../src/items.ts';
import { lifeOf } from '../src/store/faults.ts';
import { compact, decodeTallies, type Tally } from '../src/store/figures.ts';
import { EXTRA_MAX, HOUR_SAMPLES_MAX } from '../src/store/rollups.ts';
import { namesPool, noRoom } from '../src/store/room.ts';
import { DAILY, type Grain, HOURLY, ITEM_ID, slotBase } from '../src/store/slot.ts';
import { rowBytes } from '../src/store/volume.ts';
import { DAY, HOUR, NOW, openRig, type Rig, type Told } from './rig.ts';

interface Row {
  readonly slot: number;
  readonly ms?: number;
  readonly layout: number;
  readonly samples: number;
  readonly figures: string;
  readonly extra?: string | null;
}

const namesOf = (names: string, extra: string | null | undefined): string[] => [
  ...(JSON.parse(names) as string[]),
  ...(JSON.parse(extra ?? '[]') as string[]),
];

overEngines('environment store', (bench) => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await openRig(bench);
  });
  afterEach(() => rig.store.close());

  const names = async (layout: number): Promise<string[]> => {
    const [row] = await rig.store.query<{ names: string }>('SELECT names FROM env_layout WHERE id = $1', [layout]);
    return JSON.parse(row?.names ?? '[]') as string[];
  };
  const rollups = async (grain: Grain): Promise<Map<number, Record<string, Tally>>> => {
    const rows = await rig.store.query<Row>(`SELECT slot, layout, samples, figures, extra FROM ${grain.table}`);
    const found = new Map<number, Record<string, Tally>>();
    for (const { slot, layout, samples, figures, extra } of rows) {
      const tallies = decodeTallies(figures, samples);
      const all = namesOf(JSON.stringify(await names(layout)), extra);
      found.set(slot, Object.fromEntries(all.map((name, i) => [name, tallies[i] as Tally])));
    }
    return found;
  };
  const only = async (grain: Grain): Promise<Record<string, Tally> | undefined> =>
    [...(await rollups(grain)).values()][0];
  const count = async (table: string): Promise<number> =>
    (await rig.store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;

  it('adds up as many reports as one call brings, whatever of them is read at once', async () => {
    const told = Array.from({ length: 300 }, (_, i) => ({
      node: `n${i % 7}`,
      time: NOW + 1000 * i,
      // Now and then with one name more.
      items: { cpu: { load1: i, ...(i % 50 === 49 && { user_percent: 1 }) } },
    }));
    expect(await rig.tell(...told)).to.equal(0);
    expect(await count('env_sample')).to.equal(300);
    for (const grain of [HOURLY, DAILY]) {
      const all = [...(await rollups(grain)).values()].map((row) => row['load1']);
      expect(all).to.have.length(7);
      expect(all.reduce((sum, tally) => sum + (tally?.n ?? 0), 0)).to.equal(300);
      expect(all.reduce((sum, tally) => sum + (tally?.sum ?? 0), 0)).to.equal((299 * 300) / 2);
    }
    const [volume] = await rig.store.query<{ n: number }>('SELECT sum(row_count) AS n FROM env_volume');
    expect(volume?.n).to.equal(300 + 7 + 7);
  });

  it('keeps a sample with its values, and starts the figures of its hour and day', async () => {
    expect(await rig.tell({ items: { cpu: { user_percent: 12.3456789, load1: 4 } } })).to.equal(0);
    const [sample] = await rig.store.query<Row>('SELECT slot, ms, layout, figures FROM env_sample');
    expect(sample).to.deep.include({ slot: slotBase(ITEM_ID.cpu, NOW / HOUR) + 1, ms: 0, figures: '[4,12.3457]' });
    expect(await names(sample?.layout ?? 0)).to.deep.equal(['load1', 'user_percent']);
    const user_percent = { n: 1, min: 12.3457, sum: 12.3457, max: 12.3457 };
    for (const grain of [HOURLY, DAILY]) {
      expect(await only(grain)).to.deep.equal({ load1: { n: 1, min: 4, sum: 4, max: 4 }, user_percent });
    }
  });

  it('counts a report once however often it comes', async () => {
    const item = {
      kind: 'environment.sample',
      time: NOW,
      body: { items: { cpu: { load1: 3 } }, failed: {} },
    };
    const batch = { daemon: 'compute/n1', incarnation: 'i1', first: 1, items: [item, { ...item, time: NOW + 1000 }] };
    for (let i = 0; i < 3; i++) await rig.store.call('store.commitReports', { batches: [batch, batch] });
    expect(await count('env_sample')).to.equal(2);
    expect(await only(DAILY)).to.deep.equal({ load1: { n: 2, min: 3, sum: 6, max: 3 } });
  });

  it('believes a node that tells one moment twice the first time', async () => {
    await rig.tell({ items: { cpu: { load1: 3 } } }, { items: { cpu: { load1: 8 }, memory: { free_bytes: 1 } } });
    expect(await count('env_sample')).to.equal(2);
    expect(await only(HOURLY)).to.deep.equal({ load1: { n: 1, min: 3, sum: 3, max: 3 } });
  });

  it('joins samples with different values, each with its own count', async () => {
    await rig.tell({ items: { cpu: { load1: 2, a: 5 } } });
    await rig.tell({ time: NOW + 1, items: { cpu: { b: 7, load1: 4 } } });
    const expected = {
      a: { n: 1, min: 5, sum: 5, max: 5 },
      b: { n: 1, min: 7, sum: 7, max: 7 },
      load1: { n: 2, min: 2, sum: 6, max: 4 },
    };
    expect(await only(HOURLY)).to.deep.equal(expected);
    expect(await only(DAILY)).to.deep.equal(expected);
    // What both had is no list of its own; a sample that has all of them gives its list to the row.
    expect(await count('env_layout')).to.equal(2);
    await rig.tell({ time: NOW + 2, items: { cpu: { a: 5, b: 7, load1: 3 } } });
    const rows = await rig.store.query<Row>('SELECT layout, extra FROM env_hourly');
    expect(rows).to.deep.equal([{ layout: 3, extra: null }]);
    expect((await only(DAILY))?.['load1']).to.deep.equal({ n: 3, min: 2, sum: 9, max: 4 });
  });

  it('lets late reports into their own hour and day, and knows the newest by its time', async () => {
    await rig.tell({ time: NOW, items: { cpu: { load1: 1 } } });
    await rig.tell({ time: NOW - 30 * HOUR, items: { cpu: { load1: 9 } } });
    await rig.tell({ time: NOW - HOUR, items: { cpu: { load1: 5 } } });
    expect((await rollups(HOURLY)).size).to.equal(3);
    expect((await rollups(DAILY)).size).to.equal(2);
    const latest = await rig.store.query('SELECT time FROM env_latest');
    expect(latest).to.deep.equal([{ time: NOW }]);
  });

  it('puts what is older than samples are kept only into the rollups it still belongs to', async () => {
    await rig.store.call('environment.configure', { samples: 2 * HOUR, hourly: DAY, daily: 5 * DAY, bytes: 2 ** 34 });
    expect(await rig.tell({ time: NOW - 3 * HOUR, items: { cpu: { load1: 1 } } })).to.equal(0);
    expect(await rig.tell({ time: NOW - 4 * DAY, items: { cpu: { load1: 1 } } })).to.equal(0);
    expect([await count('env_sample'), await count('env_hourly'), await count('env_daily')]).to.deep.equal([0, 1, 2]);
    expect(await rig.tell({ time: NOW - 9 * DAY, items: { cpu: { load1: 1 } } })).to.equal(1);
    expect((await rig.reasons())[0]).to.contain('2026-03-01T12:00:00.000Z is older than 2026-03-05T00:00:00.000Z');
  });

  it('sets hostile bodies aside alone, with the reason', async () => {
    const good = { node: 'good', items: { cpu: { load1: 1 } } };
    const bad: readonly (readonly [Told, string])[] = [
      [{ body: null }, '{items: {…}, failed: {…}}'],
      [{ body: { items: { cpu: 7 }, failed: {} } }, 'items.cpu must be an object of numbers'],
      [{ body: { items: { toaster: {} }, failed: {} } }, "'toaster' is not an item"],
      [{ body: { items: { cpu: { 'a b': 1 } }, failed: {} } }, "a value named 'a b'"],
      [{ body: { items: { cpu: { load1: null } }, failed: {} } }, 'items.cpu.load1 must be a finite number'],
      [{ body: { items: { cpu: { load1: 1e300 } }, failed: {} } }, 'not within ±1e+30'],
      [{ body: { items: {}, failed: { cpu: 5 } } }, 'failed.cpu must be text'],
      [
        { items: { cpu: Object.fromEntries(Array.from({ length: 4097 }, (_, i) => [`m${i}`, 1])) } },
        'items.cpu has 4097 values',
      ],
      [{ time: NOW + HOUR + 1, items: { cpu: { load1: 1 } } }, '2026-03-10T13:00:00.001Z is more than 1 h ahead'],
      [{ time: Number.MAX_SAFE_INTEGER, items: { cpu: { load1: 1 } } }, 'more than 1 h ahead'],
      [{ time: -1, items: { cpu: { load1: 1 } } }, 'is older than 1970-01-01T00:00:00.000Z'],
    ];
    for (const [told, reason] of bad) {
      const before = (await rig.reasons()).length;
      expect(await rig.tell(good, { ...told, node: 'bad' }, { ...good, node: 'good2' })).to.equal(1);
      expect((await rig.reasons()).slice(before), reason)
        .to.have.length(1)
        .and.to.satisfy(([text]: string[]) => text?.includes(reason));
    }
    const [bads] = await rig.store.query("SELECT count(*) AS n FROM env_node WHERE node_name = 'bad'");
    expect(bads).to.deep.equal({ n: 0 });
    expect(await count('env_latest')).to.equal(2);
  });

  const reasonsOf = async (node: string): Promise<string[]> =>
    (
      await rig.store.query<{ reason: string }>(
        'SELECT f.reason FROM env_fault f JOIN env_node n ON n.id = f.node WHERE n.node_name = $1 ORDER BY f.item',
        [node],
      )
    ).map(({ reason }) => reason);

  it('stores mount points of a job for each round, all day', async () => {
    for (let i = 0; i < 144; i++) {
      const time = NOW - 12 * HOUR + i * 600_000;
      rig.at(time);
      const filesystem = { '/.used_percent': 1, [`/local/job${i}.used_percent`]: 2 };
      expect(await rig.tell({ time, items: { cpu: { load1: i }, filesystem } })).to.equal(0);
    }
    expect(await reasonsOf('n1')).to.deep.equal([]);
    expect(await count('env_sample')).to.equal(288);
    expect(await count('env_layout')).to.equal(145);
    const day = [...(await rollups(DAILY)).values()].find((row) => '/.used_percent' in row) ?? {};
    expect(day['/.used_percent']).to.deep.equal({ n: 144, min: 1, sum: 144, max: 1 });
    expect(Object.keys(day)).to.have.length(145);
  });

  it('refuses an item whose names change without end, and stores the rest of the report', async () => {
    const wide = (from: number): Values =>
      Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`${'x'.repeat(40)}${from}_${i}.a`, 1]));
    let told = 0;
    for (; (await reasonsOf('forger')).length === 0 && told < 20; told++) {
      const items = { cpu: { load1: told }, disk: wide(told) };
      expect(await rig.tell({ node: 'forger', time: NOW - 60_000 + told, items })).to.equal(0);
    }
    expect((await reasonsOf('forger'))[0]).to.equal(
      `not stored: the names of its values change so often that those of an hour take more than ${EXTRA_MAX} bytes`,
    );
    expect(await count('env_sample')).to.equal(2 * told - 1);
    const [taken] = await rig.store.query<{ n: number }>('SELECT max(length(extra)) AS n FROM env_daily');
    expect(taken?.n).to.be.most(EXTRA_MAX);
    // The names it had before are still welcome.
    await rig.tell({ node: 'forger', time: NOW - 30_000, items: { disk: wide(0) } });
    expect(await reasonsOf('forger')).to.deep.equal([]);
  });

  it('bounds what the lists of names of one node and item take', async () => {
    await rig.store.call('environment.configure', { samples: DAY, hourly: DAY, daily: DAY, bytes: 2 ** 24 });
    const values = (k: number): Values =>
      Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${'x'.repeat(50)}${k}_${i}.a`, 1]));
    const hours = Array.from({ length: 8 }, (_, k) => k);
    for (const k of hours) await rig.tell({ node: `n${k % 2}`, time: NOW - (k * DAY) / 8, items: { disk: values(k) } });
    const most = namesPool(2 ** 24) / 8;
    const rows = await rig.store.query<{ bytes: number }>('SELECT bytes FROM env_names WHERE series > 0');
    expect(rows).to.have.length(2);
    for (const { bytes } of rows) expect(bytes).to.be.within(most / 2, most);
    expect((await reasonsOf('n0'))[0]).to.contain('the names of its values change so often');
  });

  it('has room for names that none can take from the others', () => {
    const keep = 20 * 2 ** 30;
    const pool = namesPool(keep);
    expect(pool).to.equal(keep / 32);
    expect(noRoom({ all: pool, own: 2 ** 22 }, keep, 10)).to.equal(undefined);
    expect(noRoom({ all: pool, own: 2 ** 22 + 1 }, keep, 10)).to.contain('more than 4194304 bytes');
    expect(noRoom({ all: pool + 1, own: 1000 }, keep, 100_000)).to.equal(undefined);
    expect(noRoom({ all: pool + 1, own: 7000 }, keep, 100_000)).to.contain('no room for more names');
    expect(namesPool(2 ** 24)).to.equal(2 ** 21);
  });

  it('refuses an item whose values of a day are more than it may have, and tells it as its fault', async () => {
    const wide = (from: number): Values =>
      Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`m${from + i}`, 1]));
    expect(await rig.tell({ items: { disk: wide(0) } })).to.equal(0);
    expect(await rig.tell({ time: NOW + 1, items: { disk: wide(3000) } })).to.equal(0);
    expect((await reasonsOf('n1'))[0]).to.contain('not stored: more than 4096 different values within an hour');
    expect(await count('env_sample')).to.equal(1);
    expect(await count('env_layout')).to.equal(1);
  });

  it('refuses samples more often than two buckets of a second give', async () => {
    const burst = (from: number, n: number): Told[] =>
      Array.from({ length: n }, (_, i) => ({ time: NOW + from + i, items: { cpu: { load1: i } } }));
    await rig.tell(...burst(0, HOUR_SAMPLES_MAX));
    expect(await reasonsOf('n1')).to.deep.equal([]);
    await rig.tell(...burst(HOUR_SAMPLES_MAX, 3));
    expect((await reasonsOf('n1'))[0]).to.contain('more than 7200 samples within an hour');
    expect(await count('env_sample')).to.equal(HOUR_SAMPLES_MAX);
    expect(await rig.tell({ time: NOW + HOUR, items: { cpu: { load1: 1 } } })).to.equal(0);
    expect(await reasonsOf('n1')).to.deep.equal([]);
  });

  describe('faults', () => {
    const faults = () =>
      rig.store.query<Record<string, unknown>>('SELECT item, reason, since, last FROM env_fault ORDER BY item');

    /** Tells at the very time. */
    const tellAt = (time: number, told: Told): Promise<number> => {
      rig.at(time);
      return rig.tell({ time, ...told });
    };
    const MINUTE = 60_000;

    it('last from the first failing round to the next values', async () => {
      await tellAt(NOW, { items: { cpu: { load1: 1 } }, failed: { gpu: 'no answer' } });
      await tellAt(NOW + 10, { failed: { gpu: 'nvidia-smi ended with 9', disk: 'x' } });
      const disk = { item: ITEM_ID.disk, reason: 'x', since: NOW + 10, last: NOW + 10 };
      expect(await faults()).to.deep.equal([
        disk,
        { item: ITEM_ID.gpu, reason: 'nvidia-smi ended with 9', since: NOW, last: NOW + 10 },
      ]);
      await tellAt(NOW + 20, { items: { gpu: { '0.power_watts': 50 } } });
      expect(await faults()).to.deep.equal([disk]);
    });

    it('are neither ended nor begun by news that comes late', async () => {
      await tellAt(NOW, { failed: { gpu: 'down' } });
      await rig.tell({ time: NOW - 10, items: { gpu: { '0.power_watts': 50 } } });
      await rig.tell({ time: NOW - 9, absent: ['gpu'] });
      expect(await faults()).to.have.length(1);
      await tellAt(NOW + 20, { items: { gpu: { '0.power_watts': 50 } } });
      await rig.tell({ time: NOW + 10, failed: { gpu: 'down' } });
      expect(await faults()).to.deep.equal([]);
    });

    it('are not believed of an item that gave values in the same round', async () => {
      await rig.tell({ items: { gpu: { '0.power_watts': 50 } }, failed: { gpu: 'down' } });
      expect(await faults()).to.deep.equal([]);
    });

    it('end when the item turns out to be absent', async () => {
      await tellAt(NOW, { failed: { gpu: 'down', disk: 'x' } });
      await tellAt(NOW + MINUTE, { items: { cpu: { load1: 1 } }, absent: ['gpu', 'ssd'] });
      expect(await faults()).to.deep.equal([{ item: ITEM_ID.disk, reason: 'x', since: NOW, last: NOW }]);
    });

    it('of parts are told apart, turn into whole ones and back, and end with whole values', async () => {
      const half = { items: { ssd: { 'nvme0.used_percent': 1 } }, parts: { ssd: 'nvme1: gone' } };
      const kinds = () => rig.store.query('SELECT part, reason, since FROM env_fault');
      await tellAt(NOW, half);
      await tellAt(NOW + 1, half);
      expect(await kinds()).to.deep.equal([{ part: 1, reason: 'nvme1: gone', since: NOW }]);
      await tellAt(NOW + 2, { failed: { ssd: 'no tool' } });
      expect(await kinds()).to.deep.equal([{ part: 0, reason: 'no tool', since: NOW + 2 }]);
      await tellAt(NOW + 3, half);
      expect(await kinds()).to.deep.equal([{ part: 1, reason: 'nvme1: gone', since: NOW + 3 }]);
      await tellAt(NOW + 4, { items: half.items });
      expect(await kinds()).to.deep.equal([]);
    });

    for (const [gap, life] of [
      [0, 25 * HOUR],
      [1000, 30 * MINUTE],
      [10 * MINUTE, 30 * MINUTE],
      [HOUR, 3 * HOUR],
      [DAY, 3 * DAY],
      [9 * DAY, 3 * DAY],
    ] as const) {
      it(`told every ${gap / 1000} s stay for ${life / 1000} s`, () => expect(lifeOf(gap)).to.equal(life));
    }

    it('are over when nobody tells them again, and then begin anew', async () => {
      for (let i = 0; i < 5; i++) await tellAt(NOW + i * 10 * MINUTE, { failed: { gpu: 'down' } });
      const last = NOW + 40 * MINUTE;
      const current = async (at: number) => (await currentFaults(rig.store, at)).map(({ since }) => since);
      expect(await current(last + 30 * MINUTE)).to.deep.equal([NOW]);
      expect(await current(last + 30 * MINUTE + 1)).to.deep.equal([]);
      await tellAt(last + 5 * HOUR, { failed: { gpu: 'down' } });
      expect(await current(last + 5 * HOUR)).to.deep.equal([last + 5 * HOUR]);
    });

    it('and newest values are not hidden by a clock that was ahead', async () => {
      await rig.tell({ time: NOW + HOUR - 1, items: { gpu: { a: 99 } }, failed: { disk: 'ahead' } });
      await tellAt(NOW + MINUTE, { failed: { gpu: 'hangs', disk: 'right' } });
      expect((await faults()).map((row) => row['reason'])).to.deep.equal(['right', 'hangs']);
      await tellAt(NOW + 2 * MINUTE, { items: { gpu: { a: 5 } } });
      expect(await faults()).to.have.length(1);
      expect(await rig.store.query('SELECT time FROM env_latest')).to.deep.equal([{ time: NOW + 2 * MINUTE }]);
    });
  });

  it('has in its rollups what a naive computation over all accepted samples gives', async () => {
    const value = fc.oneof(fc.integer({ min: -1000, max: 1_000_000 }), fc.double({ min: 0, max: 100, noNaN: true }));
    const told = fc.record({
      node: fc.constantFrom('n1', 'n2', 'n3'),
      time: fc.integer({ min: 0, max: 200 }).map((i) => NOW - i * 900_000),
      items: fc.dictionary(
        fc.constantFrom('cpu', 'disk'),
        fc.dictionary(fc.constantFrom('a', 'b', 'sda.c', 'sdb.c'), value, { minKeys: 1 }),
      ),
    });
    const batches = fc.array(fc.tuple(fc.array(told, { maxLength: 8 }), fc.boolean()), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(batches, async (given) => {
        const own = await openRig(bench);
        try {
          const accepted = new Map<string, Values>();
          for (const [batch, bad] of given) {
            const extra: Told[] = bad ? [{ node: 'n2', body: 'no sample' }] : [];
            expect(await own.tell(...batch, ...extra)).to.equal(extra.length);
            for (const { node, time, items } of batch) {
              for (const [item, values] of Object.entries(items)) {
                const key = `${node} ${item} ${time}`;
                if (!accepted.has(key)) accepted.set(key, values);
              }
            }
          }
          await compare(own, accepted);
        } finally {
          await own.store.close();
        }
      }),
      // A database of its own for each takes its time.
      bench.engine === 'PostgreSQL' ? { numRuns: 8, endOnFailure: true } : { numRuns: 60 },
    );
  }).timeout(120_000);
});

/** Holds the tables against tallies made by hand, and the volumes against the rows. */
async function compare({ store }: Rig, accepted: ReadonlyMap<string, Values>): Promise<void> {
  for (const grain of [HOURLY, DAILY]) {
    const naive = new Map<string, number[]>();
    for (const [key, values] of accepted) {
      const [node, item, time] = key.split(' ');
      const bucket = Math.floor(Number(time) / grain.spanMs);
      for (const [name, value] of Object.entries(values)) {
        const cell = `${node} ${item} ${bucket} ${name}`;
        naive.set(cell, [...(naive.get(cell) ?? []), compact(value)]);
      }
    }
    const rows = await store.query<Row & { node: string; names: string; row_count: number }>(
      `SELECT s.slot, s.samples, s.figures, s.extra, l.names, n.node_name AS node FROM ${grain.table} s
       JOIN env_layout l ON l.id = s.layout JOIN env_node n ON n.id = s.slot % 1048576`,
    );
    let cells = 0;
    for (const { slot, samples, figures, names, extra, node } of rows) {
      const item = Object.entries(ITEM_ID).find(([, id]) => slot >= slotBase(id, 0) && slot < slotBase(id + 1, 0))?.[0];
      const bucket = Math.floor(slot / 1_048_576) % 2 ** 21;
      const list = namesOf(names, extra);
      for (const [i, tally] of decodeTallies(figures, samples).entries()) {
        const values = naive.get(`${node} ${item} ${bucket} ${list[i]}`) ?? [];
        const sum = values.reduce((a, b) => a + b, 0);
        expect(tally).to.include({ n: values.length, min: Math.min(...values), max: Math.max(...values) });
        expect(tally.sum).to.be.closeTo(sum, 1e-9 * Math.max(1, Math.abs(sum)));
        cells += 1;
      }
    }
    expect(cells).to.equal(naive.size);
    const lengths = await store.query<{ length: number }>(
      `SELECT length(figures) + coalesce(length(extra), 0) AS length FROM ${grain.table}`,
    );
    const [volume] = await store.query<{ rows: number | null; bytes: number | null }>(
      'SELECT sum(row_count) AS rows, sum(byte_count) AS bytes FROM env_volume WHERE grain = $1',
      [grain.id],
    );
    expect(volume?.rows ?? 0).to.equal(lengths.length);
    expect(volume?.bytes ?? 0).to.equal(lengths.reduce((sum, { length }) => sum + rowBytes(length), 0));
  }
  const [samples] = await store.query<{ n: number }>('SELECT count(*) AS n FROM env_sample');
  expect(samples?.n).to.equal(accepted.size);
  const rows =
    'SELECT layout FROM env_sample UNION ALL SELECT layout FROM env_hourly UNION ALL SELECT layout FROM env_daily';
  const miscounted = (counted: string) =>
    `SELECT l.id, l.refs FROM env_layout l WHERE l.refs <> (SELECT count(*) FROM (${counted}) u WHERE u.layout = l.id)`;
  // Where tables are divided partitions are counted, and each layout that a row has must be among them.
  const divided = 'SELECT layout FROM env_use';
  expect(await store.query({ sqlite: miscounted(rows), postgresql: miscounted(divided) })).to.deep.equal([]);
  const unlisted = `SELECT layout FROM (${rows}) r WHERE layout NOT IN (${divided})`;
  expect(await store.query({ sqlite: 'SELECT 1 WHERE 1 = 0', postgresql: unlisted })).to.deep.equal([]);
}
