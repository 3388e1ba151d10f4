import { mono, type Now, wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { FOLD_MOST, FOLD_MS, type Folded, type Refusal, RefusalFold } from '../src/fold.ts';

const at = (ms: number): Now => ({ mono: mono(ms), wall: wall(1_800_000_000_000 + ms) });
const refusal = (more: Partial<Refusal> = {}): Refusal => ({
  user: 'bob',
  uid: 1001,
  vouchedBy: 'compute/n1',
  via: 'socket',
  token: null,
  call: 'run',
  code: 16,
  detail: 'no',
  ...more,
});

describe('refusals, folded', () => {
  it('are told at once, then counted for a minute', () => {
    const fold = new RefusalFold();
    expect(fold.due).to.equal(undefined);
    expect(fold.note(refusal(), at(0))).to.include({ times: 1, time: at(0).wall, call: 'run' });
    for (let i = 1; i <= 1000; i++) expect(fold.note(refusal({ detail: `no ${i}` }), at(i))).to.equal(undefined);
    expect(fold.note(refusal({ call: 'node.update' }), at(1001))?.times).to.equal(1);
    expect(fold.due).to.equal(FOLD_MS);
    expect(fold.take(at(FOLD_MS - 1))).to.deep.equal([]);
    const told = fold.take(at(FOLD_MS));
    expect(told).to.deep.equal([{ ...refusal({ detail: 'no 1000' }), times: 1000, time: at(1000).wall }]);
    expect(fold.due).to.equal(1001 + FOLD_MS);
    expect(fold.take(at(2 * FOLD_MS)), 'one that came once is told once').to.deep.equal([]);
    expect(fold.note(refusal(), at(2 * FOLD_MS))?.times).to.equal(1);
  });

  it('lose none that was counted when a minute was not looked at in time', () => {
    const fold = new RefusalFold();
    fold.note(refusal(), at(0));
    fold.note(refusal(), at(1));
    fold.note(refusal(), at(2));
    expect(fold.note(refusal(), at(5 * FOLD_MS))?.times).to.equal(3);
  });

  it('are all told, each once, and never more kinds in a minute than are allowed', () => {
    const step = fc.record({ user: fc.nat(300), ms: fc.nat(2 * FOLD_MS), look: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const fold = new RefusalFold();
        const told: Folded[] = [];
        let now = 0;
        for (const { user, ms, look } of steps) {
          // Mostly many within a minute.
          now += ms < FOLD_MS ? ms % 50 : ms;
          const one = fold.note(refusal({ user: `u${user}` }), at(now));
          if (one !== undefined) told.push(one);
          if (look) told.push(...fold.take(at(now)));
        }
        told.push(...fold.rest());
        expect(told.reduce((sum, { times }) => sum + times, 0)).to.equal(steps.length);
        expect(fold.due).to.equal(undefined);
      }),
    );
  });

  it('of too many kinds are one', () => {
    const fold = new RefusalFold();
    for (let i = 0; i < 3 * FOLD_MOST; i++) fold.note(refusal({ user: `u${i}`, vouchedBy: `compute/n${i}` }), at(i));
    const rest = fold.rest();
    expect(rest).to.have.length(1);
    expect(rest[0]).to.include({ user: '(others)', call: '(others)', times: 2 * FOLD_MOST - 1 });
  });
});
