import { CsmError } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { TimeBins, usualGap } from '../src/samples/bins.ts';
import { ChartData, CURVES_MAX, PANELS_MAX } from '../src/samples/chart.ts';
import type { Sample } from '../src/samples/sample.ts';
import { timeTicks, valueScale } from '../src/samples/scale.ts';
import { isUtf8, spanOf, sparkline } from '../src/samples/sparkline.ts';
import { Trends } from '../src/samples/trends.ts';
import { human, inUnit, unitOf } from '../src/samples/unit.ts';

const T0 = Date.parse('2026-10-17T09:00:00Z');
const MINUTE = 60_000;
const sample = (node: string, minute: number, values: { [metric: string]: number }): Sample => ({
  node,
  item: 'cpu',
  time: new Date(T0 + minute * MINUTE).toISOString(),
  values,
});

describe('units', () => {
  it('are told by the end of the name', () => {
    const rows: readonly (readonly [string, number, string])[] = [
      ['user_percent', 12.34, '12.34 %'],
      ['sda.busy_percent', 100, '100 %'],
      ['available_bytes', 0, '0 B'],
      ['available_bytes', 1023, '1023 B'],
      ['available_bytes', 1024, '1 KiB'],
      ['available_bytes', 1_048_575.9, '1 MiB'],
      ['available_kb', 131_890_524, '125.8 GiB'],
      ['eth0.receive_bytes_per_second', 1536, '1.5 KiB/s'],
      ['coretemp:0.package_celsius', 45.1, '45.1 °C'],
      ['gpu0.power_watts', 1250, '1.25 kW'],
      ['cores_mhz', 2400, '2.4 GHz'],
      ['context_switches_per_second', 12, '12/s'],
      ['context_switches_per_second', 12_345, '12.35 k/s'],
      ['fan1_rpm', 12_345, '12345 rpm'],
      ['load_1', 0.25, '0.25'],
      ['running', 1_234_567, '1.235 M'],
      ['offset_milliseconds', -0.00001, '-0.00001 ms'],
      ['offset_milliseconds', -0, '0 ms'],
      ['load_1', 1e300, '1e+282 E'],
    ];
    for (const [metric, value, text] of rows) expect(human(metric, value), metric).to.equal(text);
    expect(human('package_celsius', 45, true)).to.equal('45 C');
    expect(unitOf('watts').name).to.equal('W');
    expect(unitOf('__proto__').name).to.equal('');
    expect(unitOf('a.constructor').name).to.equal('');
  });

  it('are short for every number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        for (const metric of ['a_bytes', 'a_percent', 'a_watts', 'a']) {
          expect(human(metric, value)).to.match(/^-?\d+(\.\d+)?(e[+-]\d+)?($| ?\S+$)/);
          expect(human(metric, value).length).to.be.at.most(24);
        }
      }),
    );
  });

  it('do not round to a thousand of the smaller', () => {
    expect(inUnit({ name: 'B', base: 1024, factor: 1 }, 1023.9996 * 1024)).to.equal('1 MiB');
  });
});

