import { daemonId } from '@csm/model';
import { MAX_REPORT_BYTES } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { CreditShare, type Grant, OUTSTANDING_MAX, STANDING_MAX } from '../src/credit/share.ts';
import { Hub } from '../src/hub.ts';
import { stepOutbox } from '../src/outbox/machine.ts';
import { initialOutbox, type OutboxEvent, type OutboxState, waitingCount } from '../src/outbox/state.ts';
import { at, wallAt } from './support.ts';

const WINDOW = 8 * 1024 * 1024;

function joined(window: number, ...keys: string[]): CreditShare<string> {
  const share = new CreditShare<string>();
  share.reset(window);
  for (const key of keys) share.join(key);
  return share;
}

describe('credit', () => {
  it('a node that joins gets a standing share, once', () => {
    const share = joined(WINDOW, 'a', 'b');
    expect(share.grants()).to.deep.equal([
      { key: 'a', bytes: STANDING_MAX },
      { key: 'b', bytes: STANDING_MAX },
    ]);
    share.join('a');
    expect(share.grants()).to.deep.equal([]);
    expect(share.pool).to.equal(WINDOW - 2 * STANDING_MAX);
  });

  it('a small window is shared evenly, half of it', () => {
    const share = joined(10_000, 'a', 'b', 'c', 'd', 'e');
    expect(share.grants().map((g) => g.bytes)).to.deep.equal([1000, 1000, 1000, 1000, 1000]);
  });

  it('is filled up when more than half of it was used, and with the word that something is stored', () => {
    const share = joined(WINDOW, 'a');
    share.grants();
    expect(share.used('a', STANDING_MAX / 2)).to.equal(true);
    share.stored('a');
    expect(share.grants(), 'half is left').to.deep.equal([]);
    expect(share.used('a', 1)).to.equal(true);
    expect(share.grants(), 'nothing more is stored').to.deep.equal([]);
    share.stored('a');
    expect(share.grants()).to.deep.equal([{ key: 'a', bytes: STANDING_MAX / 2 + 1 }]);
  });

  it('more than was granted is not accepted, nor from who is not primary here', () => {
    const share = joined(WINDOW, 'a');
    share.grants();
    expect(share.used('a', STANDING_MAX + 1)).to.equal(false);
    expect(share.used('x', 0)).to.equal(false);
    expect(share.outstanding('a'), 'nothing was taken').to.equal(STANDING_MAX);
    expect(share.used('a', STANDING_MAX)).to.equal(true);
    expect(share.used('a', 1)).to.equal(false);
  });

  it('a want is granted whole, beside the standing share', () => {
    const share = joined(WINDOW, 'a');
    share.grants();
    share.want('a', 50_000);
    expect(share.grants()).to.deep.equal([{ key: 'a', bytes: 50_000 }]);
    expect(share.outstanding('a')).to.equal(STANDING_MAX + 50_000);
    expect(share.used('a', 54_000)).to.equal(true);
  });

  it('a want is not lessened by what is used meanwhile: the node counts on all of it', () => {
    const share = joined(20_000, 'a', 'b');
    share.grants();
    share.want('b', 10_000);
    expect(share.grants()).to.deep.equal([{ key: 'b', bytes: 10_000 }]);
    share.want('a', 9000);
    expect(share.grants(), 'the pool is short').to.deep.equal([]);
    share.used('a', 4000);
    share.refill(4000);
    share.used('b', 14_000);
    share.refill(14_000);
    expect(share.grants()[0]).to.deep.equal({ key: 'a', bytes: 9000 });
  });

  it('first come, first served: a small want does not overtake the head of the line', () => {
    const share = joined(20_000, 'a', 'b', 'c');
    share.grants();
    share.want('a', 9000);
    share.want('b', 9000);
    share.want('c', 10);
    expect(share.grants().map((g) => g.key)).to.deep.equal(['a']);
    share.used('a', 9000);
    share.refill(9000);
    expect(share.grants().map((g) => g.key)).to.deep.equal(['b', 'c']);
  });

  it('a want above half the window comes in parts', () => {
    const share = joined(20_000, 'a');
    share.grants();
    share.want('a', 25_000);
    const parts: Grant<string>[] = [];
    for (let i = 0; i < 4; i++) {
      const grants = share.grants();
      parts.push(...grants);
      for (const { key, bytes } of grants) {
        share.used(key, bytes);
        share.refill(bytes);
      }
    }
    expect(parts.reduce((n, g) => n + g.bytes, 0)).to.be.at.least(25_000);
  });

  it('who leaves gives back what it did not use, and may join anew', () => {
    const share = joined(WINDOW, 'a');
    share.grants();
    share.want('a', 70_000);
    share.grants();
    share.used('a', 1000);
    share.leave('a');
    share.leave('a');
    expect(share.pool).to.equal(WINDOW - 1000);
    expect(share.used('a', 1)).to.equal(false);
    share.want('a', 10);
    expect(share.grants()).to.deep.equal([]);
    share.join('a');
    expect(share.grants()).to.deep.equal([{ key: 'a', bytes: STANDING_MAX }]);
  });

  it('a new trunk: its window counts, less what the nodes still hold', () => {
    const share = joined(WINDOW, 'a');
    share.grants();
    share.used('a', 3000);
    share.reset(100_000);
    expect(share.pool).to.equal(100_000 - (STANDING_MAX - 3000));
  });

  it('without a window the line waits, and is served when there is one', () => {
    const share = new CreditShare<string>();
    share.join('a');
    share.want('a', 500);
    expect(share.grants()).to.deep.equal([]);
    share.reset(WINDOW);
    expect(share.grants(), 'its standing share; the want is of an earlier trunk').to.deep.equal([
      { key: 'a', bytes: STANDING_MAX },
    ]);
    share.want('a', 500);
    expect(share.grants()).to.deep.equal([{ key: 'a', bytes: 500 }]);
  });

  it('a new trunk clears what was waited for: the node asks again', () => {
    const share = joined(4 * STANDING_MAX, 'a', 'b');
    share.grants();
    share.want('a', 2 * STANDING_MAX);
    share.want('b', 2 * STANDING_MAX);
    expect(share.grants().map(({ key }) => key)).to.deep.equal(['a']);
    share.reset(WINDOW);
    expect(share.grants()).to.deep.equal([]);
    share.want('b', 70);
    expect(share.grants()).to.deep.equal([{ key: 'b', bytes: 70 }]);
  });

  it('a refill never makes more than the window', () => {
    const share = joined(1000);
    share.refill(5000);
    expect(share.pool).to.equal(1000);
  });
});

