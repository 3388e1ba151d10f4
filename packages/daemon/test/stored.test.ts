import type { CommitBatch, CommitResult } from '@csm/tree';
import { expect } from 'chai';
import { StoredReports } from '../src/stored.ts';

const KIND = 'environment.sample';
const batch = (first: number, count: number, incarnation = 'i1', daemon = 'compute/n1'): CommitBatch => ({
  daemon,
  incarnation,
  first,
  items: Array.from({ length: count }, (_, i) => ({ kind: KIND, time: 1000 + first + i, body: first + i })),
});
const result = (cursor: number, incarnation = 'i1', daemon = 'compute/n1'): CommitResult => ({
  daemon,
  incarnation,
  cursor,
  gap: false,
});

describe('reports that have been stored', () => {
  function listening(kind = KIND) {
    const stored = new StoredReports(() => undefined);
    const seen: unknown[] = [];
    const end = stored.on(kind, ({ node, time, body }) => seen.push([node, time, body]));
    return { stored, seen, end };
  }

  it('are told with their node and time', () => {
    const { stored, seen } = listening();
    stored.tell([batch(1, 2)], [result(2)]);
    expect(seen).to.deep.equal([
      ['n1', 1001, 1],
      ['n1', 1002, 2],
    ]);
  });

  it('are not told before they are stored, nor twice', () => {
    const { stored, seen } = listening();
    stored.tell([batch(5, 3)], [result(4)]);
    expect(seen).to.deep.equal([]);
    stored.tell([batch(5, 3)], [result(7)]);
    stored.tell([batch(5, 3), batch(8, 1)], [result(8)]);
    expect(seen.map((one) => (one as unknown[])[2])).to.deep.equal([5, 6, 7, 8]);
  });

  it('begin anew with a new incarnation, and are apart for each daemon', () => {
    const { stored, seen } = listening();
    stored.tell([batch(9, 1)], [result(9)]);
    stored.tell([batch(1, 1, 'i2'), batch(1, 1, 'i1', 'compute/n2')], [result(1, 'i2'), result(1, 'i1', 'compute/n2')]);
    expect(seen.map((one) => (one as unknown[])[0])).to.deep.equal(['n1', 'n1', 'n2']);
  });

  it('of other kinds, of a refused batch, or after the end are not told', () => {
    const { stored, seen, end } = listening('node.inventory');
    stored.tell([batch(1, 1)], [result(1)]);
    const mine = listening();
    mine.stored.tell([batch(1, 1)], []);
    mine.end();
    mine.stored.tell([batch(1, 1)], [result(1)]);
    end();
    expect([seen, mine.seen]).to.deep.equal([[], []]);
  });

  it('reach the others when one listener throws', () => {
    const faults: unknown[] = [];
    const stored = new StoredReports((error) => faults.push(error));
    const seen: unknown[] = [];
    stored.on(KIND, () => {
      throw new Error('mine');
    });
    stored.on(KIND, ({ body }) => seen.push(body));
    stored.tell([batch(1, 1)], [result(1)]);
    expect([seen, faults.length]).to.deep.equal([[1], 1]);
  });
});
