/**
 * The tracker against a model that looks at every component at each millisecond. What the model tells, the tracker tells,
 * in the same order for each component, never before its time, and no later than it asks to be woken.
 */
import { compareNames } from '@csm/nodeset';
import { expect } from 'chai';
import fc from 'fast-check';
import { GRAIN_MS } from '../src/tracker/index.ts';
import type { ChangeKind, Life, Limits, Source, Thresholds } from '../src/types.ts';
import { Driver } from './tracker-driver.ts';

/** All that happens from outside happens at multiples of this. */
const STEP = 400;

/**
 * Thresholds: a little more than a multiple of the step, so that a deadline never falls on a beat or just before one,
 * where it would be chance which of them comes first; a little different, so that several come up within one grain.
 */
const limits = fc
  .tuple(fc.integer({ min: 3, max: 8 }), fc.integer({ min: 1, max: 10 }), fc.nat(20), fc.nat(20))
  .map(([warn, more, a, b]): Limits => ({ warnMs: warn * STEP + 100 + a, errMs: (warn + more) * STEP + 100 + b }));

const NAMES = ['x0', 'x1c0', 'x10c0s0b0n0', 'x2c0s0b0', 'n1'] as const;
type Name = (typeof NAMES)[number];
const name = fc.constantFrom<Name>(...NAMES);
const beating = fc.constantFrom<Name>('x0', 'x1c0', 'x10c0s0b0n0', 'x2c0s0b0');

const thresholds: fc.Arbitrary<Thresholds> = fc.tuple(limits, limits, limits).map(([global, ofType, ofGroup]) => ({
  global,
  special: [
    { type: 'Node', ...ofType },
    { group: 'some', components: 'x[0-1],x1c0', ...ofGroup },
  ],
}));

const event = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant('beat' as const),
      name: beating,
      status: fc.oneof(
        { weight: 10, arbitrary: fc.constant('OK') },
        { weight: 2, arbitrary: fc.constantFrom('fine', 'going away', 'halting', 'Kernel Oops', 'kernel oops: 1') },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('verdict' as const),
      name: fc.constantFrom<Name>('n1', 'x0'),
      what: fc.constantFrom('up' as const, 'lost' as const, 'restarted' as const, 'bye' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('power' as const),
      name,
      state: fc.constantFrom('on' as const, 'off' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('thresholds' as const), thresholds }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('step' as const), ms: fc.integer({ min: -1e9, max: 1e9 }) }) },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** Events, and how many steps pass before the next one. */
const story = fc.array(
  fc.record({ steps: fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(20) }), event }),
  { minLength: 1, maxLength: 60 },
);

interface One {
  source: Source;
  life: Life;
  /** When its silence began. */
  from: number;
  limits: Limits;
}

/** The rules as one would tell them, with a look at everything at each millisecond. */
class Model {
  readonly all = new Map<string, One>();
  readonly told: { readonly name: string; readonly kind: ChangeKind; readonly ms: number }[] = [];
  thresholds: Thresholds;
  isHeld = false;

  constructor(given: Thresholds) {
    this.thresholds = given;
  }

  look(ms: number): void {
    for (const [key, one] of this.all) {
      if (one.source === 'csm') continue;
      if (one.life === 'beating' && ms - one.from >= one.limits.warnMs) this.#tell(key, one, 'late', 'warning', ms);
      if (one.life === 'late' && ms - one.from >= one.limits.errMs && !this.isHeld) {
        this.#tell(key, one, 'dead', 'dead', ms);
      }
    }
  }

  happen(it: Event, ms: number): void {
    switch (it.kind) {
      case 'beat':
        this.#beat(it.name, it.status, ms);
        break;
      case 'verdict':
        this.#verdict(it.name, it.what, ms);
        break;
      case 'power': {
        const one = this.all.get(it.name);
        if (one !== undefined && it.state === 'off') one.life = 'off';
        else if (one?.life === 'off') one.life = 'left';
        break;
      }
      case 'forget':
        this.all.delete(it.name);
        break;
      case 'thresholds':
        this.thresholds = it.thresholds;
        for (const [key, one] of this.all) one.limits = this.#limitsOf(key);
        break;
      case 'hold':
        if (this.isHeld && !it.on) for (const one of this.all.values()) one.from = ms;
        this.isHeld = it.on;
        break;
      case 'step':
        break;
      default:
        it satisfies never;
    }
  }

