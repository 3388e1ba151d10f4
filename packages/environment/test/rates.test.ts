import { expect } from 'chai';
import fc from 'fast-check';
import { METRIC_ROWS, METRICS, type Metric } from '../src/collect/metrics.ts';
import { type Reckoned, rounded, toValues } from '../src/collect/rates.ts';
import { Absent, instanceName, Reading } from '../src/collect/reading.ts';
import { ITEMS } from '../src/items.ts';
import { readSample } from '../src/report.ts';

function readingOf(
  ...entries: readonly (readonly [
    metric: Metric,
    value: number,
    instance?: string | undefined,
    modulus?: number | undefined,
  ])[]
): Reading {
  const reading = new Reading();
  for (const [metric, value, instance, modulus] of entries)
    reading.add(metric, value, instance, modulus === undefined ? {} : { modulus });
  return reading;
}

const reckon = (old: Reading, now: Reading, seconds: number): Reckoned =>
  toValues(now, 1000 + seconds * 1000, { counters: old.counters, mono: 1000 });

/** Values of the second of two readings `seconds` apart. */
function between(old: Reading, now: Reading, seconds: number): Record<string, number> {
  return { ...reckon(old, now, seconds).values };
}

const { cpu, disk, memory, network, power } = METRICS;

describe('the table of metrics', () => {
  it('has names a report may hold, each once in its item', () => {
    for (const item of ITEMS) {
      const names = Object.values<Metric>(METRICS[item]).map(({ name, instance }) => `${instance ?? ''} ${name}`);
      expect(new Set(names).size, item).equals(names.length);
      for (const { name, instance } of Object.values<Metric>(METRICS[item])) {
        const values = { [instance === undefined ? name : `a0/1:b-c.${name}`]: 1 };
        readSample({ items: { [item]: values }, failed: {} });
      }
    }
  });

  it('documents every metric in words', () => {
    expect(new Set(METRIC_ROWS.map(({ item }) => item)).size).equals(ITEMS.length);
    for (const { about, unit, source } of METRIC_ROWS)
      expect([about, unit, source].every((text) => text !== '')).equals(true);
  });
});

