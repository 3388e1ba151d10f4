/** One machine in one file: how a node chooses, keeps and changes its primary. It is long because its cases share one way to drive it. */
import { expect } from 'chai';
import fc from 'fast-check';
import { failoverWakeAt, stepFailover } from '../src/failover/machine.ts';
import {
  type FailoverConfig,
  type FailoverEffect,
  type FailoverEvent,
  type FailoverState,
  initialFailover,
} from '../src/failover/state.ts';
import { at } from './support.ts';

const INTERVAL = 1000;
const CONFIG: FailoverConfig = {
  interval: INTERVAL,
  backoff: { base: 100, cap: 5000 },
  absent: { base: 100, cap: 2000 },
  secondaryWait: 5000,
  refusedRetry: 60_000,
  returnAfter: 300_000,
  returnSpread: 60_000,
};

/** A machine with its clock: events in, effects kept. */
class Rig {
  readonly s: FailoverState;
  ms = 0;
  chance = 0.5;
  #link = 100;

  constructor(names = ['A', 'B'], term = 0, config: Partial<FailoverConfig> = {}) {
    this.s = initialFailover(names, term, { ...CONFIG, ...config });
  }

  send(event: FailoverEvent, ms = this.ms): string[] {
    this.ms = ms;
    return stepFailover(this.s, event, at(ms), this.chance).map(text);
  }

  start(): string[] {
    return this.send({ kind: 'start' });
  }

