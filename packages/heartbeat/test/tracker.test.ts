import { type Wall, wall } from '@csm/model';
import { expect } from 'chai';
import { flagOf, GRAIN_MS, Tracker } from '../src/tracker/index.ts';
import type { Tracked } from '../src/types.ts';
import { Driver, thresholds, WALL } from './tracker-driver.ts';

const S = 1000;
const NODE = 'x0c0s0b0n0';
const OTHER = 'x0c0s0b0n1';

const driver = () => new Driver({ thresholds: thresholds(10, 30) });

describe('the tracker: beats', () => {
  it('tells a start at once, and a second beat not', () => {
    const d = driver();
    expect(d.beat(NODE, 'OK', 'Jan 1, 0000')).equals('taken');
    d.pass(3 * S).beat(NODE, 'OK', 'Jan 1, 0001');
    expect(d.of(NODE)).deep.equals(['0 started']);
    expect(d.changes[0]).deep.include({
      name: NODE,
      source: 'beat',
      at: WALL,
      lastBeat: WALL,
      timestamp: 'Jan 1, 0000',
      status: 'OK',
      gap: false,
      incident: null,
    });
  });

  it('shows what is known of a component', () => {
    const d = driver();
    d.beat(NODE, 'OK', 'a');
    const found = d.tracker.find(NODE) as Tracked;
    expect(found.interval).equals(null);
    d.pass(3 * S).beat(NODE, 'fine', 'b');
    const expected = {
      name: NODE,
      source: 'beat',
      life: 'beating',
      since: WALL,
      lastBeat: WALL + 3 * S,
      interval: 3 * S,
      timestamp: 'b',
      status: 'fine',
      gap: false,
      warnMs: 10 * S,
      errMs: 30 * S,
    };
    expect(JSON.parse(JSON.stringify(found))).deep.equals(expected);
    for (const [key, value] of Object.entries(expected)) expect(found[key as keyof Tracked], key).equals(value);
  });

  it('takes beats out of order, doubled and from the past by their arrival', () => {
    const d = driver();
    d.beat(NODE, 'OK', '2026-01-01T00:00:09Z');
    d.pass(9 * S).beat(NODE, 'OK', '1970-01-01T00:00:00Z');
    d.beat(NODE, 'OK', '1970-01-01T00:00:00Z');
    d.pass(9 * S).beat(NODE, 'OK', '1970-01-01T00:00:00Z');
    d.to(28 * S - 1);
    expect(d.of(NODE)).deep.equals(['0 started']);
    d.to(28 * S);
    expect(d.of(NODE)).deep.equals(['0 started', '28000 warning']);
  });

  it('warns, declares dead, and starts again', () => {
    const d = driver();
    d.beat(NODE);
    d.to(100 * S).beat(NODE);
    d.to(112 * S).beat(NODE);
    d.to(115 * S);
    expect(d.of(NODE)).deep.equals([
      '0 started',
      '10000 warning',
      '30000 dead',
      '100000 started',
      '110000 warning',
      '112000 restarted',
    ]);
    expect(d.changes.find(({ kind }) => kind === 'dead')).deep.include({ lastBeat: WALL, at: WALL + 30 * S });
  });

  it('counts silence from the last beat, also where one came just before', () => {
    const d = driver();
    d.beat(NODE);
    d.pass(5).beat(NODE);
    d.pass(5).beat(NODE);
    d.to(10 * S + 9);
    expect(d.kinds(NODE)).deep.equals(['started']);
    d.to(10 * S + GRAIN_MS);
    expect(d.kinds(NODE)).deep.equals(['started', 'warning']);
  });

  it('has the next deadline of one that was late from its new beat', () => {
    // Its error time was to come up at 30 s; its warning time, after a beat at 12 s, comes before that.
    const d = driver();
    d.beat(NODE);
    d.to(12 * S).beat(NODE);
    d.to(60 * S);
    expect(d.of(NODE)).deep.equals(['0 started', '10000 warning', '12000 restarted', '22000 warning', '42000 dead']);
  });

  it('hears a kernel oops at once, and tells it once', () => {
    const d = driver();
    d.beat(NODE);
    d.pass(1 * S).beat(NODE, 'Kernel Oops: unable to handle page fault');
    d.pass(1 * S).beat(NODE, 'kernel oops');
    d.to(100 * S);
    expect(d.of(NODE)).deep.equals(['0 started', '1000 halted']);
    expect(d.tracker.isHeartbeating(NODE, d.now)).equals(false);
    d.beat(NODE);
    expect(d.of(NODE)).deep.equals(['0 started', '1000 halted', '100000 started']);
  });

  for (const status of ['going away', 'Halting ', 'GOING AWAY']) {
    it(`misses nobody who says ${JSON.stringify(status)}`, () => {
      const d = driver();
      d.beat(NODE);
      d.pass(1 * S).beat(NODE, status);
      d.pass(1 * S).beat(NODE, status);
      d.to(100 * S);
      expect(d.of(NODE)).deep.equals(['0 started', '1000 left']);
      expect(d.life(NODE)).equals('left');
      d.beat(NODE);
      expect(d.kinds(NODE)).deep.equals(['started', 'left', 'started']);
    });
  }

  it('lets a dead or halted one take its leave', () => {
    const d = driver();
    d.beats([NODE, OTHER]);
    d.beat(OTHER, 'kernel oops');
    d.to(40 * S);
    d.beat(NODE, 'halting');
    d.beat(OTHER, 'halting');
    expect(d.kinds(NODE)).deep.equals(['started', 'warning', 'dead', 'left']);
    expect(d.kinds(OTHER)).deep.equals(['started', 'halted', 'left']);
  });

  it('keeps nothing of a stranger who takes leave, and knows one who comes with an oops', () => {
    const d = driver();
    expect(d.beat(NODE, 'going away')).equals('taken');
    expect(d.tracker.find(NODE)).equals(undefined);
    d.beat(OTHER, 'kernel oops');
    expect(d.kinds(OTHER)).deep.equals(['halted']);
  });

  it('is full when it is told so, and takes those it knows', () => {
    const d = new Driver({ max: 2, thresholds: thresholds(10, 30) });
    expect([NODE, OTHER, 'x1'].map((name) => d.beat(name))).deep.equals(['taken', 'taken', 'full']);
    expect(d.tracker.size).equals(2);
    expect(d.tracker.find('x1')).equals(undefined);
    expect(d.tracker.waiting).deep.include({ arrivals: 2, changes: 0 });
    expect(d.beat(NODE)).equals('taken');
    d.tracker.forget(NODE, d.now);
    expect(d.beat('x1')).equals('taken');
    expect(d.beat(NODE)).equals('full');
  });

  it('does not mind steps of the wall clock', () => {
    const d = driver();
    d.beat(NODE);
    d.wallShift = 3600 * S;
    d.to(9 * S).beat(NODE);
    d.wallShift = -3600 * S;
    d.to(18 * S).beat(NODE);
    d.to(28 * S - 1);
    expect(d.of(NODE)).deep.equals(['0 started']);
    d.to(48 * S);
    expect(d.of(NODE)).deep.equals(['0 started', '28000 warning', '48000 dead']);
  });

  it('keeps no more of a text than there is room for, and nothing that no database takes', () => {
    const d = driver();
    d.beat(NODE, `up\0${'u'.repeat(5000)}`, `\uD800${'t'.repeat(5000)}`);
    const found = d.tracker.find(NODE);
    expect(found?.status).lengthOf(256);
    expect(found?.timestamp).lengthOf(256);
    expect(d.changes[0]?.status.startsWith('up\uFFFDu')).equals(true);
    expect(d.changes[0]?.timestamp.startsWith('\uFFFDt')).equals(true);
  });
});