describe('rates', () => {
  for (const [what, metric, before, now, seconds, modulus, value] of [
    ['bytes a second', network.receive_bytes_per_second, 1000, 3000, 2, undefined, 1000],
    ['a counter that stands still', network.receive_bytes_per_second, 7, 7, 2, undefined, 0],
    ['a counter set back', network.receive_bytes_per_second, 3_000_000_000, 5, 600, undefined, undefined],
    ['a wrap of 64 bits', network.receive_packets_per_second, 2 ** 64 - 4096, 4096, 1, undefined, 8192],
    ['sectors as bytes', disk.read_bytes_per_second, 0, 10, 1, undefined, 5120],
    ['busy milliseconds', disk.busy_percent, 1000, 1500, 1, undefined, 50],
    ['busy milliseconds through 32 bits', disk.busy_percent, 2 ** 32 - 100, 150, 1, undefined, 25],
    ['busy milliseconds set back', disk.busy_percent, 100_000, 0, 600, undefined, undefined],
    ['a little more than all of the time', disk.busy_percent, 0, 1004, 1, undefined, 100],
    ['a request of ten seconds that ended in this one', disk.busy_percent, 1000, 11_000, 1, undefined, 100],
    ['microseconds of stall', cpu.pressure_some_percent, 0, 123_456, 1, undefined, 12.3456],
    ['watts of microjoules', power.domain, 0, 100_000_000, 1, 262_143_328_850, 100],
    ['watts through the range', power.domain, 262_143_328_850 - 50_000_000, 50_000_000, 1, 262_143_328_850, 100],
    ['watts when the range may have passed twice', power.domain, 0, 1, 600, 262_143_328_850, undefined],
    ['a count since the round before', memory.oom_kills, 5, 8, 600, undefined, 3],
    ['a count set back', memory.oom_kills, 5, 0, 600, undefined, undefined],
    ['six digits', network.receive_bytes_per_second, 0, 1_234_567, 10, undefined, 123457],
  ] as const)
    it(`${what}: ${value ?? 'nothing'}`, () => {
      const old = readingOf([metric, before, undefined, modulus]);
      const values = between(old, readingOf([metric, now, undefined, modulus]), seconds);
      expect(values).deep.equals(value === undefined ? {} : { [metric.name]: value });
    });

  it('gives gauges alone at the first round, and of a thing that is new', () => {
    const now = readingOf([cpu.procs_running, 3], [network.receive_bytes_per_second, 9, 'eth0']);
    expect(toValues(now, 5, undefined).values).deep.equals({ procs_running: 3 });
    expect(between(new Reading(), now, 1)).deep.equals({ procs_running: 3 });
  });

  it('gives no rate over no time, or time that ran backwards', () => {
    const now = readingOf([network.receive_bytes_per_second, 9, 'eth0']);
    expect(between(now, now, 0)).deep.equals({});
    expect(between(now, now, -1)).deep.equals({});
  });

  it('does not believe a counter that grows faster than anything can, and the others still', () => {
    const of = (n: number): Reading =>
      readingOf([network.receive_bytes_per_second, n, 'eth0'], [network.receive_bytes_per_second, n / 1e6, 'eth1']);
    const { values, faults } = reckon(of(0), of(1e15), 1);
    expect(values).deep.equals({ 'eth1.receive_bytes_per_second': 1e9 });
    expect([...faults]).deep.equals([
      [
        'eth0.receive_bytes_per_second',
        'eth0.receive_bytes_per_second grew to 1000000000000000 bytes/s, at most 10000000000000 can be true',
      ],
    ]);
  });

  it('reckons a counter with a time of its own over that', () => {
    const of = (value: number, at: number): Reading => {
      const reading = new Reading();
      reading.add(power.domain, value, 'p', { at });
      return reading;
    };
    expect(between(of(0, 900), of(220_000_000, 3100), 2)).deep.equals({ 'p.watts': 100 });
    expect(between(of(0, 900), of(220_000_000, 900), 2)).deep.equals({});
  });

  it('shares nothing out when one part of the sum is not known', () => {
    const whole = readingOf([cpu.user_percent, 5], [cpu.idle_percent, 5]);
    const broken = readingOf([cpu.user_percent, 1e20], [cpu.idle_percent, 50], [cpu.procs_running, 1]);
    expect(between(whole, broken, 1)).deep.equals({ procs_running: 1 });
    expect(between(broken, readingOf([cpu.user_percent, 50], [cpu.idle_percent, 60]), 1)).deep.equals({});
  });

  it('shares out the processor time; a little step back of one state is none', () => {
    const of = (user: number, idle: number, iowait: number): Reading =>
      readingOf([cpu.user_percent, user], [cpu.idle_percent, idle], [cpu.iowait_percent, iowait]);
    const names = (values: Record<string, number>) => [
      values['user_percent'],
      values['idle_percent'],
      values['iowait_percent'],
    ];
    expect(names(between(of(0, 0, 0), of(25, 74, 1), 1))).deep.equals([25, 74, 1]);
    expect(names(between(of(0, 0, 10), of(25, 75, 8), 1))).deep.equals([25, 75, 0]);
    expect(between(of(5, 5, 5), of(5, 5, 5), 1)).deep.equals({});
    expect(between(of(100_000, 100_000, 0), of(10, 90, 0), 1)).deep.equals({});
  });

  it('is never negative, never more than can be true, and always a number a report may hold', () => {
    const metrics = ITEMS.flatMap((item) => Object.values<Metric>(METRICS[item])).filter((m) => m.kind !== 'gauge');
    const any = fc.oneof(fc.double({ min: 0, max: 2 ** 64, noNaN: true }), fc.nat());
    fc.assert(
      fc.property(
        fc.constantFrom(...metrics),
        any,
        any,
        fc.double({ min: 0.05, max: 86_400, noNaN: true }),
        (metric, a, b, seconds) => {
          const end = metric.modulus ?? 2 ** 64;
          const { values, faults } = reckon(readingOf([metric, a % end]), readingOf([metric, b % end]), seconds);
          for (const [name, why] of faults) {
            expect(why).matches(/can be true/);
            expect(values).not.property(name);
          }
          for (const value of Object.values(values)) expect(value).within(0, metric.max * 1.000001);
        },
      ),
    );
  });

  it('finds the growth again through any wrap', () => {
    const range = 262_143_328_850;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: range }), fc.integer({ min: 0, max: 100_000_000_000 }), (from, by) => {
        const values = between(
          readingOf([power.domain, from, 'p', range]),
          readingOf([power.domain, (from + by) % range, 'p', range]),
          60,
        );
        const watts = (by * 1e-6) / 60;
        expect(values['p.watts']).closeTo(watts, watts * 1e-5 + 1e-9);
      }),
    );
  });

  it('rounds to six digits and leaves whole numbers whole', () => {
    expect([0.1 + 0.2, 123456.789, 12345678901, -0, 1 / 3].map(rounded)).deep.equals([
      0.3, 123457, 12345678901, 0, 0.333333,
    ]);
  });
});

describe('a reading', () => {
  it('leaves out what is no number, and says why', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      const reading = readingOf([cpu.procs_running, value], [cpu.procs_blocked, 1]);
      expect([...reading.gauges]).deep.equals([['procs_blocked', 1]]);
      expect(reading.faults.get('procs_running')).equals(`procs_running is ${value}, 0 to 100000000 1 can be true`);
    }
  });

  it('without a value is absent, unless parts of it failed', () => {
    expect(() => new Reading().orAbsent('no disk')).throws(Absent, 'no disk');
    const reading = readingOf([cpu.procs_running, -1]);
    for (const part of ['b', 'c', 'd', 'e']) reading.fault(part, 'it hangs');
    expect(() => reading.orAbsent('no disk')).throws(
      Error,
      'procs_running is -1, 0 to 100000000 1 can be true; b: it hangs; c: it hangs; and 2 more',
    );
  });

  it('makes any text an instance a report may hold, and keeps long ones apart', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (text) => {
        readSample({ items: { network: { [`${instanceName(text)}.x`]: 1 } }, failed: {} });
      }),
    );
    const long = 'x'.repeat(100);
    expect(instanceName(`${long}1`)).not.equals(instanceName(`${long}2`));
  });
});
