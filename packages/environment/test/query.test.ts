import { CsmError, type Json, type Problem } from '@csm/model';
import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import fc from 'fast-check';
import { AGGREGATES } from '../src/api.ts';
import { METRICS } from '../src/collect/metrics.ts';
import { ITEMS } from '../src/items.ts';
import { MAIN_METRIC } from '../src/query/metrics.ts';
import { grainFor, type QueryInput, query } from '../src/query/query.ts';
import { readRange } from '../src/query/range.ts';
import { nearestRank } from '../src/query/step-fold.ts';
import { type TopInput, top } from '../src/query/top.ts';
import { compact } from '../src/store/figures.ts';
import { DAY, HOUR, listener, NOW, openRig, type Rig, type Told } from './rig.ts';

async function refused(work: Promise<unknown>): Promise<Problem> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof CsmError) return thrown.problem;
    throw thrown;
  }
  throw new Error('it was not refused');
}

const iso = (time: number): string => new Date(time).toISOString();
const cpu = (node: string, time: number, load1: number): Told => ({ node, time, items: { cpu: { load1 } } });
const item = (node: string, time: number, load1: number): Json => ({
  node,
  item: 'cpu',
  time: iso(time),
  values: { load1 },
});

overEngines('environment query', (bench) => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await openRig(bench);
  });
  afterEach(() => rig.store.close());

  const ask = async (input: Partial<QueryInput>): Promise<Json[]> => {
    const { ctx, items } = listener();
    await query(rig.store, NOW, { item: 'cpu', ...input }, ctx);
    return items;
  };

  it('gives samples by time, those of one moment in natural order of the nodes', async () => {
    await rig.tell(cpu('n10', NOW - 2000, 1), cpu('n2', NOW - 1000, 2), cpu('n2', NOW - 2000, 3));
    await rig.tell(cpu('n1', NOW - HOUR + 5000, 4), cpu('n1', NOW - 2 * HOUR, 5), cpu('n1', NOW, 6));
    expect(await ask({})).to.deep.equal([
      item('n1', NOW - HOUR + 5000, 4),
      item('n2', NOW - 2000, 3),
      item('n10', NOW - 2000, 1),
      item('n2', NOW - 1000, 2),
      item('n1', NOW, 6),
    ]);
  });

  it('keeps to the nodes, the item and the times asked for', async () => {
    for (const node of ['n1', 'n2', 'n3']) {
      for (let i = 0; i < 4; i++) await rig.tell(cpu(node, NOW - i * 600_000, i));
      await rig.tell({ node, time: NOW - 1, items: { memory: { free_bytes: 7 } } });
    }
    const found = await ask({ nodes: 'n[2-9]!n3', since: iso(NOW - 1_200_000), until: iso(NOW) });
    expect(found).to.deep.equal([item('n2', NOW - 1_200_000, 2), item('n2', NOW - 600_000, 1)]);
  });

  it('gives only the values asked for, by name or by metric', async () => {
    await rig.tell({ items: { disk: { 'sda.busy_percent': 1, 'sdb.busy_percent': 2, 'sda.reads_per_second': 3 } } });
    await rig.tell({ node: 'n2', items: { disk: { pressure_some_percent: 4 } } });
    const values = async (metrics: readonly string[]) =>
      (await ask({ item: 'disk', metrics })).map((found) => (found as { values: Json }).values);
    expect(await values(['busy_percent'])).to.deep.equal([{ 'sda.busy_percent': 1, 'sdb.busy_percent': 2 }]);
    expect(await values(['sdb.busy_percent, pressure_some_percent'])).to.deep.equal([
      { 'sdb.busy_percent': 2 },
      { pressure_some_percent: 4 },
    ]);
    const problem = await refused(ask({ item: 'disk', metrics: ['busy', 'percent'] }));
    expect(problem).to.include({ code: 4, field: 'metrics' });
    expect(problem.allowed).to.contain('busy_percent, pressure_some_percent, reads_per_second');
    expect(await refused(ask({ metrics: [' , '] }))).to.include({ code: 9, field: 'metrics' });
  });

  it('aggregates steps that begin at multiples of the step, and widens the times to whole steps', async () => {
    for (let minute = 0; minute < 30; minute += 5) await rig.tell(cpu('n1', NOW - HOUR + minute * 60_000, minute));
    const given = { since: iso(NOW - HOUR + 60_000), until: iso(NOW - HOUR + 601_000), step: 600 };
    const begin = NOW - HOUR;
    expect(await ask(given)).to.deep.equal([item('n1', begin, 2.5), item('n1', begin + 600_000, 12.5)]);
    expect(await ask({ ...given, agg: 'max' })).to.deep.equal([item('n1', begin, 5), item('n1', begin + 600_000, 15)]);
  });

  it('answers whole hours and days when the samples are gone', async () => {
    for (let hour = 0; hour < 72; hour++)
      await rig.tell(cpu('n1', NOW - hour * HOUR, hour), cpu('n2', NOW - hour * HOUR, 9));
    const keep = { samples: HOUR, hourly: 2 * DAY, daily: 9 * DAY, bytes: 2 ** 40 };
    await rig.store.call('environment.configure', keep);
    for (let more = true; more; ) more = (await rig.store.call<{ more: boolean }>('environment.prune', keep)).more;
    const since = iso(NOW - 60 * HOUR);
    const six = await ask({ nodes: 'n1', since: iso(NOW - 12 * HOUR), until: iso(NOW), step: 6 * 3600, agg: 'min' });
    expect(six).to.deep.equal([item('n1', NOW - 12 * HOUR, 7), item('n1', NOW - 6 * HOUR, 1)]);
    expect(await ask({ nodes: 'n1', since, step: 3600 })).to.have.length(49);
    const days = await ask({ nodes: 'n1', since, step: 86_400, agg: 'max' });
    const highest = days.map((day) => (day as { values: Json }).values);
    expect(highest).to.deep.equal([{ load1: 60 }, { load1: 36 }, { load1: 12 }]);
    expect(await refused(ask({ since: iso(NOW - 60 * HOUR), until: iso(NOW - 50 * HOUR), step: 600 }))).to.include({
      code: 4,
      field: 'since',
    });
  });

  it('gives what a naive computation gives, whatever the step', async () => {
    const told: { node: string; time: number; load1: number }[] = [];
    const random = fc.sample(fc.integer({ min: 0, max: 1000 }), { numRuns: 600, seed: 5 });
    for (const [i, load1] of random.entries()) {
      told.push({ node: `n${(i % 7) + 1}`, time: NOW - ((i * 7_919) % 4000) * 60_000, load1 });
    }
    await rig.tell(...told.map(({ node, time, load1 }) => cpu(node, time, load1)));
    const accepted = told.filter((t, i) => told.findIndex((o) => o.node === t.node && o.time === t.time) === i);
    for (const step of [60, 420, 3600, 5400, 7200, 86_400, 7 * 86_400]) {
      for (const agg of AGGREGATES) {
        const since = NOW - 50 * HOUR;
        const from = Math.floor(since / (step * 1000)) * step * 1000;
        const cells = new Map<string, number[]>();
        for (const { node, time, load1 } of accepted) {
          if (time < from) continue;
          const key = `${Math.floor(time / (step * 1000)) * step * 1000} ${node}`;
          cells.set(key, [...(cells.get(key) ?? []), load1]);
        }
        const expected = [...cells]
          .map(([key, values]) => {
            const [time, node = ''] = key.split(' ');
            const sum = values.reduce((a, b) => a + b, 0);
            const by = { min: Math.min(...values), max: Math.max(...values), avg: compact(sum / values.length) };
            return item(node, Number(time), agg === 'p95' ? nearestRank(values, 0.95) : by[agg]);
          })
          .sort((a, b) => keyOf(a).localeCompare(keyOf(b)));
        expect(await ask({ since: iso(since), step, agg }), `step ${step} ${agg}`).to.deep.equal(expected);
      }
    }
  });

  it('pages through more rows than fit into one piece, all of them once and in order', async () => {
    const nodes = 700;
    for (let i = 0; i < 12; i++) {
      await rig.tell(...Array.from({ length: nodes }, (_, n) => cpu(`n${n + 1}`, NOW - i * 300_000, i)));
    }
    const found = await ask({ until: iso(NOW + 1) });
    expect(found).to.have.length(12 * nodes);
    const keys = found.map(keyOf);
    expect(keys).to.deep.equal([...keys].sort());
    expect(new Set(keys).size).to.equal(keys.length);
    expect(await ask({ nodes: 'n[1-600]', step: 86_400, agg: 'p95' })).to.have.length(600);
  });

  it('finds more nodes than one statement can list', async () => {
    const nodes = 1300;
    await rig.tell(...Array.from({ length: nodes }, (_, n) => cpu(`n${n + 1}`, NOW - n, n)));
    for (const count of [600, 1100]) {
      const wanted = { nodes: `n[1-${count}]` };
      for (const step of [0, 60, 3600]) {
        const found = (await ask({ ...wanted, step, until: iso(NOW + 1) })).map(
          (one) => (one as { node: string }).node,
        );
        expect(new Set(found).size, `${count} nodes, step ${step}`).to.equal(count);
        expect(found).to.have.length(count);
      }
      const natural = Array.from({ length: count }, (_, n) => n + 1);
      const keys = (await ask(wanted)).map((one) => Number((one as { node: string }).node.slice(1)));
      expect(keys).to.deep.equal(natural.reverse());
    }
    expect(
      await top(rig.store, NOW, { item: 'cpu', metric: 'load1', nodes: 'n[1-600]', limit: 1 }),
    ).to.have.nested.property('[0].node', 'n600');
  });

  it('folds in smaller pieces what is too much at a time, and refuses what is too much of one node', async () => {
    const disk = (i: number) => Object.fromEntries(Array.from({ length: 20 }, (_, k) => [`m${k}`, i + k]));
    const told = Array.from({ length: 60 }, (_, i) => ({ time: NOW - HOUR + i * 60_000, items: { disk: disk(i) } }));
    for (const node of ['n1', 'n2', 'n3']) await rig.tell(...told.map((one) => ({ ...one, node })));
    const run = async (step: number, heldMax: number): Promise<Json[]> => {
      const { ctx, items } = listener();
      const given = { item: 'disk', since: iso(NOW - HOUR), until: iso(NOW), step, agg: 'p95' } as const;
      await query(rig.store, NOW, given, ctx, heldMax);
      return items;
    };
    for (const [step, least] of [
      [300, 100],
      [3600, 1200],
    ] as const) {
      const whole = await run(step, 1_000_000);
      expect(whole).to.have.length((3 * 3600) / step);
      expect(await run(step, least)).to.deep.equal(whole);
      const problem = await refused(run(step, least - 1));
      expect(problem).to.include({ code: 30, field: 'step' });
      expect(problem.detail).to.contain(`more than ${least - 1} values of disk of n1`);
      expect(problem.allowed).to.contain('a shorter step');
    }
  });

  it('leaves out steps of which some is gone, and tells how far back it can answer', async () => {
    for (let i = 0; i < 40; i++) await rig.tell(cpu('n1', NOW - i * HOUR, i));
    const keep = { samples: 5 * HOUR, hourly: 30 * HOUR, daily: 9 * DAY, bytes: 2 ** 40 };
    await rig.store.call('environment.configure', keep);
    for (let more = true; more; ) more = (await rig.store.call<{ more: boolean }>('environment.prune', keep)).more;
    const times = async (input: Partial<QueryInput>) =>
      (await ask({ since: iso(NOW - 2 * DAY), ...input })).map((one) => Date.parse((one as { time: string }).time));
    // Samples reach back to 7 h, hourly figures to 6 h of the day before.
    expect((await times({ step: 2 * 3600, agg: 'p95' }))[0]).to.equal(NOW - 4 * HOUR);
    expect((await times({ step: 5400 }))[0]).to.equal(NOW - 4.5 * HOUR);
    expect((await times({ step: 12 * 3600 }))[0]).to.equal(NOW - 24 * HOUR);
    expect(await times({ step: 86_400 })).to.have.length(3);
    const problem = await refused(ask({ since: iso(NOW - 20 * HOUR), step: 86_400, agg: 'p95', until: iso(NOW) }));
    expect(problem).to.include({ code: 4, field: 'since' });
    expect(problem.detail).to.contain(
      'samples of cpu, which this is made from, reach back to 2026-03-10T07:00:00.000Z',
    );
  });

  it('takes what bytes have cost as gone, too', async () => {
    const keep = { samples: 12 * HOUR, hourly: 90 * DAY, daily: 90 * DAY, bytes: 450 };
    await rig.store.call('environment.configure', keep);
    for (let i = 0; i < 10; i++) await rig.tell(cpu('n1', NOW - i * HOUR, i));
    for (let more = true; more; ) more = (await rig.store.call<{ more: boolean }>('environment.prune', keep)).more;
    const [oldest] = await rig.store.query<{ bucket: number }>(
      'SELECT min(bucket) AS bucket FROM env_volume WHERE grain = 0',
    );
    const from = (oldest?.bucket ?? 0) * HOUR;
    expect(from).to.be.above(NOW - 9 * HOUR);
    const found = await ask({ since: iso(NOW - 10 * HOUR), step: 5400 });
    const first = Date.parse((found[0] as { time: string }).time);
    expect(first).to.be.within(from, from + 5_400_000);
  });

  it('ends when the caller goes away', async () => {
    await rig.tell(...Array.from({ length: 50 }, (_, i) => cpu('n1', NOW - i * 1000, i)));
    const { ctx, items, end } = listener(async () => {
      if (items.length === 3) end.abort(new Error('gone'));
    });
    let thrown: unknown;
    await query(rig.store, NOW, { item: 'cpu' }, ctx).catch((error: unknown) => {
      thrown = error;
    });
    expect(thrown).to.be.an('error').with.property('message', 'gone');
    expect(items).to.have.length(3);
  });

  it('refuses with words what cannot be answered', async () => {
    await rig.tell(cpu('n1', NOW, 1));
    expect(await refused(ask({ nodes: 'x[1-3]' }))).to.include({
      code: 4,
      field: 'nodes',
      detail: "no node matches 'x[1-3]'",
    });
    expect(await refused(ask({ item: 'gpu' }))).to.include({ code: 4, field: 'since' });
    expect(await refused(ask({ nodes: 'n[1' }))).to.include({ code: 9, field: 'nodeset' });
    expect(await refused(ask({ since: 'yesterday' }))).to.include({
      code: 9,
      field: 'since',
      detail: "since is 'yesterday', which is not a time",
    });
    for (const since of [
      '2026-03-10T12:00:00',
      '2026-13-01',
      '1969-12-31',
      '9999-01-01',
      '2026-03-10 12:00:00Z',
      '2026-02-30',
      '2026-04-31T01:00:00Z',
    ]) {
      expect(await refused(ask({ since })), since).to.include({ code: 9, field: 'since' });
    }
    expect(await refused(ask({ since: '2026-03-10', until: '2026-03-09' }))).to.include({ code: 9, field: 'since' });
  });

  it('gets along with rows too long for a page of the usual length', async () => {
    const narrow = await openRig(bench, { queryBytes: 20_000 });
    try {
      const disk = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${i}`, 123_456_789_012 + i]));
      await narrow.tell(...Array.from({ length: 200 }, (_, i) => ({ time: NOW - i * 1000, items: { disk } })));
      const { ctx, items } = listener();
      await query(narrow.store, NOW, { item: 'disk', metrics: ['m7'] }, ctx);
      expect(items).to.have.length(200);
    } finally {
      await narrow.store.close();
    }
  });
});

const keyOf = (found: Json): string => {
  const { time, node } = found as { time: string; node: string };
  return `${time} ${node.slice(1).padStart(9, '0')}`;
};

describe('environment query range', () => {
  it('is the last hour when nothing is said', () => {
    expect(readRange({}, 0, NOW)).to.deep.equal({ since: NOW + 1 - HOUR, until: NOW + 1 });
  });
  it('is widened to whole steps', () => {
    expect(readRange({ since: '2026-03-10T10:30:00+01:00', until: '2026-03-10T11:00:01Z' }, HOUR, NOW)).to.deep.equal({
      since: NOW - 3 * HOUR,
      until: NOW,
    });
  });
  it('decides the table', () => {
    const cases = [
      [0, 'avg', 'sample'],
      [600_000, 'avg', 'sample'],
      [HOUR, 'max', 'hourly'],
      [HOUR, 'p95', 'sample'],
      [36 * HOUR, 'avg', 'hourly'],
      [2 * DAY, 'min', 'daily'],
      [2 * DAY, 'p95', 'sample'],
      [HOUR + 1000, 'avg', 'sample'],
    ] as const;
    for (const [stepMs, agg, name] of cases) expect(grainFor(stepMs, agg).name).to.equal(name);
  });
});

overEngines('environment top', (bench) => {
  let rig: Rig;
  before(async () => {
    rig = await openRig(bench);
    const heat = (node: string, time: number, a: number, b: number): Told => ({
      node,
      time,
      items: { temperature: { 'chip:a.celsius': a, 'chip:b.celsius': b } },
    });
    await rig.tell(heat('n1', NOW - 1000, 90, 95), heat('n1', NOW, 50, 60), heat('n2', NOW, 70, 40));
    await rig.tell(heat('n10', NOW, 20, 60), heat('n9', NOW, 60, 20), heat('n3', NOW - HOUR, 30, 31));
    await rig.tell({ node: 'n4', items: { memory: { available_bytes: 10 } } });
    await rig.tell({ node: 'n5', items: { memory: { available_bytes: 5 } } });
  });
  after(() => rig.store.close());

  const ask = async (input: Partial<TopInput>) =>
    (await top(rig.store, NOW, { item: 'temperature', ...input })).map(({ node, metric, value }) => [
      node,
      metric,
      value,
    ]);

  it("takes the newest sample's highest instance, equal ones in natural order", async () => {
    expect(await ask({})).to.deep.equal([
      ['n2', 'chip:a.celsius', 70],
      ['n1', 'chip:b.celsius', 60],
      ['n9', 'chip:a.celsius', 60],
      ['n10', 'chip:b.celsius', 60],
      ['n3', 'chip:b.celsius', 31],
    ]);
    const [first] = await top(rig.store, NOW, { item: 'temperature', limit: 1 });
    expect(first).to.deep.equal({
      node: 'n2',
      item: 'temperature',
      metric: 'chip:a.celsius',
      time: iso(NOW),
      value: 70,
    });
  });

  it('takes the lowest, a whole name, some nodes and so many as asked', async () => {
    expect(await ask({ ascending: true, limit: 2 })).to.deep.equal([
      ['n9', 'chip:b.celsius', 20],
      ['n10', 'chip:a.celsius', 20],
    ]);
    expect(await ask({ metric: 'chip:b.celsius', nodes: 'n[1-3]', limit: 2 })).to.deep.equal([
      ['n1', 'chip:b.celsius', 60],
      ['n2', 'chip:b.celsius', 40],
    ]);
  });

  it('shows where memory is scarce first', async () => {
    expect(await ask({ item: 'memory' })).to.deep.equal([
      ['n5', 'available_bytes', 5],
      ['n4', 'available_bytes', 10],
    ]);
  });

  it('refuses with words', async () => {
    expect(await refused(ask({ metric: 'kelvin' }))).to.include({ code: 4, field: 'metric', allowed: 'celsius' });
    expect(await refused(ask({ item: 'ssd' }))).to.include({ code: 4, field: 'item' });
    expect(await refused(ask({ nodes: 'x1' }))).to.include({ code: 4, field: 'nodes' });
  });

  it('has a main metric for each item that is really collected', () => {
    for (const name of ITEMS) {
      const collected = Object.values(METRICS[name]).map((metric) => metric.name);
      expect(collected, name).to.include(MAIN_METRIC[name].metric);
    }
  });
});