  #beat(key: string, status: string, ms: number): void {
    const isLeaving = status === 'going away' || status === 'halting';
    if (isLeaving && !this.all.has(key)) return;
    const one = this.#one(key, 'beat');
    one.source = 'beat';
    one.from = ms;
    if (isLeaving) {
      if (one.life !== 'off' && one.life !== 'left') this.#tell(key, one, 'left', 'left', ms);
    } else if (status.toLowerCase().startsWith('kernel oops')) {
      if (one.life !== 'halted') this.#tell(key, one, 'halted', 'halted', ms);
    } else if (one.life === 'late') {
      this.#tell(key, one, 'beating', 'restarted', ms);
    } else if (one.life !== 'beating') {
      this.#tell(key, one, 'beating', 'started', ms);
    }
  }

  #verdict(key: string, what: 'up' | 'lost' | 'restarted' | 'bye', ms: number): void {
    if (!this.all.has(key) && (what === 'lost' || what === 'bye')) return;
    const one = this.#one(key, 'csm');
    if (one.source === 'beat') return;
    const { life } = one;
    if (what === 'lost' && life === 'beating') this.#tell(key, one, 'dead', 'dead', ms);
    else if (what === 'bye' && life !== 'left' && life !== 'off') this.#tell(key, one, 'left', 'left', ms);
    else if (what === 'restarted' && life === 'beating') this.#tell(key, one, 'beating', 'restarted', ms);
    else if ((what === 'up' || what === 'restarted') && life !== 'beating')
      this.#tell(key, one, 'beating', 'started', ms);
  }

  #one(key: string, source: Source): One {
    const one = this.all.get(key) ?? { source, life: 'left', from: 0, limits: this.#limitsOf(key) };
    this.all.set(key, one);
    return one;
  }

  #limitsOf(key: string): Limits {
    const [ofType, ofGroup] = this.thresholds.special;
    const found = ['x0', 'x1c0'].includes(key) ? ofGroup : key === 'x10c0s0b0n0' ? ofType : this.thresholds.global;
    const { warnMs, errMs } = found as Limits;
    return { warnMs, errMs };
  }

  #tell(key: string, one: One, life: Life, kind: ChangeKind, ms: number): void {
    one.life = life;
    this.told.push({ name: key, kind, ms });
  }
}

function happen(d: Driver, it: Event): void {
  switch (it.kind) {
    case 'beat':
      expect(d.tracker.beat(it.name, 'then', it.status, d.now)).equals('taken');
      break;
    case 'verdict':
      d.tracker.verdict(it.name, it.what, d.now);
      break;
    case 'power':
      d.tracker.power(it.name, it.state, d.now);
      break;
    case 'forget':
      d.tracker.forget(it.name, d.now);
      break;
    case 'thresholds':
      d.tracker.setThresholds(it.thresholds, d.now);
      break;
    case 'hold':
      d.tracker.hold(it.on, d.now);
      break;
    case 'step':
      d.wallShift += it.ms;
      break;
    default:
      it satisfies never;
  }
}

describe('the tracker agrees with a look at everything', () => {
  it('whatever happens, with any slices', () => {
    fc.assert(
      fc.property(thresholds, story, fc.integer({ min: 1, max: 4 }), (given, events, slice) => {
        const d = new Driver({ thresholds: given });
        d.slice = slice;
        const model = new Model(given);
        let ms = 0;
        const until = (to: number) => {
          for (; ms < to; ms++) model.look(ms);
          d.to(to);
        };
        for (const { steps, event: it } of events) {
          until(ms + steps * STEP);
          model.look(ms);
          model.happen(it, ms);
          model.look(ms);
          happen(d, it);
          d.nudge();
          compare(d, model);
        }
        until(ms + 20 * STEP);
        compare(d, model);
      }),
      { numRuns: 300 },
    );
  }).timeout(240_000);
});

function compare(d: Driver, model: Model): void {
  for (const key of NAMES) {
    const expected = model.told.filter((told) => told.name === key);
    const got = d.changes.filter((told) => told.name === key);
    const said = (list: readonly { readonly kind: ChangeKind; readonly ms: number }[]) =>
      list.map(({ kind, ms }) => `${kind} ${ms}`).join(', ');
    expect(
      got.map(({ kind }) => kind),
      `${key}: ${said(expected)}; got ${said(got)}`,
    ).deep.equals(expected.map(({ kind }) => kind));
    for (const [i, { ms, kind }] of got.entries()) {
      const due = expected[i]?.ms ?? Number.NaN;
      expect(ms, `${key} ${kind}`).within(due, due + GRAIN_MS);
    }
    const one = model.all.get(key);
    const found = d.tracker.find(key);
    expect(found?.life, key).equals(one?.life);
    expect(found?.warnMs).equals(one?.limits.warnMs);
    const isAlive =
      one !== undefined &&
      (one.source === 'csm'
        ? one.life === 'beating'
        : (one.life === 'beating' || one.life === 'late') && d.ms - one.from < one.limits.errMs);
    expect(d.tracker.isHeartbeating(key, d.now), `${key} heartbeating`).equals(isAlive);
  }
  const lives = [...model.all.values()].map(({ life }) => life);
  for (const [life, count] of Object.entries(d.tracker.counts())) {
    expect(count, life).equals(lives.filter((each) => each === life).length);
  }
  expect(d.tracker.list({}, undefined, 100).map((each) => each.name)).deep.equals(
    [...model.all.keys()].sort(compareNames),
  );
}
