import { daemonId } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { Hub } from '../src/hub.ts';
import { Tap, type TapEffect } from '../src/tap/tap.ts';
import { at, wallAt } from './support.ts';

const WINDOW = 1_000_000;

class Rig {
  readonly tap: Tap;

  constructor(limits?: { readonly bytes: number; readonly count: number }) {
    this.tap = new Tap(['k'], limits);
  }

  /** Reports `first`… on a link, 100 bytes each; a name in capitals is of a kind nobody wants. */
  sent(link: number, first: number, names: string, incarnation = 'i'): string[] {
    const items = names.split('').map((body) => ({ kind: body === body.toUpperCase() ? 'other' : 'k', time: 7, body }));
    const bytes = 100 * items.length;
    this.tap.reports(link, `n${link}`, { kind: 'report', term: 1, incarnation, first, bytes, items });
    return this.out();
  }

  ack(link: number, cursor: number, { resend = false, incarnation = 'i' } = {}): string[] {
    this.tap.ack(link, { incarnation, cursor, resend });
    return this.out();
  }

  ended(link: number): string[] {
    this.tap.ended(link);
    return this.out();
  }

  taken(): string[] {
    this.tap.taken();
    return this.out();
  }

  out(): string[] {
    return this.tap.takeEffects().map(brief);
  }
}

function brief(effect: TapEffect): string {
  if (effect.kind === 'take')
    return `take ${effect.reports.map(({ node, seq, body }) => `${node}:${seq}=${typeof body === 'string' ? body : '?'}`).join(' ')}`;
  if (effect.kind === 'acked') return `${effect.resend ? 'resend' : 'ack'} ${effect.link} ${effect.cursor}`;
  return `again ${effect.link}`;
}