describe('credit: nobody starves', () => {
  it('10,000 nodes join one by one and lie idle: half the window is left for who wants it', () => {
    const share = new CreditShare<number>();
    share.reset(WINDOW);
    for (let key = 0; key < 10_000; key++) {
      share.join(key);
      share.grants();
    }
    expect(share.pool).to.be.at.least(WINDOW / 2);
    share.want(9999, 200_000);
    expect(share.grants()).to.deep.equal([{ key: 9999, bytes: 200_000 }]);
  });

  it('10,000 nodes want a frame each: all are served in the order they asked', () => {
    const share = new CreditShare<number>();
    share.reset(WINDOW);
    for (let key = 0; key < 10_000; key++) share.join(key);
    share.grants();
    for (let key = 0; key < 10_000; key++) share.want(key, 190_000);
    const order: number[] = [];
    for (let round = 0; order.length < 10_000; round++) {
      expect(round, 'stands still').to.be.below(1000);
      for (const { key, bytes } of share.grants()) {
        if (bytes < 190_000) continue;
        order.push(key);
        expect(share.used(key, bytes)).to.equal(true);
        share.refill(bytes);
      }
    }
    expect(order).to.deep.equal(Array.from({ length: 10_000 }, (_, i) => i));
  });

  it('who wants again and again and sends nothing holds two full frames, no more', () => {
    const share = joined(WINDOW, 'greedy', 'a');
    share.grants();
    for (let i = 0; i < 100; i++) {
      share.want('greedy', 2 * MAX_REPORT_BYTES);
      share.grants();
    }
    expect(share.outstanding('greedy')).to.equal(OUTSTANDING_MAX);
    expect(share.pool).to.equal(WINDOW - OUTSTANDING_MAX - STANDING_MAX);
    share.want('a', 200_000);
    expect(share.grants(), 'the line goes on behind it').to.deep.equal([{ key: 'a', bytes: 200_000 }]);
    share.used('greedy', 5000);
    expect(share.grants(), 'what it wants comes as it sends').to.deep.equal([{ key: 'greedy', bytes: 5000 }]);
  });

  it('claiming again and again does not lengthen the line', () => {
    const share = joined(10_000, 'greedy', 'a');
    share.grants();
    share.want('greedy', 5000);
    share.grants();
    for (let i = 0; i < 10_000; i++) {
      share.want('a', 5000);
      share.leave('a');
      share.join('a');
    }
    share.used('greedy', 5000);
    share.refill(5000);
    expect(share.grants().length).to.be.at.most(2);
  });
});

