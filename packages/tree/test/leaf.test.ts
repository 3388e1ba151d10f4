import type { Message } from '@csm/protocol';
import { expect } from 'chai';
import { Leaf, type LeafEffect, type LeafEvent } from '../src/leaf.ts';
import type { Peer } from '../src/link/link.ts';
import { initialOutbox } from '../src/outbox/state.ts';
import { at, EPOCH, wallAt } from './support.ts';

const peer = (node: string): Peer => ({
  role: 'aggregator',
  node,
  daemon: `aggregator/${node}`,
  incarnation: 'h',
  session: 'h',
  version: '1.1',
  address: '10.0.0.1:1',
  since: wallAt(0),
  leader: true,
  credit: 0,
});

class Rig {
  readonly leaf: Leaf;
  #fresh = 1;

  constructor() {
    this.leaf = new Leaf(
      {
        node: 'n1',
        candidates: ['A', 'B'],
        failover: {
          interval: 1000,
          backoff: { base: 100, cap: 1000 },
          absent: { base: 100, cap: 1000 },
          secondaryWait: 1000,
          refusedRetry: 60_000,
          returnAfter: 1e6,
          returnSpread: 0,
        },
        patience: 5000,
        random: () => 0.5,
        newIncarnation: () => `i${++this.#fresh}`,
        hash: (command, input) => command + JSON.stringify(input),
      },
      { outbox: initialOutbox('i1', { bytes: 1e6, frameItems: 10, frameBytes: 50_000 }), term: 0, commands: [] },
      at(0),
    );
  }

  step(event: LeafEvent): LeafEffect[] {
    return this.leaf.step(event, at(0)).filter((e) => e.kind !== 'log');
  }

  message(candidate: number, message: Message): LeafEffect[] {
    return this.step({ kind: 'message', candidate, link: 10 + candidate, message });
  }

  claimed(candidate: number, term: number, incarnation = 'i1', cursor = 0): LeafEffect[] {
    return this.message(candidate, { kind: 'claimed', term, incarnation, cursor });
  }

  /** A primary and confirmed, B secondary. */
  linked(): this {
    this.step({ kind: 'start' });
    this.step({ kind: 'up', candidate: 0, link: 10, peer: peer('A') });
    this.claimed(0, 1);
    this.step({ kind: 'up', candidate: 1, link: 11, peer: peer('B') });
    return this;
  }

  offer(token: number): LeafEffect[] {
    return this.offers(token);
  }

  /** All in one moment. */
  offers(...tokens: number[]): LeafEffect[] {
    const report = (body: number) => ({ kind: 'k', urgency: 'normal' as const, time: EPOCH, body });
    return this.step({ kind: 'offers', offers: tokens.map((token) => ({ token, report: report(token) })) });
  }
}

/** Effects as short text, in the order in which they must happen. */
const brief = (effects: readonly LeafEffect[]): string[] =>
  effects.map((e) => {
    if (e.kind === 'send') return `${e.link} ← ${e.message.kind}`;
    return e.kind === 'persist' ? `persist ${e.record.r}${e.lazy ? ' lazily' : ''}` : e.kind;
  });

