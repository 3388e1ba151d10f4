import { CsmError, code, problem } from '@csm/model';
import { expect } from 'chai';
import { fullJitter } from '../src/index.ts';
import { CallQueue, type Waiting } from '../src/queue.ts';

describe('queue of calls', () => {
  const waiting = (id: number, bytes: number, log: string[] = []): Waiting => ({
    call: { id, procedure: 'a.b', input: 'x'.repeat(bytes), now: 0 },
    resolve: (output) => log.push(`${id} ${output}`),
    reject: (error) => log.push(`${id} ${error.code}`),
  });

  it('takes in order, within both bounds, but always one', () => {
    const queue = new CallQueue({ queueCalls: 100, queueBytes: 10_000 });
    for (const [id, bytes] of [10, 10, 500, 10, 10].entries())
      expect(queue.push(waiting(id, bytes))).to.equal(undefined);
    expect(queue.take(10, 100).map((c) => c.id)).to.deep.equal([0, 1]);
    expect(queue.take(10, 100).map((c) => c.id)).to.deep.equal([2]);
    expect(queue.take(1, 100).map((c) => c.id)).to.deep.equal([3]);
    expect(queue.take(10, 100).map((c) => c.id)).to.deep.equal([4]);
    expect(queue.take(10, 100)).to.deep.equal([]);
  });

  it('counts a call until it is answered', () => {
    const queue = new CallQueue({ queueCalls: 2, queueBytes: 100 });
    queue.push(waiting(1, 60));
    expect(queue.push(waiting(2, 41))).to.include({ code: code.MEMORY, field: 'queueBytes' });
    queue.push(waiting(3, 40));
    queue.take(2, 100);
    expect(queue.push(waiting(4, 0))).to.include({ code: code.MEMORY, field: 'queueCalls' });
    expect(queue.answered(1)?.call.id).to.equal(1);
    expect(queue.answered(1)).to.equal(undefined);
    expect(queue.push(waiting(5, 60))).to.equal(undefined);
    expect([queue.calls, queue.waiting, queue.bytes, queue.refused]).to.deep.equal([2, 1, 100, 2]);
  });

  it('fails everything in it at once', () => {
    const log: string[] = [];
    const queue = new CallQueue({ queueCalls: 10, queueBytes: 100 });
    for (const id of [1, 2, 3]) queue.push(waiting(id, 1, log));
    queue.take(1, 10);
    queue.rejectAll(new CsmError(problem(code.DATABASE_UNAVAILABLE)));
    expect(log).to.deep.equal(['1 24', '2 24', '3 24']);
    expect([queue.calls, queue.bytes]).to.deep.equal([0, 0]);
  });

  it('stays in order over many thousand calls', () => {
    const queue = new CallQueue({ queueCalls: 5_000, queueBytes: 10_000 });
    let next = 0;
    const seen: number[] = [];
    while (seen.length < 20_000) {
      while (queue.calls < 4_000) queue.push(waiting(next++, 1));
      for (const { id } of queue.take(700, 10_000)) {
        seen.push(id);
        queue.answered(id);
      }
    }
    expect(seen.every((id, i) => id === i)).to.equal(true);
  });
});

describe('full jitter', () => {
  const table: readonly (readonly [number, number, number])[] = [
    [0, 0.999, 499],
    [1, 0.999, 999],
    [3, 0.5, 2_000],
    [3, 0, 0],
    [20, 0.5, 30_000],
    [5_000, 0.5, 30_000],
  ];
  for (const [failures, random, ms] of table) {
    it(`after ${failures} failures, with ${random}, is ${ms} ms`, () => {
      expect(fullJitter(failures, 500, 60_000, random)).to.equal(ms);
    });
  }
});