  up(candidate: number, leader = true, term?: number): string[] {
    const told = term === undefined ? {} : { term };
    return this.send({ kind: 'up', candidate, link: this.#link++, leader, ...told });
  }

  down(candidate: number, refused = false, reason = 'closed'): string[] {
    return this.send({ kind: 'down', candidate, reason, refused });
  }

  calledOff(candidate: number): string[] {
    return this.send({ kind: 'calledOff', candidate });
  }

  absent(candidate: number): string[] {
    return this.send({ kind: 'down', candidate, reason: 'nobody listens', refused: false, absent: true });
  }

  claimed(candidate: number, confirmed = true, term = this.s.term): string[] {
    return this.send({ kind: 'claimed', candidate, term, confirmed });
  }

  leader(candidate: number, leader: boolean): string[] {
    return this.send({ kind: 'leader', candidate, leader });
  }

  /** Ticks as the machine asks for it, until `until`; effects with their moments. */
  run(until: number): string[] {
    const out: string[] = [];
    for (let next = failoverWakeAt(this.s); next !== undefined && next <= until; next = failoverWakeAt(this.s)) {
      for (const effect of this.send({ kind: 'tick' }, Math.max(next, this.ms))) out.push(`${this.ms} ${effect}`);
      expect(failoverWakeAt(this.s) ?? Number.POSITIVE_INFINITY, 'the timer never stands still').to.be.above(this.ms);
    }
    this.ms = until;
    return out;
  }

  /** Both links up, A primary and confirmed. */
  settled(): this {
    this.start();
    this.up(0);
    this.claimed(0);
    this.up(1);
    expect(this.s).to.include({ primary: 0, claim: 'confirmed' });
    return this;
  }
}

function text(e: FailoverEffect): string {
  switch (e.kind) {
    case 'dial':
      return `dial ${e.candidate}`;
    case 'hangUp':
      return `hang up ${e.candidate}`;
    case 'drop':
      return `drop ${e.candidate}`;
    case 'claim':
      return `claim ${e.candidate} term ${e.term}`;
    default:
      return e.kind;
  }
}

describe('failover: dialling', () => {
  it('start dials the first choice alone', () => {
    const rig = new Rig(['A', 'B', 'C']);
    expect(rig.start()).to.deep.equal(['dial 0']);
    expect(rig.start(), 'a second start').to.deep.equal([]);
    expect(rig.run(1999)).to.deep.equal(['1000 dial 1']);
  });

  it('a slow first choice is no reason to wait for it alone: after an interval, at most 2 s', () => {
    const rig = new Rig(['A', 'B', 'C'], 0, { interval: 15_000 });
    rig.start();
    expect(rig.run(10_000)).to.deep.equal(['2000 dial 1', '4000 dial 2']);
    expect(failoverWakeAt(rig.s), 'nothing is left to dial').to.equal(undefined);
  });

  it('a failed first choice: the next at once, the first again after its back-off', () => {
    const rig = new Rig();
    rig.start();
    expect(rig.down(0)).to.deep.equal(['dial 1']);
    expect(rig.s.candidates[0]).to.include({ phase: 'idle', attempt: 1, retryAt: 50, reason: 'closed' });
    rig.ms = 10;
    expect(rig.down(1)).to.deep.equal([]);
    expect(rig.run(49)).to.deep.equal([]);
    expect(rig.run(60)).to.deep.equal(['50 dial 0']);
  });

  it('backs off further with each failure, and begins anew once a link has stood for an interval', () => {
    const rig = new Rig(['A']);
    const waits: number[] = [];
    rig.start();
    for (let i = 0; i < 8; i++) {
      rig.down(0);
      const next = failoverWakeAt(rig.s) ?? 0;
      waits.push(next - rig.ms);
      expect(rig.run(next)).to.deep.equal([`${next} dial 0`]);
    }
    expect(waits).to.deep.equal([50, 100, 200, 400, 800, 1600, 2500, 2500]);
    rig.up(0);
    expect(rig.s.candidates[0]?.attempt).to.equal(8);
    rig.run(rig.ms + INTERVAL - 1);
    expect(rig.s.candidates[0]?.attempt, 'one that falls at once has proven nothing').to.equal(8);
    rig.run(rig.ms + 1);
    expect(rig.s.candidates[0]?.attempt).to.equal(0);
  });

  it('where nobody listens the waits stay short, however long that lasts', () => {
    const rig = new Rig(['A']);
    const waits: number[] = [];
    rig.start();
    for (let i = 0; i < 8; i++) {
      rig.absent(0);
      const next = failoverWakeAt(rig.s) ?? 0;
      waits.push(next - rig.ms);
      rig.run(next);
    }
    expect(waits).to.deep.equal([50, 100, 200, 400, 800, 1000, 1000, 1000]);
    rig.down(0);
    expect((failoverWakeAt(rig.s) ?? 0) - rig.ms, 'one that answers and fails is left alone for longer').to.equal(2500);
  });

  it('one that fell silent is left alone for an interval and a whole span, unless it is all there was', () => {
    const rig = new Rig().settled();
    rig.ms = 10_000;
    rig.send({ kind: 'down', candidate: 0, reason: 'silent', refused: false, silent: true });
    rig.claimed(1);
    expect(rig.run(20_000)).to.deep.equal(['13500 dial 0']);
    const last = new Rig(['A']);
    last.start();
    last.up(0);
    last.claimed(0);
    last.ms = 10_000;
    last.send({ kind: 'down', candidate: 0, reason: 'silent', refused: false, silent: true });
    expect(last.run(20_000)).to.deep.equal(['10050 dial 0']);
  });

  it('a dial that has found a listener is waited for alone for longer', () => {
    const rig = new Rig(['A', 'B'], 0, { interval: 15_000 });
    rig.start();
    rig.send({ kind: 'connected', candidate: 0 }, 10);
    expect(rig.run(12_000)).to.deep.equal(['10000 dial 1']);
    const other = new Rig(['A', 'B'], 0, { interval: 15_000 });
    other.start();
    other.send({ kind: 'connected', candidate: 0 }, 10);
    other.ms = 20;
    other.down(0);
    other.ms = 30;
    other.absent(1);
    expect(other.run(100), 'the next dial begins unconnected').to.deep.equal(['70 dial 0']);
    expect(other.run(3000)).to.deep.equal(['2070 dial 1']);
  });

  it('the first link that comes up ends what was dialled beside it, which rests then as one that failed', () => {
    const rig = new Rig(['A', 'B', 'C'], 0, { interval: 15_000 });
    rig.start();
    expect(rig.run(4000)).to.deep.equal(['2000 dial 1', '4000 dial 2']);
    expect(rig.up(1)).to.deep.equal(['hang up 0', 'hang up 2', 'claim 1 term 1']);
    expect(rig.calledOff(0)).to.deep.equal([]);
    expect(rig.claimed(1), 'the other one has not ended yet').to.deep.equal([]);
    expect(rig.calledOff(2)).to.deep.equal([]);
    expect(rig.run(20_000)).to.deep.equal(['11500 dial 0']);
    expect(rig.up(0), 'a second link ends nothing').to.deep.equal([]);
  });

  it('one that was called off is dialled at once when the link is lost for which it was', () => {
    const rig = new Rig();
    rig.start();
    rig.run(1000);
    rig.up(0);
    rig.calledOff(1);
    rig.claimed(0);
    expect(rig.down(0)).to.deep.equal(['orphaned', 'dial 1']);
  });

  it('one that was called off once is left to come up, else a link that comes and goes would keep the node from it', () => {
    const rig = new Rig();
    rig.start();
    rig.run(1000);
    expect(rig.up(1)).to.deep.equal(['hang up 0', 'claim 1 term 1']);
    rig.calledOff(0);
    expect(rig.down(1)).to.include('dial 0');
    rig.run(60_000);
    expect(rig.s.candidates[0]?.phase).to.equal('dialing');
    expect(rig.up(1)).to.deep.equal(['claim 1 term 2']);
    rig.up(0);
    rig.down(0);
    rig.down(1);
    rig.run(120_000);
    expect(rig.s.candidates.map(({ phase }) => phase)).to.deep.equal(['dialing', 'dialing']);
    expect(rig.up(1), 'it was up since').to.include('hang up 0');
  });

  it('a hub without the leader ends no dial: another one may have it', () => {
    const rig = new Rig();
    rig.start();
    rig.run(1000);
    expect(rig.up(1, false)).to.deep.equal(['claim 1 term 1']);
    expect(rig.s.candidates[0]?.phase).to.equal('dialing');
  });

  it('one whose handshake was over when it was to end is the second link', () => {
    const rig = new Rig();
    rig.start();
    rig.run(1000);
    expect(rig.up(0)).to.deep.equal(['hang up 1', 'claim 0 term 1']);
    expect(rig.up(1)).to.deep.equal([]);
    rig.claimed(0);
    expect(rig.run(100_000)).to.deep.equal([]);
    expect(rig.s.candidates.map(({ phase }) => phase)).to.deep.equal(['up', 'up']);
  });

  it('after all links were lost the second one waits, so that others get their first; a claim elsewhere does not', () => {
    const rig = new Rig().settled();
    rig.ms = 10_000;
    rig.down(1);
    rig.down(0);
    expect(rig.run(10_100).filter((line) => line.endsWith('dial 0'))).to.have.length(1);
    rig.up(0);
    rig.absent(1);
    expect(rig.claimed(0)).to.deep.equal([]);
    expect(rig.run(40_000)).to.deep.equal(['17600 dial 1']);
    const one = new Rig().settled();
    one.ms = 10_000;
    expect(one.down(0), 'the other link stands').to.deep.equal(['orphaned', 'claim 1 term 2']);
    expect(one.claimed(1)).to.deep.equal([]);
    expect(one.run(20_000)).to.deep.equal(['10050 dial 0']);
  });

  it('a refusal: slow retry, the reason kept', () => {
    const rig = new Rig(['A']);
    rig.start();
    rig.down(0, true, 'the certificate has expired');
    expect(rig.s.candidates[0]).to.include({ refused: true, reason: 'the certificate has expired', retryAt: 60_000 });
    expect(rig.run(59_999)).to.deep.equal([]);
    expect(rig.s.candidates[0]).to.include({ refused: true, reason: 'the certificate has expired' });
    expect(rig.run(60_000)).to.deep.equal(['60000 dial 0']);
    rig.up(0);
    expect(rig.s.candidates[0]?.refused).to.equal(false);
    expect(rig.s.candidates[0]).not.to.have.property('reason');
  });

  it('a secondary is dialled only once the claim is answered', () => {
    const rig = new Rig();
    rig.start();
    expect(rig.up(0)).to.deep.equal(['claim 0 term 1']);
    expect(rig.s.claim).to.equal('sent');
    expect(rig.run(100_000)).to.deep.equal([]);
    expect(rig.claimed(0)).to.deep.equal(['dial 1']);
    const held = new Rig();
    held.start();
    held.up(0, false);
    expect(held.claimed(0, false), 'held is an answer, too').to.deep.equal(['dial 1']);
    expect(held.s.claim).to.equal('held');
  });

  it('three candidates: two links are kept, a third only while the first choice is proven again', () => {
    const rig = new Rig(['A', 'B', 'C']);
    rig.start();
    rig.down(0);
    rig.up(1);
    expect(rig.claimed(1), 'the first choice rests').to.deep.equal(['dial 2']);
    expect(rig.run(8000), 'one dial at a time').to.deep.equal([]);
    expect(rig.up(2), 'a third link, to prove the first choice').to.deep.equal(['dial 0']);
    expect(rig.up(0)).to.deep.equal(['drop 2']);
    expect(rig.down(2, false, 'not needed')).to.deep.equal([]);
    expect(rig.run(20_000), 'C is not dialled again').to.deep.equal([]);
  });

  it('stop ends dialling and claiming', () => {
    const rig = new Rig().settled();
    expect(rig.send({ kind: 'stop' })).to.deep.equal([]);
    expect(failoverWakeAt(rig.s)).to.equal(undefined);
    expect(rig.down(0)).to.deep.equal(['orphaned']);
    expect(rig.send({ kind: 'tick' }, 1e6)).to.deep.equal([]);
  });
});

describe('failover: claims', () => {
  it('orphaned → sent → held → confirmed', () => {
    const rig = new Rig(['A', 'B'], 41);
    rig.start();
    expect(rig.s.claim).to.equal('none');
    expect(rig.up(0, false)).to.deep.equal(['claim 0 term 42']);
    rig.claimed(0, false);
    expect(rig.s.claim).to.equal('held');
    rig.claimed(0, true);
    expect(rig.s.claim).to.equal('confirmed');
  });

  it('`claimed` of an older term, or of another candidate, is ignored', () => {
    const rig = new Rig(['A', 'B'], 41);
    rig.start();
    rig.up(0);
    rig.claimed(0, true, 41);
    rig.claimed(0, true, 43);
    rig.claimed(1, true);
    expect(rig.s.claim).to.equal('sent');
  });

  it('`behind` → claims above what the hub knows; older ones are ignored', () => {
    const rig = new Rig(['A', 'B'], 5);
    rig.start();
    rig.up(0);
    expect(rig.send({ kind: 'behind', candidate: 0, term: 5 }), 'below ours').to.deep.equal([]);
    expect(rig.send({ kind: 'behind', candidate: 1, term: 50 }), 'not of the primary').to.deep.equal([]);
    expect(rig.send({ kind: 'behind', candidate: 0, term: 17 })).to.deep.equal(['claim 0 term 18']);
    expect(rig.send({ kind: 'behind', candidate: 0, term: 18 }), 'an equal term belongs to another').to.deep.equal([
      'claim 0 term 19',
    ]);
    expect(rig.s.claim).to.equal('sent');
  });

  it('`demoted` by our own newer claim is ignored, by a twin it is outbid', () => {
    const rig = new Rig().settled();
    rig.down(0);
    rig.claimed(1);
    expect(rig.send({ kind: 'demoted', candidate: 0, term: 2 })).to.deep.equal([]);
    expect(rig.send({ kind: 'demoted', candidate: 1, term: 2 })).to.deep.equal([]);
    expect(rig.send({ kind: 'demoted', candidate: 1, term: 9 })).to.deep.equal(['claim 1 term 10']);
  });

  it('`reclaim` claims the present primary again, above', () => {
    const rig = new Rig().settled();
    expect(rig.send({ kind: 'reclaim' })).to.deep.equal(['claim 0 term 2']);
    const orphan = new Rig();
    orphan.start();
    expect(orphan.send({ kind: 'reclaim' })).to.deep.equal([]);
  });

  it('claims where the leader is reached, when there is a choice', () => {
    const rig = new Rig(['A', 'B', 'C']).settled();
    rig.s.candidates[1] = { ...rig.s.candidates[1], leader: false } as never;
    rig.up(2);
    expect(rig.down(0)).to.include.members(['orphaned', 'claim 2 term 2']);
  });
});

describe('failover: the primary goes', () => {
  it('down → the secondary is promoted in the same step', () => {
    const rig = new Rig().settled();
    expect(rig.down(0)).to.deep.equal(['orphaned', 'claim 1 term 2']);
    expect(rig.s.primary).to.equal(1);
  });

  it('down while the claim is only sent → promoted all the same', () => {
    const rig = new Rig();
    rig.start();
    rig.run(1500);
    rig.up(0);
    rig.up(1);
    expect(rig.down(0)).to.deep.equal(['orphaned', 'claim 1 term 2']);
  });

  it('no secondary → orphaned, dials, claims whatever comes up', () => {
    const rig = new Rig();
    rig.start();
    rig.up(0);
    rig.claimed(0);
    rig.down(1);
    expect(rig.down(0)).to.deep.equal(['orphaned']);
    expect(rig.s.claim).to.equal('none');
    const dialled = rig.run(200);
    expect(dialled[0]).to.match(/ dial 0$/);
    expect(rig.up(0)).to.deep.equal(['claim 0 term 2']);
  });

  it('says bye → moved before it closes, without being orphaned', () => {
    const rig = new Rig().settled();
    expect(rig.send({ kind: 'bye', candidate: 0 })).to.deep.equal(['claim 1 term 2']);
    expect(rig.send({ kind: 'bye', candidate: 0 }), 'twice').to.deep.equal([]);
    rig.claimed(1);
    expect(rig.down(0)).to.deep.equal([]);
  });

  it('says bye while there is no other → stays until one is up', () => {
    const rig = new Rig();
    rig.start();
    rig.up(0);
    rig.claimed(0);
    expect(rig.send({ kind: 'bye', candidate: 0 })).to.deep.equal([]);
    expect(rig.s.primary).to.equal(0);
    expect(rig.up(1)).to.deep.equal(['claim 1 term 2']);
  });

  it('a bye of the secondary: it is claimed only as the last, and left for any other', () => {
    const rig = new Rig().settled();
    rig.send({ kind: 'bye', candidate: 1 });
    expect(rig.down(0)).to.deep.equal(['orphaned', 'claim 1 term 2']);
    expect(rig.s.primary).to.equal(1);
    expect(rig.up(0)).to.deep.equal(['claim 0 term 3']);
  });
});

describe('failover: the primary reaches no leader', () => {
  for (const chance of [0, 0.25, 0.999]) {
    it(`moves within [2, 3] intervals (chance ${chance})`, () => {
      const rig = new Rig().settled();
      rig.run(5000);
      rig.chance = chance;
      expect(rig.leader(0, false)).to.deep.equal([]);
      expect(rig.leader(0, false), 'told again').to.deep.equal([]);
      const moved = rig.run(5000 + 4 * INTERVAL);
      expect(moved).to.have.length(1);
      const [when, ...what] = (moved[0] ?? '').split(' ');
      expect(what.join(' ')).to.equal('claim 1 term 2');
      expect(Number(when)).to.be.closeTo(5000 + (2 + chance) * INTERVAL, 1e-6);
    });
  }

  it('stays when the leader is back in time, also when the move is planned already', () => {
    const rig = new Rig().settled();
    rig.leader(0, false);
    expect(rig.run(2400)).to.deep.equal([]);
    expect(rig.s.move?.why).to.equal('leader');
    rig.leader(0, true);
    expect(rig.s.move).to.equal(undefined);
    expect(rig.run(10_000)).to.deep.equal([]);
  });

  it('stays when nobody reaches it; moves once another does', () => {
    const rig = new Rig().settled();
    rig.leader(1, false);
    rig.leader(0, false);
    expect(rig.run(20_000)).to.deep.equal([]);
    rig.leader(1, true);
    expect(rig.run(30_000)).to.deep.equal(['22500 claim 1 term 2']);
  });

  it('stays when the other loses it, too, before the move', () => {
    const rig = new Rig().settled();
    rig.leader(0, false);
    rig.run(2100);
    rig.leader(1, false);
    expect(rig.s.move).to.equal(undefined);
    expect(rig.run(20_000)).to.deep.equal([]);
  });

  it('moves also while a return to the first choice waits for its time', () => {
    const rig = new Rig(['A', 'B', 'C']).settled();
    rig.down(0);
    rig.claimed(1);
    rig.run(1000);
    rig.up(0);
    rig.send({ kind: 'tick' });
    expect(rig.s.move?.why).to.equal('return');
    rig.leader(1, false);
    const moved = rig.run(60_000);
    expect(moved).to.deep.equal(['3500 claim 0 term 3']);
  });
});

describe('failover: the way back', () => {
  function onB(): Rig {
    const rig = new Rig().settled();
    rig.down(0);
    rig.claimed(1);
    rig.run(10_000);
    return rig;
  }

  it('returns to the first choice when it was well for returnAfter, jittered', () => {
    for (const chance of [0, 0.5]) {
      const rig = onB();
      rig.chance = chance;
      rig.up(0);
      expect(rig.run(1_000_000)).to.deep.equal([`${10_000 + 300_000 + chance * 60_000} claim 0 term 3`]);
    }
  });

  it('the time begins anew when the first choice goes, or loses its leader', () => {
    const rig = onB();
    rig.up(0);
    rig.run(200_000);
    rig.leader(0, false);
    rig.run(250_000);
    rig.leader(0, true);
    expect(rig.run(579_000)).to.deep.equal([]);
    expect(rig.run(581_000)).to.deep.equal(['580000 claim 0 term 3']);
    const other = onB();
    other.up(0);
    other.run(200_000);
    other.down(0);
    expect(other.s.move).to.equal(undefined);
    other.run(250_000);
    other.up(0);
    expect(other.run(579_000)).to.deep.equal([]);
  });

  it('rebalance: an admin need not wait, the spread is the asked one', () => {
    const rig = onB();
    rig.up(0);
    expect(rig.send({ kind: 'rebalance', spread: 4000 })).to.deep.equal([]);
    expect(rig.run(11_999)).to.deep.equal([]);
    expect(rig.run(12_000)).to.deep.equal(['12000 claim 0 term 3']);
  });

  it('rebalance does nothing at the first choice, or when that is away or closing', () => {
    const rig = new Rig().settled();
    rig.send({ kind: 'rebalance', spread: 0 });
    expect(rig.s.move).to.equal(undefined);
    const away = onB();
    away.send({ kind: 'rebalance', spread: 0 });
    expect(away.s.move).to.equal(undefined);
    const closing = onB();
    closing.up(0);
    closing.send({ kind: 'bye', candidate: 0 });
    closing.send({ kind: 'rebalance', spread: 0 });
    expect(closing.run(1e6).filter((e) => e.includes('claim'))).to.deep.equal([]);
  });
});

describe('failover: among masters', () => {
  const masters = (names = ['M1', 'M2']) => new Rig(names, 0, { masters: true, interval: 15_000 });

  /** M1 leads under term 5 and is claimed, the others stand by. */
  function led(names?: string[]): Rig {
    const rig = masters(names);
    rig.start();
    rig.up(0, true, 5);
    rig.claimed(0);
    for (let i = 1; i < rig.s.candidates.length; i++) rig.up(i, false);
    return rig;
  }

  it('all are dialled at once, and all are kept', () => {
    const rig = masters(['M1', 'M2', 'M3']);
    expect(rig.start()).to.deep.equal(['dial 0', 'dial 1', 'dial 2']);
    expect(rig.up(2, false)).to.deep.equal(['claim 2 term 1']);
    expect(rig.claimed(2, false)).to.deep.equal([]);
    expect(rig.up(1, true, 5), 'the leader, as soon as it is known').to.deep.equal(['claim 1 term 2']);
    expect(rig.claimed(1)).to.deep.equal([]);
    expect(rig.up(0, false)).to.deep.equal([]);
    expect(rig.run(600_000), 'a first choice that stands by is none').to.deep.equal([]);
  });

  it('one that is away is dialled again, whatever the others do', () => {
    const rig = led();
    expect(rig.down(1)).to.deep.equal([]);
    expect(rig.run(60_000)).to.deep.equal(['50 dial 1']);
  });

  it('a new leader is claimed at once, though the old one is linked and says that it leads', () => {
    const rig = led();
    rig.ms = 100_000;
    rig.send({ kind: 'bye', candidate: 1 });
    rig.down(1);
    expect(rig.run(100_100)).to.deep.equal(['100050 dial 1']);
    expect(rig.up(1, true, 6)).to.deep.equal(['claim 1 term 2']);
    expect(rig.claimed(1)).to.deep.equal([]);
    expect(rig.run(1_000_000), 'no way back to the outdated one').to.deep.equal([]);
    expect(rig.leader(0, true)).to.deep.equal([]);
  });

  it('after a goodbye it is dialled within one short back-off, however often it failed before', () => {
    const rig = led();
    for (let i = 0; i < 6; i++) {
      rig.down(1);
      rig.run(rig.ms + 5000);
    }
    rig.up(1, false);
    const { ms } = rig;
    rig.send({ kind: 'bye', candidate: 1 });
    expect(rig.down(1)).to.deep.equal([]);
    expect(rig.run(ms + 100)).to.deep.equal([`${ms + 50} dial 1`]);
  });

  it('an outdated leader that is linked first leaves no claim waiting', () => {
    const rig = masters();
    rig.start();
    expect(rig.up(0, true, 5)).to.deep.equal(['claim 0 term 1']);
    // Its database is away: it never answers.
    expect(rig.up(1, true, 6)).to.deep.equal(['claim 1 term 2']);
  });

  it('the leader is lost: a standby holds the claim until another leads', () => {
    const rig = led(['M1', 'M2', 'M3']);
    expect(rig.down(0)).to.deep.equal(['orphaned', 'claim 1 term 2']);
    rig.claimed(1, false);
    rig.send({ kind: 'bye', candidate: 2 });
    rig.down(2);
    rig.run(100);
    expect(rig.up(2, true, 6)).to.deep.equal(['claim 2 term 3']);
  });

  it('the one that leads is chosen of those that say so', () => {
    const rig = led(['M1', 'M2', 'M3']);
    rig.down(1);
    rig.down(2);
    rig.run(100);
    rig.up(2, true, 7);
    rig.up(1, true, 6);
    expect(rig.s.primary).to.equal(2);
    rig.claimed(2);
    expect(rig.down(2), 'the newest of those that are left').to.deep.equal(['orphaned', 'claim 1 term 3']);
  });

  it('an admin asks for the first choice: not where it does not lead', () => {
    const rig = led();
    rig.down(1);
    rig.run(100);
    rig.up(1, true, 6);
    rig.claimed(1);
    expect(rig.send({ kind: 'rebalance', spread: 0 })).to.deep.equal([]);
    expect(rig.run(1000)).to.deep.equal([]);
  });
});

describe('failover: whatever happens', () => {
  const candidate = fc.nat(2);
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.nat(4000) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        what: fc.constant('dialEnds' as const),
        candidate,
        ok: fc.boolean(),
        leader: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('drop' as const), candidate, refused: fc.boolean() }) },
    {
      weight: 4,
      arbitrary: fc.record({ what: fc.constant('claimed' as const), confirmed: fc.boolean(), stale: fc.boolean() }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        what: fc.constantFrom('behind' as const, 'demoted' as const),
        candidate,
        above: fc.nat(3),
      }),
    },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('leader' as const), candidate, leader: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('bye' as const), candidate }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('reclaim' as const, 'rebalance' as const) }) },
  );

  it('terms rise, claims go to live links, the timer never stands still, dials are few', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 80, size: 'max' }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (events, chance) => {
          const s = initialFailover(['A', 'B', 'C'], 3, CONFIG);
          let ms = 0;
          let term = 3;
          /** Dials that are to end. */
          const ending = new Set<number>();
          const step = (e: FailoverEvent): void => {
            const before = s.claim;
            const inFlight = s.candidates.filter((c) => c.phase === 'dialing');
            const slow = inFlight.every((c) => ms >= c.dialedAt + Math.min(INTERVAL, 2000));
            let last: number | undefined;
            for (const effect of stepFailover(s, e, at(ms), chance)) {
              if (effect.kind === 'claim') {
                expect(effect.term).to.be.above(term);
                term = effect.term;
                expect(s.candidates[effect.candidate]?.phase).to.equal('up');
                last = effect.candidate;
              }
              if (effect.kind === 'dial') {
                expect(s.candidates[effect.candidate]?.phase).to.equal('dialing');
                const others = s.candidates.filter((c, i) => c.phase === 'dialing' && i !== effect.candidate);
                // Before any claim one at a time, unless those under way are slow; afterwards never two.
                if (others.length > 0 && e.kind === 'tick' && before === 'none') expect(slow).to.equal(true);
                if (s.claim !== 'none') expect(others).to.deep.equal([]);
              }
              if (effect.kind === 'hangUp') {
                expect(s.candidates[effect.candidate]?.phase).to.equal('dialing');
                ending.add(effect.candidate);
              }
              if (effect.kind === 'drop') expect(effect.candidate).not.to.equal(s.primary);
            }
            if (last !== undefined) expect(s).to.include({ primary: last, claim: 'sent' });
            if (s.primary === undefined) expect(s.claim).to.equal('none');
            else expect(s.candidates[s.primary]?.phase).to.equal('up');
            const usable = s.candidates.filter((c) => c.phase === 'up' && !c.draining);
            if (usable.length > 0) expect(s.claim, 'nobody stays orphaned beside a good link').not.to.equal('none');
          };
          step({ kind: 'start' });
          for (const e of events) {
            switch (e.what) {
              case 'wait': {
                const until = ms + e.ms;
                for (let i = 0; ; i++) {
                  const next = failoverWakeAt(s);
                  if (next === undefined || next > until) break;
                  expect(i, 'the timer stands still').to.be.below(200);
                  ms = Math.max(ms, next);
                  step({ kind: 'tick' });
                }
                ms = until;
                step({ kind: 'tick' });
                break;
              }
              case 'dialEnds': {
                if (s.candidates[e.candidate]?.phase !== 'dialing') break;
                if (e.ok) step({ kind: 'up', candidate: e.candidate, link: 1, leader: e.leader });
                else if (ending.has(e.candidate)) step({ kind: 'calledOff', candidate: e.candidate });
                else step({ kind: 'down', candidate: e.candidate, reason: 'no answer', refused: false });
                ending.delete(e.candidate);
                break;
              }
              case 'drop':
                if (s.candidates[e.candidate]?.phase !== 'up') break;
                step({ kind: 'down', candidate: e.candidate, reason: 'lost', refused: e.refused });
                break;
              case 'claimed':
                if (s.primary === undefined) break;
                step({
                  kind: 'claimed',
                  candidate: s.primary,
                  term: s.term - (e.stale ? 1 : 0),
                  confirmed: e.confirmed,
                });
                break;
              case 'behind':
              case 'demoted':
                step({ kind: e.what, candidate: e.candidate, term: s.term - 1 + e.above });
                break;
              case 'leader':
                step({ kind: 'leader', candidate: e.candidate, leader: e.leader });
                break;
              case 'bye':
                step({ kind: 'bye', candidate: e.candidate });
                break;
              case 'reclaim':
                step({ kind: 'reclaim' });
                break;
              case 'rebalance':
                step({ kind: 'rebalance', spread: 5000 });
                break;
              default:
                e satisfies never;
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