describe('bins', () => {
  const arrivals = fc.array(
    fc.record({ time: fc.integer({ min: 0, max: 4e12 }), value: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
    { minLength: 1, maxLength: 60 },
  );

  it('keep number, least, greatest and mean of what they were given, in any order', () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        const bins = new TimeBins(16);
        const series = bins.series();
        for (const { time, value } of all) bins.add(series, time, value);
        const points = bins.points(series);
        const bounded = all.map(({ value }) => Math.max(-1e290, Math.min(1e290, value)));
        expect(series.count.reduce((a, b) => a + b, 0)).to.equal(all.length);
        expect(Math.min(...points.map(({ min }) => min))).to.equal(Math.min(...bounded));
        expect(Math.max(...points.map(({ max }) => max))).to.equal(Math.max(...bounded));
        const [first, last] = [Math.min(...all.map((s) => s.time)), Math.max(...all.map((s) => s.time))];
        for (const [i, { time, avg, min, max }] of points.entries()) {
          expect(time).to.be.within(first - 1, last + 1);
          expect(Number.isFinite(avg)).to.equal(true);
          expect(avg).to.be.within(min - Math.abs(min) * 1e-9, max + Math.abs(max) * 1e-9);
          if (i > 0) expect(time).to.be.greaterThan(points[i - 1]?.time ?? 0);
        }
        expect(last - first).to.be.lessThan(bins.width * bins.size);
      }),
    );
  });

  it('give samples on a step their own bin, at their own time', () => {
    const bins = new TimeBins(64, 10 * MINUTE);
    const series = bins.series();
    for (let i = 0; i < 60; i++) bins.add(series, T0 + i * 10 * MINUTE, i);
    expect(bins.points(series).map(({ time, avg }) => [time, avg])).to.deep.equal(
      Array.from({ length: 60 }, (_, i) => [T0 + i * 10 * MINUTE, i]),
    );
  });

  it('know the usual gap', () => {
    expect(usualGap([])).to.equal(0);
    expect(usualGap([5])).to.equal(0);
    expect(usualGap([0, 10, 20, 30, 500, 510])).to.equal(10);
  });
});

describe('sparklines', () => {
  const points = (...values: readonly (number | undefined)[]) =>
    values.flatMap((v, i) => (v === undefined ? [] : [{ time: i * MINUTE, avg: v, min: v, max: v }]));
  const line = (all: ReturnType<typeof points>, room = 24, isAscii = false) =>
    sparkline(all, spanOf([all], room), isAscii);

  it('show the course', () => {
    expect(line(points(0, 1, 2, 3, 4, 5, 6, 7))).to.equal('▁▂▃▄▅▆▇█');
    expect(line(points(0, 1, 2, 3, 4, 5, 6, 7), 24, true)).to.equal('_.-:=+*#');
    expect(line(points(7, 0, 7))).to.equal('█▁█');
    expect(line(points(5, 5, 5))).to.equal('▄▄▄');
    expect(line(points(5))).to.equal('▄');
    expect(line(points(-1e290, 1e290))).to.equal('▁█');
    expect(line(points(0, 0, 7, 7), 2)).to.equal('▁█');
  });

  it('leave blank where samples are missing, but for a single one', () => {
    expect(line(points(0, undefined, undefined, undefined, 7, 0))).to.equal('▁   █▁');
    expect(line(points(0, undefined, 7, 0))).to.equal('▁▁█▁');
  });

  it('share the time axis of their table', () => {
    const [early, late] = [points(1, 2, 3), points(undefined, undefined, undefined, 1, 2, 3)];
    const span = spanOf([early, late], 24);
    expect(sparkline(early, span, false)).to.equal('▁▅█   ');
    expect(sparkline(late, span, false)).to.equal('   ▁▅█');
  });

  it('are never wider than their room', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 1e13 }), { minLength: 1, maxLength: 64 }),
        fc.integer({ min: 1, max: 50 }),
        (times, room) => {
          const all = times.sort((a, b) => a - b).map((time, i) => ({ time, avg: i % 7, min: 0, max: 0 }));
          const text = line(all, room);
          expect(text.length).to.be.within(1, room);
          expect(text)
            .to.match(/^[ ▁▂▃▄▅▆▇█]+$/)
            .and.not.match(/^ +$/);
        },
      ),
    );
  });

  it('know the locale by the first variable that is set', () => {
    expect(isUtf8({ LANG: 'C.UTF-8' })).to.equal(true);
    expect(isUtf8({ LC_ALL: '', LC_CTYPE: 'de_DE.utf8', LANG: 'C' })).to.equal(true);
    expect(isUtf8({ LC_ALL: 'C', LANG: 'C.UTF-8' })).to.equal(false);
    expect(isUtf8({})).to.equal(false);
  });
});

