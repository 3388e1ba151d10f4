/**
 * Which hub a node calls its primary. The decision is the node's own: nobody above orders it, they only learn of it by
 * claims, whose terms rise.
 *
 * | the node is…                | enters                          | leaves                                                    |
 * |-----------------------------|---------------------------------|-----------------------------------------------------------|
 * | orphaned (claim none)       | start; the last link down       | a link comes up → sent; one that says bye only as the last |
 * | claiming (claim sent)       | a claim was sent                | `claimed` → held or confirmed; `behind` → sent, above it;  |
 * |                             |                                 | link down → sent elsewhere, or orphaned                   |
 * | held                        | `claimed` without the leader    | `claimed` with it → confirmed; else as below              |
 * | confirmed                   | `claimed` by the leader         | primary down or saying bye → sent to the other link;       |
 * |                             |                                 | primary without leader for two intervals while the other   |
 * |                             |                                 | has it, or first choice well again for long → moved;       |
 * |                             |                                 | among masters: another one leads now → moved at once       |
 *
 * Ignored: `claimed` and `behind` of an older term or of a candidate that is not the primary; `demoted` for a term
 * that is not above ours (our own newer claim caused it).
 *
 * Dialling: the first choice alone until it fails or is slow; a secondary only once a claim is answered, and where all
 * links had been lost only a while later, so that a storm costs one handshake a node before all are served. For the same
 * reason the first link that comes up, to a hub that reaches the leader, ends what was dialled beside it: that is a
 * secondary from here on. It does so once only, until that one was up: else a hub that comes and goes would keep its node
 * from one that is slow. Two links are kept; a third only while the first choice is proven again. Masters are all
 * dialled and all kept: the leader of tomorrow is found before it leads.
 *
 * Of two masters that say they lead, the one under the lower term was stopped, or lost its database, and does not know
 * yet that it was replaced: it counts as one that reaches no leader.
 */
import { after, earliest, type Mono, type Now } from '@csm/model';
import { backoffDelay } from '../backoff.ts';
import type { Candidate, FailoverEffect, FailoverEvent, FailoverState } from './state.ts';

/** Failures after which no span grows any more. */
const MANY = 30;

/** A dial that takes this long is no reason to wait for it alone, ms. */
const SLOW_MS = 2000;
/**
 * One whose handshake has begun stands in a queue, and a second one makes the queues longer; but the other one may be
 * empty. So of many that wait ever more try it, up to so much later.
 */
const QUEUE_INTERVALS = 4;
const QUEUE_MS = 16_000;

/** `chance` is drawn once for each event, in [0, 1). */
export function stepFailover(s: FailoverState, event: FailoverEvent, now: Now, chance: number): FailoverEffect[] {
  const out: FailoverEffect[] = [];
  apply(s, event, now, chance, out);
  if (!s.stopping) {
    settleClaim(s, out);
    planMove(s, now, chance);
    takeMove(s, now, out);
    dialWanted(s, now, out);
    dropSurplus(s, out);
  }
  return out;
}

/** When the machine wants a tick. */
export function failoverWakeAt(s: FailoverState): Mono | undefined {
  if (s.stopping) return undefined;
  let at = s.move?.at;
  const free = dialFreeAt(s);
  if (free !== undefined) {
    for (const i of wantedDials(s)) {
      const c = s.candidates[i];
      const due = c === undefined ? free : dialAt(s, c);
      at = earliest(at, due > free ? due : free);
    }
  }
  const primary = s.primary === undefined ? undefined : s.candidates[s.primary];
  const to = better(s);
  if (primary !== undefined && !leads(s, primary) && s.move?.why !== 'leader' && to !== undefined)
    at = earliest(at, leaderlessDue(s, primary, to));
  for (const c of s.candidates)
    if (c.phase === 'up' && c.attempt > 0) at = earliest(at, after(c.upAt, s.config.interval));
  return at;
}