describe('leaf', () => {
  it('stores a term with its claim, a number before its frame, a command before its start', () => {
    const rig = new Rig();
    rig.step({ kind: 'start' });
    const up = brief(rig.step({ kind: 'up', candidate: 0, link: 10, peer: peer('A') }));
    expect(up[0]).to.match(/^persist term/);
    expect(up[1]).to.equal('10 ← claim');
    rig.claimed(0, 1);
    rig.message(0, { kind: 'credit', bytes: 4096 });
    expect(brief(rig.offer(1))).to.deep.equal(['persist offer', 'accepted', 'persist number', '10 ← report']);
    const command = {
      kind: 'command' as const,
      id: 'c1',
      command: 'run',
      nodes: 'n1',
      remaining: 500,
      room: 10,
      input: 1,
    };
    expect(brief(rig.message(0, command))).to.deep.equal(['persist command', 'run']);
    expect(brief(rig.step({ kind: 'finished', id: 'c1', answer: { code: 0, text: '' } }))).to.deep.equal([
      '10 ← result',
    ]);
  });

  it('sends what was offered in one moment in one frame', () => {
    const rig = new Rig().linked();
    rig.message(0, { kind: 'credit', bytes: 8192 });
    const sent = rig.offers(1, 2, 3);
    const accepted = ['persist offer', 'accepted'];
    const expected = [accepted, accepted, accepted, ['persist number', '10 ← report']];
    expect(brief(sent)).to.deep.equal(expected.flat());
    const report = sent.at(-1);
    expect(report?.kind === 'send' && report.message.kind === 'report' && report.message.items.length).to.equal(3);
  });

  it('begins without credit after each claim, also on the link it had credit on', () => {
    const rig = new Rig().linked();
    rig.message(0, { kind: 'credit', bytes: 4096 });
    expect(brief(rig.message(0, { kind: 'behind', term: 5 }))).to.include('10 ← claim');
    rig.message(0, { kind: 'credit', bytes: 4096 }); // was on its way when the claim left: the hub takes it back
    rig.claimed(0, 6);
    expect(brief(rig.offer(1))).to.deep.equal(['persist offer', 'accepted', '10 ← want']);
    rig.message(0, { kind: 'credit', bytes: 4096 });
    expect(rig.leaf.outbox.credit).to.be.below(4096);
  });

  it('keeps its credit when the same claim is confirmed again', () => {
    const rig = new Rig().linked();
    rig.message(0, { kind: 'credit', bytes: 4096 });
    rig.claimed(0, 1);
    expect(brief(rig.offer(1))).to.include('10 ← report');
  });

  it('takes credit of its primary only', () => {
    const rig = new Rig().linked();
    rig.message(1, { kind: 'credit', bytes: 4096 });
    expect(brief(rig.offer(1))).to.include('10 ← want');
  });

  it('begins anew when the database was set back: the incarnation is stored, then claimed', () => {
    const rig = new Rig().linked();
    const effects = brief(rig.claimed(0, 1, 'i1', 99));
    expect(effects).to.deep.equal(['persist incarnation', 'persist term lazily', '10 ← claim']);
    expect(rig.leaf.outbox.incarnation).to.match(/^i\d$/).and.not.equal('i1');
    expect(brief(rig.claimed(0, 2, 'i1')), 'a claim of the former incarnation').to.deep.equal([]);
    expect(brief(rig.claimed(0, 2, rig.leaf.outbox.incarnation))).to.deep.equal(['confirmed']);
  });

  it('acknowledgements count on whichever link they come', () => {
    const rig = new Rig().linked();
    rig.message(0, { kind: 'credit', bytes: 4096 });
    rig.offer(1);
    expect(brief(rig.message(1, { kind: 'ack', incarnation: 'i1', cursor: 1 }))).to.deep.equal([
      'persist cursor lazily',
    ]);
  });

  it('moves at once when its primary goes, and repeats its calls there', () => {
    const rig = new Rig().linked();
    const caller = { user: 'u', uid: 1, gid: 1, groups: [], pid: 1, vouchedBy: 'compute/n1' };
    const order = { id: 'q1', call: 'node.list', input: {}, caller, trace: 't', within: 9000, repeatable: true };
    expect(brief(rig.step({ kind: 'call', order }))).to.deep.equal(['10 ← call']);
    expect(brief(rig.step({ kind: 'call', order: { ...order, id: 'q2' } }))).to.deep.equal(['10 ← call']);
    rig.message(0, { kind: 'piece', id: 'q2', text: '[1,' });
    const left = rig.message(0, { kind: 'bye', reason: 'stops' });
    expect(brief(left)).to.include('11 ← claim');
    // Of the other a piece was passed on already: whoever reads it must not be given it twice.
    expect(left.filter(({ kind }) => kind === 'ended').map((effect) => 'id' in effect && effect.id)).to.deep.equal([
      'q2',
    ]);
    // A is linked still, and sends what the new sending will bring whole.
    for (const id of ['q1', 'q2']) {
      expect(brief(rig.message(0, { kind: 'piece', id, text: '[1,2]' }))).to.deep.equal([]);
      expect(brief(rig.message(0, { kind: 'end', id }))).to.deep.equal([]);
    }
    expect(brief(rig.claimed(1, 2)).filter((effect) => effect === '11 ← call')).to.have.length(1);
    expect(rig.message(1, { kind: 'piece', id: 'q1', text: '[1,2]' })).to.deep.equal([
      { kind: 'piece', id: 'q1', text: '[1,2]' },
    ]);
    expect(rig.message(1, { kind: 'end', id: 'q1' })).to.deep.equal([{ kind: 'ended', id: 'q1', answer: undefined }]);
  });

  it('a snapshot says what it knows: term, reports, commands', () => {
    const rig = new Rig().linked();
    rig.offer(1);
    expect(rig.leaf.snapshot().map((r) => r.r)).to.deep.equal(['incarnation', 'term', 'cursor', 'offer']);
  });
});
