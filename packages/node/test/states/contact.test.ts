/** The machine of contact by transcripts: what happens at which second, and what becomes of the node. */
import { expect } from 'chai';
import fc from 'fast-check';
import { type Contact, type ContactEvent, decidesAt, stepContact } from '../../src/states/contact.ts';
import { nextOf } from '../../src/states/next.ts';
import type { NodeState } from '../../src/states/table.ts';

const SPANS = { grace: 60_000, orphanGrace: 900_000, stableFor: 30_000 };

/** A node with its own time; deadlines come by themselves, as the master's heap brings them. */
class Node {
  state: NodeState;
  cause = 'user';
  back: NodeState | null = null;
  rebootUntil: number | null = null;
  contact: Contact | undefined;
  now = 0;
  readonly moves: string[] = [];

  constructor(state: NodeState = 'IN_SERVICE') {
    this.state = state;
  }

  get standing() {
    const { state, cause, back, rebootUntil, contact } = this;
    return { state, cause, back, rebootUntil, contact };
  }

  take(event: ContactEvent): void {
    const { contact, move } = stepContact(this.standing, event, this.now, SPANS);
    this.contact = contact;
    if (move === undefined) return;
    this.moves.push(`${this.now / 1000} s ${this.state} → ${move.to}`);
    this.state = move.to;
    this.cause = 'contact';
    this.back = move.back;
    this.take({ kind: 'moved' });
  }

  /** Somebody else moves it. */
  move(to: NodeState, cause = 'user'): void {
    this.state = to;
    this.cause = cause;
    this.back = null;
    this.take({ kind: 'moved' });
  }

  until(seconds: number): void {
    const end = seconds * 1000;
    for (;;) {
      const at = decidesAt(this.standing, SPANS);
      if (at === undefined || at > end) break;
      this.now = Math.max(this.now, at);
      const before = JSON.stringify(this.standing);
      this.take({ kind: 'deadline' });
      expect(JSON.stringify(this.standing), 'a deadline decides something').not.to.equal(before);
    }
    this.now = end;
  }

  /** `10 lost`, `12 linked`, `20 stopped`, `30 agg-A lost`, `40 agg-A back`, `50 to MAINTENANCE`, `90` */
  play(script: string): string[] {
    for (const line of script.trim().split('\n')) {
      const [at = '', ...words] = line.trim().split(' ');
      this.until(Number(at));
      const [first = '', second = ''] = words;
      if (first === 'lost') this.take({ kind: 'lost', planned: false, hub: null, why: 'silence' });
      else if (first === 'stopped') this.take({ kind: 'lost', planned: true, hub: null, why: 'SIGTERM' });
      else if (first === 'linked') this.take({ kind: 'linked' });
      else if (second === 'lost') this.take({ kind: 'lost', planned: false, hub: first, why: `${first} was lost` });
      else if (second === 'back') this.take({ kind: 'hubBack', hub: first });
      else if (first === 'to') this.move(second as NodeState);
      else if (first === 'event') this.move(second as NodeState, 'event');
      else if (first === 'reboot') this.rebootUntil = Number(second) * 1000;
      else expect(line, 'a line that nobody knows').to.match(/^\s*\d+$/);
    }
    return this.moves;
  }
}

const play = (script: string, state?: NodeState): string[] => new Node(state).play(script);

