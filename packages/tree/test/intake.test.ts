import type { MessageOf } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { COMMIT_BYTES, COMMIT_ITEMS, type CommitBatch, Intake } from '../src/intake.ts';
import { at } from './support.ts';

type Batch = MessageOf<'reports'>['batches'][number];

const batch = (node: string, first: number, count = 1, bytes = 500): Batch => ({
  daemon: `compute/${node}`,
  term: 1,
  incarnation: 'i',
  first,
  bytes,
  items: Array.from({ length: count }, () => ({ kind: 'k', time: 0, body: 0 })),
});
const result = (node: string, cursor: number, gap = false) => ({
  daemon: `compute/${node}`,
  incarnation: 'i',
  cursor,
  gap,
});
const ids = (batches: readonly CommitBatch[] | undefined) => batches?.map((b) => `${b.daemon.slice(8)}:${b.first}`);

describe('intake', () => {
  it('one commit at a time, in the order of arrival', () => {
    const intake = new Intake();
    expect(intake.begin(at(0)), 'nothing to do').to.equal(undefined);
    intake.add(1, batch('a', 1));
    intake.add(2, batch('b', 1));
    expect(ids(intake.begin(at(0)))).to.deep.equal(['a:1', 'b:1']);
    intake.add(1, batch('a', 2));
    expect(intake.begin(at(0)), 'one is under way').to.equal(undefined);
    expect(intake.depth).to.equal(3);
    intake.committed([]);
    expect(ids(intake.begin(at(0)))).to.deep.equal(['a:2']);
  });

  it('gives credit back by link and tells the newest cursor of each stream', () => {
    const intake = new Intake();
    intake.add(1, batch('a', 1, 2, 300));
    intake.add(1, batch('a', 3, 1, 200));
    intake.add(2, batch('b', 8, 1, 100));
    intake.begin(at(0));
    const { acks, credit } = intake.committed([result('a', 2), result('a', 3), result('b', 6, true)]);
    expect(acks).to.deep.equal([
      { daemon: 'compute/a', incarnation: 'i', cursor: 3, resend: false },
      { daemon: 'compute/b', incarnation: 'i', cursor: 6, resend: true },
    ]);
    expect([...credit]).to.deep.equal([
      [1, 500],
      [2, 100],
    ]);
    expect(intake.counters.committed).to.equal(4);
    expect(intake.depth).to.equal(0);
  });

  it('a commit takes at most so many reports and bytes (the last batch may exceed)', () => {
    const intake = new Intake();
    for (let i = 0; i < 5; i++) intake.add(1, batch('a', 1 + i * 1500, 1500));
    expect(intake.begin(at(0))).to.have.length(Math.ceil(COMMIT_ITEMS / 1500));
    intake.committed([]);
    const heavy = new Intake();
    for (let i = 0; i < 5; i++) heavy.add(1, batch('a', i + 1, 1, COMMIT_BYTES / 2));
    expect(heavy.begin(at(0))).to.have.length(2);
  });

  it('failed: everything is kept, in front, and tried after a growing wait', () => {
    const intake = new Intake();
    intake.add(1, batch('a', 1));
    let ms = 0;
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      expect(ids(intake.begin(at(ms)))?.[0]).to.equal('a:1');
      intake.add(1, batch('b', i + 1));
      intake.failed(at(ms));
      expect(intake.failing).to.equal(true);
      const next = intake.wakeAt() ?? 0;
      waits.push(next - ms);
      expect(intake.begin(at(next - 1)), 'too early').to.equal(undefined);
      ms = next;
    }
    expect(waits).to.deep.equal([250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
    expect(ids(intake.begin(at(ms)))).to.deep.equal(['a:1']);
    expect(intake.wakeAt()).to.equal(undefined);
    intake.committed([]);
    expect(ids(intake.begin(at(ms)))).to.deep.equal(['b:1', 'b:2']);
    expect(intake.failing).to.equal(false);
    expect(intake.counters.failures).to.equal(8);
  });

  it('a database that is too slow for much gets half of it each time, and more again when it manages', () => {
    const intake = new Intake();
    for (let i = 0; i < 100; i++) intake.add(1, batch('a', i + 1));
    let ms = 0;
    const taken: number[] = [];
    while (intake.depth > 0) {
      ms = Math.max(ms, intake.wakeAt() ?? ms);
      const size = intake.begin(at(ms))?.length ?? 0;
      taken.push(size);
      if (size > 10) intake.failed(at(ms));
      else intake.committed([]);
    }
    expect(taken.slice(0, 8)).to.deep.equal([100, 50, 25, 12, 6, 12, 6, 12]);
    expect(taken.filter((size) => size <= 10).reduce((sum, size) => sum + size, 0)).to.equal(100);
  });

  it('loses, doubles and reorders nothing, whatever fails', () => {
    const event = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: fc.nat(3), count: fc.integer({ min: 1, max: 2500 }) }) },
      { weight: 2, arbitrary: fc.constant('ok' as const) },
      { weight: 1, arbitrary: fc.constant('fail' as const) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100, size: 'max' }), (events) => {
        const intake = new Intake();
        const added: string[] = [];
        const stored: string[] = [];
        let given = 0;
        let back = 0;
        let ms = 0;
        let underWay: CommitBatch[] | undefined;
        const begin = (): void => {
          ms = Math.max(ms, intake.wakeAt() ?? ms);
          underWay ??= intake.begin(at(ms));
        };
        const ok = (): void => {
          begin();
          if (underWay === undefined) return;
          stored.push(...(ids(underWay) ?? []));
          underWay = undefined;
          for (const bytes of intake.committed([]).credit.values()) back += bytes;
        };
        for (const [i, e] of events.entries()) {
          if (e === 'ok') ok();
          else if (e === 'fail') {
            begin();
            if (underWay !== undefined) intake.failed(at(ms));
            underWay = undefined;
          } else {
            intake.add(e.add, batch('n', i, e.count, 100 + i));
            given += 100 + i;
            added.push(`n:${i}`);
          }
        }
        while (intake.depth > 0) ok();
        expect(stored).to.deep.equal(added);
        expect(back).to.equal(given);
      }),
    );
  });
});
