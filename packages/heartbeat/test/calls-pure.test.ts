/** What stands behind the calls without any service: thresholds as they are changed, and what becomes of a component. */
import { CsmError, type Problem, wall } from '@csm/model';
import { expect } from 'chai';
import { concernedBy } from '../src/folded.ts';
import { momentOf } from '../src/moment.ts';
import { limitsOf, outlookOf } from '../src/outlook.ts';
import { changedSpecial, type ThresholdsChange } from '../src/special.ts';
import type { Thresholds, Tracked } from '../src/types.ts';

function problem(work: () => unknown): Problem {
  try {
    work();
  } catch (error) {
    if (error instanceof CsmError) return error.problem;
    throw error;
  }
  throw new Error('it was not refused');
}

const BMC = { type: 'NodeBMC', warnMs: 120_000, errMs: 300_000 };
const NEW = { group: 'new', components: 'x9c[0-1]s0b0n0', warnMs: 600_000, errMs: 3_600_000 };
const SPECIAL: Thresholds['special'] = [NEW, BMC];

describe('thresholds that are changed', () => {
  it('are added behind the others, changed in their place, or removed', () => {
    expect(changedSpecial([], { type: 'nodebmc', warntime: 120, errtime: 300 })).to.deep.equal([BMC]);
    const group = { group: 'new', components: 'X09c0s0b0n0,x9c1s0b0n0', warntime: 600, errtime: 3600 };
    expect(changedSpecial([BMC], group)).to.deep.equal([BMC, NEW]);
    expect(changedSpecial(SPECIAL, { group: 'new', errtime: 700.5 })).to.deep.equal([{ ...NEW, errMs: 700_500 }, BMC]);
    expect(changedSpecial(SPECIAL, { group: 'new', components: 'x9c2s0b0n0' })).to.deep.equal([
      { ...NEW, components: 'x9c2s0b0n0' },
      BMC,
    ]);
    expect(changedSpecial(SPECIAL, { type: 'NodeBMC', remove: true })).to.deep.equal([NEW]);
    expect(SPECIAL, 'what was there is left alone').to.deep.equal([NEW, BMC]);
  });

  for (const [change, code, field, words] of [
    [{}, 8, 'type', /whose/],
    [{ type: 'Node', group: 'g' }, 9, 'group', /a type and a group/],
    [{ type: 'NodeBMX', warntime: 1, errtime: 2 }, 9, 'type', /did you mean 'NodeBMC'\?/],
    [{ type: 'Node' }, 8, 'warntime', /nothing of type Node/],
    [{ type: 'Node', warntime: 5 }, 8, 'errtime', /errtime of type Node is missing/],
    [{ type: 'Node', errtime: 5 }, 8, 'warntime', /warntime of type Node is missing/],
    [{ type: 'Node', warntime: 5, errtime: 5 }, 9, 'errtime', /late before it is dead/],
    [{ group: 'new', warntime: 3600 }, 9, 'warntime', /warntime is 3600/],
    [{ group: 'other', warntime: 5, errtime: 9 }, 8, 'components', /components of group other are missing/],
    [{ group: 'other', components: 'x1', warntime: 5, errtime: 9, remove: true }, 9, 'remove', /something else/],
    [{ group: 'other', components: ',', warntime: 5, errtime: 9 }, 9, 'components', /./],
    [{ type: 'Node', components: 'x1c0', warntime: 5, errtime: 9 }, 9, 'components', /without a group/],
    [{ group: 'other', remove: true }, 4, undefined, /there are no thresholds of group other/],
  ] as const satisfies readonly (readonly [ThresholdsChange, number, string | undefined, RegExp])[]) {
    it(`are refused: ${JSON.stringify(change)}`, () => {
      const found = problem(() => changedSpecial(SPECIAL, change));
      expect([found.code, found.field]).to.deep.equal([code, field]);
      expect(found.detail).to.match(words);
    });
  }

  it('are a hundred at most', () => {
    const full = Array.from({ length: 100 }, (_, i) => ({ ...NEW, group: `g${i}` }));
    expect(problem(() => changedSpecial(full, { type: 'Node', warntime: 1, errtime: 2 })).code).to.equal(9);
    expect(changedSpecial(full, { group: 'g7', errtime: 601 })).to.have.length(100);
  });
});

