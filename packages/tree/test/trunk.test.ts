import { expect } from 'chai';
import fc from 'fast-check';
import {
  initialTrunk,
  standingOf,
  stepTrunk,
  TERM_KEPT,
  type TrunkEffect,
  type TrunkEvent,
  trunkWakeAt,
} from '../src/trunk.ts';
import { at } from './support.ts';

/** A machine with its clock; what it says, in words. */
class Rig {
  readonly s = initialTrunk();
  ms = 0;

  up(link: number, term: number | 'standby' | 'untold'): string[] {
    const told = typeof term === 'number' ? { term } : {};
    return this.send({ kind: 'up', link, leader: term !== 'standby', ...told });
  }
  down(link: number): string[] {
    return this.send({ kind: 'down', link });
  }
  send(event: TrunkEvent): string[] {
    return stepTrunk(this.s, event, at(this.ms)).map(words);
  }
}

const words = (e: TrunkEffect): string => (e.kind === 'trunk' ? `trunk ${e.link ?? 'none'}` : `drop ${e.link}`);

describe('trunk', () => {
  it('the leader is the trunk, whoever comes first; a standby is kept beside it', () => {
    const rig = new Rig();
    expect(rig.up(1, 'standby')).to.deep.equal([]);
    expect(rig.up(2, 5)).to.deep.equal(['trunk 2']);
    expect(rig.up(3, 'standby')).to.deep.equal([]);
    expect([1, 2, 3, 4].map((link) => standingOf(rig.s, link))).to.deep.equal([
      'standby',
      'trunk',
      'standby',
      undefined,
    ]);
    expect(rig.down(2)).to.deep.equal(['trunk none']);
    expect(rig.down(1), 'the end of a standby changes nothing').to.deep.equal([]);
  });

  it('a new leader: the trunk changes before the old link is dropped', () => {
    const rig = new Rig();
    rig.up(1, 5);
    expect(rig.up(2, 6)).to.deep.equal(['trunk 2', 'drop 1']);
    expect(rig.down(1)).to.deep.equal([]);
    expect(rig.up(3, 5), 'the old one again').to.deep.equal([]);
    expect(standingOf(rig.s, 3)).to.equal('outdated');
    expect(trunkWakeAt(rig.s)).to.equal(undefined);
  });

  it('an outdated leader is not used while the newer one is away, but for ever it is not held against it', () => {
    const rig = new Rig();
    rig.up(1, 6);
    rig.up(2, 5);
    rig.ms = 1000;
    expect(rig.down(1)).to.deep.equal(['trunk none']);
    expect(rig.up(3, 5)).to.deep.equal([]);
    expect(trunkWakeAt(rig.s)).to.equal(1000 + TERM_KEPT);
    rig.ms = 1000 + TERM_KEPT - 1;
    expect(rig.send({ kind: 'tick' })).to.deep.equal([]);
    rig.ms++;
    expect(rig.send({ kind: 'tick' }), 'a database from a backup').to.deep.equal(['trunk 2']);
    expect(standingOf(rig.s, 3), 'of two alike one is enough').to.equal('outdated');
    expect(rig.up(4, 6)).to.deep.equal(['trunk 4', 'drop 2']);
  });

  it('the newer one back in time: nothing else was the trunk', () => {
    const rig = new Rig();
    rig.up(1, 5);
    rig.up(2, 6);
    rig.down(2);
    expect(rig.up(3, 6)).to.deep.equal(['trunk 3']);
    expect(trunkWakeAt(rig.s), 'nothing is to be forgotten').to.equal(undefined);
  });

  it('a leader that tells no term is used as long as nobody tells one', () => {
    const rig = new Rig();
    expect(rig.up(1, 'untold')).to.deep.equal(['trunk 1']);
    expect(rig.up(2, 'untold'), 'two alike: the trunk stays').to.deep.equal([]);
    expect(rig.up(3, 1)).to.deep.equal(['trunk 3', 'drop 1']);
    rig.down(1);
    expect(standingOf(rig.s, 2)).to.equal('outdated');
    expect(rig.down(3)).to.deep.equal(['trunk none']);
    rig.ms = TERM_KEPT;
    expect(rig.send({ kind: 'tick' }), 'the master was set back to an older version').to.deep.equal(['trunk 2']);
  });

  it('whatever comes: the trunk leads under the highest term seen, and nothing else is dropped', () => {
    const link = fc.integer({ min: 1, max: 4 });
    const step = fc.oneof(
      fc.record({ what: fc.constant('up' as const), link, term: fc.option(fc.integer({ min: 0, max: 5 })) }),
      fc.record({ what: fc.constant('down' as const), link }),
      fc.record({ what: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 2 * TERM_KEPT }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const s = initialTrunk();
        let ms = 0;
        for (const e of steps) {
          const before = s.trunk;
          let effects: TrunkEffect[] = [];
          if (e.what === 'up' && !s.links.has(e.link)) {
            const { link: id, term } = e;
            effects = stepTrunk(s, { kind: 'up', link: id, leader: term !== null, term: term ?? undefined }, at(ms));
          } else if (e.what === 'down') effects = stepTrunk(s, { kind: 'down', link: e.link }, at(ms));
          else if (e.what === 'wait') {
            ms += e.ms;
            effects = stepTrunk(s, { kind: 'tick' }, at(ms));
            expect(trunkWakeAt(s) ?? Number.POSITIVE_INFINITY, 'the timer never stands still').to.be.above(ms);
          }
          const told = effects.filter((f) => f.kind === 'trunk');
          expect(told.length, 'it is told once, when it changes').to.equal(before === s.trunk ? 0 : 1);
          for (const f of effects) if (f.kind === 'drop') expect(f.link).to.equal(before);
          const terms = [...s.links.values()].map(({ term }) => term ?? -1);
          if (s.trunk !== undefined) {
            expect(s.links.get(s.trunk)?.term)
              .to.equal(Math.max(...terms))
              .and.to.equal(s.seen);
          } else
            expect(s.seenUntil !== undefined || Math.max(-1, ...terms) === -1, 'a leader is left out').to.equal(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
