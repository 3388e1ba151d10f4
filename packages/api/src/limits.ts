/** Bounds of one API server. Raising one costs memory, lowering one refuses clients sooner. */
export interface Limits {
  /** Bytes of a request body, default 16 MiB; beyond: 413. */
  readonly bodyBytes: number;
  /** Bytes of all bodies above `SMALL_BODY` that are being read or worked on, default 128 MiB; beyond: 503. */
  readonly bodiesBytes: number;
  /** Levels a body may nest, default 32; what forwards it may recurse. */
  readonly bodyDepth: number;
  /** Bytes of request line and headers, default 16 KiB; beyond: 431. */
  readonly headerBytes: number;
  /** Milliseconds for the headers of a request, counted from the connection, default 10 s; beyond: closed. */
  readonly headersTimeoutMs: number;
  /** Milliseconds for a whole request to arrive, default 30 s; beyond: 408 and closed. */
  readonly requestTimeoutMs: number;
  /** Milliseconds an idle connection stays open, default 60 s. */
  readonly keepAliveMs: number;
  /** Milliseconds a client may leave an answer unread, default 5 min; beyond: closed. */
  readonly stallMs: number;
  /** Milliseconds between two signs of life of a stream that has nothing to tell, default 15 s. */
  readonly idleMs: number;
  /** Connections at a time, default 512; beyond: 503. Root has 16 more at the socket, so that an admin always gets in. */
  readonly connections: number;
  /** Connections of one user other than root, or of one address, default 128: one must not lock the others out. */
  readonly userConnections: number;
  /** Calls under way at a time, default 512; beyond: 503. Root has 16 more. */
  readonly requests: number;
  /** Calls under way of one user other than root, or of one address, default 128. */
  readonly userRequests: number;
  /** Calls under way on one connection (pipelining), default 32. */
  readonly connectionRequests: number;
  /** The least time-out a client may ask for, seconds, default 5. */
  readonly minimumTimeoutSeconds: number;
  /** How often slow requests are looked for, ms, default 5 s: each look wakes the daemon. */
  readonly checkMs: number;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  bodyBytes: 16 * 1024 * 1024,
  bodiesBytes: 128 * 1024 * 1024,
  bodyDepth: 32,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveMs: 60_000,
  stallMs: 300_000,
  idleMs: 15_000,
  connections: 512,
  userConnections: 128,
  requests: 512,
  userRequests: 128,
  connectionRequests: 32,
  minimumTimeoutSeconds: 5,
  checkMs: 5_000,
});

/** Bytes of a body that need no room set aside; the bound on calls bounds them. */
export const SMALL_BODY = 64 * 1024;

/** What root has beyond the totals. */
export const ROOT_RESERVE = 16;