function apply(s: FailoverState, event: FailoverEvent, now: Now, chance: number, out: FailoverEffect[]): void {
  switch (event.kind) {
    case 'start':
      return;
    case 'tick':
      for (const c of s.candidates) {
        if (c.phase === 'up' && c.attempt > 0 && now.mono >= after(c.upAt, s.config.interval)) c.attempt = 0;
      }
      return;
    case 'up':
      // Whoever had no link at all was not alone in that, as a rule: others wait for the handshake of a second one.
      if (s.primary === undefined && !s.config.masters)
        s.restUntil = after(now.mono, s.config.secondaryWait * (1 + chance));
      patch(s, event.candidate, (c) => {
        c.phase = 'up';
        c.link = event.link;
        c.upAt = now.mono;
        c.leader = event.leader;
        c.leaderSince = now.mono;
        c.draining = false;
        c.refused = false;
        c.calledOff = false;
        if (event.term === undefined) delete c.term;
        else c.term = event.term;
        delete c.reason;
      });
      if (s.primary === undefined && event.leader && !s.config.masters) hangUp(s, out);
      return;
    case 'connected':
      patch(s, event.candidate, (c) => {
        const { interval } = s.config;
        const queue = chance * Math.min(QUEUE_INTERVALS * interval, QUEUE_MS);
        c.slowAt = after(c.dialedAt, Math.min(interval, SLOW_MS) + queue);
      });
      return;
    case 'down':
      down(s, event, now, chance, out);
      return;
    case 'calledOff':
      patch(s, event.candidate, (c) => {
        c.phase = 'idle';
        c.retryAt = now.mono;
        // It has not failed, but it rests like one that has.
        c.attempt = Math.max(c.attempt, 1);
        c.calledOff = true;
      });
      return;
    case 'claimed':
      if (event.candidate === s.primary && event.term === s.term) s.claim = event.confirmed ? 'confirmed' : 'held';
      return;
    case 'behind':
    case 'demoted':
      overtaken(s, event, out);
      return;
    case 'leader':
      patch(s, event.candidate, (c) => {
        if (c.leader === event.leader) return;
        c.leader = event.leader;
        c.leaderSince = now.mono;
        if (event.leader && s.move?.why === 'leader') delete s.move;
      });
      return;
    case 'bye':
      patch(s, event.candidate, (c) => {
        c.draining = true;
      });
      return;
    case 'reclaim':
      if (s.primary !== undefined) claim(s, s.primary, 'the outbox began anew', out);
      return;
    case 'rebalance': {
      const first = s.candidates[0];
      if (s.primary !== 0 && first?.phase === 'up' && !first.draining && (!s.config.masters || leads(s, first))) {
        s.move = { to: 0, at: after(now.mono, chance * event.spread), why: 'rebalance' };
      }
      return;
    }
    case 'stop':
      s.stopping = true;
      return;
    default:
      event satisfies never;
  }
}

function patch(s: FailoverState, index: number, change: (c: Candidate) => void): void {
  const c = s.candidates[index];
  if (c !== undefined) change(c);
}

function down(
  s: FailoverState,
  event: Extract<FailoverEvent, { kind: 'down' }>,
  now: Now,
  chance: number,
  out: FailoverEffect[],
): void {
  const { backoff, absent, refusedRetry } = s.config;
  patch(s, event.candidate, (c) => {
    const span = event.absent === true ? absent : backoff;
    const wait = event.refused
      ? refusedRetry * (0.5 + chance)
      : rest(s, c, event) + backoffDelay(failures(s, c, event), span, chance);
    c.phase = 'idle';
    c.attempt++;
    c.retryAt = after(now.mono, wait);
    c.reason = event.reason;
    c.refused = event.refused;
    c.draining = false;
    c.leader = false;
    delete c.link;
  });
  if (s.move?.to === event.candidate) delete s.move;
  if (s.primary === event.candidate) {
    delete s.primary;
    delete s.move;
    s.claim = 'none';
    out.push({ kind: 'orphaned' });
  }
}