describe('the tracker: the hot path', () => {
  it('takes beats of its own record, also of one that is forgotten', () => {
    const d = driver();
    d.beat(NODE);
    const record = d.tracker.find(NODE) as Tracked;
    d.pass(5 * S).act((tracker, now) => tracker.beatOf(record, 'b', 'OK', now));
    d.to(14 * S);
    expect(d.kinds(NODE)).deep.equals(['started']);
    d.act((tracker, now) => tracker.forget(NODE, now));
    // Its place is another's now.
    d.beat(OTHER, 'OK', 'other');
    expect([record.life, record.timestamp, record.interval]).deep.equals(['left', 'b', 5 * S]);
    d.act((tracker, now) => tracker.beatOf(record, 'c', 'OK', now));
    expect(d.kinds(NODE)).deep.equals(['started', 'started']);
    expect(d.tracker.find(NODE)?.timestamp).equals('c');
    expect(d.tracker.find(OTHER)?.timestamp).equals('other');
    expect(d.tracker.size).equals(2);
  });

  it('notes each arrival once, newest time, first come first taken', () => {
    const d = driver();
    d.beats([NODE, OTHER]);
    d.pass(1 * S).beats([NODE, 'x7', NODE]);
    expect(d.tracker.waiting.arrivals).equals(3);
    expect(d.tracker.takeArrivals(2)).deep.equals([
      { name: NODE, at: WALL + 1 * S },
      { name: OTHER, at: WALL },
    ]);
    d.pass(1 * S).beats([NODE]);
    expect(d.tracker.takeArrivals(10)).deep.equals([
      { name: 'x7', at: WALL + 1 * S },
      { name: NODE, at: WALL + 2 * S },
    ]);
    expect(d.tracker.takeArrivals(10)).deep.equals([]);
    d.beats([NODE]);
    d.act((tracker, now) => tracker.forget(NODE, now));
    expect(d.tracker.takeArrivals(10)).deep.equals([]);
    d.beats([NODE]);
    d.act((tracker, now) => tracker.forget(NODE, now));
    d.beats(['x8']);
    expect(d.tracker.takeArrivals(10), 'the slot of the forgotten is that of x8').deep.equals([
      { name: 'x8', at: WALL + 2 * S },
    ]);
  });
});

