import { MAX_FRAME, readMessage } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { encodeFrame } from 'tls-json-stream';
import type { Peer } from '../src/link/link.ts';
import { ABSENT_MAX, HubRoster, UNNOTED_MAX } from '../src/roster/hub-roster.ts';
import { peerOf, wallAt } from './support.ts';

type Frame = ReturnType<HubRoster['flush']>[number];
/** Frames as short text: what a reader of a transcript would see. */
const brief = (frames: readonly Frame[]): string[] =>
  frames.map((f) => {
    expect(readMessage(JSON.parse(JSON.stringify(f)), 'hub>core').kind, 'a frame the leader would refuse').to.equal(
      'message',
    );
    if (f.kind === 'seen') return `seen ${f.refs.join(' ')}`;
    if (f.kind === 'roster')
      return `roster ${f.sequence}: ${f.entries.map((e) => `${e.ref}=${e.node}${e.claim === undefined ? '' : `@${e.claim.term}`}`).join(' ')}${f.more ? ' …' : ''}`;
    const events = f.events.map((e) => {
      if (e.event === 'linked') return `+${e.entry.ref}=${e.entry.node}`;
      return e.event === 'lost' ? `-${e.ref}${e.planned ? ' planned' : ''}` : `@${e.ref}:${e.claim.term}`;
    });
    return `links ${f.sequence}: ${events.join(', ')}`;
  });
const flush = (r: HubRoster, seen = false): string[] => brief(r.flush('s-hub', seen));

describe('hub roster: entries', () => {
  it('secondary → active → secondary → absent → secondary', () => {
    const r = new HubRoster();
    const entry = r.linked(1, peerOf('n1'));
    expect(entry).to.include({ ref: 1, bounced: 0, term: 0 });
    expect(entry.claim).to.equal(undefined);
    expect(r.claim(entry, 5, 'i1')).to.equal(true);
    expect(entry.claim).to.deep.equal({ term: 5, incarnation: 'i1', confirmed: false });
    expect(r.demote(entry, 6)).to.equal(true);
    expect(entry.claim).to.equal(undefined);
    expect(r.lost(1, 'silent', false, wallAt(10))).to.equal(entry);
    expect(entry).to.include({ reason: 'silent', lostAt: wallAt(10) });
    expect(r.byLink(1)).to.equal(undefined);
    const again = r.linked(2, peerOf('n1', 'compute', { session: 's2' }));
    expect(again).to.equal(entry);
    expect(again).to.include({ ref: 1, bounced: 1, session: 's2', link: 2 });
    expect(again).not.to.have.any.keys('lostAt', 'reason', 'claim');
  });

  it('a claim at or below what is known is refused, also after the link was lost', () => {
    const r = new HubRoster();
    const entry = r.linked(1, peerOf('n1'));
    r.claim(entry, 5, 'i1');
    for (const term of [0, 4, 5]) expect(r.claim(entry, term, 'i1'), String(term)).to.equal(false);
    expect(entry.claim?.term, 'the claim that stands is untouched').to.equal(5);
    r.lost(1, 'x', false, wallAt(1));
    r.linked(2, peerOf('n1'));
    expect(r.claim(entry, 5, 'i1')).to.equal(false);
    expect(r.claim(entry, 6, 'i1')).to.equal(true);
  });

  it('is demoted only by a higher term, and remembers it', () => {
    const r = new HubRoster();
    const entry = r.linked(1, peerOf('n1'));
    r.claim(entry, 5, 'i1');
    expect(r.demote(entry, 5)).to.equal(false);
    expect(r.demote(entry, 4)).to.equal(false);
    expect(entry.claim?.term).to.equal(5);
    expect(r.demote(entry, 9)).to.equal(true);
    expect(r.demote(entry, 9), 'twice').to.equal(false);
    expect(r.claim(entry, 9, 'i1')).to.equal(false);
    expect(r.claim(entry, 10, 'i1')).to.equal(true);
  });

  it('commands go to the highest daemon of a node that is active', () => {
    const r = new HubRoster();
    const utility = r.linked(1, peerOf('n1', 'utility'));
    r.claim(utility, 1, 'i');
    expect(r.activeOn('n1')?.daemon).to.equal('utility/n1');
    const compute = r.linked(2, peerOf('n1', 'compute'));
    expect(r.activeOn('n1'), 'the compute daemon has not claimed').to.equal(undefined);
    r.claim(compute, 1, 'i');
    expect(r.activeOn('n1')?.daemon).to.equal('compute/n1');
    r.linked(3, peerOf('n1', 'aggregator'));
    expect(r.activeOn('n1')?.daemon, 'a lower one does not take over').to.equal('compute/n1');
    expect(r.activeOn('n2')).to.equal(undefined);
  });

  it('ignores the loss of a link it does not know', () => {
    const r = new HubRoster();
    r.linked(1, peerOf('n1'));
    expect(r.lost(9, 'x', false, wallAt(0))).to.equal(undefined);
    r.heard(9);
    r.lost(1, 'x', false, wallAt(0));
    expect(r.lost(1, 'x', false, wallAt(0)), 'twice').to.equal(undefined);
  });

  it('forgets the longest absent beyond its bound', () => {
    const r = new HubRoster();
    for (let i = 0; i <= ABSENT_MAX; i++) {
      r.linked(i, peerOf(`n${i}`));
      r.lost(i, 'x', false, wallAt(i));
    }
    expect(r.byDaemon('compute/n0')).to.equal(undefined);
    expect(r.byDaemon('compute/n1')).not.to.equal(undefined);
    expect([...r.entries()]).to.have.length(ABSENT_MAX);
    expect(r.linked(1e6, peerOf('n0')).ref, 'a forgotten one gets a new ref').to.equal(ABSENT_MAX + 2);
  });
});

