import type { MessageOf } from '@csm/protocol';
import { expect } from 'chai';
import { ENTERED_MAX, SERVED_MAX, ServedCalls } from '../src/calls/served.ts';

const call = (id: string): MessageOf<'call'> => ({
  kind: 'call',
  id,
  call: 'node.list',
  input: {},
  caller: { user: 'root', uid: 0, gid: 0, groups: [], pid: 1, vouchedBy: 'utility/u' },
  trace: 't',
  remaining: 1000,
  window: 1000,
});

describe('served calls', () => {
  it('has a call served once and sends its answer back', () => {
    const calls = new ServedCalls();
    calls.message(1, call('a'));
    expect(calls.takeEffects()).to.deep.equal([{ kind: 'serve', call: call('a') }]);
    calls.ended('a', { answer: 7 });
    expect(calls.takeEffects()).to.deep.equal([
      { kind: 'send', link: 1, message: { kind: 'end', id: 'a', answer: 7 } },
    ]);
    expect(calls.open).to.equal(0);
  });

  it('begins a call once that comes again over another hub, and answers there', () => {
    const calls = new ServedCalls();
    calls.message(1, call('a'));
    calls.linkLost(1);
    calls.message(2, call('a'));
    expect(calls.takeEffects().map((e) => e.kind)).to.deep.equal(['serve']);
    calls.ended('a', { answer: null });
    expect(calls.takeEffects()).to.deep.include({
      kind: 'send',
      link: 2,
      message: { kind: 'end', id: 'a', answer: null },
    });
  });

  it('forgets a call that ends while its way is lost: the next one is new', () => {
    const calls = new ServedCalls();
    calls.message(1, call('a'));
    calls.linkLost(1);
    calls.ended('a', { answer: 1 });
    calls.takeEffects();
    calls.message(2, call('a'));
    expect(calls.takeEffects().map((e) => e.kind)).to.deep.equal(['serve']);
  });

  it('calls a stream off that was begun when its way is lost', () => {
    const calls = new ServedCalls();
    calls.message(1, call('a'));
    calls.items('a', [1], 1);
    calls.takeEffects();
    calls.linkLost(1);
    expect(calls.takeEffects()).to.deep.equal([{ kind: 'abort', id: 'a', why: 'the way to the client was lost' }]);
    expect(calls.open).to.equal(0);
  });

  it('calls a stream off whose first item finds no way, so that no hole can be seen', () => {
    const calls = new ServedCalls();
    calls.message(1, call('a'));
    calls.linkLost(1);
    calls.items('a', [1], 1);
    calls.message(2, call('a'));
    expect(calls.takeEffects().map((e) => e.kind)).to.deep.equal(['serve', 'abort', 'serve']);
  });

  it('sends a long answer in pieces whose text is the answer', () => {
    const calls = new ServedCalls();
    calls.message(1, call('a'));
    const answer = Array.from({ length: 5000 }, (_, i) => `node ${i} é`);
    calls.takeEffects();
    calls.ended('a', { answer });
    const messages = calls.takeEffects().flatMap((e) => (e.kind === 'send' ? [e.message] : []));
    const text = messages.map((m) => (m.kind === 'piece' ? m.text : '')).join('');
    expect(JSON.parse(text)).to.deep.equal(answer);
    expect(messages.at(-1)).to.deep.equal({ kind: 'end', id: 'a' });
  });

  it('sends pieces as they are given, and then an end without an answer', () => {
    const calls = new ServedCalls();
    calls.message(1, call('a'));
    calls.takeEffects();
    calls.piece('a', '[1,');
    expect(calls.takeEffects()).to.deep.equal([
      { kind: 'send', link: 1, message: { kind: 'piece', id: 'a', text: '[1,' } },
    ]);
    calls.piece('a', '2]');
    calls.ended('a', {});
    expect(calls.takeEffects().slice(1)).to.deep.equal([{ kind: 'send', link: 1, message: { kind: 'end', id: 'a' } }]);
    calls.piece('a', 'late');
    expect(calls.takeEffects()).to.deep.equal([]);
  });

  it('serves a call from the beginning that comes again over another hub when pieces of its answer were sent', () => {
    for (const isKnown of [true, false]) {
      const calls = new ServedCalls();
      calls.message(1, call('a'));
      calls.piece('a', '[1,');
      calls.takeEffects();
      if (isKnown) calls.linkLost(1);
      calls.message(2, call('a'));
      expect(calls.takeEffects().map((e) => e.kind)).to.deep.equal(['abort', 'serve']);
      calls.piece('a', '[1,');
      expect(calls.takeEffects().map((e) => e.kind === 'send' && e.link)).to.deep.equal([2]);
      expect(calls.open).to.equal(1);
    }
  });

  it('serves it from the beginning also when it comes back to the hub that has its pieces: they are lost', () => {
    const calls = new ServedCalls();
    calls.message(1, call('a'));
    calls.piece('a', '[1,');
    calls.takeEffects();
    calls.message(1, call('a'));
    expect(calls.takeEffects().map((e) => e.kind)).to.deep.equal(['abort', 'serve']);
    expect(calls.open).to.equal(1);
  });

  it('gives room, takes cancels, and ignores both for calls it does not know', () => {
    const calls = new ServedCalls();
    calls.message(1, { kind: 'more', id: 'a', bytes: 5 });
    calls.message(1, { kind: 'cancel', id: 'a' });
    expect(calls.takeEffects()).to.deep.equal([]);
    calls.message(1, call('a'));
    calls.takeEffects();
    calls.message(1, { kind: 'more', id: 'a', bytes: 5 });
    calls.message(1, { kind: 'cancel', id: 'a' });
    expect(calls.takeEffects()).to.deep.equal([
      { kind: 'room', id: 'a', bytes: 5 },
      { kind: 'abort', id: 'a', why: 'cancelled by the client' },
    ]);
  });

  it('ignores the cancel of a hub that is not the way any more', () => {
    const calls = new ServedCalls();
    calls.message(1, call('a'));
    calls.message(2, call('a'));
    calls.takeEffects();
    calls.message(1, { kind: 'cancel', id: 'a' });
    expect(calls.takeEffects()).to.deep.equal([]);
    expect(calls.open).to.equal(1);
  });

  const from = (id: string, vouchedBy: string, uid = 1000): MessageOf<'call'> => {
    const one = call(id);
    return { ...one, caller: { ...one.caller, uid, vouchedBy } };
  };

  it('answers 13 beyond what one daemon may have entered, and lets root in still', () => {
    const calls = new ServedCalls();
    for (let i = 0; i < ENTERED_MAX; i++) calls.message(1, from(`c${i}`, 'compute/n1'));
    calls.takeEffects();
    calls.message(1, from('one more', 'compute/n1'));
    expect(calls.takeEffects()[0]).to.have.nested.property('message.problem.code', 13);
    calls.message(1, from('root', 'compute/n1', 0));
    calls.message(1, from('another daemon', 'compute/n2'));
    expect(calls.takeEffects().map((e) => e.kind)).to.deep.equal(['serve', 'serve']);
    calls.ended('c0', {});
    calls.ended('root', {});
    calls.message(1, from('after one ended', 'compute/n1'));
    expect(calls.takeEffects().at(-1)).to.have.property('kind', 'serve');
  });

  it('answers 13 beyond what all may have, and lets root in still', () => {
    const calls = new ServedCalls();
    for (let i = 0; i < SERVED_MAX; i++) calls.message(1, from(`c${i}`, `compute/n${i % 100}`));
    calls.takeEffects();
    calls.message(1, from('one more', 'utility/u'));
    expect(calls.takeEffects()[0]).to.have.nested.property('message.problem.code', 13);
    calls.message(1, from('root', 'utility/u', 0));
    expect(calls.takeEffects()[0]).to.have.property('kind', 'serve');
  });
});