/** Dials beside the first link that came up. */
function hangUp(s: FailoverState, out: FailoverEffect[]): void {
  for (const [i, c] of s.candidates.entries())
    if (c.phase === 'dialing' && !c.calledOff) out.push({ kind: 'hangUp', candidate: i });
}

interface Lost {
  readonly silent?: boolean;
}

/** Failed dials in a row, as far as the next wait goes. */
function failures(s: FailoverState, c: Candidate, lost: Lost): number {
  // After a goodbye it may be back in a moment: no failure has shown yet.
  if (c.draining) return 0;
  return fellSilent(s, c, lost) ? MANY : c.attempt;
}

/** Before the back-off: all nodes of a hub that fell silent claim elsewhere within an interval, and these come first. */
const rest = (s: FailoverState, c: Candidate, lost: Lost): number => (fellSilent(s, c, lost) ? s.config.interval : 0);

/** Who was silent for three intervals will hardly answer now, and another one serves. */
const fellSilent = (s: FailoverState, c: Candidate, { silent = false }: Lost): boolean =>
  silent && s.candidates.some((o) => o !== c && usable(o));

/** A claim above ours exists: of an earlier life whose journal was lost, or of a twin. Either way ours must be newer. */
function overtaken(
  s: FailoverState,
  event: Extract<FailoverEvent, { kind: 'behind' | 'demoted' }>,
  out: FailoverEffect[],
): void {
  if (event.candidate !== s.primary || event.term < s.term || (event.kind === 'demoted' && event.term === s.term))
    return;
  s.term = event.term;
  claim(s, event.candidate, 'an older life of this node claimed before', out);
}

function claim(s: FailoverState, candidate: number, why: string, out: FailoverEffect[]): void {
  s.term++;
  s.primary = candidate;
  s.claim = 'sent';
  delete s.move;
  out.push({ kind: 'claim', candidate, term: s.term, why });
}

const usable = (c: Candidate | undefined): boolean => c?.phase === 'up' && !c.draining;

/** Whether it reaches the leader, as far as can be told: not when another one is linked that leads under a higher term. */
function leads(s: FailoverState, c: Candidate): boolean {
  const term = c.term ?? 0;
  return c.leader && !s.candidates.some((o) => o.phase === 'up' && o.leader && (o.term ?? 0) > term);
}

/** Claims when nobody holds our claim, or when the primary said goodbye and another link is usable. */
function settleClaim(s: FailoverState, out: FailoverEffect[]): void {
  const primary = s.primary === undefined ? undefined : s.candidates[s.primary];
  if (primary !== undefined && !primary.draining) return;
  const all = s.candidates.map((c, i) => ({ c, i }));
  const usableOnes = all.filter(({ c }) => usable(c));
  // One that said goodbye may stay for long when it is drained: better than none.
  const last = primary === undefined && !s.config.masters ? all.find(({ c }) => c.phase === 'up') : undefined;
  const next = usableOnes.find(({ c }) => leads(s, c)) ?? usableOnes[0] ?? last;
  if (next !== undefined) claim(s, next.i, primary === undefined ? 'no primary' : 'the primary is closing', out);
}

/** A usable link that reaches the leader, when the primary does not. */
function better(s: FailoverState): number | undefined {
  const i = s.candidates.findIndex((c, index) => index !== s.primary && usable(c) && leads(s, c));
  return i < 0 ? undefined : i;
}

/**
 * When a primary without the leader has had its time: two intervals in which `to` had the leader and it had not. A
 * master that is back is reached by one hub before the other; that alone moves nobody. A master that leads knows it for
 * itself, and nobody else does.
 */
function leaderlessDue(s: FailoverState, primary: Candidate, to: number): Mono {
  if (s.config.masters) return 0 as Mono;
  const since = s.candidates[to]?.leaderSince ?? primary.leaderSince;
  return after(since > primary.leaderSince ? since : primary.leaderSince, 2 * s.config.interval);
}

