import { mono, type Now, wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  CONFIRM_BYTES,
  CONFIRM_MS,
  CONNECT_MS,
  HOLD_MS,
  initialSending,
  REST_MS,
  type SendingEvent,
  STALL_MS,
  sendingWakeAt,
  stepSending,
} from '../src/sink/sending.ts';

const at = (ms: number): Now => ({ mono: mono(ms), wall: wall(ms) });
const place = (offset: number) => ({ segment: 1, offset });

class Rig {
  ms = 0;
  chance = 1;
  readonly s = initialSending(place(0), 5000, at(0));

  step(event: SendingEvent): string[] {
    return stepSending(this.s, event, at(this.ms), this.chance).map((effect) => {
      if (effect.kind === 'read') return `read ${effect.from.offset}`;
      return effect.kind === 'delivered' ? `delivered ${effect.to.offset}` : effect.kind;
    });
  }

  tick(ms: number): string[] {
    this.ms += ms;
    return this.step({ kind: 'tick' });
  }

  /** An open connection that reads. */
  open(): this {
    this.step({ kind: 'tick' });
    this.step({ kind: 'connected' });
    return this;
  }

  read(bytes: number): string[] {
    return this.step({ kind: 'read', bytes, to: place(this.s.sent.offset + bytes) });
  }

  /** Sends so many bytes and lets the connection come to its end. */
  carry(bytes: number): void {
    this.read(bytes);
    this.step({ kind: 'taken' });
    this.read(0);
    this.tick(CONFIRM_MS);
    this.tick(REST_MS);
  }
}

