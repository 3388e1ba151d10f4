/**
 * One line of the table of routes: what is asked, what is answered, and who answers. The router and the OpenAPI
 * document are both made from it; a room brings its routes as a list of these.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Peer } from './identity.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A part of JSON Schema, as JSON. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** A request whose body has come in whole. */
export interface RouteRequest {
  readonly method: Method;
  /** As it was asked, without the query. */
  readonly path: string;
  /** By the names in the braces of the route's path, decoded; never empty. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body as text; empty when there was none. */
  readonly body: string;
  /** Fires when the client has gone, or the server ends. */
  readonly signal: AbortSignal;
  /** Who asks, by his certificate; left out where nobody has to show one. */
  readonly peer?: Peer;
}

/** Where a handler that streams writes to. */
export interface Outlet {
  /** Resolves when there is room for more; at once when the client has gone. */
  write(text: string): Promise<void>;
  /** The client has not read what was written last. */
  readonly isFull: boolean;
  /** Closes the connection without more words. */
  cut(): void;
}

export interface Answer {
  readonly status: number;
  /** Content-Type; none is sent when left out. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Instead of a body: called when the head is out; the answer ends when it has resolved. Must not reject. */
  readonly stream?: (out: Outlet) => Promise<void>;
}

/** What one status means, for the document. */
export interface AnswerDoc {
  readonly description: string;
  /** Left out: no body. */
  readonly type?: string;
  readonly schema?: Schema;
}

/** A request that may be sent as it stands; tests send it and hold the answer against the document. */
export interface RouteExample {
  readonly title: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: unknown;
  /** What it is answered with. */
  readonly status: number;
}

export interface Route {
  readonly method: Method;
  /** From the root; `{name}` stands for one segment, such as `/hsm/v2/State/Components/{xname}`. */
  readonly path: string;
  /** A word of its own in the document, such as `heartbeat.post`. */
  readonly id: string;
  readonly summary: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>;
  readonly body?: { readonly required: boolean; readonly schema: Schema };
  /** By status; 404, 405, 413 and 503 of the server itself need not be told. */
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  readonly examples?: readonly RouteExample[];
  /** Its body is a list: it may have `largeBodyBytes` instead of `bodyBytes`. */
  readonly largeBody?: boolean;
  /**
   * What it takes where certificates count: `free` none, `reads` a good one, `beats` that of the component, which the
   * handler judges. Default: a GET reads; all else changes, and components may not.
   */
  readonly access?: 'free' | 'reads' | 'beats';
  /** Throws `CsmError` where nothing better is known: it becomes problem details. */
  readonly handle: (request: RouteRequest) => Answer | Promise<Answer>;
}
