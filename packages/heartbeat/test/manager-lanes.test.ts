import { expect } from 'chai';
import fc from 'fast-check';
import { NOTICE } from '../src/hsm/rules.ts';
import {
  type Doubt,
  IDS_MAX,
  Lanes,
  PAUSE_MAX_MS,
  type Patch,
  patchBody,
  pauseMs,
  type Row,
} from '../src/manager/lanes.ts';
import type { ChangeKind, OutboxRow } from '../src/types.ts';
import { at } from './hand-time.ts';

const row = (seq: number, name: string, kind: ChangeKind): OutboxRow => {
  const notice = NOTICE[kind];
  if (notice === undefined) throw new Error(`${kind} is not told`);
  return { seq, name, ...notice };
};

const names = ({ rows }: { rows: readonly Row[] }): string[] => rows.map(({ name }) => name);
const failure = { now: at(0), isAnswered: true, retries: 3, random: 0 };

function taken(lanes: Lanes, now = 0): Patch {
  const patch = lanes.take(at(now));
  if (patch === undefined) throw new Error('nothing may go');
  return patch;
}

describe('lanes to a state manager', () => {
  let lanes: Lanes;
  beforeEach(() => {
    lanes = new Lanes();
  });

  it('group by kind, and each component goes with its newest', () => {
    lanes.offer([row(1, 'a', 'started'), row(2, 'b', 'started'), row(3, 'c', 'dead'), row(4, 'a', 'warning')]);
    const started = taken(lanes);
    const dead = taken(lanes);
    const warning = taken(lanes);
    expect([names(started), names(dead), names(warning)]).to.deep.equal([['b'], ['c'], ['a']]);
    expect(lanes.take(at(0))).to.equal(undefined);
    expect(lanes.size).to.equal(3);
    for (const patch of [started, dead, warning]) expect(lanes.taken(patch)).to.equal(patch.rows);
    expect(lanes.size).to.equal(0);
    expect(lanes.wakeAt()).to.equal(undefined);
  });

  it('know a row that is offered again', () => {
    lanes.offer([row(1, 'a', 'started'), row(2, 'a', 'dead')]);
    const dead = taken(lanes);
    lanes.offer([row(1, 'a', 'started'), row(2, 'a', 'dead')]);
    expect(lanes.size).to.equal(1);
    lanes.taken(dead);
    expect(lanes.size).to.equal(0);
    expect(lanes.take(at(0))).to.equal(undefined);
  });

  it('write a PATCH as hbtd does', () => {
    lanes.offer([row(1, 'x0c0s0b0n0', 'started')]);
    expect(patchBody(taken(lanes))).to.equal(
      '{"ComponentIDs":["x0c0s0b0n0"],"State":"Ready","Flag":"OK",' +
        '"ExtendedInfo":{"ID":"","Message":"Heartbeat started","Flag":""}}',
    );
  });

  it('put at most a thousand components into one PATCH, and have one of a kind under way', () => {
    lanes.offer(Array.from({ length: 2 * IDS_MAX + 1 }, (_, i) => row(i + 1, `n${i}`, 'started')));
    const first = taken(lanes);
    expect(first.rows).to.have.length(IDS_MAX);
    expect(lanes.take(at(0))).to.equal(undefined);
    lanes.taken(first);
    const second = taken(lanes);
    expect(second.rows[0]?.name).to.equal(`n${IDS_MAX}`);
    lanes.taken(second);
    expect(taken(lanes).rows).to.have.length(1);
  });

  it('have a component under way once: a newer row waits for the older PATCH', () => {
    lanes.offer([row(1, 'a', 'started')]);
    const first = taken(lanes);
    lanes.offer([row(2, 'a', 'dead')]);
    expect(lanes.take(at(0))).to.equal(undefined);
    lanes.taken(first);
    expect(taken(lanes).notice.state).to.equal('Standby');
  });

  it('forget an older row that failed when a newer one is there', () => {
    lanes.offer([row(1, 'a', 'warning'), row(2, 'b', 'warning')]);
    const patch = taken(lanes);
    lanes.offer([row(3, 'a', 'restarted')]);
    lanes.failed(patch, failure);
    expect(names(taken(lanes))).to.deep.equal(['b']);
    expect(taken(lanes).notice.message).to.equal('Heartbeat restarted');
  });

  it('do not let one kind that fails hold up another, or lose any of it', () => {
    lanes.offer([row(1, 'n7', 'dead'), row(2, 'n8', 'started')]);
    const dead = taken(lanes);
    const started = taken(lanes);
    lanes.failed(dead, { ...failure, random: 0.99 });
    lanes.taken(started);
    expect(lanes.take(at(0))).to.equal(undefined);
    const wake = lanes.wakeAt();
    expect(wake).to.be.within(1, 500);
    expect(names(taken(lanes, wake))).to.deep.equal(['n7']);
  });

  it('pause longer and longer, with full jitter, and after all retries as long as may be', () => {
    expect(pauseMs(1, 3, 0.5)).to.equal(250);
    expect(pauseMs(2, 3, 0.5)).to.equal(500);
    expect(pauseMs(3, 3, 0)).to.equal(0);
    expect(pauseMs(4, 3, 0)).to.equal(PAUSE_MAX_MS);
    expect(pauseMs(1, 0, 0)).to.equal(PAUSE_MAX_MS);
    expect(pauseMs(30, 100, 0.999)).to.be.below(PAUSE_MAX_MS);
  });

  it('split a refused PATCH until the culprit is alone; all others pass', () => {
    const all = Array.from({ length: 100 }, (_, i) => `n${i}`);
    lanes.offer(all.map((name, i) => row(i + 1, name, 'started')));
    const passed: string[] = [];
    const refused: Row[] = [];
    let patches = 0;
    for (let patch = lanes.take(at(0)); patch !== undefined; patch = lanes.take(at(0))) {
      patches += 1;
      if (!names(patch).includes('n37')) passed.push(...lanes.taken(patch).map(({ name }) => name));
      else refused.push(...[lanes.refused(patch)].filter((one) => one !== undefined));
    }
    expect(refused).to.deep.equal([{ name: 'n37', seq: 38 }]);
    expect([...passed].sort()).to.deep.equal(all.filter((name) => name !== 'n37').sort());
    expect(patches).to.be.at.most(2 * Math.ceil(Math.log2(100)) + 1);
    expect(lanes.size).to.equal(0);
  });

  it('do not refuse a component for a row that a newer one has replaced', () => {
    lanes.offer([row(1, 'a', 'started')]);
    const patch = taken(lanes);
    lanes.offer([row(2, 'a', 'dead')]);
    expect(lanes.refused(patch)).to.equal(undefined);
    expect(taken(lanes).rows).to.deep.equal([{ name: 'a', seq: 2 }]);
  });

  it('find the way around a component over which the state manager stumbles', () => {
    const all = Array.from({ length: 40 }, (_, i) => `n${i}`);
    lanes.offer(all.map((name, i) => row(i + 1, name, 'dead')));
    const passed = new Set<string>();
    let now = 0;
    for (let i = 0; i < 200 && passed.size < 39; i++) {
      const patch = lanes.take(at(now));
      if (patch === undefined) now = lanes.wakeAt() ?? now;
      else if (names(patch).includes('n5')) lanes.failed(patch, { ...failure, now: at(now) });
      else for (const { name } of lanes.taken(patch)) passed.add(name);
    }
    expect(passed.size).to.equal(39);
    expect(lanes.size).to.equal(1);
    // It is not set aside: whoever stumbles may get up again.
    expect(names(taken(lanes, now + PAUSE_MAX_MS))).to.deep.equal(['n5']);
  });

  it('do not split for a connection that breaks', () => {
    lanes.offer([row(1, 'a', 'dead'), row(2, 'b', 'dead')]);
    for (let i = 0; i < 20; i++) {
      const patch = taken(lanes, i * PAUSE_MAX_MS);
      expect(names(patch)).to.deep.equal(['a', 'b']);
      lanes.failed(patch, { ...failure, now: at(i * PAUSE_MAX_MS), isAnswered: false });
    }
    expect(lanes.failures).to.equal(20);
    lanes.resume(at(20 * PAUSE_MAX_MS - 1));
    expect(lanes.failures).to.equal(0);
    expect(names(taken(lanes, 20 * PAUSE_MAX_MS - 1))).to.deep.equal(['a', 'b']);
  });

  it('tell the newest once more when an older PATCH was taken late', () => {
    lanes.offer([row(1, 'a', 'warning'), row(2, 'b', 'warning')]);
    const doubt = lanes.late(taken(lanes), failure);
    lanes.offer([row(3, 'a', 'restarted')]);
    const again = taken(lanes);
    const newer = taken(lanes);
    expect([names(again), names(newer)]).to.deep.equal([['b'], ['a']]);
    lanes.taken(newer);
    lanes.taken(again);
    expect(lanes.size).to.equal(0);
    expect(lanes.lateTaken(doubt)).to.deep.equal([]);
    const repeated = taken(lanes);
    expect(repeated.notice.message).to.equal('Heartbeat restarted');
    expect(repeated.rows).to.deep.equal([{ name: 'a', seq: 3, isAgain: true }]);
    lanes.taken(repeated);
    expect(lanes.size).to.equal(0);
  });

  it('do not tell again what was taken late', () => {
    lanes.offer([row(1, 'a', 'warning')]);
    const doubt = lanes.late(taken(lanes), { ...failure, random: 0.5 });
    expect(lanes.lateTaken(doubt)).to.deep.equal([{ name: 'a', seq: 1 }]);
    expect(lanes.size).to.equal(0);
    expect(lanes.take(at(PAUSE_MAX_MS))).to.equal(undefined);
  });

  it('tell once more what was under way when an older one was taken', () => {
    lanes.offer([row(1, 'a', 'warning')]);
    const doubt = lanes.late(taken(lanes), failure);
    lanes.offer([row(2, 'a', 'restarted')]);
    const newer = taken(lanes);
    lanes.lateTaken(doubt);
    expect(lanes.take(at(0))).to.equal(undefined);
    lanes.taken(newer);
    const repeated = taken(lanes);
    expect(repeated.rows).to.deep.equal([{ name: 'a', seq: 2, isAgain: true }]);
    lanes.taken(repeated);
    expect(lanes.size).to.equal(0);
  });

  it('do not tell what was withdrawn', () => {
    lanes.offer([row(1, 'a', 'dead'), row(2, 'b', 'dead'), row(3, 'c', 'started')]);
    const patch = taken(lanes);
    const still = lanes.narrowed(patch, ({ name }) => name === 'b');
    expect(still === undefined ? [] : names(still)).to.deep.equal(['b']);
    expect(lanes.size).to.equal(2);
    const started = taken(lanes);
    expect(lanes.narrowed(started, () => false)).to.equal(undefined);
    expect(lanes.narrowed(still ?? patch, () => true)).to.equal(still);
    expect(lanes.size).to.equal(1);
    lanes.offer([row(4, 'c', 'started')]);
    expect(names(taken(lanes))).to.deep.equal(['c']);
  });

  it('lead the state manager to the newest of each, whatever it answers and when', () => {
    const kinds: ChangeKind[] = ['started', 'restarted', 'warning', 'dead', 'halted'];
    const choice = fc.record({ what: fc.nat(9), who: fc.nat(7), kind: fc.nat(4), which: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(choice, { maxLength: 120 }), (choices) => {
        const mine = new Lanes();
        /** The number of the row the state manager heard last, and the newest there is. */
        const heard = new Map<string, number>();
        const newest = new Map<string, number>();
        const refused = new Set<number>();
        const open: Patch[] = [];
        const doubts: { doubt: Doubt; patch: Patch; isApplied: boolean }[] = [];
        let now = 0;
        let seq = 0;
        const apply = ({ rows }: Patch): void => {
          for (const one of rows) heard.set(one.name, one.seq);
        };
        const poisoned = (patch: Patch): boolean => patch.rows.some(({ name }) => name === 'n0');
        const answer = (patch: Patch): void => {
          if (poisoned(patch)) {
            const one = mine.refused(patch);
            if (one !== undefined) refused.add(one.seq);
          } else {
            apply(patch);
            mine.taken(patch);
          }
        };
        const take = (): void => {
          const patch = mine.take(at(now));
          if (patch !== undefined) open.push(patch);
          const under = open.flatMap(names);
          expect(new Set(under).size).to.equal(under.length);
        };
        for (const { what, who, kind, which } of choices) {
          const patch = open[which % Math.max(1, open.length)];
          const late = doubts[which % Math.max(1, doubts.length)];
          now += 100;
          if (what <= 2) {
            newest.set(`n${who}`, ++seq);
            mine.offer([row(seq, `n${who}`, kinds[kind] ?? 'started')]);
          } else if (what <= 4) {
            take();
          } else if (what === 5 && patch !== undefined) {
            open.splice(open.indexOf(patch), 1);
            answer(patch);
          } else if (what === 6 && patch !== undefined) {
            open.splice(open.indexOf(patch), 1);
            // It may have been applied, and the answer lost.
            if (kind > 2 && !poisoned(patch)) apply(patch);
            mine.failed(patch, { now: at(now), isAnswered: kind % 2 === 0, retries: 3, random: 0.5 });
          } else if (what === 7 && patch !== undefined) {
            open.splice(open.indexOf(patch), 1);
            doubts.push({
              doubt: mine.late(patch, { now: at(now), retries: 3, random: 0.5 }),
              patch,
              isApplied: false,
            });
          } else if (what === 8 && late !== undefined && !late.isApplied && !poisoned(late.patch)) {
            apply(late.patch);
            late.isApplied = true;
          } else if (what === 9 && late !== undefined) {
            doubts.splice(doubts.indexOf(late), 1);
            if (late.isApplied) mine.lateTaken(late.doubt);
            else mine.cleared(late.doubt);
          }
        }
        // Then it recovers.
        for (const { doubt, patch, isApplied } of doubts) {
          if (isApplied) mine.lateTaken(doubt);
          else if (poisoned(patch)) mine.cleared(doubt);
          else {
            apply(patch);
            mine.lateTaken(doubt);
          }
        }
        for (let i = 0; i < 500 && (mine.size > 0 || open.length > 0); i++) {
          now += PAUSE_MAX_MS;
          for (const patch of open.splice(0)) answer(patch);
          take();
        }
        expect(mine.size).to.equal(0);
        for (const [name, last] of newest) {
          if (name === 'n0') expect(refused.has(last)).to.equal(true);
          else expect(heard.get(name), name).to.equal(last);
        }
      }),
      { numRuns: 300 },
    );
  });
});