describe('tap', () => {
  it('passes an acknowledgement only when the sink has what it acknowledges', () => {
    const rig = new Rig();
    expect(rig.sent(1, 1, 'abc')).to.deep.equal([]);
    expect(rig.ack(1, 2)).to.deep.equal(['take n1:1=a n1:2=b']);
    expect(rig.taken()).to.deep.equal(['ack 1 2']);
    expect(rig.tap.count, 'c is still on its way').to.equal(1);
  });

  it('hands on the report as it is', () => {
    const rig = new Rig();
    rig.sent(1, 9, 'a');
    rig.tap.ack(1, { incarnation: 'i', cursor: 9, resend: false });
    const report = { node: 'n1', incarnation: 'i', seq: 9, kind: 'k', time: 7, body: 'a' };
    expect(rig.tap.takeEffects()).to.deep.equal([{ kind: 'take', reports: [report] }]);
  });

  it('has one take under way; what is acknowledged meanwhile goes with the next, of all streams together', () => {
    const rig = new Rig();
    rig.sent(1, 1, 'abc');
    rig.sent(2, 1, 'xyz');
    expect(rig.ack(1, 1)).to.deep.equal(['take n1:1=a']);
    expect(rig.ack(1, 2)).to.deep.equal([]);
    expect(rig.ack(2, 1)).to.deep.equal([]);
    expect(rig.ack(2, 3)).to.deep.equal([]);
    expect(rig.taken()).to.deep.equal(['ack 1 1', 'take n1:2=b n2:1=x n2:2=y n2:3=z']);
    expect(rig.taken()).to.deep.equal(['ack 1 2', 'ack 2 3']);
  });

  it('what nobody wants costs nothing and waits for nothing but what stands before it', () => {
    const rig = new Rig();
    rig.sent(1, 1, 'AB');
    expect(rig.tap.count).to.equal(0);
    expect(rig.ack(1, 2)).to.deep.equal(['ack 1 2']);
    rig.sent(1, 3, 'cD');
    expect(rig.ack(1, 3)).to.deep.equal(['take n1:3=c']);
    expect(rig.ack(1, 4), 'an acknowledgement is for all below it').to.deep.equal([]);
    expect(rig.taken()).to.deep.equal(['ack 1 3', 'ack 1 4']);
  });

  it('never passes more than was seen here: another hub may have taken the rest with it', () => {
    const rig = new Rig();
    expect(rig.ack(1, 10), 'nothing came yet').to.deep.equal([]);
    rig.sent(1, 1, 'ab');
    expect(rig.ack(1, 10)).to.deep.equal(['take n1:1=a n1:2=b']);
    expect(rig.taken()).to.deep.equal(['ack 1 2']);
    rig.sent(1, 3, 'c');
    expect(rig.ack(1, 10)).to.deep.equal(['take n1:3=c']);
  });

  it('a repetition is copied once while it waits, and again after it was taken', () => {
    const rig = new Rig();
    rig.sent(1, 1, 'ab');
    rig.sent(1, 1, 'abc');
    expect(rig.tap.count).to.equal(3);
    expect(rig.ack(1, 3)).to.deep.equal(['take n1:1=a n1:2=b n1:3=c']);
    rig.taken();
    rig.sent(1, 1, 'abc');
    expect(rig.ack(1, 3)).to.deep.equal(['take n1:1=a n1:2=b n1:3=c']);
  });

  it('a request to send again goes the same way, and is not lost in an acknowledgement', () => {
    const rig = new Rig();
    rig.sent(1, 1, 'ab');
    expect(rig.ack(1, 1, { resend: true })).to.deep.equal(['take n1:1=a']);
    rig.ack(1, 1, { resend: true });
    rig.ack(1, 2);
    expect(rig.taken()).to.deep.equal(['resend 1 1', 'take n1:2=b']);
    expect(rig.taken()).to.deep.equal(['resend 1 2']);
  });

  it('forgets a claim that ended, and what it was about to say', () => {
    const rig = new Rig();
    rig.sent(1, 1, 'abc');
    rig.ack(1, 1);
    rig.ack(1, 3);
    expect(rig.ended(1)).to.deep.equal([]);
    rig.sent(1, 1, 'ab');
    expect(rig.taken(), 'to a new claim this would be too much').to.deep.equal([]);
    expect(rig.tap.count).to.equal(2);
    rig.ended(1);
    expect([rig.tap.count, rig.tap.bytes]).to.deep.equal([0, 0]);
    expect(rig.ended(7)).to.deep.equal([]);
  });

  it('another incarnation is another stream', () => {
    const rig = new Rig();
    rig.sent(1, 1, 'abc');
    rig.sent(1, 1, 'x', 'j');
    expect(rig.ack(1, 3)).to.deep.equal([]);
    expect(rig.ack(1, 3, { incarnation: 'j' })).to.deep.equal(['take n1:1=x']);
  });

  it('without room copies no more of a stream, and asks for a new claim once half is free', () => {
    const rig = new Rig({ bytes: 10_000, count: 4 });
    rig.sent(1, 1, 'abc');
    expect(rig.sent(2, 1, 'xyz')).to.deep.equal([]);
    rig.sent(2, 4, 'w');
    expect(rig.tap.count).to.equal(4);
    expect(rig.ack(2, 4), 'y, z and w are not copied').to.deep.equal(['take n2:1=x']);
    expect(rig.taken()).to.deep.equal(['ack 2 1']);
    rig.ack(1, 1);
    expect(rig.taken()).to.deep.equal(['ack 1 1', 'again 2']);
    expect(rig.sent(2, 5, 'v'), 'still under the old claim').to.deep.equal([]);
    expect(rig.ack(2, 5)).to.deep.equal(['ack 2 1']);
    rig.ended(2);
    rig.sent(2, 2, 'yz');
    expect(rig.ack(2, 3)).to.deep.equal(['take n2:2=y n2:3=z']);
  });

  it('bytes are bounded as well as numbers', () => {
    const rig = new Rig({ bytes: 250, count: 100 });
    rig.sent(1, 1, 'abc');
    expect([rig.tap.count, rig.tap.bytes]).to.deep.equal([2, 200]);
  });

  it('whatever comes: nothing is passed that was not taken, and in the end nothing is kept', () => {
    const links = fc.constantFrom(1, 2, 3);
    const event = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ what: fc.constant('sent' as const), link: links, n: fc.integer({ min: 1, max: 5 }) }),
      },
      { weight: 4, arbitrary: fc.record({ what: fc.constant('ack' as const), link: links, n: fc.nat(6) }) },
      { weight: 3, arbitrary: fc.record({ what: fc.constant('taken' as const), link: links, n: fc.nat(1) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('claim' as const), link: links, n: fc.nat(1) }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80, size: 'max' }), fc.constantFrom(6, 1000), (events, count) => {
        const tap = new Tap(['k'], { bytes: 1e9, count });
        const node = new Map([1, 2, 3].map((link) => [link, { cursor: 0, next: 1, last: 0, stored: 0 }]));
        const had = new Set<string>();
        let takes: string[] = [];
        let open = false;
        const again = (link: number) => {
          tap.ended(link);
          const n = node.get(link);
          if (n !== undefined) n.next = n.cursor + 1;
        };
        const carry = () => {
          for (const effect of tap.takeEffects()) {
            if (effect.kind === 'take') {
              expect(open, 'one at a time').to.equal(false);
              open = true;
              takes = effect.reports.map(({ node: of, seq }) => `${of}:${seq}`);
            } else if (effect.kind === 'acked') {
              const n = node.get(effect.link);
              if (n === undefined) continue;
              for (let seq = 1; seq <= effect.cursor; seq++)
                expect(had.has(`n${effect.link}:${seq}`), `${seq} was never taken`).to.equal(true);
              n.cursor = Math.max(n.cursor, effect.cursor);
              n.next = Math.max(n.next, n.cursor + 1);
            } else again(effect.link);
          }
          expect(tap.count).to.be.at.most(count);
        };
        const taken = () => {
          if (!open) return;
          open = false;
          for (const id of takes) had.add(id);
          tap.taken();
          carry();
        };
        const send = (link: number, n: { next: number; last: number; stored: number }, most: number) => {
          const items = Array.from({ length: most }, () => ({ kind: 'k', time: 1, body: null }));
          tap.reports(link, `n${link}`, { kind: 'report', term: 1, incarnation: 'i', first: n.next, bytes: 1, items });
          n.next += most;
          n.last = Math.max(n.last, n.next - 1);
          carry();
        };
        for (const { what, link, n: size } of events) {
          const n = node.get(link);
          if (n === undefined) continue;
          if (what === 'sent') send(link, n, size);
          else if (what === 'ack') {
            n.stored = Math.min(n.last, n.stored + size);
            tap.ack(link, { incarnation: 'i', cursor: n.stored, resend: false });
            carry();
          } else if (what === 'taken') taken();
          else again(link);
        }
        for (const link of [1, 2, 3]) again(link);
        for (let i = 0; [...node.values()].some((n) => n.cursor < n.last); i++) {
          expect(i, 'stands still').to.be.below(1000);
          for (const [link, n] of node) {
            if (n.next <= n.last) send(link, n, n.last - n.next + 1);
            n.stored = n.last;
            tap.ack(link, { incarnation: 'i', cursor: n.last, resend: false });
            carry();
            taken();
          }
        }
        taken();
        expect([tap.count, Math.round(tap.bytes)]).to.deep.equal([0, 0]);
      }),
      { numRuns: 400 },
    );
  });
});

