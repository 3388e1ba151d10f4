/** One machine in one file: what an outbox does with reports, acknowledgements and bounds. It is long because its cases share one way to drive it. */
import { itemCost, MAX_ITEM_BYTES, REPORT_FRAME } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { stepOutbox } from '../src/outbox/machine.ts';
import {
  type Entry,
  initialOutbox,
  nextNumber,
  type OutboxEffect,
  type OutboxEvent,
  type OutboxLimits,
  type OutboxState,
  type Urgency,
  waitingCount,
} from '../src/outbox/state.ts';
import { EPOCH, kinds } from './support.ts';

const LIMITS: OutboxLimits = { bytes: 1_000_000, frameItems: 4, frameBytes: 4000 };

class Rig {
  readonly s: OutboxState;
  #token = 0;

  constructor(limits: Partial<OutboxLimits> = {}) {
    this.s = initialOutbox('i1', { ...LIMITS, ...limits });
  }

  send(event: OutboxEvent): OutboxEffect[] {
    return stepOutbox(this.s, event);
  }

  offer(name: string, urgency: Urgency = 'normal', size = 0): OutboxEffect[] {
    const body = size === 0 ? name : name.padEnd(size, '.');
    return this.send({ kind: 'offer', token: ++this.#token, report: { kind: 'k', urgency, time: EPOCH, body } });
  }

  confirmed(cursor = this.s.cursor, term = 1, newLink = true): OutboxEffect[] {
    return this.send({ kind: 'confirmed', term, cursor, newLink, fresh: 'i2' });
  }

  credit(bytes: number): OutboxEffect[] {
    return this.send({ kind: 'credit', bytes });
  }

  ack(cursor: number, incarnation = 'i1'): OutboxEffect[] {
    return this.send({ kind: 'ack', incarnation, cursor });
  }
}

const name = (e: Entry): string => e.text.replace(/^"|\.*"$/g, '');
/** The frames among effects, as `first: names`. */
const frames = (effects: readonly OutboxEffect[]): string[] =>
  effects.flatMap((e) => (e.kind === 'report' ? [`${e.first}: ${e.entries.map(name).join(' ')}`] : []));
const records = (effects: readonly OutboxEffect[]) => effects.flatMap((e) => (e.kind === 'persist' ? [e.record] : []));
const wants = (effects: readonly OutboxEffect[]) => effects.flatMap((e) => (e.kind === 'want' ? [e.bytes] : []));

describe('outbox: offers', () => {
  it('are in the journal before they are accepted, and wait while silent', () => {
    const rig = new Rig();
    const effects = rig.offer('a');
    expect(effects).to.deep.equal([
      { kind: 'persist', record: { r: 'offer', e: 1, kind: 'k', u: 'normal', t: EPOCH, text: '"a"' } },
      { kind: 'accepted', token: 1 },
    ]);
    expect(rig.s.bytes).to.equal(itemCost('k', '"a"'));
    expect(rig.credit(10_000), 'credit alone starts nothing').to.deep.equal([]);
  });

  it('too large: refused with its size and what is allowed', () => {
    const rig = new Rig();
    const [effect] = rig.offer('a', 'urgent', MAX_ITEM_BYTES);
    expect(effect).to.have.property('kind', 'refusedOffer');
    if (effect?.kind === 'refusedOffer') expect(effect.reason).to.match(/'k' has 1311\d\d bytes; at most 131072 are/);
    expect(rig.s).to.include({ bytes: 0, nextEntry: 1 });
    expect(rig.s.counters.refused).to.equal(1);
    const wide = rig.send({
      kind: 'offer',
      token: 9,
      report: { kind: 'k', urgency: 'normal', time: EPOCH, body: 'é'.repeat(MAX_ITEM_BYTES / 6) },
    });
    expect(kinds(wide), 'counted as it travels').to.deep.equal(['refusedOffer']);
  });

  for (const [what, report] of [
    ['a kind without a character', { kind: '', time: EPOCH }],
    ['a kind that is too long', { kind: 'k'.repeat(129), time: EPOCH }],
    ['a time that is no number', { kind: 'k', time: Number.NaN }],
    ['a time before 1970', { kind: 'k', time: -1 }],
    ['a time beyond all calendars', { kind: 'k', time: 1e17 }],
  ] as const) {
    it(`${what}: refused, as no hub would take it`, () => {
      const rig = new Rig();
      const effects = rig.send({ kind: 'offer', token: 1, report: { ...report, urgency: 'urgent', body: 1 } });
      expect(kinds(effects)).to.deep.equal(['refusedOffer']);
      if (effects[0]?.kind === 'refusedOffer') expect(effects[0].reason).to.include('allowed');
    });
  }
});

describe('outbox: full', () => {
  const SIZE = 100;
  const cost = itemCost('k', `"${'x'.repeat(SIZE)}"`);
  const full = () => new Rig({ bytes: 3 * cost });

  it('samples make way, oldest first, counted and told', () => {
    const rig = full();
    for (const n of ['a', 'b', 'c']) rig.offer(n, 'sample', SIZE);
    const effects = rig.offer('d', 'normal', SIZE);
    expect(kinds(effects)).to.deep.equal(['persist', 'dropped', 'persist', 'accepted']);
    expect(records(effects)[0]).to.deep.equal({ r: 'drop', e: [1] });
    expect(effects[1]).to.deep.equal({ kind: 'dropped', kinds: ['k'] });
    expect(rig.s.waiting.sample.toArray().map(name)).to.deep.equal(['b', 'c']);
    expect(rig.s.counters).to.include({ dropped: 1, refused: 0, accepted: 4 });
    expect(rig.s.bytes).to.equal(3 * cost);
    rig.offer('e', 'sample', SIZE);
    expect(rig.s.waiting.sample.toArray().map(name), 'a newer sample is worth more').to.deep.equal(['c', 'e']);
  });

  it('what is no sample is never dropped: the newcomer is refused in words', () => {
    const rig = full();
    rig.offer('a', 'urgent', SIZE);
    rig.offer('b', 'normal', SIZE);
    rig.offer('c', 'normal', SIZE);
    const effects = rig.offer('d', 'urgent', SIZE);
    expect(effects).to.deep.equal([
      {
        kind: 'refusedOffer',
        token: 4,
        reason: `the outbox is full: ${3 * cost} of ${3 * cost} bytes wait to be acknowledged`,
      },
    ]);
    expect(waitingCount(rig.s)).to.equal(3);
  });

  it('drops no sample when all of them would not be enough', () => {
    const rig = full();
    rig.offer('a', 'normal', SIZE);
    rig.offer('b', 'normal', SIZE);
    rig.offer('c', 'sample', SIZE);
    const effects = rig.offer('d', 'normal', 3 * SIZE);
    expect(kinds(effects)).to.deep.equal(['refusedOffer']);
    expect(rig.s.waiting.sample.size).to.equal(1);
    expect(rig.s.counters.dropped).to.equal(0);
  });

  it('a sample that has a number stays', () => {
    const rig = full();
    rig.confirmed();
    rig.credit(10_000);
    for (const n of ['a', 'b', 'c']) rig.offer(n, 'sample', SIZE);
    expect(kinds(rig.offer('d', 'urgent', SIZE))).to.deep.equal(['refusedOffer']);
    rig.ack(1);
    expect(kinds(rig.offer('d', 'urgent', SIZE)).at(1)).to.equal('accepted');
  });
});

describe('outbox: sending', () => {
  it('waits for the confirmed claim and for credit; numbers are in the journal before the frame', () => {
    const rig = new Rig();
    rig.offer('a');
    rig.offer('b');
    expect(kinds(rig.confirmed())).to.deep.equal(['want']);
    const effects = rig.credit(10_000);
    expect(kinds(effects)).to.deep.equal(['persist', 'report']);
    expect(records(effects)).to.deep.equal([{ r: 'number', first: 1, e: [1, 2] }]);
    expect(frames(effects)).to.deep.equal(['1: a b']);
    const report = effects[1];
    if (report?.kind !== 'report') throw new Error('no report');
    expect(report.term).to.equal(1);
    expect(report.bytes).to.equal(REPORT_FRAME + 2 * itemCost('k', '"a"'));
    expect(rig.s.credit).to.equal(10_000 - report.bytes);
  });

  it('urgent overtakes what has no number yet, normal overtakes samples', () => {
    const rig = new Rig({ frameItems: 2 });
    rig.offer('s1', 'sample');
    rig.offer('n1', 'normal');
    rig.offer('u1', 'urgent');
    rig.offer('s2', 'sample');
    rig.offer('u2', 'urgent');
    rig.confirmed();
    expect(frames(rig.credit(100_000))).to.deep.equal(['1: u1 u2', '3: n1 s1', '5: s2']);
  });

  it('what has a number keeps it: an urgent one comes after it, also when sent again', () => {
    const rig = new Rig();
    rig.offer('n1');
    rig.confirmed();
    expect(frames(rig.credit(100_000))).to.deep.equal(['1: n1']);
    expect(frames(rig.offer('u1', 'urgent'))).to.deep.equal(['2: u1']);
    rig.send({ kind: 'silenced' });
    rig.offer('u2', 'urgent');
    rig.confirmed(0, 2);
    expect(frames(rig.credit(100_000))).to.deep.equal(['1: n1 u1 u2']);
  });

  it('a frame has at most frameItems reports and frameBytes, but one large report goes alone', () => {
    const rig = new Rig({ frameItems: 3, frameBytes: REPORT_FRAME + 2 * itemCost('k', `"${'x'.repeat(100)}"`) });
    rig.confirmed();
    rig.credit(1_000_000);
    rig.send({ kind: 'silenced' });
    for (const n of ['a', 'b', 'c']) rig.offer(n, 'normal', 100);
    rig.offer('large', 'normal', 5000);
    for (const n of ['d', 'e', 'f', 'g']) rig.offer(n);
    expect(frames(rig.confirmed(0, 1, false))).to.deep.equal(['1: a b', '3: c', '4: large', '5: d e f', '8: g']);
  });

  it('silenced: offers are accepted, nothing is sent', () => {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(10_000);
    rig.send({ kind: 'silenced' });
    expect(kinds(rig.offer('a'))).to.deep.equal(['persist', 'accepted']);
    expect(kinds(rig.credit(10))).to.deep.equal([]);
  });

  it('a new claim begins without credit, the same claim keeps it', () => {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(10_000);
    rig.confirmed(0, 1, false);
    expect(rig.s.credit).to.equal(10_000);
    rig.confirmed(0, 2, true);
    expect(rig.s.credit).to.equal(0);
  });
});

describe('outbox: begging', () => {
  it('asks once, for exactly what the next frame is short of', () => {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(100);
    const one = itemCost('k', '"a"');
    expect(wants(rig.offer('a'))).to.deep.equal([REPORT_FRAME + one - 100]);
    expect(wants(rig.offer('b')), 'asked already').to.deep.equal([]);
    const sent = rig.credit(REPORT_FRAME + one - 100);
    expect(frames(sent)).to.deep.equal(['1: a']);
    expect(rig.s.credit).to.equal(0);
    expect(wants(sent), 'and for the next').to.deep.equal([REPORT_FRAME + one]);
  });

  it('does not ask for what it has sent already', () => {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(REPORT_FRAME + 3 * itemCost('k', `"${'x'.repeat(500)}"`));
    rig.send({ kind: 'silenced' });
    for (const n of ['a', 'b', 'c']) rig.offer(n, 'normal', 500);
    expect(frames(rig.confirmed(0, 1, false))).to.deep.equal(['1: a b c']);
    expect(rig.s.credit).to.equal(0);
    expect(wants(rig.offer('d'))).to.deep.equal([REPORT_FRAME + itemCost('k', '"d"')]);
  });

  it('asks for one frame at most, but for a large report whole', () => {
    const rig = new Rig({ frameItems: 2 });
    for (const n of ['a', 'b', 'c']) rig.offer(n);
    expect(wants(rig.confirmed())).to.deep.equal([REPORT_FRAME + 2 * itemCost('k', '"a"')]);
    const large = new Rig();
    large.offer('x', 'normal', 100_000);
    expect(wants(large.confirmed())).to.deep.equal([REPORT_FRAME + itemCost('k', `"${'x'.repeat(100_000)}"`)]);
  });

  it('a grant in parts: sends when it has enough, asks again only after all of it came', () => {
    const rig = new Rig();
    rig.offer('a');
    const [want = 0] = wants(rig.confirmed());
    expect(kinds(rig.credit(want - 1))).to.deep.equal([]);
    expect(frames(rig.credit(1))).to.deep.equal(['1: a']);
  });
});

describe('outbox: acknowledgement', () => {
  function sent(): Rig {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(100_000);
    for (const n of ['a', 'b', 'c']) rig.offer(n);
    return rig;
  }

  it('is cumulative, frees the bytes, is journalled', () => {
    const rig = sent();
    expect(rig.ack(2)).to.deep.equal([{ kind: 'persist', record: { r: 'cursor', cursor: 2 } }]);
    expect(rig.s).to.include({ cursor: 2, bytes: itemCost('k', '"c"') });
    expect(rig.s.counters.acknowledged).to.equal(2);
  });

  it('repeated, older, beyond what was numbered, of another incarnation: ignored', () => {
    const rig = sent();
    rig.ack(2);
    for (const cursor of [0, 1, 2, 4, 1e9]) expect(rig.ack(cursor), String(cursor)).to.deep.equal([]);
    expect(rig.ack(3, 'i0')).to.deep.equal([]);
    expect(rig.s.cursor).to.equal(2);
  });

  it('counts also while silent', () => {
    const rig = sent();
    rig.send({ kind: 'silenced' });
    rig.ack(3);
    expect(rig.s).to.include({ cursor: 3, bytes: 0 });
  });

  it('what was acknowledged meanwhile is not sent again', () => {
    const rig = sent();
    rig.send({ kind: 'silenced' });
    rig.ack(1);
    rig.confirmed(1, 2);
    expect(frames(rig.credit(100_000))).to.deep.equal(['2: b c']);
  });
});

describe('outbox: resend', () => {
  function sent(): Rig {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(100_000);
    for (const n of ['a', 'b', 'c', 'd', 'e']) rig.offer(n);
    return rig;
  }
  const resend = (rig: Rig, cursor: number, incarnation = 'i1') => rig.send({ kind: 'resend', incarnation, cursor });

  it('sends again from behind the cursor, under the same numbers, without numbering anew', () => {
    const rig = sent();
    const effects = resend(rig, 2);
    expect(frames(effects)).to.deep.equal(['3: c d e']);
    expect(records(effects)).to.deep.equal([{ r: 'cursor', cursor: 2 }]);
    expect(rig.s.counters.resent).to.equal(3);
  });

  it('of an older cursor never goes below our own', () => {
    const rig = sent();
    rig.ack(3);
    expect(frames(resend(rig, 1))).to.deep.equal(['4: d e']);
  });

  it('of another incarnation, or beyond all numbers: nothing', () => {
    const rig = sent();
    expect(resend(rig, 1, 'i0')).to.deep.equal([]);
    expect(resend(rig, 5).filter((e) => e.kind === 'report')).to.deep.equal([]);
    expect(resend(rig, 99).filter((e) => e.kind !== 'persist')).to.deep.equal([]);
    expect(rig.s.cursor).to.equal(5);
  });

  it('costs credit as the first time', () => {
    const rig = sent();
    rig.s.credit = 0;
    const effects = resend(rig, 4);
    expect(kinds(effects)).to.deep.equal(['persist', 'want']);
    expect(frames(rig.credit(wants(effects)[0] ?? 0))).to.deep.equal(['5: e']);
  });
});

describe('outbox: a claim that asks for all again', () => {
  it('acknowledges nothing, and sends from behind the own cursor', () => {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(100_000);
    for (const n of ['a', 'b', 'c']) rig.offer(n);
    rig.ack(1);
    const effects = rig.send({ kind: 'confirmed', term: 2, cursor: 3, again: true, newLink: true, fresh: 'i2' });
    expect(records(effects)).to.deep.equal([]);
    expect(rig.s).to.include({ cursor: 1, incarnation: 'i1' });
    expect(frames(rig.credit(100_000))).to.deep.equal(['2: b c']);
    rig.ack(3);
    expect(rig.s.bytes).to.equal(0);
  });

  it('is judged as any other: a database that was set back is noticed', () => {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(100_000);
    for (const n of ['a', 'b']) rig.offer(n);
    rig.ack(2);
    rig.send({ kind: 'confirmed', term: 2, cursor: 1, again: true, newLink: true, fresh: 'i2' });
    expect(rig.s.incarnation).to.equal('i2');
  });
});

describe('outbox: begins anew', () => {
  it('when the master has less than it acknowledged: what is numbered goes first under the fresh incarnation', () => {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(100_000);
    for (const n of ['a', 'b', 'c']) rig.offer(n, 'sample');
    rig.ack(1);
    rig.send({ kind: 'silenced' });
    rig.offer('u', 'urgent');
    rig.offer('n', 'normal');
    const effects = rig.confirmed(0, 2);
    expect(kinds(effects), 'in the journal before anybody hears of it').to.deep.equal(['persist', 'reincarnated']);
    expect(records(effects)).to.deep.equal([{ r: 'incarnation', incarnation: 'i2', format: 1 }]);
    expect(effects[1]).to.include({ from: 'i1', to: 'i2' });
    expect(rig.s).to.include({ incarnation: 'i2', cursor: 0, sendNext: 1 });
    expect(rig.s).not.to.have.property('sendTerm');
    rig.confirmed(0, 3);
    expect(frames(rig.credit(100_000))).to.deep.equal(['1: b c u n']);
    expect(waitingCount(rig.s)).to.equal(0);
    rig.ack(4, 'i2');
    expect(rig.s.bytes).to.equal(0);
  });

  it('when the master has more than was ever numbered', () => {
    const rig = new Rig();
    rig.offer('a');
    const effects = rig.confirmed(7);
    expect(effects.at(-1)).to.have.property('why').that.includes('up to 7').and.includes('only 0');
    rig.confirmed(0, 2);
    expect(frames(rig.credit(10_000))).to.deep.equal(['1: a']);
  });

  it('acknowledgements of the former incarnation mean nothing any more', () => {
    const rig = new Rig();
    rig.confirmed();
    rig.credit(100_000);
    rig.offer('a');
    rig.confirmed(9, 2);
    expect(rig.ack(1, 'i1')).to.deep.equal([]);
    expect(waitingCount(rig.s)).to.equal(1);
  });
});

describe('outbox: whatever happens', () => {
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constant('offer' as const),
        urgency: fc.constantFrom<Urgency>('urgent', 'normal', 'sample'),
        size: fc.nat(900),
      }),
    },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('grant' as const), part: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('credit' as const), bytes: fc.nat(1500) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constantFrom('ack' as const, 'resend' as const),
        share: fc.nat(5),
        other: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ what: fc.constantFrom('silenced' as const, 'move' as const, 'again' as const) }),
    },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('setBack' as const) }) },
  );

  it('spends no credit it does not have, sends without gaps, journals first, loses nothing', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120, size: 'max' }), (events) => {
        const rig = new Rig({ bytes: 6000, frameBytes: 1500 });
        const { s } = rig;
        let credit = 0;
        let term = 0;
        let fresh = 1;
        let offered = 0;
        /** Entries that are accepted and neither acknowledged nor dropped. */
        const alive = new Set<number>();
        const numberOf = new Map<number, number>();
        const step = (e: OutboxEvent): void => {
          if (e.kind === 'credit') credit += e.bytes;
          if (e.kind === 'confirmed' && e.newLink) credit = 0;
          const cursorBefore = s.cursor;
          const numbersBefore = new Map([...numberOf].map(([entry, n]) => [n, entry]));
          const effects = stepOutbox(s, e);
          for (const effect of effects) {
            if (effect.kind === 'persist') {
              const { record } = effect;
              if (record.r === 'offer') alive.add(record.e);
              if (record.r === 'drop')
                for (const entry of record.e) {
                  expect(numberOf.has(entry), 'a numbered report was dropped').to.equal(false);
                  expect(alive.delete(entry)).to.equal(true);
                }
              if (record.r === 'number')
                for (const [i, entry] of record.e.entries()) numberOf.set(entry, record.first + i);
              if (record.r === 'cursor') {
                expect(record.cursor).to.be.above(cursorBefore);
                for (let n = cursorBefore + 1; n <= record.cursor; n++) alive.delete(numbersBefore.get(n) ?? -1);
              }
              if (record.r === 'incarnation') numberOf.clear();
            }
            if (effect.kind === 'report') {
              expect(effect.term).to.equal(term);
              const sum = effect.entries.reduce((n, entry) => n + entry.cost, REPORT_FRAME);
              expect(effect.bytes).to.equal(sum);
              credit -= effect.bytes;
              expect(credit, 'sent beyond its credit').to.be.at.least(0);
              for (const [i, entry] of effect.entries.entries())
                expect(numberOf.get(entry.entry)).to.equal(effect.first + i);
            }
            if (effect.kind === 'want')
              expect(effect.bytes)
                .to.be.above(0)
                .and.at.most(1500 + REPORT_FRAME + 1000);
          }
          if (s.sendTerm !== undefined) expect(s.credit).to.equal(credit);
          expect(s.bytes).to.be.at.most(6000);
          const kept = [
            ...s.numbered.toArray(),
            ...s.waiting.urgent.toArray(),
            ...s.waiting.normal.toArray(),
            ...s.waiting.sample.toArray(),
          ];
          expect(new Set(kept.map((k) => k.entry))).to.deep.equal(alive);
          expect(kept).to.have.length(alive.size);
          expect(s.bytes).to.equal(kept.reduce((n, k) => n + k.cost, 0));
          expect(s.sendNext).to.be.within(s.cursor + 1, nextNumber(s));
        };
        const confirm = (cursor: number, newLink: boolean): void => {
          if (newLink) term++;
          step({ kind: 'confirmed', term, cursor, newLink, fresh: `i${fresh + 1}` });
          if (s.incarnation === `i${fresh + 1}`) {
            fresh++;
            term++;
            step({ kind: 'confirmed', term, cursor: 0, newLink: true, fresh: 'never' });
          }
        };
        for (const e of events) {
          switch (e.what) {
            case 'offer':
              step({
                kind: 'offer',
                token: ++offered,
                report: { kind: 'k', urgency: e.urgency, time: EPOCH, body: 'x'.repeat(e.size) },
              });
              break;
            case 'grant':
              if (s.wanted > 0 && s.sendTerm !== undefined)
                step({ kind: 'credit', bytes: Math.ceil(s.wanted / e.part) });
              break;
            case 'credit':
              if (s.sendTerm !== undefined) step({ kind: 'credit', bytes: e.bytes });
              break;
            case 'ack':
            case 'resend':
              step({
                kind: e.what,
                incarnation: e.other ? 'i0' : s.incarnation,
                cursor: Math.max(0, s.cursor - 1 + e.share),
              });
              break;
            case 'silenced':
              step({ kind: 'silenced' });
              break;
            case 'move':
              step({ kind: 'silenced' });
              confirm(s.cursor + (s.numbered.size > 1 ? 1 : 0), true);
              break;
            case 'again':
              if (s.sendTerm !== undefined) confirm(s.cursor, false);
              break;
            case 'setBack':
              if (s.cursor > 0) confirm(s.cursor - 1, true);
              break;
            default:
              e satisfies never;
          }
        }
        // In the end everything that was accepted and not dropped can be delivered.
        confirm(s.cursor, true);
        for (let i = 0; alive.size > 0; i++) {
          expect(i, 'stands still').to.be.below(200);
          if (s.wanted > 0) step({ kind: 'credit', bytes: s.wanted });
          step({ kind: 'ack', incarnation: s.incarnation, cursor: s.sendNext - 1 });
        }
      }),
      { numRuns: 400 },
    );
  });
});