describe('credit: whatever happens', () => {
  it('pool, outstanding and what is on its way to the database are the window; the head of the line is served', () => {
    const key = fc.nat(7);
    const event = fc.oneof(
      fc.record({ what: fc.constantFrom('join' as const, 'leave' as const), key }),
      fc.record({ what: fc.constant('want' as const), key, bytes: fc.nat(30_000) }),
      fc.record({ what: fc.constant('used' as const), key, share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ what: fc.constant('stored' as const), key }),
      fc.record({ what: fc.constant('refill' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ what: fc.constant('grants' as const) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 60_000 }),
        fc.array(event, { maxLength: 120, size: 'max' }),
        (window, events) => {
          const share = new CreditShare<number>();
          share.reset(window);
          let underWay = 0;
          const has = new Map<number, number>();
          const wants = new Map<number, number>();
          const grants = (): number => {
            const list = share.grants();
            for (const { key: k, bytes } of list) {
              expect(bytes).to.be.above(0);
              expect(has.has(k), 'granted to who is not here').to.equal(true);
              has.set(k, (has.get(k) ?? 0) + bytes);
              wants.set(k, Math.max(0, (wants.get(k) ?? 0) - bytes));
            }
            return list.length;
          };
          const check = (): void => {
            const outstanding = [...has.values()].reduce((a, b) => a + b, 0);
            expect(share.pool).to.be.at.least(0);
            expect(share.pool + outstanding + underWay).to.equal(window);
            for (const [k, bytes] of has) expect(share.outstanding(k)).to.equal(bytes);
          };
          for (const e of events) {
            if (e.what === 'join') {
              share.join(e.key);
              has.set(e.key, has.get(e.key) ?? 0);
            } else if (e.what === 'leave') {
              share.leave(e.key);
              has.delete(e.key);
              wants.delete(e.key);
            } else if (e.what === 'want') {
              share.want(e.key, e.bytes);
              if (has.has(e.key)) wants.set(e.key, e.bytes);
            } else if (e.what === 'used') {
              const bytes = Math.floor((has.get(e.key) ?? 0) * e.share);
              expect(share.used(e.key, bytes)).to.equal(has.has(e.key));
              if (has.has(e.key)) {
                has.set(e.key, (has.get(e.key) ?? 0) - bytes);
                underWay += bytes;
              }
            } else if (e.what === 'stored') share.stored(e.key);
            else if (e.what === 'refill') {
              const bytes = Math.floor(underWay * e.share);
              share.refill(bytes);
              underWay -= bytes;
            } else grants();
            check();
          }
          // Who was lent something uses it, and the database commits: then everybody who wants is served.
          for (let round = 0; [...wants.values()].some((w) => w > 0); round++) {
            expect(round, 'somebody starves').to.be.below(2000);
            grants();
            for (const [k, bytes] of has) {
              share.used(k, bytes);
              underWay += bytes;
              has.set(k, 0);
            }
            share.refill(underWay);
            underWay = 0;
            check();
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('outboxes and their hub, with frames under way in both directions: all is delivered, never beyond credit', () => {
    const offer = fc.record({ node: fc.nat(3), size: fc.nat(3000), urgent: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(offer, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 200, size: 'max' }),
        fc.integer({ min: 20_000, max: 60_000 }),
        (offers, picks, window) => {
          const share = new CreditShare<number>();
          share.reset(window);
          const nodes: OutboxState[] = [];
          type Up = { readonly want: number } | { readonly used: number; readonly last: number };
          const up: Up[][] = [];
          const down: OutboxEvent[][] = [];
          const commits: { node: number; bytes: number; last: number }[] = [];
          const step = (node: number, event: OutboxEvent): void => {
            const s = nodes[node] as OutboxState;
            for (const effect of stepOutbox(s, event)) {
              if (effect.kind === 'want') up[node]?.push({ want: effect.bytes });
              if (effect.kind === 'report')
                up[node]?.push({ used: effect.bytes, last: effect.first + effect.entries.length - 1 });
            }
          };
          for (let node = 0; node < 4; node++) {
            nodes.push(initialOutbox(`i${node}`, { bytes: 1e6, frameItems: 5, frameBytes: 6000 }));
            up.push([]);
            down.push([]);
            share.join(node);
            step(node, { kind: 'confirmed', term: 1, cursor: 0, newLink: true, fresh: 'never' });
          }
          const flush = (): void => {
            for (const { key, bytes } of share.grants()) down[key]?.push({ kind: 'credit', bytes });
          };
          /** Lets one thing happen; false when nothing can. */
          const happen = (pick: number): boolean => {
            const ways: (() => void)[] = [];
            for (let node = 0; node < 4; node++) {
              const frame = up[node]?.[0];
              if (frame !== undefined)
                ways.push(() => {
                  up[node]?.shift();
                  if ('want' in frame) share.want(node, frame.want);
                  else {
                    expect(share.used(node, frame.used), 'sent beyond its credit').to.equal(true);
                    commits.push({ node, bytes: frame.used, last: frame.last });
                  }
                  flush();
                });
              const event = down[node]?.[0];
              if (event !== undefined)
                ways.push(() => {
                  down[node]?.shift();
                  step(node, event);
                });
            }
            const commit = commits[0];
            if (commit !== undefined)
              ways.push(() => {
                commits.shift();
                share.refill(commit.bytes);
                down[commit.node]?.push({ kind: 'ack', incarnation: `i${commit.node}`, cursor: commit.last });
                flush();
              });
            ways[pick % ways.length]?.();
            return ways.length > 0;
          };
          flush();
          let token = 0;
          for (const [i, o] of offers.entries()) {
            const urgency = o.urgent ? 'urgent' : 'normal';
            step(o.node, {
              kind: 'offer',
              token: ++token,
              report: { kind: 'k', urgency, time: 0, body: 'x'.repeat(o.size) },
            });
            for (let j = 0; j < 3; j++) happen(picks[(3 * i + j) % picks.length] ?? 0);
          }
          for (let i = 0; happen(picks[i % picks.length] ?? 0); i++) expect(i, 'never ends').to.be.below(20_000);
          for (const s of nodes) {
            expect(waitingCount(s) + s.numbered.size, 'a node stands still with reports').to.equal(0);
            expect(s.bytes).to.equal(0);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('credit: a hub judges a report', () => {
  it('a late frame of an older claim is neither passed on nor a flood', () => {
    const hub = new Hub('A', 's-A');
    hub.trunkUp(WINDOW);
    const daemon = daemonId('compute', 'n1');
    const about = { incarnation: 'i', session: 's1', version: '1.1', address: '10.0.0.1:1', since: wallAt(0) };
    hub.leafUp(1, { role: 'compute', node: 'n1', daemon, ...about, leader: true, credit: 0 });
    const confirm = (term: number) => {
      hub.leafMessage(1, { kind: 'claim', term, incarnation: 'i' }, 50, at(0));
      const verdict = { daemon, term, incarnation: 'i', verdict: 'held' as const, cursor: 0 };
      hub.trunkMessage({ kind: 'verdicts', list: [verdict] }, at(0));
      hub.flush();
    };
    const report = (term: number, bytes: number) => {
      const items = [{ kind: 'k', time: 0, body: 1 }];
      hub.leafMessage(1, { kind: 'report', term, incarnation: 'i', first: 1, bytes, items }, bytes, at(0));
      return hub.flush().map((e) => (e.kind === 'up' || e.kind === 'send' ? e.message.kind : e.kind));
    };
    confirm(5);
    hub.leafMessage(1, { kind: 'want', bytes: 90_000 }, 30, at(0));
    hub.flush();
    confirm(6);
    expect(report(5, 80_000), 'it had credit for it').to.deep.equal([]);
    expect(hub.credit.outstanding(1), 'the credit of the new claim').to.equal(STANDING_MAX);
    expect(hub.counters).to.include({ flooded: 0, reports: 0 });
    expect(report(6, 1000)).to.deep.equal(['reports']);
    expect(report(6, 80_000)).to.deep.equal(['drop']);
  });
});