describe('tap: in a hub', () => {
  const daemon = daemonId('compute', 'n1');
  const about = { incarnation: 'i', session: 's1', version: '1.2', address: '10.0.0.1:1', since: wallAt(0) };
  const rig = (tap?: Tap) => {
    const hub = new Hub('A', 's-A', tap);
    hub.trunkUp(WINDOW);
    hub.leafUp(1, { role: 'compute', node: 'n1', daemon, ...about, leader: true, credit: 0 });
    return {
      hub,
      claim: (term: number) => hub.leafMessage(1, { kind: 'claim', term, incarnation: 'i' }, 50, at(0)),
      held: (term: number) => {
        const verdict = { daemon, term, incarnation: 'i', verdict: 'held' as const, cursor: 0 };
        hub.trunkMessage({ kind: 'verdicts', list: [verdict] }, at(0));
        return down();
      },
      report: (term: number, first: number, count: number) => {
        const items = Array.from({ length: count }, () => ({ kind: 'k', time: 0, body: 1 }));
        const bytes = 100 * count;
        hub.leafMessage(1, { kind: 'report', term, incarnation: 'i', first, bytes, items }, bytes, at(0));
        return down();
      },
      ack: (cursor: number) => {
        hub.trunkMessage({ kind: 'acks', list: [{ daemon, incarnation: 'i', cursor }] }, at(0));
        return down();
      },
      down,
    };
    /** What goes to the node and to the sink. */
    function down() {
      return hub.flush().flatMap((e) => {
        if (e.kind === 'take') return [`take ${e.reports.map(({ seq }) => seq).join(' ')}`];
        if (e.kind !== 'send' || e.message.kind === 'credit') return [];
        const { message: m } = e;
        if (m.kind === 'claimed') return [`claimed${m.again === true ? ' again' : ''}`];
        return [m.kind === 'ack' ? `ack ${m.cursor}` : m.kind === 'behind' ? `behind ${m.term}` : m.kind];
      });
    }
  };

  it('without a tap: acknowledgements pass, claims are as they were', () => {
    const { claim, held, report, ack } = rig();
    claim(1);
    expect(held(1)).to.deep.equal(['claimed']);
    report(1, 1, 2);
    expect(ack(2)).to.deep.equal(['ack 2']);
  });

  it('with one: every confirmed claim asks for all again, and the sink comes first', () => {
    const { hub, claim, held, report, ack, down } = rig(new Tap(['k']));
    claim(1);
    expect(held(1)).to.deep.equal(['claimed again']);
    report(1, 1, 2);
    expect(ack(2)).to.deep.equal(['take 1 2']);
    hub.taken();
    expect(down()).to.deep.equal(['ack 2']);
  });

  it('a loss of the trunk ends no claim: frames that come meanwhile are copied, and late ones prove nothing', () => {
    const { hub, claim, held, report, ack, down } = rig(new Tap(['k']));
    claim(1);
    held(1);
    report(1, 1, 2);
    hub.trunkDown();
    report(1, 3, 2);
    hub.trunkUp(WINDOW);
    expect(held(1)).to.deep.equal(['claimed again']);
    // On its way before the node heard that: what the leader says now speaks of 1 to 4 as well.
    report(1, 5, 1);
    expect(ack(5)).to.deep.equal(['take 1 2 3 4 5']);
    hub.taken();
    expect(down()).to.deep.equal(['ack 5']);
  });

  it('a new claim begins anew; frames of the old one are not copied', () => {
    const tap = new Tap(['k']);
    const { claim, held, report, ack } = rig(tap);
    claim(1);
    held(1);
    report(1, 1, 5);
    claim(2);
    held(2);
    expect(tap.count).to.equal(0);
    report(1, 6, 1);
    expect(ack(6)).to.deep.equal([]);
    report(2, 1, 3);
    expect(ack(6)).to.deep.equal(['take 1 2 3']);
  });

  it('asks for a new claim where it had no room', () => {
    const { hub, claim, held, report, ack, down } = rig(new Tap(['k'], { bytes: 1e6, count: 2 }));
    claim(4);
    held(4);
    report(4, 1, 3);
    expect(ack(3)).to.deep.equal(['take 1 2']);
    hub.taken();
    expect(down()).to.deep.equal(['ack 2', 'behind 4']);
    claim(5);
    expect(held(5)).to.deep.equal(['claimed again']);
    report(5, 3, 1);
    expect(ack(3)).to.deep.equal(['take 3']);
  });

  it('a node that moved away, or whose link is lost, leaves nothing here', () => {
    const tap = new Tap(['k']);
    const { hub, claim, held, report } = rig(tap);
    claim(1);
    held(1);
    report(1, 1, 2);
    hub.trunkMessage({ kind: 'verdicts', list: [{ daemon, term: 2, incarnation: 'i', verdict: 'demoted' }] }, at(0));
    expect(tap.count).to.equal(0);
    claim(3);
    held(3);
    report(3, 1, 2);
    hub.leafDown(1, 'gone', false, at(0));
    expect([tap.count, tap.bytes]).to.deep.equal([0, 0]);
  });
});
