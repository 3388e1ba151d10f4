/** Why the bus failed, for people. Pure. */
import { JetStreamApiError } from '@nats-io/jetstream';

/** What the library throws, by the name of its class: the classes themselves wrap one another. */
const WORDS: Readonly<Record<string, string>> = {
  JetStreamNotEnabled: 'JetStream does not answer there: it is not enabled, or no stream takes the subject at present',
  AuthorizationError: 'it refuses our user and password',
  TimeoutError: 'it did not answer in time',
  ClosedConnectionError: 'the connection was lost',
};

const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was lost',
  EPIPE: 'the connection was lost',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up at present',
  ETIMEDOUT: 'it cannot be reached',
  EHOSTUNREACH: 'it cannot be reached',
  ENETUNREACH: 'it cannot be reached',
};

/** A sentence without its end. */
export function inWords(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection was lost';
  const { code: errno } = error as { readonly code?: unknown };
  if (error instanceof JetStreamApiError) return `the stream refuses: ${error.message} (${error.code})`;
  if (typeof errno === 'string' && CODES[errno] !== undefined) return CODES[errno];
  return WORDS[error.name] ?? (error.message === '' ? error.name : error.message);
}
