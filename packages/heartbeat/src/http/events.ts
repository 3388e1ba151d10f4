/**
 * What becomes of components and incidents, as server-sent events (HTML Living Standard §9.2). The number of a change is
 * the `id` of its event: a browser that comes back sends it, and misses nothing while the change is kept.
 */
import { CsmError, code, toProblem } from '@csm/model';
import type { ChangeRow } from '@csm/store';
import type { ChangeBody, Incident } from '../types.ts';
import { componentSet } from '../xname/index.ts';
import type { DoorLimits } from './limits.ts';
import { PROBLEM_TYPE, problemAnswer, refusal } from './problem.ts';
import { one, onlyKnown, wholeOf, wordsOf } from './query.ts';
import type { RecordsPort } from './records.ts';
import type { Answer, Outlet, Route } from './route.ts';
import { CHANGE_KINDS, historyShape, incidentShape, text, whole, words } from './shapes.ts';

const EVENTS = '/hmi/v1/events';
const CHANGE = 'heartbeat';
const INCIDENT = 'heartbeat.incident';
const TYPE = 'text/event-stream';
/** Milliseconds after which a browser whose connection broke comes back by itself. */
const RETRY_MS = 2_000;

/** Several may follow: a row is put into words once. */
const texts = new WeakMap<ChangeRow, string>();

function eventOf(row: ChangeRow): string {
  const known = texts.get(row);
  if (known !== undefined) return known;
  const data =
    row.kind === CHANGE
      ? historyShape({ ...(row.body as ChangeBody), seq: row.seq })
      : { Seq: row.seq, ...incidentShape(row.body as Incident) };
  const event = `id: ${row.seq}\nevent: ${row.kind}\ndata: ${JSON.stringify(data)}\n\n`;
  texts.set(row, event);
  return event;
}

export class Events {
  readonly #records: RecordsPort;
  readonly #limits: DoorLimits;
  #open = 0;
  #cutOff = 0;

  constructor(records: RecordsPort, limits: DoorLimits) {
    this.#records = records;
    this.#limits = limits;
  }

  /** Streams at present, and those that were closed because nobody read them. */
  get stats(): { readonly open: number; readonly cutOff: number } {
    return { open: this.#open, cutOff: this.#cutOff };
  }

  route(): Route {
    const problem = (description: string) => ({ description, type: PROBLEM_TYPE });
    return {
      method: 'GET',
      path: EVENTS,
      id: 'events.follow',
      summary: 'Changes of components and incidents as they happen, as server-sent events',
      query: {
        since: {
          description: 'the last number known; Last-Event-ID counts more; left out: what comes next',
          schema: whole(),
        },
        xname: {
          description: 'only of this set, such as x0c[0-7]s[0-7]b0n0; incidents are told in any case',
          schema: text(),
        },
        change: { description: 'only these changes, with commas', schema: words(CHANGE_KINDS, 'a change') },
      },
      answers: {
        200: {
          description: 'events `heartbeat` and `heartbeat.incident`; the last one is `problem` or `end`',
          type: TYPE,
        },
        400: problem('refused, in words'),
        410: problem('changes behind `since` are not kept any more; `oldest` is the least that may be given'),
        503: problem('too many follow'),
      },
      examples: [{ title: 'A wrong cursor', query: { since: 'x' }, status: 400 }],
      handle: async ({ query, headers, signal, path }) => {
        onlyKnown(query, ['since', 'xname', 'change']);
        const last = headers['last-event-id'];
        const cursor = typeof last === 'string' && last !== '' ? new URLSearchParams({ since: last }) : query;
        const since = wholeOf(cursor, 'since', 0, Number.MAX_SAFE_INTEGER);
        const names = one(query, 'xname');
        const set = names === undefined ? undefined : componentSet(names, 'xname');
        const changes = wordsOf(query, 'change', CHANGE_KINDS);
        const wants = (row: ChangeRow): boolean => {
          if (row.kind !== CHANGE) return true;
          if (set !== undefined && !set.has(row.subject)) return false;
          return changes === undefined || changes.includes((row.body as ChangeBody).kind);
        };
        if (this.#open >= this.#limits.streams)
          return refusal(path, 503, `${this.#open} clients follow, which is the most allowed`);
        return this.#begin(since, wants, signal);
      },
    };
  }

  async #begin(since: number | undefined, wants: (row: ChangeRow) => boolean, signal: AbortSignal): Promise<Answer> {
    const { changes } = this.#records;
    const head = await changes.head();
    if (since !== undefined && since > head)
      return problemAnswer({
        status: 410,
        title: 'Invalid Request',
        detail: `No change has the number ${since}, the newest is ${head}: what is followed may be another database`,
        instance: EVENTS,
      });
    try {
      if (since !== undefined) await changes.since(since, 1);
    } catch (error) {
      if (!(error instanceof CsmError) || error.code !== code.CONTEXT_LOST) throw error;
      const { oldest, detail } = error.problem;
      const more = oldest === undefined ? {} : { more: { oldest } };
      return problemAnswer({ status: 410, title: 'Invalid Request', detail, instance: EVENTS, ...more });
    }
    return {
      status: 200,
      type: TYPE,
      headers: { 'cache-control': 'no-store' },
      stream: (out) => this.#follow(out, since ?? head, wants, signal),
    };
  }

  async #follow(out: Outlet, since: number, wants: (row: ChangeRow) => boolean, signal: AbortSignal): Promise<void> {
    const { streamIdleMs, streamStallMs } = this.#limits;
    this.#open++;
    // To who does not read, no signs of life pile up: the connection's own time-out ends it.
    const idle = setInterval(() => {
      if (!out.isFull) void out.write(': still here\n\n');
    }, streamIdleMs);
    try {
      await out.write(`retry: ${RETRY_MS}\n\n`);
      await this.#records.changes.follow({
        kinds: [CHANGE, INCIDENT],
        since,
        wants,
        signal,
        stallMs: streamStallMs,
        take: (rows) => out.write(rows.map(eventOf).join('')),
      });
      await out.write('event: end\ndata: {}\n\n');
    } catch (error) {
      const { code: c, detail, oldest } = toProblem(error);
      if (c === code.TIMEOUT) {
        this.#cutOff++;
        out.cut();
      } else {
        const data = { detail, ...(oldest === undefined ? {} : { oldest }) };
        await out.write(`event: problem\ndata: ${JSON.stringify(data)}\n\n`);
      }
    } finally {
      clearInterval(idle);
      this.#open--;
    }
  }
}
