/** How long frames of reports take until they are acknowledged. */
import { mono } from '@csm/model';
import { expect } from 'chai';
import { AckTimes, TIMED_MAX } from '../src/outbox/ack-times.ts';

describe('times of acknowledgements', () => {
  it('are from when a frame first left', () => {
    const times = new AckTimes();
    times.sent('a', 3, mono(100));
    times.sent('a', 5, mono(110));
    expect(times.reached('a', 2, mono(120))).to.deep.equal([]);
    // Sent again, on another link.
    times.sent('a', 3, mono(500));
    times.sent('a', 5, mono(500));
    expect(times.reached('a', 3, mono(600))).to.deep.equal([500]);
    expect(times.reached('a', 9, mono(700))).to.deep.equal([590]);
    expect(times.reached('a', 9, mono(800))).to.deep.equal([]);
  });

  it('begin anew with another incarnation', () => {
    const times = new AckTimes();
    times.sent('a', 7, mono(0));
    expect(times.reached('b', 7, mono(1)), 'of which nothing was sent').to.deep.equal([]);
    times.sent('b', 2, mono(10));
    expect(times.reached('a', 7, mono(11)), 'which is over').to.deep.equal([]);
    expect(times.reached('b', 2, mono(15))).to.deep.equal([5]);
  });

  it('take bounded memory while nothing is acknowledged', () => {
    const times = new AckTimes();
    for (let last = 1; last <= 2 * TIMED_MAX; last++) times.sent('a', last, mono(last));
    expect(times.reached('a', 2 * TIMED_MAX, mono(10_000))).to.have.length(TIMED_MAX);
    times.sent('a', 2 * TIMED_MAX + 1, mono(20_000));
    expect(times.reached('a', 2 * TIMED_MAX + 1, mono(20_001))).to.deep.equal([1]);
  });
});