const NOW = wall(1_800_000_000_000);
const one: Tracked = {
  name: 'x9c0s0b0n0',
  source: 'beat',
  life: 'beating',
  since: wall(NOW - 60_000),
  lastBeat: wall(NOW - 3000),
  interval: 3000,
  timestamp: '',
  status: 'OK',
  gap: false,
  warnMs: 10_000,
  errMs: 30_000,
};

describe('what becomes of a component', () => {
  it('is told with its time, by state', () => {
    expect(outlookOf(one, NOW)).to.deep.equal({ text: 'it is late, unless it beats', at: NOW + 7000 });
    const late = { ...one, life: 'late', lastBeat: wall(NOW - 12_000), since: wall(NOW - 2000) } as const;
    expect(outlookOf(late, NOW).at).to.equal(NOW + 18_000);
    expect(outlookOf({ ...late, gap: true }, NOW).at, 'from the warning on').to.equal(NOW + 28_000);
    for (const life of ['dead', 'halted', 'left', 'off'] as const) {
      const { text, at } = outlookOf({ ...one, life }, NOW);
      expect([at, /beats/.test(text)], life).to.deep.equal([null, true]);
    }
    expect(outlookOf({ ...one, source: 'csm', life: 'dead' }, NOW).text).to.match(/links again/);
  });

  it('has no time that has passed: then it was put off', () => {
    const { text, at } = outlookOf({ ...one, lastBeat: wall(NOW - 20_000) }, NOW);
    expect(at).to.equal(null);
    expect(text).to.contain('the time it was given anew');
  });

  it('is reckoned with the thresholds of its group, its type, or all', () => {
    const thresholds = { global: { warnMs: 10_000, errMs: 30_000 }, special: SPECIAL };
    expect(limitsOf(one, thresholds)).to.equal('group:new');
    expect(limitsOf({ name: 'x0c0s0b0', source: 'beat' }, thresholds)).to.equal('type:NodeBMC');
    expect(limitsOf({ name: 'x0c0s0b0n0', source: 'beat' }, thresholds)).to.equal('global');
    expect(limitsOf({ name: 'n1', source: 'csm' }, thresholds)).to.equal('none');
  });
});

describe('an incident', () => {
  it('concerns whom it names, who stands in what it names, or all', () => {
    const named = concernedBy({ scope: 'x3c1', components: 'x3c1s[0-1]b0n0' });
    expect(['x3c1s1b0n0', 'x3c1s2b0n0'].map(named)).to.deep.equal([true, false]);
    const cabinets = concernedBy({ scope: 'x[3-4]', components: 'x[3-4]' });
    expect(['x3c1s2b0n0', 'x5c0s0b0n0', 'x4'].map(cabinets)).to.deep.equal([true, false, true]);
    expect(concernedBy({ scope: 'all', components: '' })('x0')).to.equal(true);
    expect(concernedBy({ scope: 'x3', components: '' })('x0')).to.equal(false);
  });
});

describe('a moment', () => {
  it('is ISO 8601, in UTC where it names no zone', () => {
    expect(momentOf('2026-01-31', 'since')).to.equal(Date.parse('2026-01-31T00:00:00Z'));
    expect(momentOf('2026-01-31T08:00', 'since')).to.equal(Date.parse('2026-01-31T08:00:00Z'));
    expect(momentOf('2026-01-31T08:00:00+01:00', 'since')).to.equal(Date.parse('2026-01-31T07:00:00Z'));
    for (const text of ['', 'now', '2026-02-30', '2026-01-31T25:00Z', '1969-01-01', '20260131'])
      expect(
        problem(() => momentOf(text, 'since')),
        text,
      ).to.include({ code: 9, field: 'since' });
  });
});
