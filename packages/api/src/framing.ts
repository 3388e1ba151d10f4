/** How the items of a stream stand in the body of an answer. Pure. */
import { isObject, type Json } from '@csm/model';

export interface Framing {
  readonly type: string;
  /** Begins the body. */
  readonly first: string;
  /** `text` is the item's JSON; it has no line break in it. */
  item(text: string, item: Json): string;
  readonly end: string;
  problem(text: string): string;
  /** A sign of life, where the format has one. */
  readonly idle: string | undefined;
}

/** One JSON item a line, then `{"end":true}` or `{"problem":{…}}`. */
export const NDJSON: Framing = {
  type: 'application/x-ndjson',
  first: '',
  item: (text) => `${text}\n`,
  end: '{"end":true}\n',
  problem: (text) => `{"problem":${text}}\n`,
  idle: undefined,
};

/** Milliseconds after which a browser whose connection broke comes back by itself. */
const RETRY_MS = 2_000;

/**
 * Server-sent events (HTML Living Standard §9.2). An item with a number has it as its `id`, which a browser that comes
 * back sends as `Last-Event-ID`. The last event is `end` or `problem`: whoever gets it should not come back by itself.
 */
export const EVENTS: Framing = {
  type: 'text/event-stream',
  first: `retry: ${RETRY_MS}\n\n`,
  item: (text, item) => `${idOf(item)}data: ${text}\n\n`,
  end: 'event: end\ndata: {}\n\n',
  problem: (text) => `event: problem\ndata: ${text}\n\n`,
  idle: ': still here\n\n',
};

function idOf(item: Json): string {
  return isObject(item) && Number.isSafeInteger(item['seq']) ? `id: ${item['seq'] as number}\n` : '';
}

/** Whether an Accept header names a media type; `*` in it names none, so that what never asked for events gets lines. */
export function accepts(header: string | undefined, type: string): boolean {
  return (header ?? '').split(',').some((one) => {
    const [name = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
    return name === type && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}
