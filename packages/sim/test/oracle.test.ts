import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Explained, judge, type Lists, readLists } from '../src/oracle/judge.ts';
import type { StoredRow, StoredState } from '../src/oracle/rows.ts';
import { LIFE } from '../src/population/accepted-list.ts';

const row = (node: string, seq: number, n = seq, urgent = 0): StoredRow => ({
  place: seq,
  daemon: `compute/${node}`,
  incarnation: 'i',
  seq,
  urgent,
  n: LIFE + n,
});
const state = (rows: readonly StoredRow[], more: Partial<StoredState> = {}): StoredState => ({
  rows,
  cursors: [...new Set(rows.map(({ daemon }) => daemon))].map((daemon) => ({ daemon, incarnation: 'i', cursor: 10 })),
  rejected: [],
  links: [],
  ...more,
});
const lists = (accepted: Record<string, number[]>, refused: Record<string, number[]> = {}): Lists => {
  const full = (of: Record<string, number[]>): Map<string, number[]> =>
    new Map(Object.entries(of).map(([node, ns]) => [node, ns.map((n) => LIFE + n)]));
  return { accepted: full(accepted), refused: full(refused) };
};
const NOBODY: Explained = { killed: () => false, poisoned: 0 };
const good = [row('a', 1), row('a', 2), row('b', 1)];

describe('the oracle', () => {
  it('finds nothing where everything is in order', () => {
    const verdict = judge(lists({ a: [1, 2], b: [1] }), state(good), NOBODY);
    expect(verdict).to.deep.equal({ listed: 3, stored: 3, lost: 0, doubled: 0, extra: 0, rejected: 0, faults: [] });
  });

  const FAULTS: readonly (readonly [string, Lists, StoredState, string, Explained?])[] = [
    ['a lost report', lists({ a: [1, 2, 3], b: [1] }), state(good), `a: 1 lost: ${LIFE + 3}`],
    ['a node all of whose reports are lost', lists({ c: [1] }), state([]), `c: 1 lost: ${LIFE + 1}`],
    ['a doubled report', lists({ a: [1, 2] }), state([row('a', 1), row('a', 2), row('a', 3, 2)]), 'a: 1 doubled'],
    ['one that nobody accepted', lists({ a: [1], b: [1] }), state(good), 'stored and not listed'],
    ['one that was refused', lists({ a: [1, 2], b: [1] }, { a: [2] }), state(good), 'though their offer was refused'],
    [
      'reports out of order',
      lists({ a: [1, 2] }),
      state([row('a', 1, 2), row('a', 2, 1)]),
      `${LIFE + 1} (seq 2) was stored behind ${LIFE + 2} (seq 1)`,
    ],
    [
      'one beyond its cursor',
      lists({ a: [1] }),
      state([row('a', 1)], { cursors: [{ daemon: 'compute/a', incarnation: 'i', cursor: 0 }] }),
      'report 1 stands beyond the cursor 0',
    ],
    [
      'a place taken twice',
      lists({ a: [1, 2] }),
      state([row('a', 1), row('a', 1, 2)]),
      'place 1 of its stream is taken',
    ],
    [
      'a rejected report nobody poisoned',
      lists({ a: [1, 2], b: [1] }),
      state(good, { rejected: [{ daemon: 'compute/a', kind: 'k', reason: 'r' }] }),
      '1 reports were rejected, 0 were to be, such as k of compute/a: r',
    ],
    [
      'a poisoned report that was not',
      lists({ a: [1, 2], b: [1] }),
      state(good),
      '0 reports were rejected, 1 were',
      { ...NOBODY, poisoned: 1 },
    ],
  ];
  for (const [what, given, stored, words, explained = NOBODY] of FAULTS)
    it(`tells of ${what}`, () => {
      expect(judge(given, stored, explained).faults.join('; ')).to.include(words);
    });

  it('lets a kill explain what is stored and not listed, and urgent reports overtake', () => {
    const overtaken = [row('a', 1, 5, 1), row('a', 2, 1), row('a', 3, 2)];
    const verdict = judge(lists({ a: [1, 5] }), state(overtaken), { ...NOBODY, killed: (node) => node === 'a' });
    expect(verdict.faults).to.deep.equal([]);
    expect(verdict.extra).to.equal(1);
  });

  it('reads lists, and does not count a line that a kill has torn', () => {
    const directory = mkdtempSync(join(tmpdir(), 'csm-lists-'));
    try {
      writeFileSync(join(directory, 'x.list'), 'a 1\na 2\nb 1\na 3');
      writeFileSync(join(directory, 'x.refused'), 'b 2\n');
      writeFileSync(join(directory, 'x.lives'), '1\n');
      const { accepted, refused } = readLists(directory);
      expect([...accepted]).to.deep.equal([
        ['a', [1, 2]],
        ['b', [1]],
      ]);
      expect([...refused]).to.deep.equal([['b', [2]]]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