describe('hub roster: telling the leader', () => {
  it('nothing without a trunk; then a full roster, then numbered events', () => {
    const r = new HubRoster();
    r.linked(1, peerOf('n1'));
    expect(flush(r)).to.deep.equal([]);
    r.trunkUp();
    const n2 = r.linked(2, peerOf('n2'));
    r.claim(n2, 3, 'i');
    expect(flush(r)).to.deep.equal(['roster 1: 1=n1 2=n2@3']);
    expect(flush(r), 'once').to.deep.equal([]);
    r.linked(3, peerOf('n3'));
    r.claim(n2, 4, 'i');
    r.lost(1, 'stopped', true, wallAt(0));
    expect(flush(r)).to.deep.equal(['links 2: +3=n3, @2:4, -1 planned']);
  });

  it('an empty roster is told, too', () => {
    const r = new HubRoster();
    r.trunkUp();
    expect(flush(r)).to.deep.equal(['roster 1: ']);
  });

  it('each connect begins with a full roster; claims are unconfirmed until the leader says so again', () => {
    const r = new HubRoster();
    r.trunkUp();
    const n1 = r.linked(1, peerOf('n1'));
    r.claim(n1, 1, 'i');
    if (n1.claim !== undefined) n1.claim.confirmed = true;
    flush(r);
    r.trunkDown();
    r.linked(2, peerOf('n2'));
    expect(flush(r)).to.deep.equal([]);
    r.trunkUp();
    expect(n1.claim?.confirmed).to.equal(false);
    expect(flush(r)).to.deep.equal(['roster 2: 1=n1@1 2=n2']);
  });

  it('long rosters and many events come in parts, the sequence without gaps', () => {
    const r = new HubRoster();
    for (let i = 0; i < 950; i++) r.linked(i, peerOf(`n${i}`));
    r.trunkUp();
    const parts = r.flush('s-hub', false);
    expect(parts.map((p) => (p.kind === 'roster' ? [p.entries.length, p.more, p.sequence] : []))).to.deep.equal([
      [400, true, 1],
      [400, true, 1],
      [150, false, 1],
    ]);
    brief(parts);
    for (let i = 0; i < 450; i++) r.lost(i, 'x', false, wallAt(0));
    expect(flush(r).map((t) => t.slice(0, 8))).to.deep.equal(['links 2:', 'links 3:']);
  });

  it('frames are made by bytes as well: the longest names and wide characters fit, nothing is left out', () => {
    const r = new HubRoster();
    const wide = '\u00e9'.repeat(128);
    const id = 'x'.repeat(128);
    const long = (i: number, change: Partial<Peer> = {}) =>
      peerOf(`n${i}${wide.slice(0, 50)}`, 'compute', { session: id, address: wide, ...change });
    r.trunkUp();
    flush(r);
    for (let i = 0; i < 450; i++) r.claim(r.linked(i, long(i)), 1, id);
    for (let i = 0; i < 450; i++) r.lost(i, wide, false, wallAt(0));
    const events = r.flush('s-hub', false);
    brief(events);
    for (const f of events) expect(encodeFrame(f).length).to.be.below(MAX_FRAME);
    expect(events.flatMap((f) => (f.kind === 'links' ? f.events : []))).to.have.length(3 * 450);
    expect(events.map((f) => (f.kind === 'seen' ? 0 : f.sequence))).to.deep.equal(events.map((_, i) => 2 + i));
    for (let i = 0; i < 450; i++) r.claim(r.linked(i, long(i)), 2, id);
    r.trunkUp();
    const roster = r.flush('s-hub', false);
    brief(roster);
    for (const f of roster) expect(encodeFrame(f).length).to.be.below(MAX_FRAME);
    expect(roster.flatMap((f) => (f.kind === 'roster' ? f.entries : []))).to.have.length(450);
    expect(roster.map((f) => f.kind === 'roster' && f.more)).to.deep.equal(roster.map((_, i) => i < roster.length - 1));
  });

  it('no cut parts the loss of a link from the new one that replaced it', () => {
    const r = new HubRoster();
    for (let i = 0; i < 3; i++) r.linked(i, peerOf(`n${i}`));
    r.trunkUp();
    flush(r);
    for (let i = 0; i < 399; i++) r.linked(10 + i, peerOf(`m${i}`));
    r.lost(0, 'replaced', false, wallAt(0));
    r.linked(3, peerOf('n0'));
    const [first, second] = flush(r);
    expect(first).to.match(/\+402=m398$/);
    expect(second).to.equal('links 3: -1, +1=n0');
  });

  it('a reason of any length and an empty one are told within bounds', () => {
    const r = new HubRoster();
    r.trunkUp();
    r.linked(1, peerOf('n1'));
    r.linked(2, peerOf('n2'));
    flush(r);
    r.lost(1, 'x'.repeat(500), false, wallAt(0));
    r.lost(2, '', false, wallAt(0));
    expect(flush(r)).to.deep.equal(['links 2: -1, -2']);
  });

  it('signs of life are gathered, each daemon once, the lost ones left out', () => {
    const r = new HubRoster();
    r.trunkUp();
    for (const i of [1, 2, 3]) r.linked(i, peerOf(`n${i}`));
    flush(r);
    for (const i of [1, 1, 2, 3, 1]) r.heard(i);
    r.lost(2, 'x', false, wallAt(0));
    expect(flush(r), 'not before its time').to.deep.equal(['links 2: -2']);
    expect(flush(r, true)).to.deep.equal(['seen 1 3']);
    expect(flush(r, true)).to.deep.equal([]);
  });

  it('a leader that notes nothing gets a fresh roster once it has caught up, and memory stays bounded', () => {
    const r = new HubRoster();
    r.trunkUp();
    flush(r);
    let told = 0;
    for (let i = 0; i < 3 * UNNOTED_MAX; i++) {
      r.linked(1, peerOf('n1'));
      r.lost(1, 'x', false, wallAt(i));
      if (i % 100 === 0) told += flush(r).length;
    }
    expect(told, 'frames that nobody noted').to.be.at.most(UNNOTED_MAX / 400 + 2);
    r.linked(1, peerOf('n1'));
    expect(flush(r), 'it waits for the leader').to.deep.equal([]);
    r.noted(told);
    expect(flush(r)).to.deep.equal([]);
    r.noted(1e9);
    expect(flush(r)[0]).to.match(/^roster \d+: 1=n1$/);
    expect(flush(r)).to.deep.equal([]);
  });

  it('`noted` of the past or the future changes nothing', () => {
    const r = new HubRoster();
    r.trunkUp();
    flush(r);
    r.noted(1);
    r.noted(0);
    r.noted(500);
    r.linked(1, peerOf('n1'));
    expect(flush(r)).to.deep.equal(['links 2: +1=n1']);
  });

  it('whoever takes in its frames knows what it knows', () => {
    const event = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          what: fc.constantFrom('link' as const, 'lose' as const, 'claim' as const, 'demote' as const),
          node: fc.nat(5),
        }),
      },
      { weight: 2, arbitrary: fc.constant({ what: 'flush' as const, node: 0 }) },
      { weight: 1, arbitrary: fc.constant({ what: 'trunk' as const, node: 0 }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 150, size: 'max' }), (events) => {
        const r = new HubRoster();
        /** The leader's side: who is linked, under which ref, with which claim. */
        let known = new Map<number, { node: string; term?: number }>();
        let sequence = 0;
        const take = (): void => {
          for (const f of r.flush('s', true)) {
            if (f.kind === 'seen') continue;
            expect(f.sequence).to.equal(sequence + 1);
            sequence = f.sequence;
            if (f.kind === 'roster') {
              known = new Map(
                f.entries.map((e) => [
                  e.ref,
                  { node: e.node, ...(e.claim === undefined ? {} : { term: e.claim.term }) },
                ]),
              );
            } else {
              for (const e of f.events) {
                if (e.event === 'linked') known.set(e.entry.ref, { node: e.entry.node });
                else if (e.event === 'lost') expect(known.delete(e.ref)).to.equal(true);
                else (known.get(e.ref) as { term?: number }).term = e.claim.term;
              }
            }
            r.noted(f.sequence);
          }
        };
        let link = 1;
        let term = 0;
        const links = new Map<number, number>();
        for (const e of events) {
          const mine = links.get(e.node);
          const entry = mine === undefined ? undefined : r.byLink(mine);
          if (e.what === 'link' && mine === undefined) {
            links.set(e.node, link);
            r.linked(link++, peerOf(`n${e.node}`));
          } else if (e.what === 'lose' && mine !== undefined) {
            r.lost(mine, 'x', false, wallAt(0));
            links.delete(e.node);
          } else if (e.what === 'claim' && entry !== undefined) r.claim(entry, ++term, 'i');
          else if (e.what === 'flush') take();
          else if (e.what === 'trunk') {
            r.trunkDown();
            known.clear();
            r.trunkUp();
          }
        }
        r.trunkDown();
        r.trunkUp();
        take();
        const real = [...links.values()].map((l) => r.byLink(l)).filter((e) => e !== undefined);
        expect([...known].sort(([a], [b]) => a - b)).to.deep.equal(
          real
            .map((e) => [e.ref, { node: e.node, ...(e.claim === undefined ? {} : { term: e.claim.term }) }] as const)
            .sort(([a], [b]) => a - b),
        );
      }),
    );
  });
});