describe('trends', () => {
  it('have a row for each node and metric, whatever the order', () => {
    const trends = new Trends();
    for (const minute of [0, 1, 2]) {
      for (const node of ['n10', 'n2']) trends.add(sample(node, minute, { user_percent: minute, idle_percent: 9 }));
    }
    trends.add(sample('n2', -5, { user_percent: 100 }));
    const rows = trends.rows();
    expect(rows.map(({ node, metric }) => `${node} ${metric}`)).to.deep.equal([
      'n2 user_percent',
      'n2 idle_percent',
      'n10 user_percent',
      'n10 idle_percent',
    ]);
    expect(rows[0]).to.include({ last: 2, min: 0, max: 100 });
    expect(rows[0]?.avg).to.be.closeTo(103 / 4, 1e-9);
    expect(rows[2]).to.include({ last: 2, min: 0, max: 2 });
  });

  it('hold a bounded number of rows, and count what they leave out', () => {
    const trends = new Trends(undefined, 3);
    for (const node of ['n1', 'n2']) trends.add(sample(node, 0, { a: 1, b: 2 }));
    trends.add(sample('n3', 0, { a: 1, b: 2 }));
    expect([trends.size, trends.cut, trends.rows().length]).to.deep.equal([3, 2, 3]);
  });

  it('refuse a time that is none', () => {
    expect(() => new Trends().add({ ...sample('n1', 0, { a: 1 }), time: 'soon' })).to.throw(CsmError, 'n1');
  });
});

describe('charts', () => {
  const of = (...samples: readonly Sample[]) => {
    const data = new ChartData();
    for (const one of samples) data.add(one);
    return data.panels();
  };

  it('have a panel for each unit, and lines named by what tells them apart', () => {
    const panels = of(
      sample('n1', 0, { user_percent: 1, load_1: 2, a_bytes: 3, a_kb: 1 }),
      sample('n1', 1, { user_percent: 1, load_1: 2, a_bytes: 3, a_kb: 1 }),
    );
    expect(panels.map(({ unit, curves }) => [unit.name, curves.map(({ name }) => name)])).to.deep.equal([
      ['%', ['user_percent']],
      ['', ['load_1']],
      ['B', ['a_bytes', 'a_kb']],
    ]);
    expect(panels[2]?.curves[1]?.points[0]?.avg).to.equal(1024);
    const names = ([panel]: ReturnType<typeof of>) => [
      panel?.heading,
      ...(panel?.curves ?? []).map(({ name }) => name),
    ];
    expect(names(of(sample('n1', 0, { x: 1 }), sample('n2', 0, { x: 1 })))).to.deep.equal(['x', 'n1', 'n2']);
    expect(names(of(sample('n1', 0, { x: 1, y: 1 }), sample('n2', 0, { x: 1 })))).to.deep.equal([
      '',
      'n1 x',
      'n1 y',
      'n2 x',
    ]);
  });

  it('fold more series than can be told apart into bands over nodes and instances', () => {
    const nodes = Array.from({ length: CURVES_MAX }, (_, i) => `n${i}`);
    const whole = of(...nodes.map((node, i) => sample(node, 0, { a_percent: i })));
    expect(whole[0]?.curves).to.have.length(CURVES_MAX);
    expect(whole[0]?.curves.every(({ folded }) => folded === undefined)).to.equal(true);
    const folded = of(
      ...nodes.map((node, i) => sample(node, 0, { 'sda.a_percent': i, load_1: 1 })),
      sample('n99', 0, { 'sdb.a_percent': 100 }),
    );
    expect(folded[0]?.curves).to.have.length(1);
    expect(folded[0]?.curves[0]).to.deep.include({ name: 'a_percent', folded: { nodes: 21, instances: 2 } });
    expect(folded[0]?.curves[0]?.points[0]).to.include({ min: 0, max: 100, avg: (190 + 100) / 21 });
    // Another unit is not folded because of it.
    expect(folded[1]?.curves).to.have.length(CURVES_MAX);
  });

  it('fold nodes that measure at moments of their own as if they did together', () => {
    const data = new ChartData();
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 40; i++) data.add(sample(`n${i}`, round * 10 + i / 4, { a_percent: i }));
    }
    const points = data.panels()[0]?.curves[0]?.points ?? [];
    expect(points.length).to.be.within(10, 20);
    for (const { min, max, avg } of points.slice(1, -1)) {
      expect([min, max]).to.deep.equal([0, 39]);
      expect(avg).to.be.within(17, 22);
    }
  });

  it('refuse more metrics and units than fit, naming some', () => {
    const many = Object.fromEntries(Array.from({ length: CURVES_MAX + 1 }, (_, i) => [`m${i}_percent`, i]));
    expect(() => of(sample('n1', 0, many)))
      .to.throw(CsmError, 'too many for one chart')
      .with.nested.property('problem.field', '--metric');
    const units = ['percent', 'bytes', 'bytes_per_second', 'celsius', 'watts', 'joules', 'volts', 'rpm', 'hours'].slice(
      0,
      PANELS_MAX + 1,
    );
    expect(() => of(sample('n1', 0, Object.fromEntries(units.map((u) => [`x_${u}`, 1]))))).to.throw(
      CsmError,
      `more than ${PANELS_MAX} units`,
    );
  });
});

