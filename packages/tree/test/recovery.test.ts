import { expect } from 'chai';
import fc from 'fast-check';
import { stepOutbox } from '../src/outbox/machine.ts';
import { type BegunCommand, recover, snapshot } from '../src/outbox/recovery.ts';
import {
  initialOutbox,
  type JournalRecord,
  type OutboxLimits,
  type OutboxState,
  type Urgency,
} from '../src/outbox/state.ts';
import { EPOCH } from './support.ts';

const LIMITS: OutboxLimits = { bytes: 6000, frameItems: 4, frameBytes: 1500 };
const START: JournalRecord = { r: 'incarnation', incarnation: 'i1', format: 1 };

const offer = (e: number, u: Urgency = 'normal'): JournalRecord => ({
  r: 'offer',
  e,
  kind: 'k',
  u,
  t: EPOCH,
  text: `"b${e}"`,
});

/** What must survive a restart. Credit, claims and what is on its way do not. */
function durable(s: OutboxState) {
  const list = (q: {
    toArray(): { entry: number; kind: string; text: string; cost: number; time: number; urgency: Urgency }[];
  }) => q.toArray().map((e) => ({ ...e }));
  return {
    incarnation: s.incarnation,
    cursor: s.cursor,
    bytes: s.bytes,
    // A number fixes the place: with it the urgency has done its work.
    numbered: list(s.numbered).map((e) => ({ ...e, urgency: undefined })),
    urgent: list(s.waiting.urgent),
    normal: list(s.waiting.normal),
    sample: list(s.waiting.sample),
  };
}

const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('offer' as const),
      urgency: fc.constantFrom<Urgency>('urgent', 'normal', 'sample'),
      size: fc.nat(900),
    }),
  },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('credit' as const), bytes: fc.nat(3000) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom('ack' as const, 'resend' as const), share: fc.nat(4) }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constantFrom('silenced' as const, 'move' as const, 'setBack' as const) }),
  },
);
type Happening = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** Runs the outbox over random events; gives its journal and the state after each record list. */
function live(events: readonly Happening[]): {
  s: OutboxState;
  journal: JournalRecord[];
  marks: { at: number; state: unknown }[];
} {
  const s = initialOutbox('i1', LIMITS);
  const journal: JournalRecord[] = [START];
  const marks = [{ at: 1, state: durable(s) as unknown }];
  let n = 1;
  const step = (e: Parameters<typeof stepOutbox>[1]): void => {
    for (const effect of stepOutbox(s, e)) if (effect.kind === 'persist') journal.push(effect.record);
    marks.push({ at: journal.length, state: durable(s) });
  };
  const confirm = (cursor: number): void => {
    step({ kind: 'confirmed', term: 1, cursor, newLink: false, fresh: `i${++n}` });
    if (s.sendTerm === undefined) step({ kind: 'confirmed', term: 1, cursor: 0, newLink: true, fresh: 'never' });
  };
  confirm(0);
  for (const e of events) {
    if (e.what === 'offer')
      step({
        kind: 'offer',
        token: 0,
        report: { kind: 'k', urgency: e.urgency, time: EPOCH, body: 'x'.repeat(e.size) },
      });
    else if (e.what === 'credit') step({ kind: 'credit', bytes: e.bytes });
    else if (e.what === 'ack' || e.what === 'resend')
      step({ kind: e.what, incarnation: s.incarnation, cursor: Math.max(0, s.cursor - 1 + e.share) });
    else if (e.what === 'silenced') step({ kind: 'silenced' });
    else if (e.what === 'move') confirm(s.cursor);
    else if (s.cursor > 0) confirm(s.cursor - 1);
  }
  return { s, journal, marks };
}

