/**
 * When a node takes its inventory, and when it reports it. Pure; time comes in.
 *
 * Waiting, until a master has confirmed this daemon: nothing is done, unless somebody asks.
 * Resting: two deadlines. `dueAt` takes the inventory; `lookAt` takes a glance at the names of devices. A glance that
 *   differs from the last collection is a candidate, and `SETTLE_MS` later another is taken; when that is the same, so
 *   is the inventory: what is still settling is left to settle. A master that has another inventory than the last one
 *   taken, or no one was taken yet: it is taken.
 * Collecting: one at a time. Whoever asks meanwhile shares it, glances and deadlines rest. It ends with `collected`
 *   or `failed`; after a failure the next is due in `RETRY_MS`.
 *
 * What was collected is reported when its hash is not the master's, and always on the daily round and when somebody
 * asked: what passes (wear) is not in the hash, and a master may have given a part to another node meanwhile. Until
 * the outbox has it (`reported`) nothing else is; when the outbox refuses it (`refused`), the next collection is due in
 * `RETRY_MS`.
 */
import { after, earliest, type Mono } from '@csm/model';

export interface Plan {
  /** Collections are at most this apart, ms. */
  readonly intervalMs: number;
  /** Glances are this apart, ms; 0: none. */
  readonly lookMs: number;
  /** Where in the last quarter of the interval this node collects, 0 to 1. */
  readonly phase: number;
}

export interface Collected {
  readonly hash: string;
  /** Taken before the collection began. */
  readonly fingerprint: string;
}

export interface State {
  readonly plan: Plan;
  confirmed: boolean;
  /** What the master has, as it said or as we reported. */
  known: string | undefined;
  collecting: boolean;
  /** The collection under way is reported in any case. */
  thorough: boolean;
  last: Collected | undefined;
  candidate: string | undefined;
  dueAt: Mono | undefined;
  lookAt: Mono | undefined;
}

export type Event =
  | { readonly kind: 'confirmed'; readonly inventory: string | undefined }
  | { readonly kind: 'asked' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'looked'; readonly fingerprint: string }
  | { readonly kind: 'collected'; readonly collected: Collected }
  | { readonly kind: 'failed' }
  | { readonly kind: 'reported' }
  | { readonly kind: 'refused' };

export type Effect =
  | { readonly kind: 'collect' }
  | { readonly kind: 'look' }
  /** `changed`: the hash is not the master's; `report`: it must be told. */
  | { readonly kind: 'done'; readonly changed: boolean; readonly report: boolean };

/** Between two glances while something seems to have changed, ms. */
export const SETTLE_MS = 5000;
/** After a collection that failed or could not be reported, ms. */
export const RETRY_MS = 600_000;

export const initialState = (plan: Plan): State => ({
  plan,
  confirmed: false,
  known: undefined,
  collecting: false,
  thorough: false,
  last: undefined,
  candidate: undefined,
  dueAt: undefined,
  lookAt: undefined,
});

/** Where a node stands among others, 0 to below 1, by its name alone: FNV-1a, its bits mixed as MurmurHash3 ends. */
export function phaseOf(node: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < node.length; i++) hash = Math.imul(hash ^ node.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

export function step(
  state: State,
  event: Event,
  now: Mono,
): { readonly effects: readonly Effect[]; readonly wakeAt: Mono | undefined } {
  const effects = [...react(state, event, now)];
  return { effects, wakeAt: state.collecting ? undefined : earliest(state.dueAt, state.lookAt) };
}

function* react(state: State, event: Event, now: Mono): Generator<Effect> {
  switch (event.kind) {
    case 'confirmed': {
      state.known = event.inventory;
      state.confirmed = true;
      if (!state.collecting && (state.last === undefined || state.last.hash !== event.inventory))
        yield* collect(state, false);
      else if (!state.collecting && state.dueAt === undefined) rest(state, now, nextDue(state.plan));
      return;
    }
    case 'asked': {
      if (state.collecting) state.thorough = true;
      else yield* collect(state, true);
      return;
    }
    case 'tick': {
      if (state.collecting) return;
      if (state.dueAt !== undefined && now >= state.dueAt) yield* collect(state, true);
      else if (state.lookAt !== undefined && now >= state.lookAt) {
        state.lookAt = nextLook(state, now);
        yield { kind: 'look' };
      }
      return;
    }
    case 'looked': {
      // A collection that began meanwhile has taken a glance of its own.
      if (state.collecting || state.last === undefined) return;
      if (event.fingerprint === state.last.fingerprint) state.candidate = undefined;
      else if (event.fingerprint === state.candidate) yield* collect(state, false);
      else {
        state.candidate = event.fingerprint;
        state.lookAt = after(now, Math.min(SETTLE_MS, state.plan.lookMs));
      }
      return;
    }
    case 'collected': {
      state.last = event.collected;
      const changed = event.collected.hash !== state.known;
      const report = changed || state.thorough;
      if (!report) rest(state, now, nextDue(state.plan));
      yield { kind: 'done', changed, report };
      return;
    }
    case 'reported': {
      state.known = state.last?.hash;
      rest(state, now, nextDue(state.plan));
      return;
    }
    case 'failed':
    case 'refused': {
      rest(state, now, Math.min(RETRY_MS, state.plan.intervalMs));
      return;
    }
    default:
      event satisfies never;
  }
}

function* collect(state: State, thorough: boolean): Generator<Effect> {
  state.collecting = true;
  state.thorough = thorough;
  state.candidate = undefined;
  yield { kind: 'collect' };
}

function rest(state: State, now: Mono, dueInMs: number): void {
  state.collecting = false;
  state.thorough = false;
  // Until a master has confirmed this daemon nobody waits for it.
  state.dueAt = state.confirmed ? after(now, dueInMs) : undefined;
  state.lookAt = nextLook(state, now);
}

const nextDue = ({ intervalMs, phase }: Plan): number => intervalMs * (0.75 + phase / 4);
const nextLook = ({ plan, confirmed }: State, now: Mono): Mono | undefined =>
  plan.lookMs === 0 || !confirmed ? undefined : after(now, plan.lookMs);
