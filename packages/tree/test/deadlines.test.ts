import type { Mono } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { Deadlines } from '../src/deadlines.ts';
import { monoAt } from './support.ts';

/** The same promise without any cleverness. */
class Naive {
  readonly at = new Map<number, Mono>();

  next(): Mono | undefined {
    return this.at.size === 0 ? undefined : (Math.min(...this.at.values()) as Mono);
  }

  dueKeys(now: Mono): number[] {
    return [...this.at].filter(([, at]) => at <= now).map(([key]) => key);
  }
}

describe('Deadlines', () => {
  it('gives what is due, nearest first, and nothing before its time', () => {
    const d = new Deadlines<string>();
    d.set('late', monoAt(30));
    d.set('early', monoAt(10));
    d.set('middle', monoAt(20));
    expect(d.next()).to.equal(10);
    expect(d.due(monoAt(9))).to.equal(undefined);
    expect(d.due(monoAt(20))).to.equal('early');
    expect(d.due(monoAt(20))).to.equal('middle');
    expect(d.due(monoAt(20))).to.equal(undefined);
    expect(d.next()).to.equal(30);
    expect(d.size).to.equal(1);
  });

  it('moves and removes', () => {
    const d = new Deadlines<string>();
    d.set('a', monoAt(10));
    d.set('a', monoAt(50));
    d.set('b', monoAt(20));
    d.set('b', undefined);
    d.set('never', undefined);
    expect(d.get('a')).to.equal(50);
    expect(d.get('b')).to.equal(undefined);
    expect(d.next()).to.equal(50);
    expect(d.due(monoAt(49))).to.equal(undefined);
    d.set('a', monoAt(10));
    expect(d.due(monoAt(10))).to.equal('a');
    expect(d.due(monoAt(1000)), 'a moved deadline fires once').to.equal(undefined);
    expect(d.next()).to.equal(undefined);
  });

  it('agrees with a naive model in any order of events', () => {
    const key = fc.nat(12);
    const when = fc.nat(40);
    const event = fc.oneof(
      { weight: 5, arbitrary: fc.record({ set: key, at: when }) },
      { weight: 1, arbitrary: fc.record({ remove: key }) },
      { weight: 2, arbitrary: fc.record({ due: when }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300, size: 'max' }), (events) => {
        const d = new Deadlines<number>();
        const model = new Naive();
        for (const e of events) {
          if ('set' in e) {
            d.set(e.set, monoAt(e.at));
            model.at.set(e.set, monoAt(e.at));
          } else if ('remove' in e) {
            d.set(e.remove, undefined);
            model.at.delete(e.remove);
          } else {
            const now = monoAt(e.due);
            const wanted = model.dueKeys(now);
            const got: number[] = [];
            let last = Number.NEGATIVE_INFINITY;
            for (let k = d.due(now); k !== undefined; k = d.due(now)) {
              const at = model.at.get(k) ?? Number.NaN;
              expect(at).to.be.at.least(last);
              last = at;
              got.push(k);
              model.at.delete(k);
            }
            expect(got.sort((a, b) => a - b)).to.deep.equal(wanted.sort((a, b) => a - b));
          }
          expect(d.size).to.equal(model.at.size);
          expect(d.next()).to.equal(model.next());
        }
      }),
      { numRuns: 300 },
    );
  });

  it('does not grow with moves', () => {
    const d = new Deadlines<number>();
    for (let i = 0; i < 200_000; i++) d.set(i % 10, monoAt(i));
    expect(d.size).to.equal(10);
    const due: number[] = [];
    for (let k = d.due(monoAt(1e9)); k !== undefined; k = d.due(monoAt(1e9))) due.push(k);
    expect(due.sort((a, b) => a - b)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
