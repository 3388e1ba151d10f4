import { wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Incident, Restored } from '../src/types.ts';
import { Driver, thresholds, WALL } from './tracker-driver.ts';

const S = 1000;

/** 64 nodes of a cabinet: 2 chassis, 8 slots, 4 nodes. */
const cabinet = (x: number): string[] =>
  [0, 1].flatMap((c) => [0, 1, 2, 3, 4, 5, 6, 7].flatMap((s) => [0, 1, 2, 3].map((n) => `x${x}c${c}s${s}b0n${n}`)));
const chassis = (x: number, c: number): string[] => cabinet(x).filter((name) => name.startsWith(`x${x}c${c}`));
const ROOM = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap(cabinet);

/** A room of ten cabinets in which everything beats each second, but for those that fell silent. */
class Room extends Driver {
  readonly silent = new Set<string>();

  constructor(names: readonly string[] = ROOM) {
    super({ thresholds: thresholds(5, 15) });
    this.#names = names;
    this.beats(names);
    this.run(3);
    this.changes.length = 0;
  }
  readonly #names: readonly string[];

  run(seconds: number): this {
    for (let i = 0; i < seconds; i++) this.pass(1 * S).beats(this.#names.filter((name) => !this.silent.has(name)));
    return this;
  }

  hush(names: Iterable<string>): this {
    for (const name of names) this.silent.add(name);
    return this;
  }

  wake(names: Iterable<string>): this {
    for (const name of names) this.silent.delete(name);
    return this;
  }

  get summary(): string[] {
    return this.incidents.map(
      ({ scope, kind, count, ended }) => `${scope} ${kind} ${count}${ended === null ? '' : ' over'}`,
    );
  }
}

describe('incidents', () => {
  it('one cabinet is one incident, from the first warning to the last return', () => {
    const room = new Room().hush(cabinet(3)).run(30);
    expect(room.summary).deep.equals(['x3 warning 64', 'x3 dead 64']);
    const [first, second] = room.incidents as [Incident, Incident];
    expect(second.id).equals(first.id);
    expect(first).deep.include({
      components: 'x3c[0-1]s[0-7]b0n[0-3]',
      began: WALL + 8 * S,
      ended: null,
      words: '64 components turned late at once in x3',
    });
    expect(second.words).equals('64 components turned late, and then dead, at once in x3');
    const down = room.changes.filter(({ kind }) => kind === 'warning' || kind === 'dead');
    expect(down).lengthOf(128);
    expect(down.filter(({ incident }) => incident !== first.id).map(({ name }) => name)).deep.equals([]);

    room.wake(cabinet(3).slice(0, 57)).run(3);
    expect(room.incidents, 'seven are missing still').lengthOf(2);
    room.wake(cabinet(3).slice(57, 58)).run(3);
    expect(room.summary.at(-1)).equals('x3 dead 64 over');
    expect(room.incidents.at(-1)).deep.include({
      id: first.id,
      ended: WALL + 37 * S,
      words: '58 of 64 components that turned late at once in x3 are so no more',
    });
    room.run(30).wake(cabinet(3)).run(3);
    expect(room.incidents).lengthOf(3);
    const started = room.changes.filter(({ kind }) => kind === 'started');
    expect(started).lengthOf(64);
    expect(started.filter(({ incident }) => incident === first.id)).lengthOf(58);
  });

  it('one chassis is not its cabinet', () => {
    expect(new Room().hush(chassis(3, 1)).run(9).summary).deep.equals(['x3c1 warning 32']);
  });

  it('a part of a chassis is, from a fifth of it', () => {
    expect(new Room().hush(chassis(3, 1).slice(0, 9)).run(20).summary).deep.equals([]);
    expect(new Room().hush(chassis(3, 1).slice(0, 10)).run(9).summary).deep.equals(['x3c1 warning 10']);
  });

  it('a few of each cabinet are none', () => {
    const few = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((x) => cabinet(x).slice(0, 9));
    expect(new Room().hush(few).run(30).summary).deep.equals([]);
  });

  it('a fifth of everything is, wherever it stands', () => {
    const fifth = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((x) => cabinet(x).filter((_, i) => i % 5 === 0));
    expect(fifth).lengthOf(130);
    expect(new Room().hush(fifth).run(9).summary).deep.equals(['all warning 128', 'all warning 130']);
  });

  it('two cabinets at once are one incident, too', () => {
    expect(new Room().hush(cabinet(3)).hush(chassis(7, 0)).run(9).summary).deep.equals(['x3,x7c0 warning 96']);
  });

  it('everything is told at once, and has grown a moment later', () => {
    const room = new Room().hush(ROOM);
    room.to(8 * S + 10);
    expect(room.summary).deep.equals(['all warning 128']);
    room.run(20);
    expect(room.summary).deep.equals(['all warning 128', 'all warning 640', 'all dead 640']);
    expect(new Set(room.incidents.map(({ id }) => id)).size).equals(1);
    const { id } = room.incidents[0] as Incident;
    expect(room.changes.every(({ incident }) => incident === id)).equals(true);
    room.wake(ROOM).run(1);
    expect(room.summary.at(-1)).equals('all dead 640 over');
  });

  it('the only cabinet there is, is everything', () => {
    expect(new Room(cabinet(3)).hush(cabinet(3)).run(9).summary[0]).equals('all warning 13');
  });

  it('those that fall silent one after another are none', () => {
    const room = new Room();
    for (const name of cabinet(3)) room.hush([name]).run(1);
    expect(room.run(20).summary).deep.equals([]);
  });

  it('those that follow within a moment are part of it, later ones of another', () => {
    const room = new Room().hush(chassis(3, 0)).run(1).hush(chassis(5, 1)).run(9);
    expect(room.summary).deep.equals(['x3c0 warning 32', 'x3c0,x5c1 warning 64']);
    room.hush(cabinet(8)).run(8);
    expect(room.summary.slice(2)).deep.equals(['x3c0,x5c1 dead 64', 'x8 warning 64']);
    expect(new Set(room.incidents.map(({ id }) => id)).size).equals(2);
  });

  it('the same cabinet fails a second time', () => {
    const room = new Room().hush(cabinet(3)).run(9).wake(cabinet(3)).run(5).hush(cabinet(3)).run(9);
    expect(room.summary).deep.equals(['x3 warning 64', 'x3 warning 64 over', 'x3 warning 64']);
    const [first, , third] = room.incidents as [Incident, Incident, Incident];
    expect(third.id).not.equals(first.id);
    expect(third.began).above(first.began);
  });

  it('what is over takes nobody in, however soon', () => {
    const d = new Driver({ thresholds: thresholds(5, 15) });
    const [some, others] = [chassis(3, 0), chassis(3, 1)];
    d.beats(some)
      .pass(1 * S)
      .beats(others);
    d.to(4 * S)
      .beats(cabinet(8))
      .beats(cabinet(9));
    d.to(5300).beats(some);
    d.to(8 * S);
    expect(d.incidents.map(({ scope, count, ended }) => [scope, count, ended === null])).deep.equals([
      ['x3c0', 32, false],
      ['x3c1', 32, true],
    ]);
    expect(d.incidents[1]?.id).not.equals(d.incidents[0]?.id);
  });

  it('those that are back do not make one of those that are not', () => {
    const d = new Driver({ thresholds: thresholds(5, 15) });
    const nine = chassis(3, 0).slice(0, 9);
    d.beats(nine).pass(500).beats(chassis(3, 1).slice(0, 9));
    d.to(4 * S)
      .beats(cabinet(8))
      .beats(cabinet(9));
    // 18 of the same cabinet turn within a moment, but never as many as ten are late.
    d.to(5200).beats(nine);
    d.to(8 * S);
    expect(d.changes.filter(({ kind }) => kind === 'warning')).lengthOf(18);
    expect(d.incidents).deep.equals([]);
  });

  it('those that are back are no part of one', () => {
    const d = new Driver({ thresholds: thresholds(5, 15) });
    const [some, others] = [chassis(3, 0).slice(0, 5), chassis(3, 0).slice(5, 16)];
    d.beats(some).pass(500).beats(others);
    d.to(4 * S)
      .beats(cabinet(8))
      .beats(chassis(3, 1));
    d.to(5200).beats(some);
    d.to(8 * S);
    expect(d.incidents.map(({ scope, count }) => [scope, count])).deep.equals([['x3c0', 11]]);
    expect(d.changes.filter(({ incident }) => incident !== null)).lengthOf(11);
  });

  it('one that falls silent twice within a moment counts from the second time', () => {
    const d = new Driver({ thresholds: thresholds(1, 15) });
    const nine = chassis(3, 0).slice(0, 9);
    d.beats(nine).to(1500).beats(nine);
    d.to(2200).beats(['x3c0s7b0n3']);
    d.to(3100);
    expect(d.changes.filter(({ kind }) => kind === 'warning')).lengthOf(18);
    d.to(5 * S);
    expect(d.incidents.map(({ count }) => count)).deep.equals([10]);
  });

  it('the switched off, the leaving and the forgotten are not missed', () => {
    const room = new Room().hush(cabinet(3)).run(9);
    for (const [i, name] of cabinet(3).entries()) {
      if (i % 3 === 0) room.act((tracker, now) => tracker.power(name, 'off', now));
      else if (i % 3 === 1) room.act((tracker, now) => tracker.forget(name, now));
      else room.beat(name, 'going away');
    }
    expect(room.summary).deep.equals(['x3 warning 64', 'x3 warning 64 over']);
    expect(room.run(30).changes.filter(({ kind }) => kind === 'dead')).deep.equals([]);
  });

  it('nodes of the cluster that are lost at once are one', () => {
    const d = new Driver();
    const nodes = Array.from({ length: 40 }, (_, i) => `n${i}`);
    d.act((tracker, now) => {
      for (const node of nodes) tracker.verdict(node, 'up', now);
    });
    d.act((tracker, now) => {
      for (const node of nodes) tracker.verdict(node, 'lost', now);
    });
    d.pass(10 * S);
    expect(d.incidents.map(({ scope, kind, components }) => [scope, kind, components])).deep.equals([
      ['all', 'dead', 'n[0-9]'],
      ['all', 'dead', 'n[0-39]'],
    ]);
  });

  it('a restart is one of its own, and counts for no other', () => {
    const d = new Driver();
    const rows = ROOM.map(
      (name): Restored => ({
        name,
        source: 'beat',
        life: 'beating',
        since: wall(WALL - 3600 * S),
        lastBeat: wall(WALL - 60 * S),
        timestamp: '',
        status: 'OK',
        gap: false,
      }),
    );
    d.act((tracker, now) => tracker.restore(rows, 45 * S, now));
    expect(d.incidents.map(({ kind, count }) => [kind, count])).deep.equals([['blind', 640]]);
    expect(new Set(d.changes.map(({ incident }) => incident))).deep.equals(new Set([d.incidents[0]?.id]));
    d.to(33 * S);
    expect(d.incidents.map(({ scope, kind }) => `${scope} ${kind}`)).deep.equals(['all blind', 'all dead', 'all dead']);
  });

  it('are bounded in what they name', () => {
    const d = new Driver({ thresholds: thresholds(5, 15) });
    d.beats(Array.from({ length: 6000 }, (_, i) => `x${i % 20}c0s${Math.floor(i / 20)}b0n0`));
    d.act((tracker, now) => tracker.verdict('n1', 'up', now));
    d.to(10 * S);
    expect(d.incidents.at(-1)).deep.include({ scope: 'all', count: 6000, components: 'x[0-19]' });
  });

  it('whatever happens, each that begins ends, and every change belongs to one that is told', () => {
    const NAMES = [...cabinet(1), ...cabinet(2).slice(0, 20), 'sms1', 'd0w1'];
    const step = fc.record({
      seconds: fc.nat(8),
      from: fc.nat(NAMES.length),
      count: fc.nat(40),
      what: fc.constantFrom('hush' as const, 'hush' as const, 'wake' as const, 'forget' as const, 'off' as const),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const room = new Room(NAMES);
        for (const { seconds, from, count, what } of steps) {
          const some = NAMES.slice(from, from + count);
          if (what === 'hush' || what === 'wake') room[what](some);
          else {
            for (const name of some) {
              room.act((tracker, now) =>
                what === 'forget' ? tracker.forget(name, now) : tracker.power(name, 'off', now),
              );
            }
          }
          room.run(seconds);
        }
        room.run(20).wake(NAMES).run(20);

        const byId = new Map<string, Incident[]>();
        for (const each of room.incidents) byId.set(each.id, [...(byId.get(each.id) ?? []), each]);
        for (const rows of byId.values()) {
          expect(rows.slice(0, -1).every(({ ended }) => ended === null)).equals(true);
          const last = rows.at(-1) as Incident;
          expect(last.ended).not.equals(null);
          expect(last.ended).at.least(last.began);
          expect(last.count).at.least(10);
          expect(rows.map(({ count }) => count)).deep.equals(rows.map(({ count }) => count).sort((a, b) => a - b));
        }
        for (const { incident } of room.changes) if (incident !== null) expect(byId.has(incident)).equals(true);
        expect(room.tracker.counts()).deep.include({ late: 0, dead: 0 });
      }),
      { numRuns: 60 },
    );
  }).timeout(240_000);
});
