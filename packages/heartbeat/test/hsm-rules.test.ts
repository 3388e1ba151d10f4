import { expect } from 'chai';
import fc from 'fast-check';
import {
  FLAGS,
  INFO,
  judgeFlag,
  judgeState,
  NOTICE,
  needsForce,
  normaliseFlag,
  normaliseState,
  STATES,
  scnBody,
  shown,
} from '../src/hsm/rules.ts';

/** From which states each is reached without force; all others are refused. */
const ALLOWED: Readonly<Record<string, string>> = {
  'Off/OK': 'Off On Standby Halt Ready',
  'On/OK': 'On Off Standby Halt',
  'Standby/OK': 'Standby Ready',
  'Halt/OK': 'Halt Ready',
  'Ready/OK': 'Ready On Off Standby Halt',
  'Ready/Alert': 'Ready On Off Standby Halt',
  'Ready/Warning': 'Ready',
  'Standby/Warning': 'Standby Ready',
  'Unknown/OK': '',
  'Empty/OK': '',
  'Populated/OK': '',
};

describe('rules of the state manager', () => {
  for (const [target, from] of Object.entries(ALLOWED)) {
    const [state = '', flag = ''] = target.split('/');
    it(`${target} comes after ${from === '' ? 'none' : from}`, () => {
      for (const before of STATES) {
        const judged = judgeState({ state: before, flag: 'Alert' }, { state, flag }, false);
        if (!from.split(' ').includes(before)) expect(judged.kind, before).to.equal('refused');
        else if (before === state && flag === 'Alert') expect(judged.kind, before).to.equal('same');
        else expect(judged, before).to.deep.equal({ kind: 'changed', state, flag });
      }
    });
  }

  it('says in words what is not allowed', () => {
    expect(judgeState({ state: 'Off', flag: 'OK' }, { state: 'ready', flag: 'warn' }, false)).to.deep.equal({
      kind: 'refused',
      words: 'state Off may not become Ready with flag Warning; allowed from Ready',
    });
    expect(judgeState({ state: 'On', flag: 'OK' }, { state: 'Standby', flag: 'Alert' }, false)).to.deep.equal({
      kind: 'refused',
      words: 'state On may not become Standby; allowed from Standby, Ready',
    });
    expect(judgeState({ state: 'On', flag: 'OK' }, { state: 'Empty', flag: 'OK' }, false)).to.have.property(
      'words',
      'state Empty is set by force only',
    );
    expect(judgeState({ state: 'On', flag: 'OK' }, { state: 'Asleep', flag: 'OK' }, true)).to.have.property(
      'kind',
      'refused',
    );
    expect(judgeState({ state: 'On', flag: 'OK' }, { state: 'Off', flag: 'Red' }, true)).to.have.property(
      'kind',
      'refused',
    );
  });

  it('lets force do everything, but for a locked flag', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...STATES),
        fc.constantFrom(...FLAGS, 'Unknown'),
        fc.constantFrom(...STATES),
        fc.constantFrom(...FLAGS),
        (state, flag, newState, newFlag) => {
          const judged = judgeState({ state, flag }, { state: newState, flag: newFlag }, true);
          const kept = flag === 'Locked' ? flag : newFlag;
          const kind = state === newState && flag === kept ? 'same' : 'changed';
          expect(judged).to.deep.equal({ kind, state: newState, flag: kept });
        },
      ),
    );
  });

  it('keeps a locked flag while the state changes', () => {
    const locked = { state: 'Ready', flag: 'Locked' };
    expect(judgeState(locked, { state: 'Standby', flag: 'Alert' }, false)).to.deep.equal({
      kind: 'changed',
      state: 'Standby',
      flag: 'Locked',
    });
    expect(judgeState(locked, { state: 'Ready', flag: 'Warning' }, false).kind).to.equal('same');
    expect(judgeFlag('Locked', 'ok')).to.include({ kind: 'changed', flag: 'OK' });
    expect(judgeFlag('Warning', 'WARN').kind).to.equal('same');
    expect(judgeFlag('Warning', 'Red').kind).to.equal('refused');
  });

  it('knows states and flags in any case', () => {
    for (const state of STATES) expect(normaliseState(state.toUpperCase())).to.equal(state);
    for (const flag of FLAGS) expect(normaliseFlag(flag.toLowerCase())).to.equal(flag);
    expect([normaliseFlag('Warn'), normaliseFlag('Unknown'), normaliseState(' Ready')]).to.deep.equal([
      'Warning',
      undefined,
      undefined,
    ]);
    expect(['unknown', 'EMPTY', 'Populated', 'Ready', 'Asleep'].filter(needsForce)).to.deep.equal([
      'unknown',
      'EMPTY',
      'Populated',
    ]);
  });

  it('has for each kind of change what is told, or that nothing is', () => {
    expect(Object.keys(NOTICE).sort()).to.deep.equal(Object.keys(INFO).sort());
    expect(NOTICE.halted).to.deep.equal({ state: 'Halt', flag: 'Alert', message: 'Heartbeat stopped -- kernel oops' });
    expect(NOTICE.left).to.equal(undefined);
    expect(shown('left')).to.deep.equal({ state: 'Standby', flag: 'OK' });
    expect(shown('warning')).to.deep.equal({ state: 'Ready', flag: 'Warning' });
  });

  it('tells subscribers what has changed, and of a new component all', () => {
    const before = { State: 'Ready', Flag: 'OK', Role: 'Compute', Enabled: true };
    expect(scnBody(before, before)).to.equal(undefined);
    expect(scnBody(before, { ...before, Flag: 'Warning' })).to.deep.equal({ State: 'Ready', Flag: 'Warning' });
    expect(scnBody(before, { ...before, SubRole: 'UAN' })).to.deep.equal({ Role: 'Compute', SubRole: 'UAN' });
    expect(scnBody(before, { ...before, Enabled: false })).to.deep.equal({ Enabled: false });
    expect(scnBody(before, { ...before, SoftwareStatus: 'up' })).to.deep.equal({ SoftwareStatus: 'up' });
    expect(scnBody({ ...before, SoftwareStatus: 'up' }, before)).to.equal(undefined);
    expect(scnBody(undefined, before)).to.deep.equal(before);
  });
});