function planMove(s: FailoverState, now: Now, chance: number): void {
  if (s.move?.why === 'leader' || s.primary === undefined) return;
  const primary = s.candidates[s.primary];
  const first = s.candidates[0];
  if (primary === undefined) return;
  const { interval, returnAfter, returnSpread, masters } = s.config;
  if (!leads(s, primary)) {
    // Also over a return or a rebalance that still waits: these may be minutes away.
    const to = better(s);
    if (to !== undefined && now.mono >= leaderlessDue(s, primary, to))
      s.move = { to, at: after(now.mono, masters ? 0 : chance * interval), why: 'leader' };
  } else if (s.move === undefined && s.primary !== 0 && first !== undefined && usable(first) && leads(s, first)) {
    const stable = first.upAt > first.leaderSince ? first.upAt : first.leaderSince;
    s.move = { to: 0, at: after(stable, returnAfter + chance * returnSpread), why: 'return' };
  }
}

const WHY = {
  leader: 'the primary reaches no leader',
  return: 'the first choice is well again',
  rebalance: 'an admin asked',
} as const;

function takeMove(s: FailoverState, now: Now, out: FailoverEffect[]): void {
  const move = s.move;
  if (move === undefined) return;
  const to = s.candidates[move.to];
  if (to === undefined || !usable(to) || (move.why !== 'rebalance' && !leads(s, to))) delete s.move;
  else if (now.mono >= move.at) claim(s, move.to, WHY[move.why], out);
}

/** When dials under way hold back no other; undefined: not before they end. */
function dialFreeAt(s: FailoverState): Mono | undefined {
  let at = 0 as Mono;
  if (s.config.masters) return at;
  for (const c of s.candidates) {
    if (c.phase !== 'dialing') continue;
    if (s.claim !== 'none') return undefined;
    if (c.slowAt > at) at = c.slowAt;
  }
  return at;
}

/** Candidates that should be dialled as soon as their back-off allows. */
function wantedDials(s: FailoverState): number[] {
  const idle = (i: number) => s.candidates[i]?.phase === 'idle';
  const all = s.candidates.map((_, i) => i);
  if (s.claim === 'none' || s.config.masters) return all.filter(idle);
  if (s.claim === 'sent') return [];
  const secondary = s.candidates.some((c, i) => i !== s.primary && (usable(c) || c.phase === 'dialing'));
  if (!secondary) return all.filter(idle);
  return s.primary !== 0 && idle(0) ? [0] : [];
}

/** When a candidate may be dialled: one that never failed, as at a first start, without rest. */
function dialAt(s: FailoverState, c: Candidate): Mono {
  return s.claim !== 'none' && c.attempt > 0 && s.restUntil > c.retryAt ? s.restUntil : c.retryAt;
}

function dialWanted(s: FailoverState, now: Now, out: FailoverEffect[]): void {
  for (const i of wantedDials(s)) {
    const c = s.candidates[i];
    if (c === undefined || now.mono < dialAt(s, c)) continue;
    const free = dialFreeAt(s);
    if (free === undefined || now.mono < free) return;
    c.phase = 'dialing';
    c.dialedAt = now.mono;
    c.slowAt = after(now.mono, Math.min(s.config.interval, SLOW_MS));
    out.push({ kind: 'dial', candidate: i });
  }
}

/** More than two links serve nobody: the least preferred secondary goes. */
function dropSurplus(s: FailoverState, out: FailoverEffect[]): void {
  if (s.claim !== 'confirmed' || s.config.masters) return;
  const up = s.candidates.map((_, i) => i).filter((i) => usable(s.candidates[i]));
  const worst = up.filter((i) => i !== s.primary).at(-1);
  if (up.length > 2 && worst !== undefined) out.push({ kind: 'drop', candidate: worst, reason: 'not needed' });
}
