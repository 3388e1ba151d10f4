import { expect } from 'chai';
import {
  ANSWER_MAX,
  CALLS_MAX,
  CallEntry,
  type CallOrder,
  type EntryEffect,
  STREAM_WINDOW,
} from '../src/calls/entry.ts';
import { at, kinds } from './support.ts';

const caller = { user: 'op', uid: 1, gid: 1, groups: [], pid: 2, vouchedBy: 'utility/u1' };
const order = (change: Partial<CallOrder> = {}): CallOrder => ({
  id: 'c1',
  call: 'node.list',
  input: { nodes: 'n[1-4]' },
  caller,
  trace: 't1',
  within: 30_000,
  repeatable: true,
  ...change,
});

function entry(way = true): CallEntry {
  const e = new CallEntry(5000);
  if (way) e.way(true, at(0));
  return e;
}

const sent = (effects: readonly EntryEffect[]) => effects.flatMap((e) => (e.kind === 'up' ? [e.message] : []));
const ended = (effects: readonly EntryEffect[]) => effects.flatMap((e) => (e.kind === 'ended' ? [e] : []));
const end = { kind: 'end', id: 'c1' } as const;

describe('call entry', () => {
  it('goes up at once when there is a way, with its remaining time and its window', () => {
    const e = entry();
    e.start(order({ key: 'k1' }), at(100));
    expect(sent(e.takeEffects())).to.deep.equal([
      {
        kind: 'call',
        id: 'c1',
        call: 'node.list',
        input: { nodes: 'n[1-4]' },
        caller,
        trace: 't1',
        key: 'k1',
        remaining: 3e4,
        window: STREAM_WINDOW,
      },
    ]);
    expect(e.open).to.equal(1);
  });

  it('is answered: with a value, with a problem, with text that came in pieces', () => {
    const e = entry();
    e.start(order(), at(0));
    e.takeEffects();
    e.message({ ...end, answer: [1] }, at(1));
    expect(e.takeEffects()).to.deep.equal([{ kind: 'ended', id: 'c1', answer: [1] }]);
    expect(e.open).to.equal(0);
    expect(e.wakeAt()).to.equal(undefined);

    e.start(order({ id: 'c2' }), at(0));
    e.message({ kind: 'end', id: 'c2', problem: { code: 16, name: 'PERMISSION', detail: 'no' } }, at(1));
    expect(ended(e.takeEffects())[0]?.problem?.code).to.equal(16);

    e.start(order({ id: 'c3' }), at(0));
    e.message({ kind: 'piece', id: 'c3', text: '[1,' }, at(1));
    e.message({ kind: 'piece', id: 'c3', text: '2]' }, at(1));
    e.message({ kind: 'end', id: 'c3' }, at(1));
    expect(e.takeEffects().slice(-3)).to.deep.equal([
      { kind: 'piece', id: 'c3', text: '[1,' },
      { kind: 'piece', id: 'c3', text: '2]' },
      { kind: 'ended', id: 'c3', answer: undefined },
    ]);
  });

  it('waits while there is no way; sent with the time that is left', () => {
    const e = entry(false);
    e.start(order(), at(0));
    expect(e.takeEffects()).to.deep.equal([]);
    e.way(true, at(4000));
    expect(sent(e.takeEffects())[0]).to.include({ remaining: 26_000 });
    e.way(true, at(4100));
    expect(e.takeEffects(), 'the way told twice').to.deep.equal([]);
  });

  it('its patience ends: 22, degraded', () => {
    const e = entry(false);
    e.start(order(), at(0));
    expect(e.wakeAt()).to.equal(5000);
    e.tick(at(4999));
    expect(e.takeEffects()).to.deep.equal([]);
    e.tick(at(5000));
    const [over] = ended(e.takeEffects());
    expect(over?.problem).to.include({ code: 22 });
    expect(over?.problem?.detail).to.include('degraded');
  });

  it('its time ends: 5, and the leader is told to stop', () => {
    const e = entry();
    e.start(order({ within: 2000 }), at(0));
    e.takeEffects();
    e.tick(at(2000));
    const effects = e.takeEffects();
    expect(sent(effects)).to.deep.equal([{ kind: 'cancel', id: 'c1' }]);
    expect(ended(effects)[0]?.problem?.detail).to.equal(`'node.list' was not answered within 2 s`);
    e.message({ ...end, answer: 1 }, at(2001));
    expect(e.takeEffects(), 'too late').to.deep.equal([]);
  });

  it('its time ends before its patience: 5 without a word to anybody', () => {
    const e = entry(false);
    e.start(order({ within: 2000 }), at(0));
    e.tick(at(2000));
    expect(e.takeEffects()).to.have.length(1);
  });

  it('the way is lost: what may be repeated waits and goes again under the same id, the rest ends with 12', () => {
    const e = entry();
    e.start(order(), at(0));
    e.start(order({ id: 'c2', repeatable: false }), at(0));
    e.takeEffects();
    e.way(false, at(100));
    const effects = e.takeEffects();
    expect(ended(effects).map((x) => [x.id, x.problem?.code])).to.deep.equal([['c2', 12]]);
    expect(e.wakeAt(), 'its patience begins anew').to.equal(5100);
    e.way(true, at(200));
    expect(sent(e.takeEffects())).to.have.length(1);
    expect(e.open).to.equal(1);
  });

  it('`lost`: waits for the next confirmation instead of going round with the hub', () => {
    const e = entry();
    e.start(order(), at(0));
    e.takeEffects();
    e.message({ kind: 'lost', id: 'c1' }, at(10));
    expect(e.takeEffects()).to.deep.equal([]);
    e.message({ kind: 'lost', id: 'c1' }, at(11));
    expect(e.takeEffects(), 'told twice').to.deep.equal([]);
    expect(e.wakeAt()).to.equal(5010);
    e.way(true, at(300));
    expect(sent(e.takeEffects())).to.have.length(1);
  });

  it('`lost` and never found again: 22 when its patience is over', () => {
    const e = entry();
    e.start(order(), at(0));
    e.takeEffects();
    e.message({ kind: 'lost', id: 'c1' }, at(10));
    e.tick(at(5010));
    expect(ended(e.takeEffects())[0]?.problem?.code).to.equal(22);
  });

  it('a stream that has begun is not repeated', () => {
    const e = entry();
    e.start(order(), at(0));
    e.takeEffects();
    e.message({ kind: 'data', id: 'c1', items: [1, 2], bytes: 9 }, at(1));
    expect(e.takeEffects()).to.deep.equal([{ kind: 'items', id: 'c1', items: [1, 2], bytes: 9 }]);
    e.message({ kind: 'lost', id: 'c1' }, at(2));
    expect(ended(e.takeEffects())[0]?.problem?.code).to.equal(12);
  });

  it('a long answer is passed on piece by piece, and is not repeated once one has come', () => {
    const e = entry();
    e.start(order(), at(0));
    e.takeEffects();
    e.message({ kind: 'piece', id: 'c1', text: '[1,' }, at(1));
    expect(e.takeEffects()).to.deep.equal([{ kind: 'piece', id: 'c1', text: '[1,' }]);
    e.way(false, at(2));
    e.message({ kind: 'piece', id: 'c1', text: 'late' }, at(3));
    e.message(end, at(3));
    const effects = e.takeEffects();
    expect(effects.map(({ kind }) => kind)).to.deep.equal(['ended']);
    expect(ended(effects)[0]?.problem?.code).to.equal(12);
  });

  it('pieces of a sending that was given up are not mixed with those of the next', () => {
    const e = entry();
    e.start(order(), at(0));
    e.takeEffects();
    e.way(false, at(2));
    e.message({ kind: 'piece', id: 'c1', text: 'late' }, at(3));
    e.message(end, at(3));
    expect(e.takeEffects()).to.deep.equal([]);
    e.way(true, at(4));
    e.message({ kind: 'piece', id: 'c1', text: '[new]' }, at(5));
    e.message({ kind: 'end', id: 'c1' }, at(6));
    expect(e.takeEffects().filter(({ kind }) => kind !== 'up')).to.deep.equal([
      { kind: 'piece', id: 'c1', text: '[new]' },
      { kind: 'ended', id: 'c1', answer: undefined },
    ]);
  });

  it('an answer that is too long ends with 30, and is called off', () => {
    const e = entry();
    e.start(order(), at(0));
    e.takeEffects();
    const text = 'x'.repeat(1024 * 1024);
    for (let i = 0; i < ANSWER_MAX / text.length; i++) e.message({ kind: 'piece', id: 'c1', text }, at(1));
    expect(new Set(e.takeEffects().map(({ kind }) => kind))).to.deep.equal(new Set(['piece']));
    e.message({ kind: 'piece', id: 'c1', text: 'x' }, at(1));
    const effects = e.takeEffects();
    expect(sent(effects)).to.deep.equal([{ kind: 'cancel', id: 'c1' }]);
    expect(ended(effects).map((x) => x.problem?.code)).to.deep.equal([30]);
    expect(e.open).to.equal(0);
  });

  it('more calls than allowed: 13', () => {
    const e = entry(false);
    for (let i = 0; i < CALLS_MAX; i++) e.start(order({ id: `c${i}` }), at(0));
    expect(e.takeEffects()).to.deep.equal([]);
    e.start(order({ id: 'more' }), at(0));
    expect(ended(e.takeEffects()).map((x) => [x.id, x.problem?.code])).to.deep.equal([['more', 13]]);
    expect(e.open).to.equal(CALLS_MAX);
  });

  it('cancel: told to the leader where it went, silent otherwise, and forgotten', () => {
    const e = entry();
    e.start(order(), at(0));
    e.takeEffects();
    e.cancel('c1');
    e.cancel('c1');
    e.cancel('never');
    expect(e.takeEffects()).to.deep.equal([{ kind: 'up', message: { kind: 'cancel', id: 'c1' } }]);
    const w = entry(false);
    w.start(order(), at(0));
    w.cancel('c1');
    expect(w.takeEffects()).to.deep.equal([]);
    expect(w.wakeAt()).to.equal(undefined);
  });

  it('what the client has taken is told while the call is under way', () => {
    const e = entry();
    e.start(order(), at(0));
    e.takeEffects();
    e.taken('c1', 100);
    e.taken('never', 100);
    expect(e.takeEffects()).to.deep.equal([{ kind: 'up', message: { kind: 'more', id: 'c1', bytes: 100 } }]);
    e.way(false, at(1));
    e.takeEffects();
    e.taken('c1', 100);
    expect(kinds(e.takeEffects())).to.deep.equal([]);
  });

  it('answers to calls nobody made are ignored', () => {
    const e = entry();
    e.message({ ...end, answer: 1 }, at(0));
    e.message({ kind: 'data', id: 'x', items: [], bytes: 0 }, at(0));
    e.message({ kind: 'lost', id: 'x' }, at(0));
    expect(e.takeEffects()).to.deep.equal([]);
  });
});