describe('sending', () => {
  it('connects at once, also without anything to send', () => {
    const rig = new Rig();
    expect(sendingWakeAt(rig.s)).to.equal(0);
    expect(rig.step({ kind: 'tick' })).to.deep.equal(['dial']);
    expect(rig.step({ kind: 'connected' })).to.deep.equal(['read 0']);
    expect(rig.read(0)).to.deep.equal([]);
    expect(sendingWakeAt(rig.s), 'nothing is due').to.equal(undefined);
    expect(rig.step({ kind: 'more' })).to.deep.equal(['read 0']);
  });

  it('believes a receiver that closes behind our end, and holds what it has for a while', () => {
    const rig = new Rig().open();
    expect(rig.read(100)).to.deep.equal(['write']);
    expect(rig.step({ kind: 'taken' })).to.deep.equal(['read 100']);
    rig.read(0);
    expect(rig.tick(CONFIRM_MS)).to.deep.equal([]);
    expect(rig.s.mode).to.equal('resting');
    expect(rig.tick(REST_MS)).to.deep.equal(['end']);
    expect(rig.step({ kind: 'ended' })).to.deep.equal(['drop', 'dial']);
    expect(rig.s.delivered.offset).to.equal(0);
    rig.step({ kind: 'connected' });
    rig.read(0);
    expect(rig.tick(HOLD_MS)).to.deep.equal(['delivered 100']);
  });

  it('ends a connection that carries enough, whatever is left', () => {
    const rig = new Rig().open();
    rig.read(CONFIRM_BYTES);
    expect(rig.step({ kind: 'taken' })).to.deep.equal([]);
    expect(rig.tick(REST_MS)).to.deep.equal(['end']);
    expect(rig.step({ kind: 'ended' })).to.deep.equal(['drop', 'dial']);
    expect(rig.step({ kind: 'connected' })).to.deep.equal([`read ${CONFIRM_BYTES}`]);
  });

  it('looks again when lines came while it read', () => {
    const rig = new Rig().open();
    expect(rig.step({ kind: 'more' })).to.deep.equal([]);
    expect(rig.read(0)).to.deep.equal(['read 0']);
  });

  const carried = () => {
    const rig = new Rig().open();
    rig.carry(100);
    rig.step({ kind: 'ended' });
    rig.step({ kind: 'connected' });
    return rig;
  };
  const breaks: readonly [string, (rig: Rig) => string[], RegExp][] = [
    ['reset', (rig) => rig.step({ kind: 'broken', reason: 'ECONNRESET' }), /ECONNRESET/],
    ['closed by the receiver while we send', (rig) => rig.step({ kind: 'ended' }), /it closed/],
    [
      'frozen: it takes nothing',
      (rig) => {
        rig.read(50);
        return rig.tick(STALL_MS);
      },
      /took nothing for 10 s/,
    ],
    [
      'frozen: it does not close',
      (rig) => {
        rig.carry(50);
        return rig.tick(STALL_MS);
      },
      /did not close/,
    ],
    [
      'closed while we rest',
      (rig) => {
        rig.read(50);
        rig.step({ kind: 'taken' });
        rig.read(0);
        rig.tick(CONFIRM_MS);
        return rig.step({ kind: 'ended' });
      },
      /it closed/,
    ],
  ];
  for (const [what, how, reason] of breaks) {
    it(`${what}: all is sent again that is not delivered, what is held too`, () => {
      const rig = carried();
      expect(how(rig)).to.include('drop');
      expect(rig.s).to.include({ mode: 'waiting', carried: 0 });
      expect(rig.s.reason).to.match(reason);
      expect(rig.tick(5000)).to.include('dial');
      expect(rig.step({ kind: 'connected' })).to.deep.equal(['read 0']);
    });
  }

  it('a receiver that does not answer: given up after a while', () => {
    const rig = new Rig();
    rig.step({ kind: 'tick' });
    expect(rig.tick(CONNECT_MS)).to.deep.equal(['drop']);
    expect(rig.s.reason).to.include('did not answer');
  });

  it('pauses a tenth of the longest at first, twice as long each time, with jitter', () => {
    const rig = new Rig();
    const pauses: number[] = [];
    for (let i = 0; i < 7; i++) {
      rig.step({ kind: 'tick' });
      rig.step({ kind: 'broken', reason: 'ECONNREFUSED' });
      pauses.push((rig.s.until ?? 0) - rig.ms);
      rig.ms = rig.s.until ?? 0;
    }
    expect(pauses).to.deep.equal([500, 1000, 2000, 4000, 5000, 5000, 5000]);
    rig.chance = 0.25;
    rig.step({ kind: 'tick' });
    rig.step({ kind: 'broken', reason: 'ECONNREFUSED' });
    expect((rig.s.until ?? 0) - rig.ms).to.equal(1250);
  });

  it('says why until lines are confirmed, or none are left', () => {
    const rig = new Rig().open();
    rig.step({ kind: 'broken', reason: 'first' });
    rig.tick(5000);
    rig.step({ kind: 'connected' });
    rig.read(10);
    expect(rig.s.reason, 'to be connected proves nothing').to.equal('first');
    rig.step({ kind: 'taken' });
    rig.read(0);
    rig.tick(CONFIRM_MS);
    rig.tick(REST_MS);
    rig.step({ kind: 'ended' });
    expect(rig.s.reason).to.equal(undefined);
    expect(rig.s.failures).to.equal(0);
  });

  it('stopped: lets go, and hears nothing more', () => {
    const rig = new Rig().open();
    expect(rig.step({ kind: 'stop' })).to.deep.equal(['drop']);
    expect(rig.step({ kind: 'connected' })).to.deep.equal([]);
    expect(sendingWakeAt(rig.s)).to.equal(undefined);
  });

  it('whatever happens: nothing is delivered that was not read to its end by the receiver', () => {
    const kinds = fc.constantFrom('connected', 'broken', 'ended', 'read', 'none', 'taken', 'more', 'tick', 'tick');
    const event = fc.record({ kind: kinds, ms: fc.constantFrom(0, 1, 300, 2500, 11_000) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120, size: 'max' }), (events) => {
        const rig = new Rig();
        let confirmed = 0;
        let ending = false;
        let waits: string | undefined;
        const hear = (effects: string[]) => {
          for (const effect of effects) {
            if (effect === 'end') ending = true;
            if (effect === 'drop') {
              ending = false;
              waits = undefined;
            }
            if (effect.startsWith('read')) waits = 'read';
            if (effect === 'write') waits = 'taken';
            if (effect.startsWith('delivered')) expect(Number(effect.slice(10))).to.be.at.most(confirmed);
          }
        };
        for (const { kind, ms } of events) {
          rig.ms += ms;
          const isOpen = ['open', 'resting', 'ending'].includes(rig.s.mode);
          if (kind === 'read' || kind === 'none') {
            if (waits !== 'read') continue;
            waits = undefined;
            hear(rig.read(kind === 'none' ? 0 : 10));
          } else if (kind === 'taken') {
            if (waits !== 'taken') continue;
            waits = undefined;
            hear(rig.step({ kind }));
          } else if (kind === 'ended') {
            if (!isOpen) continue;
            if (ending) confirmed = Math.max(confirmed, rig.s.sent.offset);
            hear(rig.step({ kind }));
          } else if (kind === 'broken') hear(rig.step({ kind, reason: 'x' }));
          else hear(rig.step({ kind } as SendingEvent));
          const wake = sendingWakeAt(rig.s);
          if (kind === 'tick') expect(wake === undefined || wake > rig.ms, 'turns in circles').to.equal(true);
          expect(rig.s.sent.offset).to.be.at.least(rig.s.delivered.offset);
        }
      }),
    );
  });
});