describe('recover', () => {
  it('gives back the state that wrote the records, after every step', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80, size: 'max' }), (events) => {
        const { journal, marks } = live(events);
        for (const { at, state } of marks)
          expect(durable(recover(journal.slice(0, at), LIMITS).outbox)).to.deep.equal(state);
      }),
      { numRuns: 150 },
    );
  });

  it('gives a snapshot its state back, and goes on from there', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80, size: 'max' }), fc.nat(1000), (events, term) => {
        const { s } = live(events);
        const commands: BegunCommand[] = [{ id: 'c', hash: 'h', until: EPOCH }];
        const records = snapshot(s, term, commands);
        const again = recover(records, LIMITS);
        expect(durable(again.outbox)).to.deep.equal(durable(s));
        expect(again).to.deep.include({ term, commands });
        expect(snapshot(again.outbox, term, commands), 'a snapshot of a snapshot is the same').to.deep.equal(records);
        const used = [...s.numbered.toArray(), ...Object.values(s.waiting).flatMap((q) => q.toArray())].map(
          (e) => e.entry,
        );
        expect(again.outbox.nextEntry).to.be.above(Math.max(0, ...used));
      }),
      { numRuns: 150 },
    );
  });

  it('takes any prefix of the records: a torn tail is a legal state that can go on', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 60, size: 'max' }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (events, share) => {
          const { journal } = live(events);
          const length = 1 + Math.floor(share * (journal.length - 1));
          const { outbox: s } = recover(journal.slice(0, length), LIMITS);
          expect(s.bytes).to.be.at.most(LIMITS.bytes);
          const all = [...s.numbered.toArray(), ...Object.values(s.waiting).flatMap((q) => q.toArray())];
          expect(new Set(all.map((e) => e.entry)).size).to.equal(all.length);
          expect(s.bytes).to.equal(all.reduce((n, e) => n + e.cost, 0));
          // It can deliver all it holds.
          let left = all.length;
          const go = (e: Parameters<typeof stepOutbox>[1]): void => {
            for (const effect of stepOutbox(s, e))
              if (effect.kind === 'report') {
                left -= effect.entries.length;
                stepOutbox(s, {
                  kind: 'ack',
                  incarnation: s.incarnation,
                  cursor: effect.first + effect.entries.length - 1,
                });
              }
          };
          go({ kind: 'confirmed', term: 9, cursor: s.cursor, newLink: true, fresh: 'never' });
          for (let i = 0; left > 0; i++) {
            expect(i, 'stands still').to.be.below(100);
            go({ kind: 'credit', bytes: s.wanted });
          }
          expect(s.bytes).to.equal(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('keeps the highest term and every command', () => {
    const { term, commands, outbox } = recover(
      [
        START,
        { r: 'term', term: 5 },
        { r: 'term', term: 3 },
        { r: 'command', id: 'c1', hash: 'h1', until: 10 },
        { r: 'command', id: 'c2', hash: 'h2', until: 20 },
      ],
      LIMITS,
    );
    expect(term).to.equal(5);
    expect(commands.map((c) => c.id)).to.deep.equal(['c1', 'c2']);
    expect(outbox.nextEntry).to.equal(1);
  });

  const bad: readonly [what: string, records: JournalRecord[], words: RegExp][] = [
    ['nothing at all', [], /the journal is empty/],
    ['no incarnation first', [offer(1)], /does not begin with its incarnation, but with 'offer'/],
    [
      'a number for an entry it does not hold',
      [START, { r: 'number', first: 1, e: [4] }],
      /numbers entry 4, which it does not hold/,
    ],
    ['the same entry numbered twice', [START, offer(1), { r: 'number', first: 1, e: [1, 1] }], /numbers entry 1/],
    ['a gap in the numbers', [START, offer(1), { r: 'number', first: 2, e: [1] }], /numbers 2 where 1 comes next/],
    [
      'a cursor beyond the numbers',
      [START, offer(1), { r: 'number', first: 1, e: [1] }, { r: 'cursor', cursor: 2 }],
      /cursor 2 is beyond/,
    ],
  ];
  for (const [what, records, words] of bad) {
    it(`${what}: says so`, () => {
      expect(() => recover(records, LIMITS)).to.throw(words);
    });
  }
});
