/** Spans of the shells that follow from the heartbeat interval. All in ms. */
import type { Backoff } from '../backoff.ts';

/** From the TLS handshake to `welcome`. */
export const GREETING_TIMEOUT = 5000;

/** Look-up, connection and handshake together: longer than this a host does not answer. */
export const connectTimeout = (interval: number): number => Math.max(1000, Math.min(10_000, 2 * interval));

/**
 * However rare beats are: after a restart of both its aggregators a node is back this much later at most, ms. A dial that
 * is refused costs next to nothing, one that is answered costs a handshake in any case.
 */
const DIAL_CAP = 5000;

/** Between dials of a peer that cannot be reached. */
export const dialBackoff = (interval: number): Backoff => ({
  base: 50,
  cap: Math.min(DIAL_CAP, Math.max(1000, 2 * interval)),
});

/**
 * Masters are dialled by few, and any of them may lead a moment from now: whoever looks for the leader must find it
 * within a second or so, whatever the heartbeat interval is.
 */
export const MASTER_BACKOFF: Backoff = { base: 50, cap: 1000 };
export const masterTimeout = (interval: number): number => Math.min(3000, connectTimeout(interval));

/** After a refusal: the peer will hardly change its mind at once. */
export const refusedRetry = (interval: number): number => Math.min(30_000, 20 * interval);
