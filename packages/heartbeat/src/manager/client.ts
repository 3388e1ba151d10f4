/**
 * Requests to a state manager, or to those who subscribed to one. What is not answered in time stays open: what comes of
 * it is told later, unless it is dropped.
 */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isObject } from '@csm/model';
import type { TimePort } from '../types.ts';

/** Characters of an answer that are kept; the rest is read and dropped. */
const ANSWER_MAX = 4_096;
/** Milliseconds after its time in which a late answer is waited for. */
const LATE_MS = 300_000;

/** Idle connections go before any server ends them: a request that crosses the end of its connection would fail. */
const KEPT = { keepAlive: true, maxFreeSockets: 4, timeout: 4_000 };

export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  /** Not in time; the last answer may still come. */
  | { readonly kind: 'late' }
  /** No connection, or it broke. */
  | { readonly kind: 'broken'; readonly words: string };

export interface Asked {
  /** Never rejects. */
  readonly first: Promise<Answer>;
  /** The same, or what came of it after `late`; never `late` itself. */
  readonly last: Promise<Answer>;
  /** Gives it up: both end as broken. */
  readonly drop: () => void;
}

export interface Question {
  readonly method: 'GET' | 'PATCH' | 'POST';
  readonly url: string;
  readonly body?: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
}

export class HttpClient {
  readonly #time: TimePort;
  readonly #http = new HttpAgent(KEPT);
  readonly #https = new HttpsAgent(KEPT);

  constructor(time: TimePort) {
    this.#time = time;
  }

  ask({ method, url, body, userAgent, timeoutMs }: Question): Asked {
    let tellFirst: (answer: Answer) => void = () => {};
    let tellLast: (answer: Answer) => void = () => {};
    const first = new Promise<Answer>((resolve) => {
      tellFirst = resolve;
    });
    const last = new Promise<Answer>((resolve) => {
      tellLast = resolve;
    });
    let cancel = (): void => {};
    let req: ClientRequest | undefined;
    let isOver = false;
    const end = (answer: Answer): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      tellFirst(answer);
      tellLast(answer);
    };
    const broken = (words: string): void => end({ kind: 'broken', words });
    const drop = (): void => {
      // The connection of one that is over serves the next by now.
      if (isOver) return;
      broken('it was given up');
      req?.destroy();
    };
    try {
      req = this.#request(new URL(url), method, body, userAgent);
    } catch (thrown) {
      broken(thrown instanceof Error ? thrown.message : 'no request could be made');
      return { first, last, drop };
    }
    cancel = this.#time.after(timeoutMs, () => {
      tellFirst({ kind: 'late' });
      cancel = this.#time.after(LATE_MS, drop);
    });
    req.on('error', (error: NodeJS.ErrnoException) => broken(error.code ?? error.message));
    req.on('response', (res) => {
      read(res).then(
        (text) => end({ kind: 'answer', status: res.statusCode ?? 0, text }),
        () => broken('the answer broke off'),
      );
    });
    req.end(body);
    return { first, last, drop };
  }

  /** Ends the connections that nobody uses; those in use end with their requests. */
  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #request(url: URL, method: string, body: string | undefined, userAgent: string): ClientRequest {
    const sized = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const typed = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { 'user-agent': userAgent, ...typed, ...sized };
    if (url.protocol === 'https:') return httpsRequest(url, { method, headers, agent: this.#https });
    return httpRequest(url, { method, headers, agent: this.#http });
  }
}

async function read(res: IncomingMessage): Promise<string> {
  let text = '';
  res.setEncoding('utf8');
  for await (const chunk of res as AsyncIterable<string>) {
    if (text.length < ANSWER_MAX) text += chunk;
  }
  return text.slice(0, ANSWER_MAX);
}

/** Characters of what is shown of an answer. */
const WORDS_MAX = 300;

/** What was answered, in short: the detail of a problem where there is one. */
export function wordsOf(answer: Answer): string {
  switch (answer.kind) {
    case 'late':
      return 'no answer in time';
    case 'broken':
      return answer.words;
    case 'answer':
      return `HTTP ${answer.status}${detailOf(answer.text)}`.slice(0, WORDS_MAX);
    default:
      return answer satisfies never;
  }
}

function detailOf(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && typeof value['detail'] === 'string' ? `: ${value['detail']}` : '';
  } catch {
    return '';
  }
}
