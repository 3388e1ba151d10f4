import { mono } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Effect, type Event, initialState, phaseOf, RETRY_MS, type State, step } from '../src/schedule.ts';

const HOUR = 3_600_000;
const plan = { intervalMs: 24 * HOUR, lookMs: 60_000, phase: 0.5 };
const DUE = 24 * HOUR * 0.875;

/** A state and a clock; gives what each event brings about, in short. */
function machine(more: Partial<typeof plan> = {}) {
  const state: State = initialState({ ...plan, ...more });
  let now = 0;
  const words = (effects: readonly Effect[]): string =>
    effects
      .map((e) => (e.kind === 'done' ? `done${e.changed ? ' changed' : ''}${e.report ? ' report' : ''}` : e.kind))
      .join(' ');
  const on = (event: Event, ms = 0): string => {
    now += ms;
    const { effects, wakeAt } = step(state, event, mono(now));
    return `${words(effects)}|${wakeAt === undefined ? 'never' : wakeAt - now}`;
  };
  const collected = (hash: string, fingerprint = 'f'): string =>
    on({ kind: 'collected', collected: { hash, fingerprint } });
  return { state, on, collected };
}

const confirmed = (inventory?: string): Event => ({ kind: 'confirmed', inventory });
const asked: Event = { kind: 'asked' };
const tick: Event = { kind: 'tick' };
const looked = (fingerprint: string): Event => ({ kind: 'looked', fingerprint });

describe('when a node takes its inventory', () => {
  it('does nothing before a master has confirmed it', () => {
    const { on } = machine();
    expect(on(tick)).to.equal('|never');
    expect(on(tick, 100 * HOUR)).to.equal('|never');
  });

  it('collects when confirmed, and reports what the master does not have', () => {
    const { on, collected } = machine();
    expect(on(confirmed())).to.equal('collect|never');
    expect(collected('h1')).to.equal('done changed report|never');
    expect(on({ kind: 'reported' })).to.equal('|60000');
    expect(on(confirmed('h1'), 1000)).to.equal('|59000');
  });

  it('reports nothing when the master has it already', () => {
    const { on, collected } = machine();
    on(confirmed('h1'));
    expect(collected('h1')).to.equal('done|60000');
  });

  it('collects anew when a master has another inventory', () => {
    const { on, collected } = machine();
    on(confirmed('h1'));
    collected('h1');
    expect(on(confirmed('h0'))).to.equal('collect|never');
    expect(collected('h1')).to.equal('done changed report|never');
  });

  it('collects once however often it is confirmed or asked meanwhile', () => {
    const { on } = machine();
    expect(on(confirmed())).to.equal('collect|never');
    for (const event of [confirmed(), asked, asked, tick]) expect(on(event, 1000)).to.equal('|never');
  });

  it('collects daily at its own moment, and then reports in any case', () => {
    const { on, collected } = machine({ lookMs: 0 });
    on(confirmed('h1'));
    expect(collected('h1')).to.equal(`done|${DUE}`);
    expect(on(tick, DUE - 1)).to.equal('|1');
    expect(on(tick, 1)).to.equal('collect|never');
    expect(collected('h1')).to.equal('done report|never');
    expect(on({ kind: 'reported' })).to.equal(`|${DUE}`);
    expect(on(confirmed('h1'))).to.equal(`|${DUE}`);
  });

  it('reports for whoever asks, also during a collection that was not for that', () => {
    const { on, collected } = machine();
    on(confirmed('h1'));
    expect(on(asked)).to.equal('|never');
    expect(collected('h1')).to.equal('done report|never');
  });

  it('collects on hot-plug when two glances are alike, and not while it is settling or was nothing', () => {
    const { on, collected } = machine();
    on(confirmed('h1'));
    collected('h1');
    expect(on(tick, 60_000)).to.equal('look|60000');
    expect(on(looked('f'))).to.equal('|60000');
    expect(on(looked('g'))).to.equal('|5000');
    expect(on(looked('f'))).to.equal('|5000');
    expect(on(looked('g'))).to.equal('|5000');
    expect(on(looked('k'))).to.equal('|5000');
    expect(on(looked('k'))).to.equal('collect|never');
    expect(collected('h2', 'k')).to.equal('done changed report|never');
    on({ kind: 'reported' });
    expect(on(looked('k'))).to.equal('|60000');
    expect(on(looked('k'))).to.equal('|60000');
  });

  it('tries again later when it fails or the outbox has no room', () => {
    const { on, collected } = machine({ lookMs: 0 });
    on(confirmed());
    expect(on({ kind: 'failed' })).to.equal(`|${RETRY_MS}`);
    expect(on(tick, RETRY_MS)).to.equal('collect|never');
    collected('h1');
    expect(on({ kind: 'refused' })).to.equal(`|${RETRY_MS}`);
    on(tick, RETRY_MS);
    expect(collected('h1')).to.equal('done changed report|never');
  });

  it('begins its rounds when it is confirmed after somebody asked', () => {
    const { on, collected } = machine({ lookMs: 0 });
    expect(on(asked)).to.equal('collect|never');
    collected('h1');
    expect(on({ kind: 'reported' })).to.equal('|never');
    expect(on(confirmed('h1'))).to.equal(`|${DUE}`);
  });

  it('spreads nodes over the last quarter of the interval', () => {
    const phases = Array.from({ length: 1000 }, (_, i) => phaseOf(`n${i}`));
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = phases.filter((phase) => Math.floor(phase * 10) === tenth).length;
      expect(share).to.be.within(50, 150);
    }
  });

  it('never collects twice at a time, and always wakes again once confirmed', () => {
    const event = fc.oneof(
      fc.constantFrom<Event>(tick, asked, confirmed('h1'), confirmed('h2'), confirmed()),
      fc.constantFrom('f', 'g').map(looked),
    );
    const ending = fc.constantFrom<'reported' | 'refused' | 'failed'>('reported', 'refused', 'failed');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(event, fc.nat(30 * HOUR), fc.boolean(), ending, fc.constantFrom('h1', 'h2'))),
        (run) => {
          const state = initialState(plan);
          let now = 0;
          let running = false;
          for (const [what, ms, ends, how, hash] of run) {
            now += ms;
            const first = step(state, what, mono(now));
            for (const { kind } of first.effects) {
              if (kind !== 'collect') continue;
              expect(running).to.equal(false);
              running = true;
            }
            if (running && ends) {
              const collected = { hash, fingerprint: 'f' };
              const done = how === 'failed' ? [] : step(state, { kind: 'collected', collected }, mono(now)).effects;
              const reports = done.some((e) => e.kind === 'done' && e.report);
              if (how === 'failed' || reports) step(state, { kind: how }, mono(now));
              running = false;
            }
            if (!running && state.confirmed) expect(state.dueAt).not.to.equal(undefined);
            running = state.collecting;
          }
        },
      ),
    );
  });
});
