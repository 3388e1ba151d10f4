import { expect } from 'chai';
import fc from 'fast-check';
import { add, NO_TIME, NodeTime, type Step, told } from '../../src/states/availability.ts';
import { NODE_STATES, type NodeState } from '../../src/states/table.ts';

const H = 3_600_000;
const PERIOD = { from: 100 * H, to: 200 * H };

function of(steps: readonly [hours: number, to: NodeState | null][], first: NodeState | null, now?: NodeState | null) {
  const time = new NodeTime(PERIOD);
  let from = first;
  for (const [hours, to] of steps) {
    time.step({ time: hours * H, from, to });
    from = to;
  }
  return time.end(now === undefined ? from : now);
}

describe('availability', () => {
  it('of a node that was as it is all the time', () =>
    expect(told(of([], 'IN_SERVICE'))).to.deep.equal({
      hours: { IN_SERVICE: 100 },
      percent: { IN_SERVICE: 100 },
      failures: 0,
      mtbf_hours: null,
      mttr_hours: null,
    }));

  it('counts hours by state, failures, and the repair with them', () =>
    expect(
      told(
        of(
          [
            [110, 'HARD_FAILURE'],
            [120, 'MAINTENANCE'],
            [130, 'IN_SERVICE'],
            [150, 'MAINTENANCE'],
            [160, 'IN_SERVICE'],
            [190, 'SOFT_FAILURE'],
          ],
          'IN_SERVICE',
        ),
      ),
    ).to.deep.equal({
      hours: { IN_SERVICE: 60, MAINTENANCE: 20, SOFT_FAILURE: 10, HARD_FAILURE: 10 },
      percent: { IN_SERVICE: 60, MAINTENANCE: 20, SOFT_FAILURE: 10, HARD_FAILURE: 10 },
      failures: 2,
      mtbf_hours: 35,
      mttr_hours: 15,
    }));

  it('counts no time before a node was known, nor after it was deleted', () => {
    const sum = of(
      [
        [120, 'DISCOVERED'],
        [130, 'IN_SERVICE'],
        [140, null],
      ],
      null,
    );
    expect(told(sum).hours).to.deep.equal({ DISCOVERED: 10, IN_SERVICE: 10 });
  });

  it('reads the state at the end of a period that is over from what came after it', () => {
    const sum = of([[250, 'HARD_FAILURE']], 'MAINTENANCE');
    expect(told(sum)).to.deep.include({ hours: { MAINTENANCE: 100 }, failures: 0 });
    expect(told(of([[250, 'DISCOVERED']], null)).hours).to.deep.equal({});
  });

  it('takes a failure from before for none of this period, but for time with failure', () =>
    expect(of([[110, 'IN_SERVICE']], 'HARD_FAILURE')).to.deep.include({ failures: 0, failedMs: 10 * H }));

  it('has every millisecond once, however states follow each other', () => {
    const state = fc.constantFrom(...NODE_STATES);
    fc.assert(
      fc.property(
        state,
        fc.array(fc.tuple(fc.integer({ min: 0, max: 250 * H }), state), { maxLength: 20 }),
        (first, raw) => {
          const times = raw.map(([at]) => 100 * H + (at % (150 * H))).sort((a, b) => a - b);
          const time = new NodeTime(PERIOD);
          let from: NodeState = first;
          for (const [i, [, to]] of raw.entries()) {
            const step: Step = { time: times[i] ?? 0, from, to };
            time.step(step);
            from = to;
          }
          const sum = time.end(from);
          expect(Object.values(sum.ms).reduce((a, b) => a + b, 0)).to.equal(PERIOD.to - PERIOD.from);
          expect(sum.failedMs).to.be.at.least(sum.ms.SOFT_FAILURE + sum.ms.HARD_FAILURE);
          expect(add(sum, NO_TIME)).to.deep.equal(sum);
        },
      ),
      { numRuns: 200 },
    );
  });
});
