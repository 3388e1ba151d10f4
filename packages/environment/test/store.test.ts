import { expect } from 'chai';
import fc from 'fast-check';
import type { Values } from '../src/items.ts';
import { compact, decodeTallies, type Tally } from '../src/store/figures.ts';
import { NEW_LAYOUTS_MAX } from '../src/store/layouts.ts';
import { HOUR_SAMPLES_MAX } from '../src/store/rollups.ts';
import { DAILY, type Grain, HOURLY, ITEM_ID, slotBase } from '../src/store/slot.ts';
import { rowBytes } from '../src/store/volume.ts';
import { DAY, HOUR, NOW, openRig, type Rig, type Told } from './rig.ts';

interface Row {
  readonly slot: number;
  readonly ms?: number;
  readonly layout: number;
  readonly samples: number;
  readonly figures: string;
}

describe('environment store', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await openRig();
  });
  afterEach(() => rig.store.close());

  const names = async (layout: number): Promise<string[]> => {
    const [row] = await rig.store.query<{ names: string }>('SELECT names FROM env_layout WHERE id = $1', [layout]);
    return JSON.parse(row?.names ?? '[]') as string[];
  };
  const rollups = async (grain: Grain): Promise<Map<number, Record<string, Tally>>> => {
    const rows = await rig.store.query<Row>(`SELECT slot, layout, samples, figures FROM ${grain.table}`);
    const found = new Map<number, Record<string, Tally>>();
    for (const { slot, layout, samples, figures } of rows) {
      const tallies = decodeTallies(figures, samples);
      found.set(slot, Object.fromEntries((await names(layout)).map((name, i) => [name, tallies[i] as Tally])));
    }
    return found;
  };
  const only = async (grain: Grain): Promise<Record<string, Tally> | undefined> =>
    [...(await rollups(grain)).values()][0];
  const count = async (table: string): Promise<number> =>
    (await rig.store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;

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
    expect(await count('env_layout')).to.equal(3);
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
    await rig.store.call('environment.configure', { samples: 2 * HOUR, hourly: DAY, daily: 5 * DAY });
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

  it('refuses a node that invents names without end, that day', async () => {
    let rejected = 0;
    for (let i = 0; i < NEW_LAYOUTS_MAX + 50; i++) {
      rejected += await rig.tell({ node: 'forger', time: NOW + i, items: { cpu: { [`m${i}`]: i } } });
    }
    expect(rejected).to.be.above(50);
    expect(await count('env_layout')).to.be.within(NEW_LAYOUTS_MAX - 2, NEW_LAYOUTS_MAX);
    expect((await rig.reasons())[0]).to.contain(`forger has brought ${NEW_LAYOUTS_MAX} new sets of names of cpu today`);
    expect(await rig.tell({ node: 'forger', items: { memory: { free_bytes: 1 } } })).to.equal(0);
    expect(await rig.tell({ node: 'n1', items: { cpu: { load1: 1 } } })).to.equal(0);
    rig.at(NOW + DAY);
    expect(await rig.tell({ node: 'forger', time: NOW + DAY, items: { cpu: { again: 1 } } })).to.equal(0);
  });

  it('refuses a node whose values of a day are more than an item may have', async () => {
    const wide = (from: number): Values =>
      Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`m${from + i}`, 1]));
    expect(await rig.tell({ items: { disk: wide(0) } })).to.equal(0);
    expect(await rig.tell({ time: NOW + 1, items: { disk: wide(3000) } })).to.equal(1);
    expect((await rig.reasons())[0]).to.contain('6000 different values of disk');
    expect(await count('env_sample')).to.equal(1);
  });

  it('refuses samples more often than two buckets of a second give', async () => {
    const burst = (from: number, n: number): Told[] =>
      Array.from({ length: n }, (_, i) => ({ time: NOW + from + i, items: { cpu: { load1: i } } }));
    expect(await rig.tell(...burst(0, HOUR_SAMPLES_MAX))).to.equal(0);
    expect(await rig.tell(...burst(HOUR_SAMPLES_MAX, 3))).to.equal(3);
    expect(await rig.tell({ time: NOW + HOUR, items: { cpu: { load1: 1 } } })).to.equal(0);
  }).timeout(20_000);

  describe('faults', () => {
    const faults = () => rig.store.query('SELECT item, reason, since, last FROM env_fault ORDER BY item');

    it('last from the first failing round to the next values', async () => {
      await rig.tell({ items: { cpu: { load1: 1 } }, failed: { gpu: 'no answer' } });
      await rig.tell({ time: NOW + 10, failed: { gpu: 'nvidia-smi ended with 9', disk: 'x' } });
      const disk = { item: ITEM_ID.disk, reason: 'x', since: NOW + 10, last: NOW + 10 };
      expect(await faults()).to.deep.equal([
        disk,
        { item: ITEM_ID.gpu, reason: 'nvidia-smi ended with 9', since: NOW, last: NOW + 10 },
      ]);
      await rig.tell({ time: NOW + 20, items: { gpu: { '0.power_watts': 50 } } });
      expect(await faults()).to.deep.equal([disk]);
    });

    it('are neither ended nor begun by news that comes late', async () => {
      await rig.tell({ time: NOW, failed: { gpu: 'down' } });
      await rig.tell({ time: NOW - 10, items: { gpu: { '0.power_watts': 50 } } });
      expect(await faults()).to.have.length(1);
      await rig.tell({ time: NOW + 20, items: { gpu: { '0.power_watts': 50 } } });
      await rig.tell({ time: NOW + 10, failed: { gpu: 'down' } });
      expect(await faults()).to.deep.equal([]);
    });

    it('are not believed of an item that gave values in the same round', async () => {
      await rig.tell({ items: { gpu: { '0.power_watts': 50 } }, failed: { gpu: 'down' } });
      expect(await faults()).to.deep.equal([]);
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
        const own = await openRig();
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
      { numRuns: 60 },
    );
  }).timeout(60_000);
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
      `SELECT s.slot, s.samples, s.figures, l.names, n.node_name AS node FROM ${grain.table} s
       JOIN env_layout l ON l.id = s.layout JOIN env_node n ON n.id = s.slot % 1048576`,
    );
    let cells = 0;
    for (const { slot, samples, figures, names, node } of rows) {
      const item = Object.entries(ITEM_ID).find(([, id]) => slot >= slotBase(id, 0) && slot < slotBase(id + 1, 0))?.[0];
      const bucket = Math.floor(slot / 1_048_576) % 2 ** 21;
      const list = JSON.parse(names) as string[];
      for (const [i, tally] of decodeTallies(figures, samples).entries()) {
        const values = naive.get(`${node} ${item} ${bucket} ${list[i]}`) ?? [];
        const sum = values.reduce((a, b) => a + b, 0);
        expect(tally).to.include({ n: values.length, min: Math.min(...values), max: Math.max(...values) });
        expect(tally.sum).to.be.closeTo(sum, 1e-9 * Math.max(1, Math.abs(sum)));
        cells += 1;
      }
    }
    expect(cells).to.equal(naive.size);
    const lengths = await store.query<{ length: number }>(`SELECT length(figures) AS length FROM ${grain.table}`);
    const [volume] = await store.query<{ rows: number | null; bytes: number | null }>(
      'SELECT sum(row_count) AS rows, sum(byte_count) AS bytes FROM env_volume WHERE grain = $1',
      [grain.id],
    );
    expect(volume?.rows ?? 0).to.equal(lengths.length);
    expect(volume?.bytes ?? 0).to.equal(lengths.reduce((sum, { length }) => sum + rowBytes(length), 0));
  }
  const [samples] = await store.query<{ n: number }>('SELECT count(*) AS n FROM env_sample');
  expect(samples?.n).to.equal(accepted.size);
}
