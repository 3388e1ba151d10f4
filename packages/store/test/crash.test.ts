/** What is acknowledged survives `kill -9` of a real process, and is there once. */
import { expect } from 'chai';
import { openStore } from '../src/index.ts';
import { directoryForTests, LEDGER } from './fixtures/engines.ts';
import { children } from './fixtures/process.ts';

describe('kill -9', () => {
  const directory = directoryForTests();
  const start = children();

  it('loses nothing acknowledged and doubles nothing', async () => {
    const file = `${directory()}/csm.db`;
    const acknowledged: number[] = [];
    for (let round = 0; round < 4; round++) {
      const child = start(file, 'adds', String(round * 1_000_000 + 1));
      await child.said(100 + round * 57);
      await child.kill();
      acknowledged.push(...child.lines.slice(1).map(Number));
    }
    const store = await openStore({ file, modules: [LEDGER] });
    const rows = await store.query<{ n: number }>('SELECT n FROM entry', [], { limit: 1_000_000 });
    const present = new Set(rows.map((row) => row.n));
    expect(present.size).to.equal(rows.length);
    expect(acknowledged.length).to.be.greaterThan(400);
    expect(acknowledged.filter((n) => !present.has(n))).to.deep.equal([]);
    const [{ changes, head } = { changes: 0, head: 0 }] = await store.query<{ changes: number; head: number }>(
      'SELECT count(*) AS changes, max(seq) AS head FROM change',
    );
    expect([changes, head]).to.deep.equal([rows.length, rows.length]);
    await store.close();
  });

  it('keeps reports exactly once when the sender goes on from what it knows', async () => {
    const file = `${directory()}/csm.db`;
    let known = 0;
    for (let round = 0; round < 3; round++) {
      const child = start(file, 'reports', String(known + 1));
      await child.said(20);
      await child.kill();
      known = Number(child.lines.at(-1));
    }
    const store = await openStore({ file, modules: [LEDGER] });
    const rows = await store.query<{ seq: number }>('SELECT seq FROM report ORDER BY id', [], { limit: 1_000_000 });
    expect(rows.length).to.be.least(known);
    expect(rows.every((row, i) => row.seq === i + 1)).to.equal(true);
    expect(await store.query('SELECT cursor FROM stream')).to.deep.equal([{ cursor: rows.length }]);
    await store.close();
  });
});
