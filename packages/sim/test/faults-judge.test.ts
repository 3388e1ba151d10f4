/** What the fault suite makes of what it has seen: deaths, times, lines; and judging from where it last left off. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { falseDeaths, firstTrouble } from '../src/faults/deaths.ts';
import type { RoundResult } from '../src/faults/fault.ts';
import { rowLine, rowOf, spread, wrongWith } from '../src/faults/report.ts';
import { Tally } from '../src/faults/tally.ts';
import type { StoredRow } from '../src/oracle/rows.ts';

const change = (seq: number, event: string, nodes: string, time = seq * 10) => ({ seq, time, body: { event, nodes } });

describe('the changes of a round', () => {
  const changes = [
    change(1, 'up', 'n1'),
    change(2, 'lost_redundancy', 'n[1-4]'),
    change(3, 'aggregator_lost', 'n[1-4]'),
    change(4, 'down', 'n[2-3],agg-a'),
    change(5, 'full_redundancy', 'n[1-4]'),
  ];

  it('give the nodes that were told down though their way was never cut', () => {
    expect(falseDeaths(changes, new Set(['agg-a']))).to.deep.equal(['n2', 'n3']);
    expect(falseDeaths(changes, new Set(['agg-a', 'n2', 'n3']))).to.deep.equal([]);
    expect(falseDeaths([...changes, change(6, 'down', 'n2')], new Set(['agg-a', 'n3']))).to.deep.equal(['n2', 'n2']);
  });

  it('give the first word of trouble behind a moment', () => {
    expect(firstTrouble(changes, 0)).to.equal(20);
    expect(firstTrouble(changes, 21)).to.equal(30);
    expect(firstTrouble(changes, 41)).to.equal(undefined);
  });

  it('may hold what is no link', () => {
    const strange = [
      { seq: 1, time: 1, body: null },
      { seq: 2, time: 2, body: { event: 'down' } },
    ];
    expect(falseDeaths(strange, new Set())).to.deep.equal([]);
  });
});

const round = (more: Partial<RoundResult>): RoundResult => ({
  what: 'kill -9 x',
  detected: 100,
  recovered: 200,
  falseDeaths: [],
  ...more,
});

describe('the line of a fault', () => {
  const verdict = { listed: 1000, lost: 0, doubled: 0, faults: [] };
  const rounds = [round({ detected: 90.4 }), round({ detected: undefined, recovered: 301 }), round({ recovered: 400 })];
  const result = { name: 'kill-stop', rounds, verdict, memory: { sim: 80, master: 120 }, seconds: 12.34 };

  it('tells the median and the longest time, and sums', () => {
    expect(spread([])).to.equal(undefined);
    expect(spread([3, 1, 2, 10])).to.deep.equal({ median: 2, max: 10 });
    expect(rowOf(result)).to.deep.equal({
      name: 'kill-stop',
      rounds: 3,
      made: 1000,
      lost: 0,
      doubled: 0,
      false_deaths: 0,
      seconds: 12.3,
      detect: { median: 90, max: 100 },
      recover: { median: 301, max: 400 },
      memory: { sim: 80, master: 120 },
    });
    expect(rowLine(rowOf(result)).replace(/ +/g, ' ').trim()).to.equal(
      'kill-stop 3 1000 0 0 90/100 301/400 0 master 120, sim 80 12.3',
    );
    expect(rowLine({ ...rowOf(result), detect: null })).to.match(/ - +301\/400 /);
  });

  it('says which fault, and which round of it, is to blame', () => {
    expect(wrongWith(result)).to.deep.equal([]);
    const bad = {
      ...result,
      rounds: [round({}), round({ what: 'SIGSTOP agg-a', falseDeaths: ['n1', 'n1', 'n2'] })],
      verdict: { ...verdict, lost: 1, faults: ['n7: 1 lost: 10000003'] },
    };
    expect(wrongWith(bad)).to.deep.equal([
      'kill-stop: n7: 1 lost: 10000003',
      'kill-stop: SIGSTOP agg-a: told down without cause: n1, n2',
    ]);
  });
});

describe('a tally', () => {
  let directory: string;
  const rows: StoredRow[] = [];
  const store = (node: string, n: number): void => {
    const seq = rows.filter(({ daemon }) => daemon === `compute/${node}`).length + 1;
    // Places rise, with gaps where a transaction was lost.
    rows.push({ place: 3 * rows.length + 2, daemon: `compute/${node}`, incarnation: 'i', seq, urgent: 0, n });
  };
  const list = (node: string, n: number): void => appendFileSync(join(directory, 'nodes.list'), `${node} ${n}\n`);
  const tally = (): Tally =>
    new Tally({
      lists: directory,
      read: async (from) => ({
        rows: rows.filter(({ place }) => place > from.place),
        cursors: ['n1', 'n2'].map((node) => ({ daemon: `compute/${node}`, incarnation: 'i', cursor: 1000 })),
        rejected: [],
        links: [],
      }),
      killed: (node) => node === 'n2',
      poisoned: () => 0,
    });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'csm-tally-'));
    rows.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('judges each time what is new, and at the end everything', async () => {
    const one = tally();
    for (const n of [1, 2]) {
      list('n1', n);
      store('n1', n);
    }
    expect(await one.next()).to.include({ listed: 2, stored: 2, lost: 0, doubled: 0 });
    list('n1', 3);
    expect(await one.next()).to.include({ listed: 1, stored: 0, lost: 1 });
    expect(await one.next()).to.include({ listed: 0, stored: 0, lost: 0 });
    expect((await one.all()).faults).to.deep.equal(['n1: 1 lost: 3']);
  });

  it('finds at the end what was doubled across two faults', async () => {
    const one = tally();
    list('n1', 1);
    store('n1', 1);
    await one.next();
    store('n1', 1);
    const { faults } = await one.next();
    expect(faults).to.deep.equal(['n1: 1 stored and not listed, though nobody killed it: 1']);
    expect(await one.all()).to.include({ doubled: 1, lost: 0 });
  });

  it('lets a killed process have stored what it had no time to list', async () => {
    const one = tally();
    store('n2', 1);
    expect(await one.next()).to.deep.include({ extra: 1, faults: [] });
  });
});
