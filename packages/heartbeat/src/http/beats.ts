/** Heartbeats into the tracker: one at a time, by the body or by the path, and in batches. */

import { parseJson } from '../json.ts';
import { isSigned64 } from '../params/integer.ts';
import type { Log } from '../ports.ts';
import type { ServicePort, Tracked } from '../types.ts';
import { xnameOf } from '../xname/index.ts';
import { BAD_JSON, BAD_NAME, BAD_NID, fullBeat, type ShortBeat, shortBeat } from './beat.ts';
import { type Identity, mayBeat, type Peer } from './identity.ts';
import { jsonAnswer, refusal } from './problem.ts';
import type { Answer } from './route.ts';

/** hbtd's instance, also where the name stands in the path. */
export const HEARTBEAT = '/hmi/v1/heartbeat';
export const HEARTBEATS = '/hmi/v1/heartbeats';

/** Characters of a sender's text that are told back, and logged. */
const TOLD_MAX = 256;
const FULL_UP = 'Too many components are tracked';

export interface BeatCounts {
  accepted: number;
  refused: number;
}

export interface BeatsOptions {
  readonly identity: Identity;
  readonly log: Log;
  readonly batchBeats: number;
}

interface Refused {
  readonly status: number;
  readonly detail: string;
}

export class Beats {
  readonly counts: BeatCounts = { accepted: 0, refused: 0 };
  readonly #options: BeatsOptions;

  constructor(options: BeatsOptions) {
    this.#options = options;
  }

  /** `name` as it stood in the path, undefined where it is in the body. Undefined: it counts. */
  take(service: ServicePort, text: string, name: string | undefined, peer: Peer): Answer | undefined {
    let body: unknown;
    try {
      body = parseJson(text);
    } catch {
      return this.#answer({ status: 400, detail: BAD_JSON });
    }
    const refused = name === undefined ? this.#full(service, body, peer) : this.#short(service, body, name, peer);
    if (refused !== undefined) return this.#answer(refused);
    this.counts.accepted++;
    return undefined;
  }

  /** A list of heartbeats: those that are right count, of the others it is told which and why. */
  batch(service: ServicePort, text: string, peer: Peer): Answer {
    const { batchBeats } = this.#options;
    const list = readList(text);
    if (typeof list === 'string') return refusal(HEARTBEATS, 400, list);
    if (list.length > batchBeats)
      return refusal(HEARTBEATS, 400, `A batch of ${list.length} heartbeats; allowed: at most ${batchBeats}`);
    const rejected: { Index: number; Component?: string; Reason: string }[] = [];
    for (let index = 0; index < list.length; index++) {
      const body: unknown = list[index];
      const refused = this.#full(service, body, peer);
      if (refused === undefined) continue;
      const component: unknown = (body as { readonly Component?: unknown } | null)?.Component;
      const shown = typeof component === 'string' ? { Component: component.slice(0, TOLD_MAX) } : {};
      rejected.push({ Index: index, ...shown, Reason: refused.detail });
    }
    this.counts.accepted += list.length - rejected.length;
    this.counts.refused += rejected.length;
    return jsonAnswer({ Accepted: list.length - rejected.length, Rejected: rejected });
  }

  #full(service: ServicePort, body: unknown, peer: Peer): Refused | undefined {
    const beat = fullBeat(body);
    if (typeof beat === 'string') return { status: 400, detail: beat };
    // A name that the tracker knows from beats is one, and as it should be.
    const known = service.tracker.find(beat.Component);
    if (known === undefined || known.source !== 'beat') {
      const name = xnameOf(beat.Component);
      if (name === undefined) return { status: 400, detail: BAD_NAME };
      if (!isSigned64(beat.NID)) return { status: 400, detail: BAD_NID };
      return this.#count(service, name, service.tracker.find(name), beat, beat.NID, peer);
    }
    if (!isSigned64(beat.NID)) return { status: 400, detail: BAD_NID };
    return this.#count(service, known.name, known, beat, beat.NID, peer);
  }

  #short(service: ServicePort, body: unknown, path: string, peer: Peer): Refused | undefined {
    const beat = shortBeat(body);
    if (typeof beat === 'string') return { status: 400, detail: beat };
    const name = xnameOf(path);
    if (name === undefined) return { status: 400, detail: BAD_NAME };
    return this.#count(service, name, service.tracker.find(name), beat, undefined, peer);
  }

  /** Everything is as it should be, but for who says it, and room. */
  #count(
    service: ServicePort,
    name: string,
    known: Tracked | undefined,
    { Timestamp, Status }: ShortBeat,
    nid: string | undefined,
    peer: Peer,
  ): Refused | undefined {
    const forbidden = mayBeat(this.#options.identity, peer, name);
    if (forbidden !== undefined) return { status: 403, detail: forbidden };
    const { tracker } = service;
    const now = service.time.now();
    if (known !== undefined && known.source === 'beat') {
      tracker.beatOf(known, Timestamp, Status, now);
      // After nearly every beat all is as it was: then there is nothing to be done.
      if (tracker.waiting.changes > 0 || tracker.waiting.incidents > 0) service.nudge();
    } else {
      if (tracker.beat(name, Timestamp, Status, now) === 'full') return { status: 503, detail: FULL_UP };
      if (nid !== undefined) service.noteNid?.(name, nid);
      service.nudge();
    }
    if (service.params().Debug !== '0') this.#tell(name, Status, Timestamp);
    return undefined;
  }

  #tell(component: string, status: string, timestamp: string): void {
    this.#options.log.info('heartbeat', {
      component,
      status: status.slice(0, TOLD_MAX),
      timestamp: timestamp.slice(0, TOLD_MAX),
    });
  }

  #answer({ status, detail }: Refused): Answer {
    this.counts.refused++;
    return refusal(HEARTBEAT, status, detail);
  }
}

/** The heartbeats of a batch: the list itself, or what stands under `Heartbeats`. Or what is wrong. */
function readList(text: string): readonly unknown[] | string {
  let body: unknown;
  try {
    body = parseJson(text);
  } catch {
    return BAD_JSON;
  }
  if (Array.isArray(body)) return body as readonly unknown[];
  if (typeof body !== 'object' || body === null) return BAD_JSON;
  const field = Object.keys(body).find((key) => key.toLowerCase() === 'heartbeats');
  if (field === undefined) return 'Missing Heartbeats field';
  const list = (body as { readonly [key: string]: unknown })[field];
  return Array.isArray(list) ? (list as readonly unknown[]) : 'Invalid data type in Heartbeats field';
}