describe('the tracker: power and verdicts', () => {
  it('is silent about what is switched off', () => {
    const d = driver();
    d.beats([NODE, OTHER]);
    d.to(15 * S).act((tracker, now) => tracker.power(NODE, 'off', now));
    expect(d.life(NODE)).equals('off');
    d.to(100 * S);
    expect(d.kinds(NODE)).deep.equals(['started', 'warning']);
    expect(d.tracker.isHeartbeating(NODE, d.now)).equals(false);
    // On is not up: nobody knows how long it takes to boot.
    d.act((tracker, now) => tracker.power(NODE, 'on', now));
    d.to(1000 * S);
    expect(d.kinds(NODE)).deep.equals(['started', 'warning']);
    expect(d.life(NODE)).equals('left');
    d.beat(NODE);
    expect(d.kinds(NODE)).deep.equals(['started', 'warning', 'started']);
  });

  it('hears a beat of what is switched off, and no goodbye', () => {
    const d = driver();
    d.beat(NODE);
    d.act((tracker, now) => tracker.power(NODE, 'off', now));
    d.beat(NODE, 'going away');
    expect(d.life(NODE)).equals('off');
    d.beat(NODE);
    expect(d.kinds(NODE)).deep.equals(['started', 'started']);
  });

  it('knows of no power before it knows the component, and On changes nothing of one that is not off', () => {
    const d = driver();
    d.act((tracker, now) => tracker.power(NODE, 'off', now));
    expect(d.tracker.find(NODE)).equals(undefined);
    d.beat(NODE);
    d.to(12 * S).act((tracker, now) => tracker.power(NODE, 'on', now));
    expect(d.life(NODE)).equals('late');
  });

  it('takes verdicts on nodes of the cluster, without deadlines', () => {
    const d = driver();
    const verdict = (what: 'up' | 'lost' | 'restarted' | 'bye') =>
      d.pass(1 * S).act((tracker, now) => tracker.verdict('n001', what, now));
    verdict('lost');
    verdict('bye');
    expect(d.tracker.size, 'nobody misses who was never there').equals(0);
    for (const what of ['up', 'up', 'restarted', 'lost', 'lost', 'bye', 'lost', 'up', 'bye', 'restarted'] as const)
      verdict(what);
    expect(d.kinds('n001')).deep.equals(['started', 'restarted', 'dead', 'left', 'started', 'left', 'started']);
    d.pass(1000 * S);
    expect(d.life('n001')).equals('beating');
    expect(d.tracker.isHeartbeating('n001', d.now)).equals(true);
    expect(d.changes[0]).deep.include({ source: 'csm', lastBeat: null, timestamp: '', status: '' });
    expect(d.tracker.find('n001')?.lastBeat).equals(null);
    expect(d.tracker.waiting.arrivals).equals(0);
  });

  it('judges a node that beats by its beats', () => {
    const d = driver();
    d.act((tracker, now) => tracker.verdict(NODE, 'up', now));
    // Nothing was ever said of a Status, and nothing is said now.
    d.pass(1 * S).beat(NODE, '');
    d.act((tracker, now) => tracker.verdict(NODE, 'lost', now));
    d.to(12 * S);
    expect(d.of(NODE)).deep.equals(['0 started', '11000 warning']);
    expect(d.tracker.find(NODE)?.source).equals('beat');
    expect(d.tracker.takeArrivals(10)).deep.equals([{ name: NODE, at: WALL + 1 * S }]);
  });

  it('forgets, and has no alarm for the forgotten', () => {
    const d = driver();
    d.beats([NODE, OTHER]);
    expect(d.tracker.forget(NODE, d.now)).equals(true);
    expect(d.tracker.forget(NODE, d.now)).equals(false);
    d.to(100 * S);
    expect(d.kinds(NODE)).deep.equals(['started']);
    expect(d.tracker.list({}, undefined, 10).map(({ name }) => name)).deep.equals([OTHER]);
    expect(d.tracker.counts()).deep.equals({ beating: 0, late: 0, dead: 1, halted: 0, left: 0, off: 0 });
  });
});

