import { expect } from 'chai';
import fc from 'fast-check';
import {
  initialTrunk,
  SESSIONS_KEPT,
  type Standing,
  standingOf,
  stepTrunk,
  type TrunkEffect,
  type TrunkEvent,
} from '../src/trunk.ts';

/** A machine; what it says, in words. Unless told otherwise each link has a session of its own. */
class Rig {
  readonly s = initialTrunk();

  up(link: number, term: number | 'standby' | 'untold', session: string = `of ${link}`): string[] {
    const told = typeof term === 'number' ? { term } : {};
    return this.send({ kind: 'up', link, session, leader: term !== 'standby', ...told });
  }
  down(link: number): string[] {
    return this.send({ kind: 'down', link });
  }
  send(event: TrunkEvent): string[] {
    return stepTrunk(this.s, event).map(words);
  }
  standing(link: number): Standing['kind'] | undefined {
    return standingOf(this.s, link)?.kind;
  }
}

const words = (e: TrunkEffect): string => (e.kind === 'trunk' ? `trunk ${e.link ?? 'none'}` : `drop ${e.link}`);

describe('trunk', () => {
  it('the leader is the trunk, whoever comes first; a standby is kept beside it', () => {
    const rig = new Rig();
    expect(rig.up(1, 'standby')).to.deep.equal([]);
    expect(rig.up(2, 5)).to.deep.equal(['trunk 2']);
    expect(rig.up(3, 'standby')).to.deep.equal([]);
    expect([1, 2, 3, 4].map((link) => rig.standing(link))).to.deep.equal(['standby', 'trunk', 'standby', undefined]);
    expect(rig.down(2)).to.deep.equal(['trunk none']);
    expect(rig.down(1), 'the end of a standby changes nothing').to.deep.equal([]);
  });

  it('a new leader: the trunk changes before the old link is dropped', () => {
    const rig = new Rig();
    rig.up(1, 5, 'a');
    const effects = stepTrunk(rig.s, { kind: 'up', link: 2, session: 'b', leader: true, term: 6 });
    expect(effects).to.deep.equal([
      { kind: 'trunk', link: 2 },
      { kind: 'drop', link: 1, reason: 'another master leads now, under term 6' },
    ]);
    expect(rig.down(1)).to.deep.equal([]);
    expect(rig.up(3, 5, 'a'), 'the old one again').to.deep.equal([]);
    expect(standingOf(rig.s, 3)).to.deep.equal({ kind: 'outdated', term: 5, by: 6 });
  });

  it('who led before a higher term is never gone back to, however long the newer one is away', () => {
    const rig = new Rig();
    rig.up(1, 5, 'a');
    rig.down(1);
    rig.up(2, 6, 'b');
    expect(rig.up(3, 5, 'a'), 'it was seen before, and was away when the newer one came').to.deep.equal([]);
    expect(rig.down(2)).to.deep.equal(['trunk none']);
    expect(rig.down(3)).to.deep.equal([]);
    expect(rig.up(4, 5, 'a')).to.deep.equal([]);
    expect(standingOf(rig.s, 4)).to.deep.equal({ kind: 'outdated', term: 5, by: 6 });
    expect(rig.up(5, 6, 'b'), 'the newer one is back').to.deep.equal(['trunk 5']);
    rig.down(5);
    expect(rig.up(6, 7, 'a again'), 'as a new leader it is another session').to.deep.equal(['trunk 6']);
  });

  it('a new session is taken at once, whatever its term: a database copied back, a master set back to 1.2', () => {
    for (const term of [3, 0, 'untold'] as const) {
      const rig = new Rig();
      rig.up(1, 6, 'before');
      expect(rig.down(1)).to.deep.equal(['trunk none']);
      expect(rig.up(2, term, 'after'), `${term}`).to.deep.equal(['trunk 2']);
      expect(rig.standing(2)).to.equal('trunk');
    }
  });

  it('a new session with a lower term waits while a higher one is linked, and no longer', () => {
    const rig = new Rig();
    rig.up(1, 6, 'b');
    expect(rig.up(2, 4, 'c')).to.deep.equal([]);
    expect(standingOf(rig.s, 2)).to.deep.equal({ kind: 'outdated', term: 4, by: 6 });
    expect(rig.down(1), 'silent for three intervals: it was dead all the time').to.deep.equal(['trunk 2']);
    expect(rig.up(3, 6, 'b'), 'it was not: now it is known who came first').to.deep.equal(['trunk 3', 'drop 2']);
    rig.down(2);
    rig.down(3);
    expect(rig.up(4, 4, 'c')).to.deep.equal([]);
    expect(rig.standing(4)).to.equal('outdated');
  });

  it('one that is outdated does not keep a new session waiting', () => {
    const rig = new Rig();
    rig.up(1, 5, 'a');
    rig.up(2, 6, 'b');
    rig.down(2);
    expect(rig.standing(1)).to.equal('outdated');
    expect(rig.up(3, 1, 'c')).to.deep.equal(['trunk 3']);
  });

  it('of two alike the trunk stays, and the other follows it', () => {
    const rig = new Rig();
    expect(rig.up(1, 'untold')).to.deep.equal(['trunk 1']);
    expect(rig.up(2, 'untold')).to.deep.equal([]);
    expect(rig.standing(2)).to.equal('outdated');
    expect(rig.down(1)).to.deep.equal(['trunk 2']);
    expect(rig.up(3, 1), 'a term counts more than none').to.deep.equal(['trunk 3', 'drop 2']);
  });

  it('remembers a bounded number of sessions, the newest', () => {
    const rig = new Rig();
    for (let i = 1; i <= 3 * SESSIONS_KEPT; i++) {
      rig.up(i, i);
      rig.down(i);
    }
    expect(rig.s.leaders.size).to.equal(SESSIONS_KEPT);
    const last = 3 * SESSIONS_KEPT;
    expect(rig.up(last + 1, last - 1, `of ${last - 1}`)).to.deep.equal([]);
    expect(rig.up(last + 2, last, `of ${last}`)).to.deep.equal([`trunk ${last + 2}`]);
  });

  it('whatever comes: the highest usable leader is the trunk, and nobody who was replaced is ever used', () => {
    const link = fc.integer({ min: 1, max: 4 });
    const session = fc.integer({ min: 1, max: 6 });
    const step = fc.oneof(
      fc.record({ what: fc.constant('up' as const), link, session, stands: fc.boolean() }),
      fc.record({ what: fc.constant('down' as const), link }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { minLength: 6, maxLength: 6 }),
        fc.array(step, { maxLength: 40 }),
        (terms, steps) => {
          const s = initialTrunk();
          const termOf = (of: number) => terms[of - 1] ?? 0;
          /** What the machine is to know, found in another way: from the whole story. */
          const linked = new Map<number, number>();
          const came: number[] = [];
          const done = new Set<number>();
          for (const e of steps) {
            const before = s.trunk;
            let effects: TrunkEffect[] = [];
            if (e.what === 'up' && !s.links.has(e.link)) {
              const { link: id, session: of, stands } = e;
              if (stands) linked.set(id, 0);
              else {
                linked.set(id, of);
                if (!done.has(of)) for (const old of came) if (termOf(old) < termOf(of)) done.add(old);
                came.push(of);
              }
              effects = stepTrunk(s, { kind: 'up', link: id, session: `${of}`, leader: !stands, term: termOf(of) });
            } else if (e.what === 'down') {
              linked.delete(e.link);
              effects = stepTrunk(s, { kind: 'down', link: e.link });
            }
            expect(effects.filter((f) => f.kind === 'trunk').length, 'told once, when it changes').to.equal(
              before === s.trunk ? 0 : 1,
            );
            for (const f of effects) if (f.kind === 'drop') expect(f.link).to.equal(before);
            const usable = [...linked.values()].filter((of) => of > 0 && !done.has(of)).map(termOf);
            if (s.trunk === undefined) expect(usable, 'a leader is left out').to.deep.equal([]);
            else {
              const of = linked.get(s.trunk) ?? 0;
              expect(done.has(of), 'it was replaced').to.equal(false);
              expect(termOf(of)).to.equal(Math.max(...usable));
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
