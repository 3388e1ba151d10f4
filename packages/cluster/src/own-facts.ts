/**
 * Each daemon tells the master of itself: version, since when, until when its certificate holds, how its clock stands,
 * what it dropped and what is wrong. It looks every few seconds, which costs nothing, and reports what has changed: once
 * when the leader knows it, then rarely.
 */
import type { DaemonFacts, NodePorts } from '@csm/feature';
import { type Json, type JsonObject, toProblem } from '@csm/model';

/** After the leader has confirmed it, it waits so long for both links to come up, ms. */
const SOON_MS = 1000;
/** How often it looks, ms: a compute node has other work. */
const LOOK_MS = 10_000;
const LOOK_COMPUTE_MS = 60_000;
/** Told again though nothing has changed, ms: what is not is forgotten one day. */
const AGAIN_MS = 24 * 3_600_000;
/** A clock that has moved by less is where it was, ms. */
const CLOCK_MS = 500;
const PROBLEMS_MAX = 10;
const WORDS_MAX = 300;

/** The report's body. */
export interface OwnFacts {
  readonly version: string;
  readonly started: number;
  readonly issued: number;
  readonly expires: number;
  /** ms; null where it is not known. */
  readonly clock_ahead: number | null;
  readonly clock_of: string | null;
  readonly dropped: number;
  readonly refused: number;
  readonly problems: readonly string[];
  /** States in words, no counters: those are old when they are read. */
  readonly features: JsonObject;
}

export function factsOf(about: DaemonFacts, version: string): OwnFacts {
  const { startedAt, certificateIssued, certificateExpires, clockAhead, dropped, refused, problems, features } = about;
  return {
    version,
    started: Math.round(startedAt),
    issued: Math.round(certificateIssued),
    expires: Math.round(certificateExpires),
    clock_ahead: clockAhead?.ms ?? null,
    clock_of: clockAhead?.of ?? null,
    dropped,
    refused,
    problems: problems.slice(0, PROBLEMS_MAX).map((words) => words.slice(0, WORDS_MAX)),
    features: Object.fromEntries(Object.entries(features).map(([name, status]) => [name, wordsOf(status)])),
  };
}

/** What is not a number, one level deep. */
function wordsOf(status: Json): Json {
  if (typeof status !== 'object' || status === null || Array.isArray(status)) return null;
  const words = Object.entries(status).filter(([, value]) => typeof value === 'string' || typeof value === 'boolean');
  return Object.fromEntries(words.map(([key, value]) => [key, cut(value as Json)]));
}

const cut = (value: Json): Json => (typeof value === 'string' ? value.slice(0, WORDS_MAX) : value);

/** Whether the master is to hear of it. */
export function isNews(told: { readonly facts: OwnFacts; readonly at: number } | undefined, now: OwnFacts, at: number) {
  if (told === undefined || at - told.at >= AGAIN_MS) return true;
  const { clock_ahead: before, ...was } = told.facts;
  const { clock_ahead: after, ...is } = now;
  if ((before === null) !== (after === null) || Math.abs((after ?? 0) - (before ?? 0)) >= CLOCK_MS) return true;
  return JSON.stringify(was) !== JSON.stringify(is);
}

export class OwnReport {
  readonly #ports: NodePorts;
  #timer: NodeJS.Timeout | undefined;
  #told: { readonly facts: OwnFacts; readonly at: number } | undefined;
  #stopped = false;

  constructor(ports: NodePorts) {
    this.#ports = ports;
  }

  /** The leader knows this daemon. */
  confirmed(): void {
    this.#lookIn(SOON_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #lookIn(ms: number): void {
    if (this.#stopped || this.#ports.about === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    const ports = this.#ports;
    const { self, clock, log } = ports;
    this.#lookIn(self.role === 'compute' ? LOOK_COMPUTE_MS : LOOK_MS);
    const about = ports.about?.();
    if (about === undefined) return;
    const { mono, wall } = clock.now();
    const facts = factsOf(about, self.version);
    const before = this.#told;
    if (!isNews(before, facts, mono)) return;
    this.#told = { facts, at: mono };
    const report = { kind: 'cluster.daemon', urgency: 'normal', time: wall, body: { ...facts } } as const;
    ports.offer(report).catch((error: unknown) => {
      this.#told = before;
      log.debug('what this daemon says of itself could not be reported', { error: toProblem(error).detail });
    });
  }
}