describe('lost contact', () => {
  it('is a failure after the grace time, and heals when it is back and stable', () =>
    expect(play('10 lost \n 100 linked \n 200')).to.deep.equal([
      '70 s IN_SERVICE → SOFT_FAILURE',
      '130 s SOFT_FAILURE → IN_SERVICE',
    ]));

  it('heals to the state before', () =>
    expect(play('10 lost \n 100 linked \n 200', 'DISCOVERED')).to.deep.equal([
      '70 s DISCOVERED → SOFT_FAILURE',
      '130 s SOFT_FAILURE → DISCOVERED',
    ]));

  it('is none within the grace time', () =>
    expect(play('10 lost \n 69 linked \n 80 lost \n 139 linked \n 999')).to.deep.equal([]));

  it('is none after a goodbye', () => expect(play('10 stopped \n 9999')).to.deep.equal([]));

  it('is none while a reboot is expected, and one when that is over', () => {
    expect(play('5 reboot 600 \n 10 lost \n 599 linked \n 999')).to.deep.equal([]);
    expect(play('5 reboot 600 \n 10 lost \n 999')).to.deep.equal(['600 s IN_SERVICE → SOFT_FAILURE']);
  });

  it('must be back without a break to heal', () =>
    expect(play('10 lost \n 100 linked \n 120 lost \n 140 linked \n 169 lost \n 180 linked \n 300')).to.deep.equal([
      '70 s IN_SERVICE → SOFT_FAILURE',
      '210 s SOFT_FAILURE → IN_SERVICE',
    ]));

  it('with an aggregator waits until that is back, and a grace time more', () => {
    expect(play('10 agg-A lost \n 909')).to.deep.equal([]);
    expect(play('10 agg-A lost \n 50 agg-A back \n 9999')).to.deep.equal(['110 s IN_SERVICE → SOFT_FAILURE']);
    expect(play('10 agg-A lost \n 50 agg-B back \n 909')).to.deep.equal([]);
    expect(play('10 agg-A lost \n 50 agg-A back \n 60 linked \n 9999')).to.deep.equal([]);
  });

  it('with an aggregator that stays away is a failure in the end, and heals as any other', () => {
    expect(play('10 agg-A lost \n 2000 agg-A back \n 2010 linked \n 9999')).to.deep.equal([
      '910 s IN_SERVICE → SOFT_FAILURE',
      '2040 s SOFT_FAILURE → IN_SERVICE',
    ]);
    expect(play('5 reboot 1200 \n 10 agg-A lost \n 9999')).to.deep.equal(['1200 s IN_SERVICE → SOFT_FAILURE']);
    expect(play('10 agg-A lost \n 5000 to IN_SERVICE \n 9999', 'MAINTENANCE')).to.deep.equal([
      '5060 s IN_SERVICE → SOFT_FAILURE',
    ]);
  });

  it('moves no node that is out of service, and judges it from when it is in service again', () => {
    expect(play('10 lost \n 500 to IN_SERVICE \n 999', 'MAINTENANCE')).to.deep.equal([
      '560 s IN_SERVICE → SOFT_FAILURE',
    ]);
    expect(play('10 lost \n 20 to MAINTENANCE \n 999')).to.deep.equal([]);
  });

  it('never heals a failure with another cause', () => {
    expect(play('5 event SOFT_FAILURE \n 10 lost \n 100 linked \n 999')).to.deep.equal([]);
    expect(play('10 lost \n 80 event HARD_FAILURE \n 100 linked \n 999')).to.deep.equal([
      '70 s IN_SERVICE → SOFT_FAILURE',
    ]);
  });

  it('that an admin has resumed is judged anew', () =>
    expect(play('10 lost \n 100 to IN_SERVICE \n 999')).to.deep.equal([
      '70 s IN_SERVICE → SOFT_FAILURE',
      '160 s IN_SERVICE → SOFT_FAILURE',
    ]));

  it('whatever happens: failures follow an absence of the grace time, healing a presence of the stable time', () => {
    const event = fc.oneof(
      fc.constantFrom<ContactEvent>(
        { kind: 'lost', planned: false, hub: null, why: 'w' },
        { kind: 'lost', planned: true, hub: null, why: 'w' },
        { kind: 'lost', planned: false, hub: 'a', why: 'w' },
        { kind: 'linked' },
        { kind: 'hubBack', hub: 'a' },
        { kind: 'deadline' },
      ),
      fc.constantFrom<NodeState>('IN_SERVICE', 'MAINTENANCE', 'SOFT_FAILURE'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), event), { maxLength: 40 }), (script) => {
        const node = new Node();
        let linkedSince: number | undefined = 0;
        let goneSince: number | undefined;
        let seconds = 0;
        for (const [wait, what] of script) {
          seconds += wait;
          const before = node.moves.length;
          node.until(seconds);
          for (const move of node.moves.slice(before)) {
            const at = Number(move.split(' ')[0]) * 1000;
            if (move.endsWith('→ SOFT_FAILURE')) {
              expect(linkedSince, move).to.equal(undefined);
              expect(at - (goneSince ?? at), move).to.be.at.least(SPANS.grace);
            } else expect(at - (linkedSince ?? at), move).to.be.at.least(SPANS.stableFor);
          }
          if (typeof what === 'string') node.move(what, what === 'SOFT_FAILURE' ? 'event' : 'user');
          else if (what.kind === 'lost' && linkedSince !== undefined) {
            linkedSince = undefined;
            goneSince = node.now;
            node.take(what);
          } else if (what.kind === 'linked' && linkedSince === undefined) {
            linkedSince = node.now;
            node.take(what);
          } else if (what.kind === 'hubBack' || what.kind === 'deadline') node.take(what);
          // What is told of a node next always has words.
          expect(nextOf({ ...node.standing, holds: undefined, takes: undefined }, SPANS, true).text).not.to.equal('');
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('what comes next', () => {
  const told = (script: string, state?: NodeState, heal = true) => {
    const node = new Node(state);
    node.play(script);
    return nextOf({ ...node.standing, holds: undefined, takes: undefined }, SPANS, heal);
  };

  it('is the nearest deadline, with its time', () => {
    expect(told('10 lost')).to.deep.equal({
      text: 'it becomes SOFT_FAILURE unless contact is back (silence)',
      at: 70_000,
    });
    expect(told('10 lost \n 100 linked')).to.deep.equal({
      text: 'it goes back to IN_SERVICE if its contact stays',
      at: 130_000,
    });
    expect(told('5 reboot 600 \n 10 lost').at).to.equal(600_000);
    expect(told('10 agg-A lost')).to.deep.equal({
      text: 'it becomes SOFT_FAILURE unless its aggregator agg-A or its contact is back',
      at: 910_000,
    });
  });

  it('is what is waited for where there is no deadline', () => {
    expect(told('1')).to.deep.equal({ text: 'nothing', at: null });
    expect(told('10 lost \n 100').text).to.equal('it goes back to IN_SERVICE when its contact has been back for 30 s');
    expect(told('10 lost \n 100', 'IN_SERVICE', false).text).to.contain('csm.node.heal is off');
    expect(told('10 stopped').text).to.contain('its daemon was stopped');
    expect(told('1', 'DISCOVERED').text).to.contain('csm node resume');
  });

  it('is the window, where one begins or ends first', () => {
    const node = new Node('MAINTENANCE');
    const holds = { id: 3, state: 'MAINTENANCE', at: 500 } as const;
    const takes = { id: 4, state: 'OUT_OF_SERVICE', at: 400 } as const;
    const at = (more: object) => nextOf({ ...node.standing, holds: undefined, takes: undefined, ...more }, SPANS, true);
    expect(at({ holds })).to.deep.equal({ text: 'window 3 ends, and it goes to IN_SERVICE', at: 500 });
    expect(at({ holds, takes })).to.deep.equal({ text: 'window 4 begins, and it goes to OUT_OF_SERVICE', at: 400 });
    expect(at({ holds: { ...holds, at: undefined } })).to.deep.equal({
      text: 'nothing by itself: window 3 has no end',
      at: null,
    });
  });
});