describe('scales', () => {
  const ticks = (min: number, max: number, isBinary = false) => valueScale(min, max, 6, isBinary).ticks;

  it('have marks where a person would put them', () => {
    expect(ticks(0, 100)).to.deep.equal([0, 20, 40, 60, 80, 100]);
    expect(ticks(3, 97)).to.deep.equal([0, 20, 40, 60, 80, 100]);
    expect(ticks(40, 43)).to.deep.equal([40, 40.5, 41, 41.5, 42, 42.5, 43]);
    expect(ticks(0, 0)).to.deep.equal([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks(0.1, 0.3)).to.deep.equal([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
    expect(ticks(-5, 5)).to.deep.equal([-6, -4, -2, 0, 2, 4, 6]);
    expect(ticks(0, 5 * 1024 ** 3, true).map((t) => t / 1024 ** 3)).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });

  it('hold what they are made for, in a bounded number of steps', () => {
    const value = fc.double({ min: -1e290, max: 1e290, noNaN: true });
    fc.assert(
      fc.property(value, value, fc.boolean(), (a, b, isBinary) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)];
        const scale = valueScale(min, max, 6, isBinary);
        const slack = Math.max(Math.abs(min), Math.abs(max)) * 1e-9;
        expect(scale.from).to.be.at.most(min + slack);
        expect(scale.to).to.be.at.least(max - slack);
        expect(scale.to).to.be.greaterThan(scale.from);
        expect(scale.ticks.length).to.be.within(2, 9);
      }),
      { numRuns: 1000 },
    );
  });

  it('tell times as a person does', () => {
    const labels = (from: string, to: string) =>
      timeTicks(Date.parse(from), Date.parse(to), 9).map(({ label }) => label);
    expect(labels('2026-10-17T09:02:00Z', '2026-10-17T10:01:00Z')).to.deep.equal([
      '09:10',
      '09:20',
      '09:30',
      '09:40',
      '09:50',
      '10:00',
    ]);
    expect(labels('2026-10-17T20:00:00Z', '2026-10-18T04:00:00Z')).to.include.members(['23:00', 'Oct 18', '01:00']);
    expect(labels('2026-10-01T00:00:00Z', '2026-10-08T00:00:00Z')).to.deep.equal([
      'Oct 1',
      'Oct 2',
      'Oct 3',
      'Oct 4',
      'Oct 5',
      'Oct 6',
      'Oct 7',
      'Oct 8',
    ]);
    expect(labels('2026-10-17T09:00:00.000Z', '2026-10-17T09:00:00.002Z')[1]).to.equal('09:00:00.001');
    expect(labels('2026-10-17T09:00:00Z', '2026-10-17T09:00:20Z')[1]).to.equal('09:00:05');
  });

  it('have few times, within their span, rising', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2e14 }), fc.integer({ min: 0, max: 2e14 }), (from, span) => {
        const all = timeTicks(from, from + span, 9);
        expect(all.length).to.be.at.most(10);
        for (const [i, { time, label }] of all.entries()) {
          expect(time).to.be.within(from, from + span);
          expect(label).not.to.equal('');
          if (i > 0) expect(time).to.be.greaterThan(all[i - 1]?.time ?? 0);
        }
      }),
    );
  });
});
