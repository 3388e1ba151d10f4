/**
 * The rules of the state manager: which state may follow which, what a change of a component's life means there, and
 * what is told to subscribers. They are those of Cray's smd, which hbtd and its neighbours count on.
 */
import type { ChangeKind, HsmComponent, Notice, ScnBody } from '../types.ts';

export const STATES = ['Unknown', 'Empty', 'Populated', 'Off', 'On', 'Standby', 'Halt', 'Ready'] as const;
export type State = (typeof STATES)[number];

/** As they are given; a component may also have flag `Unknown`, which nobody can set. */
export const FLAGS = ['OK', 'Warning', 'Alert', 'Locked'] as const;
export type Flag = (typeof FLAGS)[number];

/** What a change of a component's life tells the state manager; who says that it goes away is no alarm. */
export const NOTICE: { readonly [kind in ChangeKind]: Notice | undefined } = {
  started: { state: 'Ready', flag: 'OK', message: 'Heartbeat started' },
  restarted: { state: 'Ready', flag: 'OK', message: 'Heartbeat restarted' },
  warning: { state: 'Ready', flag: 'Warning', message: 'Heartbeat stopped -- might be dead' },
  dead: { state: 'Standby', flag: 'Alert', message: 'Heartbeat stopped -- declared dead' },
  halted: { state: 'Halt', flag: 'Alert', message: 'Heartbeat stopped -- kernel oops' },
  left: undefined,
};

/** The sentence of a change on the message bus. */
export const INFO: { readonly [kind in ChangeKind]: string } = {
  started: 'Heartbeat started.',
  restarted: 'Heartbeat re-started.',
  warning: 'Heartbeat stopped, node may be dead.',
  dead: 'Heartbeat stopped, node is dead.',
  halted: 'Heartbeat stopped, kernel oops.',
  left: 'Heartbeat stopped, component said it goes away.',
};

/** State and flag of a change, as history and the bus have them: those of the notice, or of who left in peace. */
export function shown(kind: ChangeKind): { readonly state: string; readonly flag: string } {
  const { state, flag } = NOTICE[kind] ?? { state: 'Standby', flag: 'OK' };
  return { state, flag };
}

/** From which states one may be reached without force; undefined: from none. */
const FROM: { readonly [state in State]: readonly State[] | undefined } = {
  Unknown: undefined,
  Empty: undefined,
  Populated: undefined,
  Off: ['Off', 'On', 'Standby', 'Halt', 'Ready'],
  On: ['On', 'Off', 'Standby', 'Halt'],
  Standby: ['Standby', 'Ready'],
  Halt: ['Halt', 'Ready'],
  Ready: ['Ready', 'On', 'Off', 'Standby', 'Halt'],
};

/** A late warning must not bring back a component that is off. */
const TO_READY_WARNING: readonly State[] = ['Ready'];

const byLowerCase = <T extends string>(words: readonly T[]): Map<string, T> =>
  new Map(words.map((word) => [word.toLowerCase(), word]));
const STATE_OF: ReadonlyMap<string, State> = byLowerCase(STATES);
const FLAG_OF: ReadonlyMap<string, Flag> = byLowerCase(FLAGS).set('warn', 'Warning');

/** As it is written; undefined for what is no state. Case does not matter. */
export const normaliseState = (text: string): State | undefined => STATE_OF.get(text.toLowerCase());

/** As it is written, `warn` being `Warning`; undefined for what is no flag. */
export const normaliseFlag = (text: string): Flag | undefined => FLAG_OF.get(text.toLowerCase());

/** Whether a state is reached by force only, whatever was before. */
export const needsForce = (state: string): boolean => {
  const known = normaliseState(state);
  return known !== undefined && FROM[known] === undefined;
};

export interface StateAndFlag {
  readonly state: string;
  readonly flag: string;
}

/** `changed` and `same` give what the component then has. */
export type StateJudgement =
  | { readonly kind: 'changed' | 'same'; readonly state: string; readonly flag: string }
  | { readonly kind: 'refused'; readonly words: string };

/**
 * What becomes of a component in `from` that is told to be in `to`. Both are taken in any case. A locked flag stays,
 * while the state may change.
 */
export function judgeState(from: StateAndFlag, to: StateAndFlag, force: boolean): StateJudgement {
  const state = normaliseState(to.state);
  const wanted = normaliseFlag(to.flag);
  if (state === undefined) return refused(`'${to.state}' is no state; allowed: ${STATES.join(', ')}`);
  if (wanted === undefined) return refused(`'${to.flag}' is no flag; allowed: ${FLAGS.join(', ')}`);
  const before = normaliseState(from.state) ?? 'Unknown';
  if (!force) {
    const starts = state === 'Ready' && wanted === 'Warning' ? TO_READY_WARNING : FROM[state];
    if (starts === undefined) return refused(`state ${state} is set by force only`);
    if (!starts.includes(before)) {
      const goal = state === 'Ready' && wanted === 'Warning' ? 'Ready with flag Warning' : state;
      return refused(`state ${before} may not become ${goal}; allowed from ${starts.join(', ')}`);
    }
  }
  const had = normaliseFlag(from.flag) ?? 'Unknown';
  const flag = had === 'Locked' ? had : wanted;
  return { kind: state === before && flag === had ? 'same' : 'changed', state, flag };
}

const refused = (words: string): StateJudgement => ({ kind: 'refused', words });

/** The flag alone, whose judgement has no state; this is how a locked one is freed, too. */
export function judgeFlag(from: string, to: string): StateJudgement {
  const flag = normaliseFlag(to);
  if (flag === undefined) return refused(`'${to}' is no flag; allowed: ${FLAGS.join(', ')}`);
  return { kind: flag === normaliseFlag(from) ? 'same' : 'changed', state: '', flag };
}

/** What of a component subscribers are told of. */
export type Told = Pick<HsmComponent, 'State' | 'Flag' | 'Role' | 'SubRole' | 'SoftwareStatus' | 'Enabled'>;

/**
 * What subscribers are told of a change; undefined when nothing changed that they can ask for. `before` is undefined
 * for a new component. State and flag go together: a new flag is told with the state that stays.
 */
export function scnBody(before: Told | undefined, after: Told): ScnBody | undefined {
  const body: { -readonly [key in keyof ScnBody]: ScnBody[key] } = {};
  if (before?.State !== after.State || before.Flag !== after.Flag) {
    body.State = after.State;
    body.Flag = after.Flag;
  }
  if (before?.Role !== after.Role || before?.SubRole !== after.SubRole) {
    if (after.Role !== undefined) body.Role = after.Role;
    if (after.SubRole !== undefined) body.SubRole = after.SubRole;
  }
  if (before?.SoftwareStatus !== after.SoftwareStatus && after.SoftwareStatus !== undefined) {
    body.SoftwareStatus = after.SoftwareStatus;
  }
  if (before?.Enabled !== after.Enabled && after.Enabled !== undefined) body.Enabled = after.Enabled;
  return Object.keys(body).length === 0 ? undefined : body;
}
