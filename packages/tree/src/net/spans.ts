/** Spans of the shells that follow from the heartbeat interval. All in ms. */
import type { Backoff } from '../backoff.ts';

/** From the TLS handshake to `welcome`. */
export const GREETING_TIMEOUT = 5000;

/** Look-up, connection and handshake together: longer than this a host does not answer. */
export const connectTimeout = (interval: number): number => Math.max(1000, Math.min(10_000, 2 * interval));

/** So long an aggregator lets an arrival wait for its handshake: ten thousand nodes that come at once take half of it. */
export const TURN_TIMEOUT = 30_000;

/**
 * Of a dial that has found a listener: it may stand in a line of thousands, and who gives up joins it again at its end, ms.
 */
export const handshakeTimeout = (interval: number): number => Math.max(10_000, 3 * connectTimeout(interval));

/** However rare beats are: a peer that answers no dial, or fails in the handshake, is dialled this often at least, ms. */
const DIAL_CAP = 5000;

/**
 * While a host answers that nobody listens there: a dial costs neither end more than two packets. After a restart of both
 * its aggregators a node is back two seconds later at most.
 */
export const absentBackoff = (interval: number): Backoff => ({
  base: 250,
  cap: Math.min(2000, dialBackoff(interval).cap),
});

/**
 * A node that had lost all its links waits this long, and up to as much again, before it makes the second one: those
 * that have none yet come first, ms.
 */
export const secondaryWait = (interval: number): number => connectTimeout(interval);

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