describe('the tracker: lists', () => {
  const names = (found: readonly Tracked[]) => found.map(({ name }) => name);
  const some = () => {
    const d = driver();
    d.beats(['x10', 'x2', 'x1']);
    d.to(15 * S).beats(['x2', 'x30']);
    d.act((tracker, now) => tracker.verdict('n1', 'up', now));
    return d;
  };

  it('are in order of the names, in pages', () => {
    const { tracker } = some();
    expect(names(tracker.list({}, undefined, 100))).deep.equals(['n1', 'x1', 'x2', 'x10', 'x30']);
    expect(names(tracker.list({}, 'x2', 2))).deep.equals(['x10', 'x30']);
    expect(names(tracker.list({}, 'x3', 1))).deep.equals(['x10']);
    expect(tracker.list({}, 'x30', 10)).deep.equals([]);
    expect(tracker.list({}, undefined, 0)).deep.equals([]);
  });

  it('have who is asked for', () => {
    const { tracker } = some();
    const ask = (filter: Parameters<Tracker['list']>[0]) => names(tracker.list(filter, undefined, 100));
    const at = (ms: number): Wall => wall(WALL + ms);
    expect(ask({ lives: ['late'] })).deep.equals(['x1', 'x10']);
    expect(ask({ lives: [] })).deep.equals([]);
    expect(ask({ flags: ['Warning'] })).deep.equals(['x1', 'x10']);
    expect(ask({ flags: ['OK', 'Alert'] })).deep.equals(['n1', 'x2', 'x30']);
    expect(ask({ wants: (name) => name.endsWith('0') })).deep.equals(['x10', 'x30']);
    expect(ask({ seenSince: at(15 * S) })).deep.equals(['x2', 'x30']);
    expect(ask({ seenBefore: at(15 * S) })).deep.equals(['x1', 'x10']);
    expect(ask({ seenSince: at(0), seenBefore: at(0) })).deep.equals([]);
    expect(ask({ lives: ['beating'], wants: (name) => name !== 'x2' })).deep.equals(['n1', 'x30']);
  });

  it('bear the flags the state manager has', () => {
    const flags = (['beating', 'late', 'dead', 'halted', 'left', 'off'] as const).map(flagOf);
    expect(flags).deep.equals(['OK', 'Warning', 'Alert', 'Alert', 'OK', 'OK']);
  });
});

it('a tracker needs no options', () => {
  const tracker = new Tracker();
  expect(tracker.size).equals(0);
  expect(tracker.waiting).deep.equals({ changes: 0, arrivals: 0, incidents: 0 });
});
